"""The shape of ``smidgen journey --json``, stable within a ``schema`` value.

Sizes are in bytes, times in seconds or, where the name says so, in milliseconds.
"""

from typing import Literal

import msgspec

from smidgen.errors import UsageError


class StationImage(msgspec.Struct, frozen=True, kw_only=True):
    """What the image is, and what it costs.

    Attributes:
        name: In the store.
        size: Of all files in it.
        pull_size: What a machine with nothing fetches.
        layers: How many.
        files: How many, directories not counted.
        executables: Files that may be executed.
        shells: Paths.
        packages: Of the distribution, as its database lists them.
        modules: Go modules in the executables and releases of Go, each once: scanners report on these too.
        user: As whom it runs.
        go: The release of Go that compiled the program; empty where it does not say.
        cold_seconds: Of a build with the base images in the store and nothing compiled.
        warm_seconds: Of the same build again.
        pull_seconds: ``pull_size`` at the bandwidth.
        storage_cost: Of a month, at the stated price.
        transfer_cost: Of a month's pulls, at the stated price.
        month_cost: Of both.
    """

    name: str
    size: int
    pull_size: int
    layers: int
    files: int
    executables: int
    shells: tuple[str, ...]
    packages: int
    modules: int
    user: str
    go: str
    cold_seconds: float
    warm_seconds: float
    pull_seconds: float
    storage_cost: float
    transfer_cost: float
    month_cost: float


class StationRun(msgspec.Struct, frozen=True, kw_only=True):
    """How the image ran.

    Attributes:
        first_answer_ms: From the start of the program to its first answer; null without ``--http``.
        resident: Memory of the running program; null where it had gone.
    """

    first_answer_ms: float | None
    resident: int | None


class StationResult(msgspec.Struct, frozen=True, kw_only=True):
    """One way to make the image.

    Attributes:
        name: A word, such as ``scratch``.
        title: What is new in it.
        bases: The images that it was built from.
        dockerfile: How it was built; empty for smidgen's own build.
        fault: Why it could not be built or did not run well; empty where all is well.
        image: Null where it could not be built.
        run: Null where it could not be started.
    """

    name: str
    title: str
    bases: tuple[str, ...]
    dockerfile: str
    fault: str
    image: StationImage | None
    run: StationRun | None


class JourneyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        bandwidth: Bits a second.
        pulls: A month.
        storage_price: For a GB and month.
        transfer_price: For a GB.
    """

    schema: Literal["smidgen.journey/v1"] = "smidgen.journey/v1"
    target: str
    bandwidth: int
    pulls: int
    storage_price: float
    transfer_price: float
    stations: tuple[StationResult, ...]


def read_journey(data: bytes, *, name: str) -> JourneyReport:
    """Read what ``smidgen journey --json`` wrote.

    Raises:
        UsageError: *data*, of the file *name*, is something else.
    """
    try:
        return msgspec.json.decode(data, type=JourneyReport)
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{name} is no journey: {error}", hint="expected what smidgen journey --json of this release writes"
        ) from error
