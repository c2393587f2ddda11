"""``smidgen journey``: a program from an image with its toolchain to the smallest one, measured."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smidgen.cli.console import console
from smidgen.cli.options import json_option, store_option, verbosity_options
from smidgen.cli.page_option import page_option, write_page

if TYPE_CHECKING:
    from smidgen.journey.stations import Station
    from smidgen.journey.travel import JourneyOptions
    from smidgen.report.journey import Prices


@click.command()
@click.argument("target", metavar="[TARGET]", default=".")
@click.option("--http", metavar=":PORT/PATH", help="Request this of each image, and take the time to the first answer.")
@click.option("--only", multiple=True, metavar="STATION,…", help="Only these stations.")
@click.option("--golang", metavar="IMAGE", default="", help="Toolchain image.  [default: golang:RELEASE of your Go]")
@click.option("--alpine", metavar="IMAGE", default="", help="Runtime image.  [default: alpine]")
@click.option(
    "--distroless",
    metavar="IMAGE",
    default="",
    help="Image without a shell.  [default: gcr.io/distroless/static-debian12:nonroot]",
)
@click.option("--bandwidth", metavar="MBIT", type=click.FloatRange(min=0.001), default=100.0, show_default=True)
@click.option("--pulls", type=click.IntRange(min=0), default=1000, show_default=True, help="Pulls a month.")
@click.option(
    "--storage-price", type=click.FloatRange(min=0), default=0.10, show_default=True, help="For a GB and month."
)
@click.option("--transfer-price", type=click.FloatRange(min=0), default=0.09, show_default=True, help="For a GB.")
@click.option("--timeout", metavar="TIME", help="Most time that a command of a build may take, such as 90s or 15m.")
@click.option(
    "--dockerfiles", type=click.Path(path_type=Path), metavar="DIR", help="Write the Dockerfiles; build nothing."
)
@page_option("Write a page with charts, too; it needs no network.")
@store_option
@json_option
@verbosity_options
def command(
    *,
    target: str,
    http: str | None,
    only: tuple[str, ...],
    golang: str,
    alpine: str,
    distroless: str,
    bandwidth: float,
    pulls: int,
    storage_price: float,
    transfer_price: float,
    timeout: str | None,
    dockerfiles: Path | None,
    page: Path | None,
    store: Path | None,
    as_json: bool,
) -> int:
    """Build one program in seven ways, from an image with the whole toolchain to smidgen's own, and measure each.

    The images stay in the store as NAME-journey:STATION. A base image that cannot be had leaves its stations out, and
    that is said; nothing is guessed.
    """
    from smidgen.dockerfile.execute.flags import parse_duration
    from smidgen.journey.travel import JourneyOptions, plan_journey
    from smidgen.report.journey import Prices
    from smidgen.sandbox.own_namespace import inside
    from smidgen.sandbox.prove import HttpCheck, ProveOptions

    options = JourneyOptions(
        target=target,
        directory=Path.cwd(),
        environ=os.environ,
        golang=golang,
        alpine=alpine,
        distroless=distroless,
        only=frozenset(name for text in only for name in text.split(",")),
        prove=ProveOptions(http=None if http is None else HttpCheck.parse(http)),
        timeout=parse_duration(timeout) if timeout else None,
    )
    if dockerfiles is not None:
        _write(plan_journey(options)[2], dockerfiles)
        return 0
    code = inside(console.arguments)
    if code is not None:
        return code
    prices = Prices(bandwidth=round(bandwidth * 1e6), pulls=pulls, storage=storage_price, transfer=transfer_price)
    _travel(options, prices, store, page=page, as_json=as_json)
    return 0


def _travel(
    options: "JourneyOptions", prices: "Prices", store: Path | None, *, page: Path | None, as_json: bool
) -> None:
    from smidgen.journey.travel import travel
    from smidgen.report.journey import render_journey, station_result
    from smidgen.report.schema_journey import JourneyReport
    from smidgen.store.content import ContentStore

    visits = travel(options, ContentStore.open(store), tell=console.note)
    report = JourneyReport(
        target=options.target,
        bandwidth=prices.bandwidth,
        pulls=prices.pulls,
        storage_price=prices.storage,
        transfer_price=prices.transfer,
        stations=tuple(station_result(visit, prices) for visit in visits),
    )
    if as_json:
        console.json(report)
    else:
        console.result(render_journey(report, style=console.style))
    if page is not None:
        from smidgen.report.page_journey import render_journey_page

        write_page(page, render_journey_page(report))


def _write(found: "tuple[Station, ...]", directory: Path) -> None:
    from smidgen.store.faults import ELSEWHERE, reporting

    with reporting("write", directory, instead=ELSEWHERE):
        directory.mkdir(parents=True, exist_ok=True)
        for station in found:
            if station.dockerfile:
                path = directory / f"Dockerfile.{station.name}"
                path.write_text(station.dockerfile, encoding="utf-8")
                console.result(str(path))
