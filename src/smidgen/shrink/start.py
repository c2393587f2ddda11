"""How a variant runs: time to start, memory, and processor time a request; measured in a sandbox, some times over.

Every Go program tells of its first initialised package when it is asked to (``GODEBUG=inittrace=1``), before its own
code has run: so the time to start can be had of a program of which nothing is known.

Source: ``runtime/proc.go`` (``doInit1``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final

from smidgen.errors import SandboxError
from smidgen.image.image import Image
from smidgen.sandbox.cell.job import Probe
from smidgen.sandbox.identity import find_identity
from smidgen.sandbox.launch import Plan, Wishes, plan
from smidgen.sandbox.observe import Observation, Watching, observe
from smidgen.sandbox.prove import HttpCheck
from smidgen.sandbox.rootfs import prepared_rootfs
from smidgen.shrink.advice import Cost

_STARTS: Final = 5
_ROUNDS: Final = 3
_REQUESTS: Final = 5000
_LIMIT: Final = 10.0
_TRACE: Final = ("GODEBUG=inittrace=1",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How a program runs, the median of several runs.

    Attributes:
        start: Milliseconds until its runtime is ready; or, where it was asked, until its first answer.
        memory: Bytes that no file has, at that time.
        request: Microseconds of processor time for a request; None where it was not asked.
        asked: What *start* is, in words.
    """

    start: float
    memory: float
    request: float | None
    asked: str

    def costs(self, after: "Running") -> tuple[Cost, ...]:
        """Say what another variant takes instead."""
        found = [
            Cost(what=self.asked, unit="ms", before=self.start, after=after.start),
            Cost(what="memory then", unit="B", before=self.memory, after=after.memory),
        ]
        if self.request is not None and after.request is not None:
            found.append(Cost(what="processor time a request", unit="us", before=self.request, after=after.request))
        return tuple(found)


def measure_running(image: Image, http: HttpCheck | None) -> Running:
    """Run a single image several times, and measure it.

    Args:
        image: For this machine's architecture.
        http: What a server answers; None to take the time of the start alone.

    Raises:
        SandboxError: It cannot be run, or did not answer.
    """
    identity = find_identity()
    wishes = Wishes(hostile=True, private_network=True, environment=() if http else _TRACE)
    with prepared_rootfs(image, identity) as root:
        made = plan(image, root, identity, wishes)
        if made.emulated:
            raise SandboxError("the program is for another architecture, and an emulator's times mean nothing")
        return _asked(made, http) if http is not None else _started(made)


def _started(made: Plan) -> Running:
    seen = [observe(made, Watching(files=False, limit=_LIMIT, until_output=True)) for _ in range(_STARTS)]
    starts = [one.first_output for one in seen if one.first_output is not None]
    memory = [one.anonymous for one in seen if one.anonymous is not None]
    if not starts or not memory:
        raise SandboxError(seen[0].complaint or "the program said nothing when it started")
    return Running(start=median(starts), memory=median(memory), request=None, asked="time to start")


def _asked(made: Plan, http: HttpCheck) -> Running:
    once = list(_answered(made, http, 0))
    often = list(_answered(made, http, _REQUESTS))
    # What else the machine does only adds to it.
    taken = min(one.processor or 0 for one in often) - min(one.processor or 0 for one in once)
    return Running(
        start=median(one.first_answer or 0.0 for one in once),
        memory=median(one.anonymous or 0 for one in once),
        request=taken / _REQUESTS / 1000,
        asked="time to the first answer",
    )


def _answered(made: Plan, http: HttpCheck, more: int) -> Iterator[Observation]:
    for _ in range(_ROUNDS):
        probe = Probe(port=http.port, path=http.path, timeout=_LIMIT, more=more)
        seen = observe(made, Watching(files=False, limit=_LIMIT, probe=probe))
        if seen.status is None or not 200 <= seen.status < 300 or seen.reason:
            why = seen.complaint or seen.reason or f"status {seen.status}"
            raise SandboxError(f"{http} did not answer well: {why}", hint=seen.output.strip()[-300:] or None)
        yield seen
