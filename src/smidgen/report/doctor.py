"""What a machine can do, for people and as plain values."""

from collections.abc import Callable, Iterator

from smidgen.doctor.finding import Diagnosis
from smidgen.report.schema_doctor import AbilityResult, DoctorReport, FindingResult

Style = Callable[..., str]

_MARKS = {"good": ("+", "green"), "absent": ("-", "dim"), "bad": ("!", "red")}


def doctor_report(diagnosis: Diagnosis) -> DoctorReport:
    """Say in plain values what was found, for ``--json`` and for ``render_doctor``."""
    return DoctorReport(
        can_build=diagnosis.can_build,
        version=diagnosis.version,
        platform=diagnosis.platform,
        kernel=diagnosis.kernel,
        python=diagnosis.python,
        packages=diagnosis.packages,
        abilities=tuple(AbilityResult(name=one.name, can=one.can, because=one.because) for one in diagnosis.abilities),
        findings=tuple(
            FindingResult(area=one.area.value, name=one.name, state=one.state.value, said=one.said, advice=one.advice)
            for one in diagnosis.findings
        ),
    )


def render_doctor(report: DoctorReport, *, style: Style) -> str:
    """Render what was found for people.

    Args:
        report: What was found.
        style: ``style(text, "bold", …)`` colours or leaves alone.
    """
    title = f"{report.platform}, smidgen {report.version}"
    packages = ", ".join(f"{name} {version}" for name, version in sorted(report.packages.items()))
    facts = f"Linux {report.kernel}, Python {report.python}, {packages}"
    lines = [style(title, "bold"), style(facts, "dim"), ""]
    for ability in report.abilities:
        if ability.can:
            lines.append(f"{style('+', 'green')} can {ability.name}")
        else:
            lines.append(f"{style('!', 'red')} cannot {ability.name}: {ability.because}")
    return "\n".join([*lines, *_areas(report, style)])


def _areas(report: DoctorReport, style: Style) -> Iterator[str]:
    width = max((len(finding.name) for finding in report.findings), default=0)
    area = ""
    for finding in report.findings:
        if finding.area != area:
            area = finding.area
            yield f"\n{style(area, 'bold')}"
        mark, *styles = _MARKS[finding.state]
        yield f"{style(mark, *styles)} {finding.name:<{width}}  {finding.said}"
        if finding.advice:
            yield f"{' ' * (width + 4)}{style(finding.advice, 'cyan')}"
