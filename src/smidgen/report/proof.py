"""What was seen when an image was proved, for people and as plain values."""

from collections.abc import Callable

from smidgen.report.schema_proof import FindingResult, HttpResult, ProofReport
from smidgen.report.text import columns, human_size
from smidgen.sandbox.prove import Proof

Style = Callable[..., str]

_OUTPUT_LINES = 20
_HARMLESS_PATHS = 3


def proof_report(proof: Proof) -> ProofReport:
    """Say in plain values what was seen, for ``--json`` and for ``render_proof``."""
    http = None
    if proof.http is not None:
        http = HttpResult(
            port=proof.http.port,
            path=proof.http.path,
            status=proof.status,
            first_answer_ms=_rounded(proof.first_answer),
        )
    return ProofReport(
        image=proof.image,
        digest=proof.digest,
        platform=proof.platform,
        passed=proof.passed,
        failures=proof.failures,
        runtime=proof.runtime,
        user=proof.user,
        writable=proof.writable,
        started=proof.started,
        http=http,
        set_up_ms=_rounded(proof.set_up),
        resident=proof.resident,
        peak=proof.peak,
        ended=proof.ended,
        exit_code=proof.exit_code,
        stopped_ms=_rounded(proof.stopped),
        traced=not proof.untraced,
        untraced_because=proof.untraced,
        findings=tuple(
            FindingResult(
                kind=finding.kind,
                harmless=finding.harmless,
                summary=finding.summary,
                remedy=finding.remedy,
                paths=finding.paths,
            )
            for finding in proof.findings
        ),
        output=proof.output,
        notes=proof.notes,
    )


def render_proof(report: ProofReport, *, style: Style, verbose: bool = False) -> str:
    """Render a proof for people.

    Args:
        report: What was seen.
        style: ``style(text, "bold", …)`` colours or leaves alone.
        verbose: List harmless paths too.
    """
    verdict = style("runs", "green", "bold") if report.passed else style("does not run", "red", "bold")
    lines = [f"{style(report.image, 'bold')}  {verdict}  {style(f'{report.platform}, {report.runtime}', 'dim')}"]
    rows = [("conditions", _conditions(report)), *_facts(report)]
    lines += [f"  {line}" for line in columns(rows)]
    lines += [f"  {style('!', 'red')} {failure}" for failure in report.failures]
    lines += [f"  {style('note:', 'yellow')} {note}" for note in report.notes]
    lines += [f"  {line}" for line in _findings(report, style, verbose=verbose)]
    return "\n".join(lines)


def failure_text(report: ProofReport) -> str:
    """Say why a proof failed, with the last lines that the program wrote."""
    text = f"{report.image} does not run: {'; '.join(report.failures)}"
    tail = report.output.rstrip().splitlines()[-_OUTPUT_LINES:]
    if not tail:
        return f"{text}\nit wrote nothing"
    return "\n".join([text, "the last that it wrote:", *(f"  {line}" for line in tail)])


def _conditions(report: ProofReport) -> str:
    writable = f" but for {', '.join(report.writable)}" if report.writable else ""
    return f"user {report.user}, no capabilities, root read-only{writable}, network with loopback only"


def _facts(report: ProofReport) -> list[tuple[str, str]]:
    rows = []
    if report.http is not None and report.http.status is not None:
        took = f"{report.http.first_answer_ms:.3g} ms after its start" if report.http.first_answer_ms else "late"
        rows.append(("first answer", f"{took}; :{report.http.port}{report.http.path} gave {report.http.status}"))
    if report.resident is not None and report.peak is not None:
        rows.append(("memory", f"{human_size(report.resident)} resident, {human_size(report.peak)} at most"))
    if report.ended:
        rows.append(("ended", f"by itself, with exit code {report.exit_code}"))
    elif report.started and report.stopped_ms is not None:
        rows.append(("stops", f"{report.stopped_ms:.3g} ms after its stop signal, with exit code {report.exit_code}"))
    elif report.started:
        rows.append(("stops", "not when it is told to: it had to be killed"))
    return rows


def _findings(report: ProofReport, style: Style, *, verbose: bool) -> list[str]:
    if not report.traced:
        return [f"files not traced: {report.untraced_because}"]
    if not report.findings:
        return ["looked for nothing that is not there"]
    lines = []
    for finding in report.findings:
        if finding.harmless:
            lines.append(style(f"- harmless: {finding.summary}: {_some(finding.paths, verbose=verbose)}", "dim"))
            continue
        remedy = f"  {style(finding.remedy, 'cyan')}" if finding.remedy else ""
        lines.append(f"{style('+', 'yellow')} {finding.summary}{remedy}")
        if finding.kind != "file":
            lines.append(style(f"    {_some(finding.paths, verbose=verbose)}", "dim"))
    return lines


def _some(paths: tuple[str, ...], *, verbose: bool) -> str:
    if verbose or len(paths) <= _HARMLESS_PATHS:
        return ", ".join(paths)
    return f"{', '.join(paths[:_HARMLESS_PATHS])} and {len(paths) - _HARMLESS_PATHS} more"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
