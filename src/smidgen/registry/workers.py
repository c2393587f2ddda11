"""Work on several threads, which ends at the first error or interrupt.

The threads are daemons: one that waits for a registry that says nothing must not keep a process from ending. Whatever
they write is whole or told from what is whole at any moment, so nothing is lost with them.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

#: Blobs that move at once. More is no faster where the peer is near, and impolite where it is far.
THREADS: Final = 4
# Seconds to wait for the others after an error, or when the user wants to leave; they look at `Stop` once a piece.
_PATIENCE: Final = 2.0
_HURRY: Final = 0.5

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Stopped(Exception):
    """The work was called off."""


class Stop:
    """What running work looks at to learn that it is not wanted any more."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Call the work off."""
        self._event.set()

    def check(self) -> None:
        """Raise if the work was called off.

        Raises:
            Stopped: It was.
        """
        if self._event.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the work is wanted.

        Raises:
            Stopped: It was called off.
        """
        if self._event.wait(seconds):
            raise Stopped


class _Crew:
    """Threads that take the next item until there is none, or one of them failed."""

    def __init__(self, jobs: Sequence[Callable[[], None]], stop: Stop) -> None:
        self._jobs = iter(jobs)
        self._stop = stop
        self._changed = threading.Condition()
        self._running = 0
        self._error: BaseException | None = None

    def run(self, threads: int) -> None:
        self._running = threads
        for number in range(threads):
            threading.Thread(target=self._work, name=f"transfer-{number}", daemon=True).start()
        try:
            with self._changed:
                while self._running and self._error is None:
                    self._changed.wait()
        except BaseException:
            self._stop.set()
            self._rest(_HURRY)
            raise
        if self._error is not None:
            self._stop.set()
            self._rest(_PATIENCE)
            raise self._error

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._changed:
            while self._running and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                job()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 (raised again by the thread that waits)
            with self._changed:
                self._error = self._error or error
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._stop.check()
            return None if self._error is not None else next(self._jobs, None)


def in_parallel(
    function: Callable[[_Item], _Result], items: Iterable[_Item], *, stop: Stop, threads: int = THREADS
) -> list[_Result]:
    """Call *function* for each of *items* on up to *threads* threads; gives the results in the order of *items*.

    The items are begun in their order. At the first error, or an interrupt of the caller, *stop* is set and the error
    raised once the other threads have ended, or did not in a while.
    """
    given = list(items)
    if len(given) == 1 or threads == 1:
        return [function(item) for item in given]
    results: dict[int, _Result] = {}

    def job(at: int) -> Callable[[], None]:
        def call() -> None:
            results[at] = function(given[at])

        return call

    if given:
        _Crew([job(at) for at in range(len(given))], stop).run(min(threads, len(given)))
    return [results[at] for at in range(len(given))]
