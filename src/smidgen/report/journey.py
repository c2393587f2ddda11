"""The journey as tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from smidgen.journey.travel import Made, Visit
from smidgen.report.schema_journey import JourneyReport, StationImage, StationResult, StationRun
from smidgen.report.text import columns, human_size

_GB: Final = 1e9
_NONE: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What pulling and keeping costs.

    Attributes:
        bandwidth: Bits a second.
        pulls: A month.
        storage: For a GB and month.
        transfer: For a GB.
    """

    bandwidth: int = 100_000_000
    pulls: int = 1000
    storage: float = 0.10
    transfer: float = 0.09

    def kept(self, pull_size: int) -> float:
        """Give what it costs to keep an image of so many bytes for a month."""
        return pull_size / _GB * self.storage

    def pulled(self, pull_size: int) -> float:
        """Give what a month's pulls of it cost."""
        return pull_size / _GB * self.pulls * self.transfer


def station_result(visit: Visit, prices: Prices) -> StationResult:
    """Put a visit into the shape of the document."""
    station, proof = visit.station, visit.proof
    return StationResult(
        name=station.name,
        title=station.title,
        bases=station.bases,
        dockerfile=station.dockerfile,
        fault=visit.fault,
        image=None if visit.made is None else _image(visit.made, prices),
        run=None if proof is None else StationRun(first_answer_ms=proof.first_answer, resident=proof.resident),
    )


def _image(made: Made, prices: Prices) -> StationImage:
    figures = made.figures
    storage, transfer = prices.kept(figures.pull_size), prices.pulled(figures.pull_size)
    return StationImage(
        name=made.name.familiar,
        size=figures.size,
        pull_size=figures.pull_size,
        layers=figures.layers,
        files=figures.files,
        executables=figures.executables,
        shells=figures.shells,
        packages=figures.packages,
        modules=figures.modules,
        user=figures.user,
        go=figures.go,
        cold_seconds=round(made.cold, 3),
        warm_seconds=round(made.warm, 3),
        pull_seconds=round(figures.pull_size * 8 / prices.bandwidth, 3),
        storage_cost=round(storage, 4),
        transfer_cost=round(transfer, 4),
        month_cost=round(storage + transfer, 4),
    )


def render_journey(report: JourneyReport, *, style: Callable[[str, str], str]) -> str:
    """Render two tables: what the images are, and what they cost.

    Args:
        report: What was measured.
        style: (text, name of a style) → text.
    """
    reached = [(row.name, row.image, row.run) for row in report.stations if row.image is not None]
    parts = [
        _table(_IMAGE_HEAD, [_image_row(name, image) for name, image, _ in reached], style),
        _table(_COST_HEAD, [_cost_row(name, image, run) for name, image, run in reached], style),
        _legend(report, [(name, image.pull_size) for name, image, _ in reached]),
        *([differing] if (differing := compared_releases(report)) else []),
    ]
    faults = [f"{row.name}: {row.fault}" for row in report.stations if row.fault]
    return "\n".join([*parts, *([""] if faults else []), *faults])


def compared_releases(report: JourneyReport) -> str:
    """Say by which releases of Go the stations were compiled; empty where it is one."""
    found = [(row.name, row.image.go) for row in report.stations if row.image is not None and row.image.go]
    if len({go for _, go in found}) < 2:
        return ""
    by: dict[str, list[str]] = {}
    for name, go in found:
        by.setdefault(go, []).append(name)
    listed = "; ".join(f"{go}: {', '.join(names)}" for go, names in by.items())
    return f"Not compiled by one Go ({listed}): some of the difference in size is Go's own. --golang names another."


_IMAGE_HEAD: Final = (
    *("STATION", "SIZE", "PULL", "LAYERS", "FILES", "EXECUTABLES", "SHELLS", "PACKAGES", "GO MODULES", "USER"),
)
_COST_HEAD: Final = (
    *("STATION", "BUILD", "AGAIN", "PULL TIME", "FIRST ANSWER", "MEMORY", "STORAGE", "TRANSFER", "A MONTH"),
)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], style: Callable[[str, str], str]) -> str:
    lines = columns([head, *rows], align="<" + ">" * (len(head) - 1))
    return "\n".join([style(lines[0], "bold"), *lines[1:], ""])


def _image_row(name: str, image: StationImage) -> tuple[str, ...]:
    counts = (image.layers, image.files, image.executables, len(image.shells), image.packages, image.modules)
    sizes = (human_size(image.size), human_size(image.pull_size))
    return (name, *sizes, *(f"{count:,}" for count in counts), image.user)


def _cost_row(name: str, image: StationImage, run: StationRun | None) -> tuple[str, ...]:
    times = (image.cold_seconds, image.warm_seconds, image.pull_seconds)
    answer = None if run is None else run.first_answer_ms
    resident = None if run is None else run.resident
    return (
        name,
        *(f"{seconds:.2f} s" for seconds in times),
        _NONE if answer is None else f"{answer:.0f} ms",
        _NONE if resident is None else human_size(resident),
        *(f"{cost:.2f}" for cost in (image.storage_cost, image.transfer_cost, image.month_cost)),
    )


def _legend(report: JourneyReport, pulls: Sequence[tuple[str, int]]) -> str:
    prices = f"{report.transfer_price:g} a GB, storage at {report.storage_price:g} a GB and month"
    lines = [
        f"Pulls at {report.bandwidth / 1e6:g} Mbit/s; {report.pulls} of them a month at {prices}.",
        "BUILD begins with the base images in the store and nothing compiled; AGAIN is the same build once more.",
    ]
    if len(pulls) > 1:
        (first, most), (last, least) = pulls[0], pulls[-1]
        lines.append(f"From {first} to {last}: {most / least:,.0f} times fewer bytes to pull.")
    return "\n".join(lines)
