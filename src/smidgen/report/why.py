"""Why something is linked in, as plain values and as lines."""

from collections.abc import Callable, Iterator

from smidgen.analyze.explained import ExplainedBinary
from smidgen.analyze.why import Chain
from smidgen.report.printable import printable
from smidgen.report.schema_why import WhyReport, WhyStep
from smidgen.report.text import human_size


def why_report(target: str, chain: Chain, binary: ExplainedBinary) -> WhyReport:
    """Say why, and what it costs."""
    owned = [package for section in binary.sections for package in section.packages if package.name == chain.wanted]
    return WhyReport(
        target=target,
        wanted=chain.wanted,
        kind="package" if chain.is_package else "symbol",
        from_main=chain.from_main,
        size=sum(package.size for package in owned) if chain.is_package else None,
        pull=sum(package.pull for package in owned) if chain.is_package else None,
        packages=chain.packages,
        steps=tuple(WhyStep(symbol=step.symbol, package=step.package) for step in chain.steps),
    )


def render_why(report: WhyReport, style: Callable[..., str]) -> Iterator[str]:
    """Give one line a step, each used by the one above."""
    cost = ""
    if report.size is not None and report.pull is not None:
        cost = f"  {human_size(report.size)} on disk, {human_size(report.pull)} to pull"
    yield f"{style(printable(report.wanted), 'bold')}{cost}"
    if not report.from_main:
        yield style("Nothing that begins in main leads there: the runtime, or an init function, needs it.", "dim")
    yield f"through {' → '.join(report.packages)}"
    yield ""
    for at, step in enumerate(report.steps):
        yield f"{'  ' * min(at, 20)}{'└ ' if at else ''}{printable(step.symbol)}"
