"""``smidgen lint`` as its users see it."""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from support.command import Smidgen
from support.lint_contexts import write_context
from support.sarif_schema import obeys_sarif

_DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"
_BAD = 'FROM golang:1.25.4\nWORKDIR /src\nCOPY . .\nRUN go build -o app .\nUSER 1000\nCMD ["./app"]\n'


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    """The command line, in a directory with a program."""
    return Smidgen(store=tmp_path / "store", cwd=write_context("client", tmp_path))


def _write(smidgen: Smidgen, text: str) -> Path:
    path = smidgen.cwd / "Dockerfile"
    path.write_text(text)
    return path


def test_findings_are_shown_as_compilers_do(smidgen: Smidgen) -> None:
    _write(smidgen, _BAD)
    outcome = smidgen("lint", "--no-hadolint", "--rule", "SM006,toolchain-in-image", fails=True)
    assert outcome.exit_code == 1
    assert outcome.lines == [
        "Dockerfile:1:6: warning: the image is made from golang:1.25.4, so the Go toolchain is in it [SM001]",
        "  FROM golang:1.25.4",
        "       ^^^^^^^^^^^^^",
        "  help: compile in a stage of its own, and copy the executable to FROM scratch or a distroless image",
        (
            "Dockerfile:4:5: warning: the executable has the directories of the build in it, and differs where they "
            "differ [SM006]"
        ),
        "  RUN go build -o app .",
        "      ^^^^^^^^",
        "  help: add -trimpath (--fix does it)",
    ]
    assert outcome.stderr.splitlines()[-1] == "2 warnings"
    assert smidgen("lint", "--no-hadolint", "--rule", "SM006", "--fail-on", "error").exit_code == 0
    assert smidgen("lint", "--no-hadolint", "--rule", "SM034", "--fail-on", "info", fails=True).exit_code == 1
    assert smidgen("lint", "--no-hadolint", "--fail-on", "never").exit_code == 0


def test_results_keep_to_their_schema(smidgen: Smidgen) -> None:
    _write(smidgen, _BAD)
    report = smidgen("lint", "--json", "--no-hadolint", fails=True).json
    jsonschema.validate(report, json.loads((_DOCS / "lint-v1.schema.json").read_text()))
    assert report["schema"] == "smidgen.lint/v1"
    assert report["warnings"] == sum(one["severity"] == "warning" for one in report["files"][0]["findings"])
    fixes = {one["rule"]: one["fix"] for one in report["files"][0]["findings"]}
    assert fixes["SM005"]["safe"] is True
    assert fixes["SM001"] is None


