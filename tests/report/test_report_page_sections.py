"""Pages of journeys and of differences: what is in them, that no text becomes markup, and that all can be read."""

import colorsys
import re
from html.parser import HTMLParser
from typing import Literal

import msgspec
import pytest

from smidgen.errors import UsageError
from smidgen.report.page_diff import render_diff_page
from smidgen.report.page_frame import MOST_ROWS, asset, render_chart
from smidgen.report.page_journey import render_journey_page
from smidgen.report.schema_diff import (
    ChangedFile,
    ChangedPackage,
    ChangedProgram,
    ChangedValue,
    DiffReport,
    Side,
)
from smidgen.report.schema_journey import JourneyReport, StationImage, StationResult, StationRun, read_journey

EVIL = "</td></script><script>document.title='taken'</script><img src=x onerror=\"alert(1)\">'&amp;"


def _station(name: str, pull: int, run: StationRun | None = None) -> StationResult:
    image = StationImage(
        name=EVIL,
        size=2 * pull,
        pull_size=pull,
        layers=1,
        files=pull // 1000,
        executables=3,
        shells=(EVIL,),
        packages=2,
        modules=4,
        user=EVIL,
        go=EVIL,
        cold_seconds=1.5,
        warm_seconds=0.25,
        pull_seconds=pull * 8e-8,
        storage_cost=0.5,
        transfer_cost=1.25,
        month_cost=1.75,
    )
    return StationResult(name=name, title=EVIL, bases=(EVIL,), dockerfile=EVIL, fault=EVIL, image=image, run=run)


def _journey(*stations: StationResult) -> JourneyReport:
    return JourneyReport(
        target=EVIL, bandwidth=10**8, pulls=1000, storage_price=0.1, transfer_price=0.09, stations=stations
    )


def _side(name: str, size: int) -> Side:
    return Side(name=name, kind="image", digest=EVIL, platform=EVIL, size=size, pull_size=size // 2, layers=1)


def _file(path: str, before: int, after: int) -> ChangedFile:
    how: Literal["added", "removed", "changed"] = "changed" if before and after else "added" if after else "removed"
    return ChangedFile(
        path=path, how=how, what=("content",), before=before, after=after, pull_before=before, pull_after=after
    )


VALUES = (
    ChangedValue(name="CA certificates", before=None, after=f"likely, {EVIL}"),
    ChangedValue(name=EVIL, before=EVIL, after=None),
)
DIFF = DiffReport(
    before=_side(EVIL, 1000),
    after=_side("web:2", 3000),
    update_size=700,
    files=(_file(EVIL, 100, 2100), _file("/gone", 500, 0), _file("/new", 0, 400)),
    config=VALUES,
    programs=(
        ChangedProgram(
            path=EVIL,
            path_before=EVIL,
            before=100,
            after=2100,
            pull_before=50,
            pull_after=900,
            packages=(ChangedPackage(name=EVIL, before=0, after=7000, pull_before=0, pull_after=3000),),
            modules=VALUES,
            build=VALUES,
            needs=VALUES,
        ),
    ),
)
JOURNEY = _journey(
    _station("toolchain", 281_000_000),
    StationResult(name="alpine", title="", bases=(), dockerfile="", fault="none", image=None, run=None),
    _station("scratch", 2_810_000, StationRun(first_answer_ms=14.2, resident=7_700_000)),
)


class _Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("page", [render_journey_page(JOURNEY), render_diff_page(DIFF)], ids=["journey", "diff"])
def test_no_text_becomes_markup(page: str) -> None:
    parsed = _Elements(page)
    assert [tag for tag, _ in parsed.found].count("script") == 1
    assert not {"img", "iframe", "link", "form"} & {tag for tag, _ in parsed.found}
    assert not [attributes for _, attributes in parsed.found if {"style", "onerror"} & set(attributes)]
    assert EVIL in parsed.texts
    assert "default-src 'none'" in page
    # Each section has its heading, and each table is one to those who hear it.
    tags = [tag for tag, _ in parsed.found]
    assert tags.count("section") == tags.count("h2") > 3
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in parsed.found if tag == "th")


