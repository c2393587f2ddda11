"""What is printed of a journey."""

from collections.abc import Sequence

from smidgen.journey.measure import ImageFigures
from smidgen.journey.stations import Station
from smidgen.journey.travel import Made, Visit
from smidgen.oci.reference import Reference
from smidgen.report.journey import Prices, compared_releases, render_journey, station_result
from smidgen.report.schema_journey import JourneyReport

_PRICES = Prices(bandwidth=10_000_000, pulls=100, storage=0.5, transfer=0.05)


def visit(name: str, size: int, fault: str = "", *, go: str = "go1.26.8") -> Visit:
    figures = ImageFigures(
        size=2 * size,
        pull_size=size,
        layers=3,
        files=1234,
        executables=7,
        shells=("/bin/sh",),
        packages=5,
        modules=4,
        user="root",
        go=go,
    )
    made = Made(name=Reference.parse(f"app-journey:{name}"), figures=figures, cold=12.345678, warm=0.5)
    return Visit(station=Station(name, "a title", "FROM x\n", ("x",)), made=made, fault=fault)


def report_of(visits: Sequence[Visit]) -> JourneyReport:
    return JourneyReport(
        target=".",
        bandwidth=_PRICES.bandwidth,
        pulls=_PRICES.pulls,
        storage_price=_PRICES.storage,
        transfer_price=_PRICES.transfer,
        stations=tuple(station_result(one, _PRICES) for one in visits),
    )


def test_two_tables_and_what_went_wrong() -> None:
    missing = Visit(station=Station("distroless", "", "", ()), fault="a base image cannot be had: none")
    visits = [visit("alpine", 100_000_000), missing, visit("scratch", 2_000_000, "it ended with exit code 3")]
    report = report_of(visits)
    assert render_journey(report, style=lambda text, _: text).splitlines() == [
        "STATION   SIZE   PULL  LAYERS  FILES  EXECUTABLES  SHELLS  PACKAGES  GO MODULES  USER",
        "alpine   200MB  100MB       3  1,234            7       1         5           4  root",
        "scratch    4MB    2MB       3  1,234            7       1         5           4  root",
        "",
        "STATION    BUILD   AGAIN  PULL TIME  FIRST ANSWER  MEMORY  STORAGE  TRANSFER  A MONTH",
        "alpine   12.35 s  0.50 s    80.00 s             -       -     0.05      0.50     0.55",
        "scratch  12.35 s  0.50 s     1.60 s             -       -     0.00      0.01     0.01",
        "",
        "Pulls at 10 Mbit/s; 100 of them a month at 0.05 a GB, storage at 0.5 a GB and month.",
        "BUILD begins with the base images in the store and nothing compiled; AGAIN is the same build once more.",
        "From alpine to scratch: 50 times fewer bytes to pull.",
        "",
        "distroless: a base image cannot be had: none",
        "scratch: it ended with exit code 3",
    ]
    assert report.stations[1].image is None


def test_another_go_is_no_smaller_image() -> None:
    """Who compares sizes is told when part of the difference is the compiler's."""

    def said(*visits: Visit) -> str:
        return compared_releases(report_of(visits))

    assert said(visit("a", 3), visit("b", 2), visit("c", 1, go="")) == ""
    assert said(visit("a", 3, go="go1.23.9"), visit("b", 2, go="go1.23.9"), visit("c", 1)) == (
        "Not compiled by one Go (go1.23.9: a, b; go1.26.8: c): some of the difference in size is Go's own. "
        "--golang names another."
    )
