"""Builds with nothing to do: Go is not started, and no answer is ever stale."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smidgen.cli.quick import Fields
from support.command import Smidgen

_MAIN = """package main

import (
	_ "embed"
	"example.com/app/inner"
)

//go:embed data.txt
var data string

func main() { println(data, inner.Text) }
"""
_FILES = {
    "go.mod": "module example.com/app\n\ngo 1.21\n",
    "main.go": _MAIN,
    "data.txt": "embedded",
    "inner/inner.go": 'package inner\n\nconst Text = "inner"\n',
}
_GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def smidgen(tmp_path: Path, app: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=app, environ=(("GOFLAGS", ""), ("HOME", os.environ["HOME"])))


def _settle() -> None:
    # A file that was written just now cannot be vouched for by its times.
    time.sleep(0.05)


def _notes(smidgen: Smidgen) -> list[Path]:
    folder = smidgen.store / "cache" / "quick"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_quick(smidgen: Smidgen, trace: Path) -> bool:
    """Run a build under strace; tell whether no Go was started and nothing was imported that only a build needs."""
    environ = os.environ | {"SMIDGEN_STORE": str(smidgen.store)} | dict(smidgen.environ)
    subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=execve,openat", "-o", trace, sys.executable, "-m", "smidgen", "build"],
        cwd=smidgen.cwd,
        env=environ,
        check=True,
        capture_output=True,
    )
    text = trace.read_text(errors="replace")
    started = [line for line in text.splitlines() if "execve(" in line and "/go" in line and " = 0" in line]
    assert not started, started
    return "/smidgen/gobuild/" not in text


@pytest.mark.e2e
def test_go_is_not_started_when_nothing_changed(smidgen: Smidgen, tmp_path: Path) -> None:
    _settle()
    first = smidgen("build")
    second = smidgen("build")
    assert first.stdout == second.stdout
    assert "nothing changed" in second.stderr
    assert _is_quick(smidgen, tmp_path / "trace")


@pytest.mark.e2e
def test_a_touched_file_starts_no_go_either(smidgen: Smidgen, app: Path, tmp_path: Path) -> None:
    _settle()
    smidgen("build")
    os.utime(app / "main.go")
    _settle()
    assert not _is_quick(smidgen, tmp_path / "trace")
    assert _is_quick(smidgen, tmp_path / "trace")


@pytest.mark.e2e
def test_a_note_tells_nothing_of_the_environment(smidgen: Smidgen) -> None:
    _settle()
    environ = {"DATABASE_PASSWORD": "hunter2-very-secret"}
    smidgen("build", env=environ)
    smidgen("build", env=environ)
    assert _notes(smidgen)
    for path in smidgen.store.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path


def _change_store(smidgen: Smidgen) -> None:
    smidgen("rm", "app:latest")


def _collect_store(smidgen: Smidgen) -> None:
    smidgen("rm", "app:latest")
    smidgen("gc")


def _lose_blob(smidgen: Smidgen) -> None:
    layers = sorted((smidgen.store / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    layers[-1].unlink()


def _retag(smidgen: Smidgen) -> None:
    smidgen("build", "-t", "other", "--label", "x=y")
    smidgen("tag", "other", "app:latest")


@pytest.mark.e2e
@pytest.mark.parametrize("change", [_change_store, _collect_store, _lose_blob, _retag])
def test_what_happened_to_the_store_is_made_good(smidgen: Smidgen, change: Callable[[Smidgen], None]) -> None:
    _settle()
    first = smidgen("build")
    smidgen("build")
    change(smidgen)
    assert smidgen("build").stdout == first.stdout
    assert smidgen("inspect", "app:latest", "--json").stdout
    assert first.stdout.strip().partition("@")[2] in smidgen("images", "--json").stdout


@pytest.mark.e2e
def test_a_damaged_note_is_no_note(smidgen: Smidgen) -> None:
    _settle()
    first = smidgen("build")
    smidgen("build")
    (note,) = _notes(smidgen)
    whole = note.read_bytes()
    for size in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        note.write_bytes(whole[:size])
        assert smidgen("build").stdout == first.stdout
    note.write_bytes(b"999999999999\0" + whole)
    assert smidgen("build").stdout == first.stdout


def test_fields_refuse_a_list_that_is_cut_short() -> None:
    with pytest.raises(ValueError, match="cut short"):
        Fields(["3", "a"]).take_list()


class _Steps:
    """Changes that a developer makes; each gives a word for what it did."""

    def __init__(self, app: Path, seed: int) -> None:
        self._app = app
        self._random = random.Random(seed)
        self._count = 0

    def step(self) -> str:
        self._count += 1
        names = (
            "edit",
            "embed",
            "inner",
            "add",
            "remove",
            "rename",
            "touch",
            "commit",
            "config",
            "nothing",
            "flag_file",
        )
        name = self._random.choice(names)
        getattr(self, f"_{name}")()
        return name

    def _edit(self) -> None:
        (self._app / "main.go").write_text(_MAIN.replace("println(data", f'println("{self._count}", data'))

    def _embed(self) -> None:
        (self._app / "data.txt").write_text(f"embedded {self._random.randrange(3)}")

    def _inner(self) -> None:
        (self._app / "inner" / "inner.go").write_text(f'package inner\n\nconst Text = "{self._random.randrange(3)}"\n')

    def _add(self) -> None:
        path = self._app / f"more_{self._random.randrange(2)}.go"
        path.write_text(f"package main\n\nfunc init() {{ println({self._count}) }}\n")

    def _remove(self) -> None:
        (self._app / "more_0.go").unlink(missing_ok=True)

    def _rename(self) -> None:
        if (self._app / "more_1.go").exists():
            (self._app / "more_1.go").rename(self._app / "more_1_windows.go")

    def _touch(self) -> None:
        os.utime(self._app / "main.go")

    def _commit(self) -> None:
        subprocess.run([*_GIT, "add", "-A"], cwd=self._app, check=True)
        subprocess.run([*_GIT, "commit", "-q", "--allow-empty", "-m", f"{self._count}"], cwd=self._app, check=True)

    def _config(self) -> None:
        path = self._app / "smidgen.yaml"
        if path.exists() and self._random.random() < 0.5:
            path.unlink()
        else:
            path.write_text(f"env:\n  STEP: '{self._random.randrange(3)}'\n")

    def _nothing(self) -> None:
        pass

    def _flag_file(self) -> None:
        (self._app / "go.mod").write_text(f"module example.com/app\n\ngo 1.2{self._random.randrange(1, 3)}\n")


@pytest.mark.e2e
@pytest.mark.parametrize("seed", [1, 2])
def test_no_answer_is_ever_stale(smidgen: Smidgen, app: Path, tmp_path: Path, seed: int) -> None:
    """After every change, the build gives what a build with a new store gives."""
    subprocess.run([*_GIT, "init", "-q"], cwd=app, check=True)
    steps = _Steps(app, seed)
    done = []
    for number in range(12):
        done.append(steps.step())
        if number % 3:
            _settle()
        outcomes = [smidgen("build") for _ in range(2)]
        clean = tmp_path / f"clean-{number}"
        expected = Smidgen(store=clean, cwd=app, environ=smidgen.environ)("build", "--no-cache").stdout
        assert [outcome.stdout for outcome in outcomes] == [expected, expected], f"seed {seed}: {done}"
        shutil.rmtree(clean)