def test_the_journey_is_drawn_and_told() -> None:
    texts = _Elements(render_journey_page(JOURNEY)).texts
    for said in ("To pull", "281MB", "2.81MB", "14 ms", "7.7MB", "alpine: none", "100", "281MB → 2.81MB"):
        assert said in texts, said
    # What no station measured is not drawn.
    assert "Resident memory" not in _Elements(render_journey_page(_journey(_station("scratch", 1000)))).texts
    assert "All that was measured" not in render_journey_page(_journey())


def test_bars_are_as_long_as_what_they_mean() -> None:
    chart = render_chart("x", [("a", 200.0, "200"), ("b", 50.0, "50"), ("c", 0.0, "0"), ("d", None, "-")])
    assert re.findall(r'<rect width="([\d.]+)%"', chart) == ["100.00", "25.00"]
    page = render_diff_page(DIFF)
    bars = re.findall(r'<rect class="(more|less)" x="([\d.]+)%" width="([\d.]+)%"', page)
    assert bars[:3] == [("more", "50.00", "50.00"), ("less", "37.50", "12.50"), ("more", "50.00", "10.00")]
    texts = _Elements(page).texts
    assert {"+2kB", "-500B", "+400B"} <= set(texts)


def test_a_long_table_says_what_is_left_out() -> None:
    files = tuple(_file(f"/{at}", 0, 1) for at in range(MOST_ROWS + 5))
    page = render_diff_page(msgspec.structs.replace(DIFF, files=files, config=(), programs=()))
    (shown,) = re.findall(r"The first (\d+) of 1,005", page)
    assert page.count("<td>added</td>") == int(shown) > 100


def test_pages_stay_small_whatever_they_are_of() -> None:
    """Less than 2 MB, also where a treemap takes what the rest leaves."""
    long = "<" * 4096
    files = tuple(_file(f"{at}{long}", at, 2 * at) for at in range(5000))
    values = tuple(ChangedValue(name=f"{at}{long}", before=long, after=long * 20) for at in range(50))
    (program,) = DIFF.programs
    large = msgspec.structs.replace(program, modules=values, build=values, needs=values)
    diff = msgspec.structs.replace(DIFF, files=files, config=values, programs=(large,) * 500)
    assert len(render_diff_page(diff).encode()) < 1_000_000
    stations = tuple(msgspec.structs.replace(one, dockerfile="<\n" * 10**6) for one in JOURNEY.stations)
    assert len(render_journey_page(msgspec.structs.replace(JOURNEY, stations=stations)).encode()) < 500_000


def test_what_is_the_same() -> None:
    same = msgspec.structs.replace(DIFF, files=(), config=(), programs=(), after=DIFF.before)
    assert "They are the same." in render_diff_page(same)


def test_a_journey_is_read_again() -> None:
    assert read_journey(msgspec.json.encode(JOURNEY), name="j.json") == JOURNEY
    for data in (b"", b"{}", b"[1]", b'{"schema":"smidgen.diff/v1"}', b"\xff"):
        with pytest.raises(UsageError, match=r"j\.json is no journey"):
            read_journey(data, name="j.json")


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): ([^;]+);", block))


def _luminance(colour: tuple[float, float, float]) -> float:
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(text: str) -> tuple[float, float, float]:
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("at", [0, 1, 2], ids=["light", "dark by the system", "dark by choice"])
def test_all_text_has_contrast(at: int) -> None:
    """WCAG 2.2 asks for 4.5 (AA), and for 3 where something is no text."""
    colours = _colours(re.findall(r"\{[^{}]*--back[^{}]*\}", asset("page.css"))[at])
    for back in ("back", "panel"):
        for front in ("text", "faint", "accent", "good", "bad"):
            assert _contrast(_rgb(colours[front]), _rgb(colours[back])) >= 4.5, (front, back)
        assert _contrast(_rgb(colours["fill"]), _rgb(colours[back])) >= 3
    saturation = float(colours["saturation"].strip("%")) / 100
    for name in ("lightness", "inner"):
        for hue in range(360):
            box = colorsys.hls_to_rgb(hue / 360, float(colours[name].strip("%")) / 100, saturation)
            assert _contrast(_rgb(colours["text"]), box) >= 4.5, (name, hue)
