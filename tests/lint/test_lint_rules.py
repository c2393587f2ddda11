"""Every Dockerfile of the cases has the findings that it truly has, and no other."""

from dataclasses import replace
from pathlib import Path

import pytest

from smidgen.errors import UsageError
from smidgen.lint.catalog import RULES, find_rule, ids_of
from smidgen.lint.program import Program, Unread
from smidgen.lint.run import lint
from support.lint_bench import Case, LintBench, all_cases, own_findings


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_findings_are_those_that_it_has(case: Case, bench: LintBench) -> None:
    outcome = bench.lint(case)
    assert own_findings(outcome) == case.findings, outcome.unread
    assert outcome.silenced == case.silenced


def test_there_are_enough_cases_and_each_rule_has_one() -> None:
    cases = all_cases()
    assert len(cases) >= 60
    found = {finding.partition(":")[0] for case in cases for finding in case.findings}
    assert {rule.id for rule in RULES} <= found
    assert sum(not case.findings for case in cases) >= 20


def test_each_rule_says_all_that_its_documentation_needs() -> None:
    assert len({rule.id for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.title
        assert not rule.title.endswith(".")
        assert rule.reason.endswith(".")
        assert rule.instead


def test_rules_are_named_by_id_and_by_name() -> None:
    assert find_rule("sm005") is find_rule("not-stripped")
    assert ids_of(["not-stripped", "DL3008", "StageNameCasing"]) == {"SM005", "DL3008", "StageNameCasing"}
    with pytest.raises(UsageError, match="SM999"):
        ids_of(["SM999"])


def test_only_what_is_asked_for(bench: LintBench) -> None:
    request = bench.request(b"FROM golang\nRUN go build .\n", "none")
    only = lint(replace(request, only=frozenset({"SM005"})))
    assert {one.rule for one in only.findings} == {"SM005"}
    without = lint(replace(request, ignored=frozenset({"SM005"})))
    assert "SM005" not in {one.rule for one in without.findings}
    assert "SM006" in {one.rule for one in without.findings}


def test_the_program_is_not_read_where_nothing_hangs_on_it(bench: LintBench) -> None:
    asked: list[Path] = []

    def reader(directory: Path, tags: tuple[str, ...]) -> Program | Unread:
        asked.append(directory)
        return Unread("it is a test")

    request = replace(
        bench.request(b"FROM golang:1.25.4\nCOPY . /src\nWORKDIR /src\nRUN go build .\n", "client"), reader=reader
    )
    assert not lint(request).unread
    assert not asked
    data = (
        b"FROM golang:1.25.4 AS b\nCOPY . /src\nWORKDIR /src\nRUN go build -o /a .\nFROM scratch\nCOPY --from=b /a /a\n"
    )
    assert lint(replace(request, data=data)).unread == "it is a test"
    assert asked == [bench.directory / "client"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("COPY main.go /src/\nRUN cd /elsewhere && go build -o /a .", "does not come from the context"),
        ("COPY . /src\nRUN cd /src && go build -o /a ./nothing", "has no directory nothing"),
        ("COPY . /src\nRUN cd /src && go build -o /a ./...", "cannot be read from the Dockerfile"),
        ("COPY . /src\nRUN cd /src && go build -o /a ../../etc", "does not come from the context"),
        ("COPY . /src\nRUN make", "no go build is seen"),
    ],
)
def test_why_a_program_is_not_read(bench: LintBench, lines: str, reason: str) -> None:
    data = f"FROM golang:1.25.4 AS b\n{lines}\nFROM scratch\nCOPY --from=b /a /a\n".encode()
    outcome = lint(bench.request(data, "client"))
    if "make" in lines:
        assert not outcome.unread
    else:
        assert reason in outcome.unread
