"""Lints one Dockerfile: parse, ask the rules, add what BuildKit and hadolint say, leave out what is silenced."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final

from smidgen.dockerfile.checks import judge
from smidgen.dockerfile.instruction import Dockerfile
from smidgen.dockerfile.parse import decode_dockerfile, parse
from smidgen.errors import DockerfileError, LimitExceeded
from smidgen.lint.catalog import RULES, SYNTAX
from smidgen.lint.context import BuildContext
from smidgen.lint.finding import Finding, Found, Severity
from smidgen.lint.hadolint import run_hadolint
from smidgen.lint.program import ProgramReader, no_reader
from smidgen.lint.rule import Rule
from smidgen.lint.rules_secrets import find_secrets, mask
from smidgen.lint.subject import Subject
from smidgen.lint.suppress import Suppressions, read_suppressions
from smidgen.lint.text import DockerfileText

_MOST_FINDINGS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRequest:
    """What is asked for.

    Attributes:
        data: The Dockerfile.
        name: As it is to be shown.
        path: Where it is, or None for standard input.
        context: The directory that is built, or None.
        only: Ids of the only rules to ask; empty for all.
        ignored: Ids of rules to leave out.
        severities: Id of a rule → how bad its findings are, where that is another than the rule's.
        trusted: Where images may come from, HOST[:PORT][/PATH] or *.DOMAIN; empty for anywhere.
        reader: Reads the program.
        hadolint: The program to ask, or None for none.
        environ: The environment.
    """

    data: bytes
    name: str
    path: Path | None = None
    context: BuildContext | None = None
    only: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    trusted: tuple[str, ...] = ()
    reader: ProgramReader = no_reader
    hadolint: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)

    def wants(self, rule: str) -> bool:
        """Tell whether the rule is to be asked."""
        return rule not in self.ignored and (not self.only or rule in self.only)


@dataclass(frozen=True, slots=True, kw_only=True)
class LintOutcome:
    """What was found in one file.

    Attributes:
        name: As it is shown.
        text: The whole file.
        findings: By line and column.
        silenced: How many were left out because of comments.
        unread: Why the program could not be read, where a rule asked; else empty.
        secrets: Texts that may not be shown.
    """

    name: str
    text: str
    findings: tuple[Finding, ...]
    silenced: int = 0
    unread: str = ""
    secrets: tuple[str, ...] = ()


def lint(request: LintRequest) -> LintOutcome:
    """Lint one Dockerfile.

    Raises:
        NotFound: hadolint cannot be started.
        SmidgenError: hadolint does not answer.
        LimitExceeded: The file is larger than any real one.
    """
    text = DockerfileText(decode_dockerfile(request.data), request.name)
    try:
        dockerfile = parse(text.text, name=request.name)
    except LimitExceeded:
        raise
    except DockerfileError as error:
        return LintOutcome(name=request.name, text=text.text, findings=(_unreadable(error, text),))
    subject = Subject(dockerfile, text, request.context, request.path, request.reader, request.trusted)
    suppressions = read_suppressions(dockerfile, text)
    found: list[Finding] = []
    silenced = 0
    for rule in RULES:
        if not request.wants(rule.id):
            continue
        for each in islice(rule.check(subject), _MOST_FINDINGS):
            begins = each.location.line if each.location else 1
            if suppressions.silences((rule.id, rule.name), begins):
                silenced += 1
            elif len(found) < _MOST_FINDINGS:
                found.append(_placed(each, rule, text))
    found += _others(request, dockerfile, text, found, suppressions)
    found.sort(key=lambda one: (one.line, one.column, one.rule))
    secrets = find_secrets(subject)
    return LintOutcome(
        name=request.name,
        text=text.text,
        findings=tuple(_weighed(_without_secrets(one, secrets), request) for one in found),
        silenced=silenced,
        unread=subject.unread[0] if subject.unread else "",
        secrets=secrets,
    )


def _weighed(finding: Finding, request: LintRequest) -> Finding:
    severity = request.severities.get(finding.rule)
    return finding if severity is None else replace(finding, severity=severity)


def _without_secrets(finding: Finding, secrets: tuple[str, ...]) -> Finding:
    if not secrets:
        return finding
    return replace(finding, message=mask(finding.message, secrets), source_line=mask(finding.source_line, secrets))


def _placed(found: Found, rule: Rule, text: DockerfileText) -> Finding:
    offset = found.at if found.is_raw or found.location is None else text.offset(found.location, found.at)
    line, column = text.position(offset)
    source_line = text.line(line)
    return Finding(
        rule=rule.id,
        source="smidgen",
        severity=found.severity or rule.severity,
        message=found.message,
        file=text.name,
        line=line,
        column=column,
        length=max(1, min(found.length, len(source_line) - column + 1)),
        source_line=source_line,
        hint=found.hint,
        fix=found.fix,
        last_line=found.location.last_line if found.location else line,
    )


def _others(
    request: LintRequest,
    dockerfile: Dockerfile,
    text: DockerfileText,
    own: list[Finding],
    suppressions: Suppressions,
) -> Iterator[Finding]:
    """Give what BuildKit's checks and hadolint find, apart from what a rule of ours said of the same line."""
    said = {(name, one.line) for one in own for rule in RULES if rule.id == one.rule for name in rule.replaces}
    others = list(_buildkit(dockerfile, text))
    if request.hadolint is not None:
        general = list(run_hadolint(request.hadolint, text, request.environ))
        # Where both have a rule, hadolint's is the better known.
        known = {(_SAME.get(one.rule, ""), one.line) for one in general}
        others = [one for one in others if (one.rule, one.line) not in known] + general
    for one in others[:_MOST_FINDINGS]:
        covered = (one.rule, one.line) in said or one.rule in _OURS
        if request.wants(one.rule) and not covered and not suppressions.silences((one.rule,), one.line):
            yield one


#: What a rule of ours judges with more knowledge, so that its silence counts too.
_OURS: Final = frozenset({"SecretsUsedInArgOrEnv"})
#: hadolint's rule → BuildKit's check of the same.
_SAME: Final = {
    "DL3025": "JSONArgsRecommended",
    "DL4000": "MaintainerDeprecated",
    "DL4003": "MultipleInstructionsDisallowed",
    "DL4004": "MultipleInstructionsDisallowed",
    "DL3012": "MultipleInstructionsDisallowed",
}


def _buildkit(dockerfile: Dockerfile, text: DockerfileText) -> Iterator[Finding]:
    # The directive that makes errors of them is for builds.
    lenient = replace(dockerfile, directives=replace(dockerfile.directives, doubts_are_errors=False))
    for doubt in judge(lenient, dockerfile.warnings):
        line = text.line(doubt.line)
        yield Finding(
            rule=doubt.rule,
            source="buildkit",
            severity=Severity.WARNING,
            message=doubt.message,
            file=text.name,
            line=doubt.line,
            column=1 + len(line) - len(line.lstrip()),
            length=len(line.split(maxsplit=1)[0]) if line.strip() else 1,
            source_line=line,
            last_line=doubt.line,
        )


def _unreadable(error: DockerfileError, text: DockerfileText) -> Finding:
    line = error.line or 1
    return Finding(
        rule=SYNTAX,
        source="smidgen",
        severity=Severity.ERROR,
        message=error.reason,
        file=text.name,
        line=line,
        column=error.column or 1,
        source_line=error.source_line or "",
        hint=error.hint or "",
        last_line=line,
    )
