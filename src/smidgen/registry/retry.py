"""Which requests are sent again, and when.

Source: RFC 9110 section 9.2.2 (idempotent methods) and 10.2.3 (``Retry-After``).
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Final

#: Statuses that pass. 499 and 522 are of proxies that lost the server behind them.
TEMPORARY: Final = frozenset({408, 429, 499, 500, 502, 503, 504, 522})
_SAFE: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_LONGEST_NUMBER: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and how long to wait before it: twice as long each time, with chance so that clients do not march.

    Attributes:
        attempts: Times that a request is sent at most.
        first: Seconds before the second time, at most.
        longest: Seconds before any later time, at most.
        patience: Seconds that a registry may ask us to wait; one that asks for more is not asked again.
        chance: Gives numbers from 0 to 1.
        clock: Seconds since 1970, for a ``Retry-After`` that is a date.
    """

    attempts: int = 9
    first: float = 0.2
    longest: float = 10.0
    patience: float = 60.0
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.time

    def delay(self, attempt: int, retry_after: str | None) -> float | None:
        """Give the seconds to wait after *attempt*, counted from 1, or None to give up.

        Args:
            attempt: How often the request was sent.
            retry_after: What the registry asks for: seconds or a date; what is neither counts for nothing.
        """
        if attempt >= self.attempts:
            return None
        backoff = min(self.longest, self.first * 2.0 ** min(attempt - 1, 30)) * (0.5 + self.chance() / 2)
        asked = self.asked(retry_after)
        if asked is None:
            return backoff
        return None if asked > self.patience else max(asked, backoff)

    def asked(self, retry_after: str | None) -> float | None:
        """Give the seconds that a ``Retry-After`` asks for, or None where it says nothing."""
        text = (retry_after or "").strip()
        if text.isascii() and text.isdecimal():
            return float(text[:_LONGEST_NUMBER])
        if not text:
            return None
        import email.utils  # few registries give a date

        try:
            date = email.utils.parsedate_to_datetime(text)
        except (ValueError, IndexError, OverflowError):
            return None
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - self.clock())


def is_repeatable(method: str, path: str) -> bool:
    """Tell whether a request may be sent again though the first may have been carried out.

    A manifest is put under its own digest or under a tag, so that a second time changes nothing. The parts of an
    upload are never repeated here: whoever uploads asks first how far it came.
    """
    return method in _SAFE or (method == "PUT" and path.startswith("manifests/"))
