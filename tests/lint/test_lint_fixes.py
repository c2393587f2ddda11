"""Fixes mend what they are for, and leave every other byte as it is."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.config.rewrite import rewrite_file
from smidgen.errors import SourceChanged
from smidgen.lint.finding import Edit, Finding, Fix, Severity
from smidgen.lint.fix import apply_fixes, fixed_file
from smidgen.lint.run import lint
from support.lint_bench import Case, LintBench, all_cases, own_findings


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_what_is_mended_is_not_found_again(case: Case, bench: LintBench) -> None:
    request = bench.request(case.path.read_bytes(), case.context)
    outcome = lint(request)
    for unsafe in (False, True):
        fixed = fixed_file(request, outcome, unsafe=unsafe)
        assert not [one for one in fixed.outcome.findings if one.fix and (one.fix.is_safe or unsafe)]
        rules = {finding.partition(":")[0] for finding in own_findings(outcome)}
        assert {one.rule for one in fixed.outcome.findings if one.source == "smidgen"} <= rules
        if not fixed.made:
            assert fixed.data == request.data
        # What a person wrote for people stays, and so does how lines end.
        for line in request.data.splitlines(keepends=True):
            if line.lstrip().startswith(b"#"):
                assert line in fixed.data
        assert (b"\r\n" in request.data) == (b"\r\n" in fixed.data)
        assert b"\n" not in fixed.data.replace(b"\r\n", b"") or b"\r\n" not in request.data


def test_bytes_that_are_no_utf8_stay(bench: LintBench) -> None:
    data = b"# caf\xe9\nFROM golang:1.25.4 AS b\nRUN go build -o /a .\r\nFROM scratch\nCOPY --from=b /a /a\nCMD /a\n"
    request = bench.request(data, "none")
    fixed = fixed_file(request, lint(request), unsafe=False)
    assert fixed.data == (
        b"# caf\xe9\nFROM golang:1.25.4 AS b\n"
        b'RUN CGO_ENABLED=0 go build -ldflags="-s -w" -trimpath -o /a .\r\n'
        b'FROM scratch\nCOPY --from=b /a /a\nCMD ["/a"]\n'
    )


def test_documents_are_edited_in_their_place(bench: LintBench) -> None:
    data = (
        b"FROM golang:1.25.4 AS b\nRUN --mount=type=cache,target=/root/.cache <<A\n\tgo  build -a . # why\nA\n"
        b"RUN sh -e <<-'B'\n\tgo build -trimpath -ldflags=-X=a.b=c .\n\tB\n"
    )
    request = bench.request(data, "none")
    fixed = fixed_file(request, lint(request), unsafe=False)
    assert b'<<A\n\tgo  build -ldflags="-s -w" -trimpath . # why\nA\n' in fixed.data
    assert b'\n\tgo build -trimpath -ldflags="-s -w -X=a.b=c" .\n\tB\n' in fixed.data


def _finding(*edits: Edit) -> Finding:
    return Finding(
        rule="SM005",
        source="smidgen",
        severity=Severity.WARNING,
        message="",
        file="Dockerfile",
        line=1,
        column=1,
        fix=Fix("mend", edits),
    )


@settings(deadline=None)
@given(
    text=st.text(max_size=30),
    places=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.text(alphabet="<>", max_size=3)), max_size=8),
)
def test_edits_do_what_each_of_them_says(text: str, places: list[tuple[int, int, str]]) -> None:
    edits = [
        Edit(min(a, b, len(text)), min(max(a, b), len(text)), new) for a, b, new in places if min(a, b) <= len(text)
    ]
    fixed = apply_fixes(text, [_finding(edit) for edit in edits])
    removed: set[int] = set()
    added = ""
    seen: list[Edit] = []
    for finding in fixed.made:
        assert finding.fix
        for edit in finding.fix.edits:
            if edit in seen:
                continue
            seen.append(edit)
            assert not removed & set(range(edit.start, edit.end))
            removed |= set(range(edit.start, edit.end))
            added += edit.text
    kept = [letter for number, letter in enumerate(text) if number not in removed]
    assert sorted(fixed.text) == sorted([*kept, *added])


def test_a_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    target = tmp_path / "real"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link = tmp_path / "Dockerfile"
    link.symlink_to("real")
    rewrite_file(link, before=b"old", after=b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["Dockerfile", "real"]


def test_a_file_that_changed_meanwhile_is_left(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(b"other")
    with pytest.raises(SourceChanged):
        rewrite_file(path, before=b"old", after=b"new")
    assert path.read_bytes() == b"other"
    assert os.listdir(tmp_path) == ["Dockerfile"]
