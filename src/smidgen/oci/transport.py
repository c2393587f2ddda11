"""Names of places that say how to get there: ``docker://REF`` and ``TRANSPORT:PATH[:NAME]``.

Source: containers-transports(5) of containers/image.
"""

import re
from typing import Final

from smidgen.errors import InvalidReference, UsageError
from smidgen.oci.reference import Reference

#: Before the reference of an image in a registry.
DOCKER: Final = "docker://"
_URL: Final = re.compile(r"^https?://", re.IGNORECASE)


def parse_registry_name(text: str) -> Reference:
    """Parse ``[docker://]REF``.

    Raises:
        InvalidReference: It is no name of an image; it is named as it was written.
    """
    if _URL.match(text):
        raise InvalidReference(text, "a reference is not a URL: leave the scheme out")
    try:
        return Reference.parse(text.removeprefix(DOCKER))
    except InvalidReference as error:
        raise InvalidReference(text, error.reason) from error


def split_path(text: str, rest: str) -> tuple[str, str]:
    """Split ``PATH[:NAME]``, which is *rest* of *text*, as skopeo does: the path ends with the first colon.

    Raises:
        UsageError: There is no path, or no name after a colon.
    """
    path, colon, name = rest.partition(":")
    if not path:
        raise UsageError(f"{text!r} has no path", hint="expected TRANSPORT:PATH[:NAME]")
    if colon and not name:
        raise UsageError(f"{text!r} has no name after its last colon", hint="leave the colon out, or name the image")
    return path, name
