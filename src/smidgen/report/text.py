"""Sizes, ages and columns, as people read them in a terminal."""

from collections.abc import Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_AGES = ((60, "second"), (60, "minute"), (24, "hour"), (7, "day"), (4.35, "week"), (12, "month"))


def human_size(size: int) -> str:
    """Render bytes in decimal units with three figures, as docker does: ``5.84MB``."""
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}{_UNITS[-1]}"


def human_age(seconds: float) -> str:
    """Render a span as docker does: ``3 hours ago``."""
    value, name = max(seconds, 0.0), "year"
    for length, unit in _AGES:
        if value < length * (2 if unit in {"week", "month"} else 1):
            name = unit
            break
        value /= length
    count = int(value)
    if name == "second" and count < 1:
        return "just now"
    return f"{count} {name}{'' if count == 1 else 's'} ago"


def columns(rows: Sequence[Sequence[str]], *, align: str = "", gap: str = "  ") -> list[str]:
    """Lay *rows* out in columns.

    Args:
        rows: Texts; rows may differ in length.
        align: ``<`` or ``>`` for each column, left where it is shorter than the row.
        gap: What stands between two columns.
    """
    count = max((len(row) for row in rows), default=0)
    widths = [max((len(row[at]) for row in rows if at < len(row)), default=0) for at in range(count)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(widths[at]) if align[at : at + 1] == ">" else cell.ljust(widths[at])
            for at, cell in enumerate(row)
        ]
        lines.append(gap.join(cells).rstrip())
    return lines
