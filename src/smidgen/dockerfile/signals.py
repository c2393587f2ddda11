"""Signals of STOPSIGNAL.

Source: signal(7) on Linux; ``moby/sys/signal`` for which names are taken.
"""

import re
from typing import Final

from smidgen.errors import UsageError

_NAMES: Final = re.compile(
    "ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|"
    "TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ"
)
_REALTIME: Final = re.compile(r"^RTM(?:IN(?:\+(?:[1-9]|1[0-5]))?|AX(?:-(?:[1-9]|1[0-4]))?)\Z")
_LAST: Final = 64


def check_signal(text: str) -> str:
    """Give *text*, the name or number of a signal.

    Raises:
        UsageError: There is no such signal.
    """
    name = text.upper().removeprefix("SIG")
    if text.isascii() and text.isdigit():
        known = 1 <= int(text[:9]) <= _LAST
    else:
        known = bool(_NAMES.fullmatch(name)) or bool(_REALTIME.match(name))
    if not known:
        raise UsageError(f"{text!r} is no signal", hint="expected a name such as SIGTERM, or a number from 1 to 64")
    return text
