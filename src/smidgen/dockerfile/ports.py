"""Ports of EXPOSE.

Source: Dockerfile reference, "EXPOSE"; BuildKit's ``dockerfile2llb/convert_expose.go``.
"""

import re
from typing import Final

from smidgen.errors import UsageError

_PORT: Final = re.compile(r"^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([A-Za-z]*))?\Z")
_PROTOCOLS: Final = ("tcp", "udp", "sctp")


def parse_ports(text: str) -> tuple[str, ...]:
    """Parse ``80``, ``53/udp`` or ``8000-8010/tcp`` into ``PORT/PROTOCOL`` texts.

    What stands before a colon, as in ``-p 8080:80``, is about the host, and says nothing here, as in docker.

    Raises:
        UsageError: It is no port, or the range goes down.
    """
    match = _PORT.match(text.rpartition(":")[2])
    first = int(match[1]) if match else -1
    last = int(match[2]) if match and match[2] else first
    protocol = (match[3] or "tcp").lower() if match else ""
    if protocol not in _PROTOCOLS or not 0 <= first <= last < 65536:
        raise UsageError(f"{text!r} is no port", hint="expected 80, 53/udp or 8000-8010/tcp")
    return tuple(f"{port}/{protocol}" for port in range(first, last + 1))
