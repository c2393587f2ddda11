"""``smidgen journey --html``: the stations as charts and as one table, in a page that needs nothing else."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from smidgen.report.journey import compared_releases
from smidgen.report.page_frame import Cell, render_chart, render_frame, render_section, render_sums, render_table, text
from smidgen.report.schema_journey import JourneyReport, StationImage, StationResult
from smidgen.report.text import human_size

_NONE: Final = "-"
_MOST_DOCKERFILE: Final = 20_000

#: A station with an image, and a measure of it: a number, or None where it was not measured.
Measure: TypeAlias = Callable[[StationImage, StationResult], float | None]


def render_journey_page(report: JourneyReport) -> str:
    """Render the whole page."""
    return render_frame(
        title=f"{report.target} · smidgen journey",
        heading=f"The journey of {report.target}",
        about="one program, built in several ways, each measured",
        body=(_sums(report), *journey_sections(report)),
    )


def journey_sections(report: JourneyReport) -> Iterable[str]:
    """Give the sections of a journey: charts, the table, what could not be had, and how each was built."""
    reached = [(station, station.image) for station in report.stations if station.image is not None]
    charts = "".join(_chart(title, measure, shown, reached) for title, measure, shown in _CHARTS)
    terms = (
        f"Pulls at {report.bandwidth / 1e6:g} Mbit/s. A month has {report.pulls:,} of them, at "
        f"{report.transfer_price:g} a GB, and storage at {report.storage_price:g} a GB. The first build begins with "
        "the base images in the store and nothing compiled."
    )
    said = text(f"{terms} {compared_releases(report)}".strip())
    yield render_section("The journey", f"<p>{said}</p>", f'<div class="charts">{charts}</div>')
    yield render_section(
        "All that was measured",
        render_table(_COLUMNS, (_row(station, image) for station, image in reached), numbers=_NUMBERS),
    )
    faults = "".join(f"<li>{text(f'{one.name}: {one.fault}')}</li>" for one in report.stations if one.fault)
    yield render_section("What did not go well", f'<ul class="notes">{faults}</ul>' if faults else "")
    yield render_section("How each was built", "".join(_station(one) for one in report.stations))


def _sums(report: JourneyReport) -> str:
    reached = [one.image for one in report.stations if one.image is not None]
    if len(reached) < 2:
        return ""
    first, last = reached[0], reached[-1]
    rows = {
        "to pull": f"{human_size(first.pull_size)} → {human_size(last.pull_size)}",
        "times fewer bytes": f"{first.pull_size / max(1, last.pull_size):,.0f}",
        "files": f"{first.files:,} → {last.files:,}",
        "executables": f"{first.executables:,} → {last.executables:,}",
        "cost a month": f"{first.month_cost:.2f} → {last.month_cost:.2f}",
    }
    return render_sums(rows)


def _size(value: float) -> str:
    return human_size(round(value))


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _milliseconds(value: float) -> str:
    return f"{value:.0f} ms"


def _answer(_: StationImage, station: StationResult) -> float | None:
    return station.run.first_answer_ms if station.run else None


def _memory(_: StationImage, station: StationResult) -> float | None:
    return station.run.resident if station.run else None


_CHARTS: Final[Sequence[tuple[str, Measure, Callable[[float], str]]]] = (
    ("To pull", lambda image, _: image.pull_size, _size),
    ("On disk", lambda image, _: image.size, _size),
    ("Files", lambda image, _: image.files, _count),
    ("Executables", lambda image, _: image.executables, _count),
    ("Packages that a scanner knows", lambda image, _: image.packages + image.modules, _count),
    ("First build", lambda image, _: image.cold_seconds, _seconds),
    ("Time to the first answer", _answer, _milliseconds),
    ("Resident memory", _memory, _size),
)


def _chart(
    title: str,
    measure: Measure,
    shown: Callable[[float], str],
    reached: Sequence[tuple[StationResult, StationImage]],
) -> str:
    values = [(station.name, measure(image, station)) for station, image in reached]
    if all(value is None for _, value in values):
        return ""
    return render_chart(title, ((name, value, _NONE if value is None else shown(value)) for name, value in values))


_COLUMNS: Final = (
    *("station", "on disk", "to pull", "layers", "files", "executables", "shells", "packages", "Go modules"),
    *("first build", "again", "pull time", "first answer", "memory", "storage", "transfer", "runs as"),
)
_NUMBERS: Final = range(1, 16)


def _row(station: StationResult, image: StationImage) -> Sequence[Cell]:
    counts = (image.layers, image.files, image.executables, len(image.shells), image.packages, image.modules)
    times = (image.cold_seconds, image.warm_seconds, image.pull_seconds)
    answer, memory = _answer(image, station), _memory(image, station)
    return (
        station.name,
        *map(human_size, (image.size, image.pull_size)),
        *map(_count, counts),
        *map(_seconds, times),
        _NONE if answer is None else _milliseconds(answer),
        _NONE if memory is None else _size(memory),
        f"{image.storage_cost:.3f}",
        f"{image.transfer_cost:.2f}",
        image.user,
    )


def _station(station: StationResult) -> str:
    how = f"<pre><code>{_text_lines(station.dockerfile)}</code></pre>" if station.dockerfile else "<p>smidgen build</p>"
    shells = station.image.shells if station.image else ()
    said = f"<p>Shells in it: {text(', '.join(shells))}</p>" if shells else ""
    title = f"{station.name}: {station.title}" if station.title else station.name
    return f"<details><summary>{text(title)}</summary>{said}{how}</details>"


def _text_lines(words: str) -> str:
    """Give several lines as HTML, each escaped."""
    return "\n".join(map(text, words[:_MOST_DOCKERFILE].splitlines()))
