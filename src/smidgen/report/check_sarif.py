"""``smidgen check --sarif``: what is over the budget, at the lines that ask for it."""

from typing import Final

import msgspec

from smidgen._version import __version__
from smidgen.report.check import LABELS, label, why
from smidgen.report.sarif import (
    ArtifactLocation,
    Component,
    Configuration,
    Descriptor,
    Message,
    PhysicalLocation,
    Region,
    Result,
    Run,
    SarifLocation,
    SarifLog,
    Tool,
)
from smidgen.report.schema_check import CheckReport, CheckResult

_KEYS: Final = tuple(LABELS)


def render_sarif(report: CheckReport) -> str:
    """Render the lines of the budget that are not kept; a rule for each kind of line."""
    rules = tuple(
        Descriptor(
            id=f"budget/{key}",
            name="".join(word.title() for word in ("budget", *key.split("_"))),
            short_description=Message(text=f"The image keeps its budget: {LABELS[key]}."),
            default_configuration=Configuration(level="error"),
        )
        for key in _KEYS
    )
    results = tuple(_result(report, one) for one in report.checks if not one.held)
    driver = Component(name="smidgen check", version=__version__, rules=rules)
    log = SarifLog(runs=(Run(tool=Tool(driver=driver), results=results),))
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _result(report: CheckReport, one: CheckResult) -> Result:
    place = PhysicalLocation(
        artifact_location=ArtifactLocation(uri=one.file),
        region=Region(start_line=one.line, start_column=one.column, end_column=one.end_column),
    )
    return Result(
        rule_id=f"budget/{one.key}",
        rule_index=_KEYS.index(one.key),
        level="error",
        message=Message(text=f"{report.name}, {label(one)}: {why(one)}"),
        locations=(SarifLocation(physical_location=place),),
    )