def test_sarif_names_rules_and_places(smidgen: Smidgen) -> None:
    _write(smidgen, _BAD)
    log = smidgen("lint", "--sarif", fails=True).json
    obeys_sarif(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert log["version"] == "2.1.0"
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        region = result["locations"][0]["physicalLocation"]["region"]
        assert 1 <= region["startLine"] <= 6
        assert region["endColumn"] > region["startColumn"] >= 1
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "Dockerfile"
    assert {"SM001", "SM005"} <= {result["ruleId"] for result in run["results"]}


def test_fixes_are_shown_and_made(smidgen: Smidgen) -> None:
    path = _write(smidgen, _BAD)
    shown = smidgen("lint", "--diff", "--no-hadolint", fails=True)
    assert '+RUN go build -ldflags="-s -w" -trimpath -o app .' in shown.lines
    assert path.read_text() == _BAD
    made = smidgen("lint", "--fix", "--json", "--no-hadolint", fails=True).json
    assert made["files"][0]["fixed"] == ["SM005", "SM006"]
    assert path.read_text() == _BAD.replace("go build", 'go build -ldflags="-s -w" -trimpath')
    again = smidgen("lint", "--fix", "--json", "--no-hadolint", fails=True).json
    assert again["files"][0]["fixed"] == []


def test_the_program_says_what_it_needs(smidgen: Smidgen) -> None:
    path = _write(
        smidgen,
        "FROM golang:1.25.4 AS build\nWORKDIR /src\nCOPY . .\n"
        "RUN --mount=type=cache,target=/root/.cache CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /app .\n"
        'FROM scratch\nCOPY --from=build /app /app\nUSER 1\nENTRYPOINT ["/app"]\n',
    )
    outcome = smidgen("lint", "--no-hadolint", fails=True)
    assert "[SM014]" in outcome.stdout
    assert "certificate signed by unknown authority" in outcome.stdout
    # Without a toolchain it is said that it was not looked at.
    without = smidgen("lint", "--no-hadolint", env={"PATH": "/nonexistent", "SMIDGEN_GO": "/nonexistent"})
    assert "what the program needs was not looked at: no Go toolchain" in without.stderr
    assert "--no-build is given" in smidgen("lint", "--no-hadolint", "--no-build").stderr
    assert smidgen("lint", "--fix", "--no-hadolint").exit_code == 0
    assert "COPY --from=build /etc/ssl/certs/ca-certificates.crt" in path.read_text()


def test_secrets_are_never_shown(smidgen: Smidgen) -> None:
    _write(
        smidgen,
        "FROM golang:1.25.4\nENV API_TOKEN='hunter2 is long'\nARG X=ghp_abcdefghijklmnopqrstuvwxyz0123456789\n"
        "RUN git clone https://me:swordfish@git.example.com/x && go build -o /app .\n",
    )
    for options in ((), ("--json",), ("--sarif",), ("--diff", "--unsafe-fixes"), ("--rule", "SM005")):
        outcome = smidgen("lint", *options, "--fail-on", "never")
        for secret in ("hunter2", "swordfish", "ghp_abc"):
            assert secret not in outcome.stdout + outcome.stderr
    assert {"SM021", "SM023"} <= {
        one["rule"] for one in smidgen("lint", "--json", fails=True).json["files"][0]["findings"]
    }


def test_hadolint_finds_the_rest_in_the_same_list(smidgen: Smidgen) -> None:
    _write(
        smidgen, "FROM golang\nMAINTAINER me\n# hadolint ignore=DL3008\nRUN apt-get install x\nRUN cd /tmp\nCMD app\n"
    )
    report = smidgen("lint", "--hadolint", "--json", fails=True).json
    rules = {one["rule"] for one in report["files"][0]["findings"]}
    assert report["hadolint"] is True
    assert {"SM004", "DL4000", "DL3003"} <= rules
    # Its own comment is heeded, and what a rule of ours or hadolint's says is said once.
    assert not {"DL3008", "DL3006", "MaintainerDeprecated"} & rules
    without = smidgen("lint", "--no-hadolint", "--json", fails=True).json
    assert {"MaintainerDeprecated"} <= {one["rule"] for one in without["files"][0]["findings"]}
    assert smidgen("lint", "--ignore", "DL4000", "--json", fails=True).stdout.count("DL4000") == 0


def test_a_hadolint_that_is_broken(smidgen: Smidgen, tmp_path: Path) -> None:
    _write(smidgen, "FROM scratch\n")
    broken = tmp_path / "bin" / "hadolint"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho no >&2\nexit 3\n")
    broken.chmod(0o755)
    outcome = smidgen("lint", "--hadolint", env={"PATH": f"{broken.parent}:{os.environ['PATH']}"}, fails=True)
    assert "hadolint did not answer: no" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("nothing",), "there is no file nothing", 2),
        (("cmd",), "there is no Dockerfile in", 2),
        (("--json", "--sarif"), "both", 2),
        (("--unsafe-fixes",), "without --fix", 2),
        (("--rule", "SM998"), "there is no rule 'SM998'", 2),
        (("main.go",), "there is no instruction 'package'", 1),
    ],
)
def test_what_cannot_be_meant(smidgen: Smidgen, arguments: tuple[str, ...], said: str, code: int) -> None:
    _write(smidgen, "FROM scratch\n")
    outcome = smidgen("lint", "--no-hadolint", *arguments, fails=True)
    assert said in outcome.stdout + outcome.stderr
    assert outcome.exit_code == code
    assert "Traceback" not in outcome.stderr


def test_rules_are_listed(smidgen: Smidgen) -> None:
    lines = smidgen("lint", "--list").lines
    assert lines[0] == "SM001  warning  toolchain-in-image: The image has a compiler in it"
