"""What a transfer came to: how much travelled, and how much did not have to."""

import threading
import time
from dataclasses import dataclass

from smidgen.oci.digest import Digest
from smidgen.registry.progress import Outcome, Progress


@dataclass(frozen=True, slots=True)
class Amounts:
    """Sums over the blobs and documents of a transfer; one that went to two places counts twice.

    Attributes:
        sent: Bytes to registries.
        fetched: Bytes from registries, or from one registry to the other.
        moved: Blobs and documents that travelled.
        mounted: Blobs that a registry had in another repository.
        there: Blobs and documents that were where they should go.
        seconds: Wall time.
    """

    sent: int
    fetched: int
    moved: int
    mounted: int
    there: int
    seconds: float


class Tally:
    """Counts what passes by on its way to another ``Progress``."""

    def __init__(self, inner: Progress) -> None:
        """Start the clock.

        Args:
            inner: Is told everything, too.
        """
        self._inner = inner
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._passed: dict[Digest, int] = {}
        self._documents: dict[Digest, int] = {}
        self._bytes = {"pushed": 0, "fetched": 0}
        self._counts = {"pushed": 0, "fetched": 0, "mounted": 0, "there": 0}

    def started(self, digest: Digest, what: str, total: int | None) -> None:
        """Note the size of a document, whose bytes are not told one by one."""
        if what == "manifest":
            with self._lock:
                self._documents[digest] = total or 0
        self._inner.started(digest, what, total)

    def advanced(self, digest: Digest, count: int) -> None:
        """Count bytes."""
        with self._lock:
            self._passed[digest] = self._passed.get(digest, 0) + count
        self._inner.advanced(digest, count)

    def finished(self, digest: Digest, outcome: Outcome) -> None:
        """Count what it came to."""
        with self._lock:
            self._counts[outcome] += 1
            passed = self._passed.pop(digest, 0) or self._documents.get(digest, 0)
            if outcome in self._bytes:
                self._bytes[outcome] += passed
        self._inner.finished(digest, outcome)

    @property
    def amounts(self) -> Amounts:
        """The sums so far."""
        with self._lock:
            return Amounts(
                sent=self._bytes["pushed"],
                fetched=self._bytes["fetched"],
                moved=self._counts["pushed"] + self._counts["fetched"],
                mounted=self._counts["mounted"],
                there=self._counts["there"],
                seconds=time.monotonic() - self._started,
            )
