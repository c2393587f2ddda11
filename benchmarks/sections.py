"""Parts that the pages of all benchmarks have."""

from collections.abc import Iterator, Mapping

from benchmarks.results import Figures


def verdict(value: float, most: float) -> str:
    """Say whether *value* is at most what it may be."""
    return "reached" if value <= most else "**not reached**"


def memory(figures: Figures, *, of: str, most: int) -> Iterator[str]:
    """Render peaks of memory, which are to be at most *most* MB."""
    yield f"## Peak memory of {of}\n"
    yield "| | MB | at most | |"
    yield "|---|--:|--:|---|"
    for what, size in figures.memory.items():
        yield f"| {what} | {size / 1e6:.0f} | {most} | {verdict(size, most * 10**6)} |"
    yield ""


def machine(facts: Mapping[str, str], *, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """Render what was measured on, and the versions of everything but *without*."""
    yield "## Machine and versions\n"
    yield "| | |"
    yield "|---|---|"
    for key, value in facts.items():
        if key not in without:
            yield f"| {key} | {value} |"
    yield ""
