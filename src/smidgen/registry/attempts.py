"""How often what broke is tried again, and how long to wait before that."""

import random
from typing import Final

from smidgen.errors import RegistryError, RegistryUnreachable, TooManyRequests
from smidgen.registry.workers import Stop

#: Statuses that pass: the registry, or something before it, cannot just now.
PASSING: Final = frozenset({408, 429, 499, 500, 502, 503, 504, 522})
#: Failures in a row, without progress between them, that are borne.
_MOST: Final = 9
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 10.0
# A registry that asks for more than this is not waited for, as nobody would sit before it.
_MOST_ASKED: Final = 120.0


class Attempts:
    """The failures of one piece of work, such as a blob's way to the registry."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._failures = 0

    def progressed(self) -> None:
        """Forget the failures: the work came a good deal further since."""
        self._failures = 0

    def failed(self, error: RegistryError, *, asked: float | None = None, passing: bool = False) -> None:
        """Wait until the work may be tried again.

        Args:
            error: What went wrong.
            asked: Seconds that the registry asked for.
            passing: Whether the caller will do something else, so that it need not be an error that passes.

        Raises:
            RegistryError: *error*, if it does not pass by waiting, or too many came in a row.
            Stopped: The work was called off.
        """
        self._failures += 1
        if not (passing or passes(error)) or self._failures >= _MOST:
            raise error
        backoff = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (self._failures - 1)) * random.uniform(0.5, 1.0)  # noqa: S311
        if asked is not None and asked > _MOST_ASKED:
            raise error
        self._stop.wait(backoff if asked is None else max(asked, backoff))


def passes(error: RegistryError) -> bool:
    """Tell whether trying again may help."""
    return isinstance(error, RegistryUnreachable | TooManyRequests) or error.status in PASSING


def retry_after(text: str | None) -> float | None:
    """Read a ``Retry-After``: seconds, or the time until a date; None where it is neither.

    Source: RFC 9110, section 10.2.3.
    """
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    from datetime import UTC, datetime  # noqa: PLC0415 (only for registries that give a date)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
