"""``smidgen history`` as a table, as users of docker know it."""

from datetime import datetime

from smidgen.report.images import age, identifier, size
from smidgen.report.printable import printable
from smidgen.report.schema_store import HistoryReport
from smidgen.report.text import columns, human_size

_MAX_COMMAND = 45


def render_history(report: HistoryReport, *, now: datetime, truncate: bool = True) -> list[str]:
    """Render one line a step, newest first, below a header.

    Args:
        report: What to show.
        now: When, for ages; with a time zone.
        truncate: Shorten digests and commands.
    """
    rows = [["LAYER", "CREATED", "CREATED BY", "SIZE", "PULL SIZE", "COMMENT"]]
    for step in report.history:
        command = printable(step.created_by)
        if truncate and len(command) > _MAX_COMMAND:
            command = command[: _MAX_COMMAND - 1] + "…"
        rows.append(
            [
                identifier(step.digest, truncate=truncate) if step.digest else "<none>",
                age(step.created, now),
                command,
                size(step.size),
                human_size(step.pull_size),
                printable(step.comment),
            ]
        )
    return columns(rows, gap="   ")
