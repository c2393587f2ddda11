"""``lint`` of smidgen.yaml, and fixes of the context's ignore file."""

from pathlib import Path

import pytest

from smidgen.config.discover import load_config
from smidgen.errors import ConfigError, UsageError
from smidgen.lint.context import read_context
from smidgen.lint.finding import Severity
from smidgen.lint.fix import fixed_file
from smidgen.lint.ignore_fix import IgnoreFile, fixed_ignore_file
from smidgen.lint.run import LintRequest, lint
from smidgen.lint.settings import NOTHING, LintSettings, lint_settings
from support.command import Smidgen

_TEXT = (
    "FROM golang:1.25.4 AS build\nWORKDIR /src\nCOPY . .\n"
    "RUN --mount=type=cache,target=/root/.cache CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /app .\n"
    'FROM scratch\nCOPY --from=build /app /app\nENTRYPOINT ["/app"]\n'
)


def _settings(directory: Path, text: str) -> LintSettings:
    (directory / "smidgen.yaml").write_text(text)
    return lint_settings(load_config(directory, environ={}))


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    found = _settings(
        tmp_path,
        "lint:\n  ignore: [SM034, no-user, DL3018]\n  severity: {SM005: error, StageNameCasing: info}\n"
        "  fail_on: error\n  trusted_registries: ['docker.io/library/', '*.example.com', 'r:5000']\n"
        "  build: false\n  hadolint: true\n",
    )
    assert found == LintSettings(
        ignored=frozenset({"SM034", "SM011", "DL3018"}),
        severities={"SM005": Severity.ERROR, "StageNameCasing": Severity.INFO},
        fail_on="error",
        trusted=("docker.io/library", "*.example.com", "r:5000"),
        build=False,
        hadolint=True,
    )
    assert _settings(tmp_path, "lint:\n  ignore: SM005\n").ignored == {"SM005"}
    for text in ("", "lint:\n", "lint: {}\n", "ports: [1]\n"):
        assert _settings(tmp_path, text) == NOTHING
    assert lint_settings(None) == NOTHING


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("lint:\n  ignore:\n    - SM998\n", "3:7", "there is no rule 'SM998'"),
        ("lint:\n  severity:\n    no-usr: error\n", "3:5", "there is no rule 'no-usr'"),
        ("lint:\n  severity: {SM001: bad}\n", "2:21", "bad"),
        ("lint:\n  fail_on: often\n", "2:12", "often"),
        ("lint:\n  trusted_registries: [https://x]\n", "2:24", "is not a registry"),
        ("lint:\n  ignored: [SM001]\n", "2:3", "unknown key 'ignored'"),
        ("lint: [SM001]\n", "1:7", "lint"),
    ],
)
def test_what_cannot_be_meant_is_shown_in_its_line(tmp_path: Path, text: str, place: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _settings(tmp_path, text)
    assert f"smidgen.yaml:{place}: " in caught.value.message
    assert said in caught.value.message


def test_the_command_heeds_it_and_its_options_come_first(tmp_path: Path) -> None:
    smidgen = Smidgen(store=tmp_path / "store", cwd=tmp_path)
    (tmp_path / "Dockerfile").write_text(_TEXT.replace("COPY . .", "COPY main.go ."))
    found = smidgen("lint", "--no-build", "--no-hadolint", "--json", fails=True).json
    assert [one["rule"] for one in found["files"][0]["findings"]] == ["SM011"]
    (tmp_path / "smidgen.yaml").write_text(
        "lint:\n  severity: {no-user: info}\n  build: false\n  hadolint: false\n  trusted_registries: quay.io\n"
        "  fail_on: error\n"
    )
    outcome = smidgen("lint", fails=True)
    assert "Dockerfile:1:6: error: golang:1.25.4 comes from docker.io/library/golang, which is not" in outcome.stdout
    assert "Dockerfile:7:1: info: " in outcome.stdout
    assert smidgen("lint", "--ignore", "SM042").exit_code == 0
    assert smidgen("lint", "--ignore", "SM042", "--fail-on", "info", fails=True).exit_code == 1
    (tmp_path / "other.yaml").write_text("lint: {ignore: [no-user, untrusted-registry]}\n")
    assert "nothing to say" in smidgen("lint", "--config", "other.yaml", "--no-build", "--no-hadolint").stderr
    (tmp_path / "other.yaml").write_text("lint: {ignore: [SM998]}\n")
    failed = smidgen("lint", "--config", "other.yaml", fails=True)
    assert "other.yaml:1:17: there is no rule 'SM998'" in failed.stderr
    assert "Traceback" not in failed.stderr


def _context(directory: Path, **files: str) -> Path:
    for name, text in {"go.mod": "module x\n", "main.go": "package main\n", **files}.items():
        (directory / name).write_bytes(text.encode())
    return directory


def _request(directory: Path, text: str = _TEXT) -> LintRequest:
    only = frozenset({"SM024", "SM025", "SM026"})
    return LintRequest(data=text.encode(), name="Dockerfile", context=read_context(directory, None), only=only)


def _fixed(request: LintRequest, *, unsafe: bool = False) -> tuple[tuple[str, ...], IgnoreFile | None]:
    fixed = fixed_file(request, lint(request), unsafe=unsafe)
    assert fixed.data == request.data
    assert not {one.rule for one in fixed.made} & {one.rule for one in fixed.outcome.findings}
    return tuple(one.rule for one in fixed.made), fixed_ignore_file(request, fixed.ignore)


def test_an_ignore_file_is_written_and_never_over_another(tmp_path: Path) -> None:
    request = _request(_context(tmp_path))
    rules, ignored = _fixed(request)
    assert rules == ("SM024",)
    assert ignored == IgnoreFile(tmp_path / ".dockerignore", None, b".git\n")
    ignored.write()
    assert (tmp_path / ".dockerignore").read_bytes() == b".git\n"
    assert not lint(_request(tmp_path)).findings
    with pytest.raises(UsageError, match="cannot be written"):
        ignored.write()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_an_ignore_file_has_stays(tmp_path: Path, ending: str) -> None:
    context = _context(tmp_path, **{".dockerignore": f"# caf\xe9{ending}dist{ending}!.git"})
    rules, ignored = _fixed(_request(context))
    assert rules == ("SM025",)
    assert ignored is not None
    assert ignored.after == f"# caf\xe9{ending}dist{ending}!.git{ending}.git{ending}".encode()
    ignored.write()
    assert not lint(_request(tmp_path)).findings


def test_a_stamp_of_git_is_not_taken_away_unasked(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    _context(tmp_path)
    assert _fixed(_request(tmp_path)) == ((), None)
    assert _fixed(_request(tmp_path), unsafe=True)[0] == ("SM024",)
    # Nothing stamps where it is forbidden, or where there is no git to ask.
    for text in (_TEXT.replace("-trimpath", "-trimpath -buildvcs=false"), _TEXT.replace("1.25.4", "1.25.4-alpine")):
        assert _fixed(_request(tmp_path, text))[0] == ("SM024",)
    assert _fixed(_request(tmp_path, _TEXT.replace("go build", "git describe && go build")), unsafe=True) == ((), None)


def test_secrets_are_left_out_when_asked_and_as_they_are_called(tmp_path: Path) -> None:
    context = _context(tmp_path, **{".env": "A=1", "id_rsa": "", "[x].pem": "", ".dockerignore": ".git\n"})
    assert _fixed(_request(context)) == ((), None)
    rules, ignored = _fixed(_request(context), unsafe=True)
    assert rules == ("SM026",)
    assert ignored is not None
    ignored.write()
    assert not lint(_request(tmp_path)).findings


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("dist\n")
    context = tmp_path / "context"
    context.mkdir()
    (_context(context) / ".dockerignore").symlink_to("../elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        _fixed(_request(context))
    assert (tmp_path / "elsewhere").read_text() == "dist\n"


def test_the_command_shows_and_mends_both_files(tmp_path: Path) -> None:
    smidgen = Smidgen(store=tmp_path / "store", cwd=_context(tmp_path))
    path = tmp_path / "Dockerfile"
    path.write_text(_TEXT.replace("-trimpath ", ""))
    options = ("--no-build", "--no-hadolint", "--fail-on", "never")
    shown = smidgen("lint", "--diff", *options).lines
    assert "+++ .dockerignore" in shown
    assert "+.git" in shown
    assert not (tmp_path / ".dockerignore").exists()
    outcome = smidgen("lint", "--fix", *options)
    assert "fixed Dockerfile:3: write .dockerignore with .git [SM024]" in outcome.stderr
    assert "SM024" not in outcome.stdout
    assert (tmp_path / ".dockerignore").read_text() == ".git\n"
    assert "-trimpath" in path.read_text()
