"""Work on a stream of pieces side by side, and deliver the results in the stream's order.

``concurrent.futures`` could do it, but importing that costs more than packing a small layer.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def run_ordered(
    work: Callable[[In], Out], items: Iterable[In], deliver: Callable[[Out], object], *, most_workers: int
) -> None:
    """Call ``deliver(work(item))`` for each of *items* in order; *work* runs in threads, the rest in this one.

    There is a worker for each core that this process may use, up to *most_workers*, and at most two items more than
    workers are held. No thread is started for fewer than two items, nor on one core. An exception of *work*, *items*
    or *deliver* ends it all and comes out here.
    """
    stream = iter(items)
    head: list[In] = []
    for item in stream:
        head.append(item)
        if len(head) == 2:
            break
    workers = min(len(os.sched_getaffinity(0)), most_workers)
    if len(head) < 2 or workers == 1:
        for item in head:
            deliver(work(item))
        head.clear()
        for item in stream:
            deliver(work(item))
        return
    crew = _Crew(work, workers)
    try:
        _feed(crew, head, stream, deliver, workers + 2)
    finally:
        crew.dismiss()


def _feed(
    crew: "_Crew[In, Out]", head: list[In], stream: Iterable[In], deliver: Callable[[Out], object], most: int
) -> None:
    pending: deque[_Job[In, Out]] = deque(crew.submit(item) for item in head)
    head.clear()
    for item in stream:
        pending.append(crew.submit(item))
        while len(pending) >= most or (pending and pending[0].done):
            deliver(pending.popleft().result())
    while pending:
        deliver(pending.popleft().result())


class _Job(Generic[In, Out]):
    def __init__(self, item: In) -> None:
        # Lists, as any value, None included, may go in or come out; emptied to let go of what is done with.
        self._item = [item]
        self._outcome: list[Out] = []
        self._error: BaseException | None = None
        self._finished = threading.Event()

    def run(self, work: Callable[[In], Out]) -> None:
        try:
            self._outcome.append(work(self._item.pop()))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits for it
            self._error = error
        finally:
            self._finished.set()

    @property
    def done(self) -> bool:
        return self._finished.is_set()

    def result(self) -> Out:
        self._finished.wait()
        if self._error is not None:
            raise self._error
        return self._outcome.pop()


class _Crew(Generic[In, Out]):
    """Threads that take jobs from one queue."""

    def __init__(self, work: Callable[[In], Out], workers: int) -> None:
        self._work = work
        self._jobs: SimpleQueue[_Job[In, Out] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._labour, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, item: In) -> _Job[In, Out]:
        job: _Job[In, Out] = _Job(item)
        self._jobs.put(job)
        return job

    def dismiss(self) -> None:
        """Let jobs under way end, drop the others, and wait for the threads."""
        with suppress(Empty):
            while True:
                self._jobs.get_nowait()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _labour(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run(self._work)
