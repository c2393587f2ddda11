"""Lints the Dockerfiles of ``tests/lint/cases`` and of the articles, each in its context."""

import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from smidgen.lint.context import read_context
from smidgen.lint.program import CompilingReader, no_reader
from smidgen.lint.run import LintOutcome, LintRequest, lint
from support.lint_contexts import NOT_COMPILED, write_context

TESTS: Final = Path(__file__).resolve().parent.parent
CASES: Final = TESTS / "lint" / "cases"
ARTICLES: Final = TESTS / "support" / "articles"


@dataclass(frozen=True, slots=True)
class Case:
    """A Dockerfile and what it truly has.

    Attributes:
        name: Of the case.
        path: The file.
        context: Name of its context, or ``none``.
        findings: ``RULE:LINE``, sorted.
        silenced: How many findings its comments silence.
        trusted: Registries that the project trusts; empty for all.
    """

    name: str
    path: Path
    context: str
    findings: tuple[str, ...]
    silenced: int
    trusted: tuple[str, ...]


def all_cases() -> tuple[Case, ...]:
    """Give every case, those of the articles last."""
    said = tomllib.loads((TESTS / "lint" / "expected.toml").read_text(encoding="utf-8"))
    return tuple(
        Case(
            name=f"{table}/{name}",
            path=directory / f"{name}.Dockerfile",
            context=one["context"],
            findings=tuple(sorted(one["findings"])),
            silenced=one.get("silenced", 0),
            trusted=tuple(one.get("trusted", ())),
        )
        for table, directory in (("cases", CASES), ("articles", ARTICLES))
        for name, one in said.get(table, {}).items()
    )


class LintBench:
    """Contexts that are written once, and programs that are compiled once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.reader = CompilingReader(os.environ, lambda _: None)

    def request(
        self, data: bytes, context: str, *, name: str = "Dockerfile", hadolint: str | None = None
    ) -> LintRequest:
        """Give what is asked for a Dockerfile in the context of that name."""
        root = None if context == "none" else write_context(context, self.directory)
        return LintRequest(
            data=data,
            name=name,
            context=None if root is None else read_context(root, None),
            reader=no_reader if context in NOT_COMPILED else self.reader,
            hadolint=hadolint,
            environ=os.environ,
        )

    def lint(self, case: Case) -> LintOutcome:
        """Lint a case."""
        request = self.request(case.path.read_bytes(), case.context, name=case.name)
        return lint(replace(request, trusted=case.trusted))


def own_findings(outcome: LintOutcome) -> tuple[str, ...]:
    """Give ``RULE:LINE`` of the rules of ours, sorted."""
    return tuple(sorted(f"{one.rule}:{one.line}" for one in outcome.findings if one.source == "smidgen"))
