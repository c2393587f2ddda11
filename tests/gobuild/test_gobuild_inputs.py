"""What a build is taken to depend on, held against what Go says it looks at."""

import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from smidgen.gobuild.batch import Job
from smidgen.gobuild.cache import Hit, Miss, Request, collect_inputs, lookup, record
from smidgen.gobuild.compile import compile_packages
from smidgen.gobuild.embed import note_embedded
from smidgen.gobuild.environment import host_platform
from smidgen.gobuild.inputs import Inputs
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.record import Snapshot
from smidgen.gobuild.target import resolve_targets
from smidgen.gobuild.template_values import TemplateSource
from smidgen.gobuild.toolchain import Toolchain
from support.changing_project import CHANGES, World

Write = Callable[[dict[str, str]], Path]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.txt", ["a.txt"]),
        ("*.txt", ["a.txt", "b.txt"]),
        ("[^b].txt", ["a.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        (r"\*.txt", []),
        ("d", ["d/e/g", "d/f"]),
        ("d/*", ["d/e/g", "d/f", "d/.hidden", "d/_under"]),
        ("all:d", ["d/e/g", "d/f", "d/.hidden", "d/_under", "d/e/.h"]),
        ("d/*/g", ["d/e/g"]),
        ("nothing.txt", []),
        ("[", ["a.txt", "b.txt", "d/e/g", "d/f"]),
        ("../a.txt", []),
        ("d//f", []),
        (".", []),
    ],
)
def test_embedded_files(pattern: str, expected: list[str], write: Write) -> None:
    names = ("a.txt", "b.txt", "d/f", "d/e/g", "d/.hidden", "d/_under", "d/e/.h", "d/e/.git/x")
    root = write(dict.fromkeys(names, ""))
    inputs = Inputs()
    note_embedded(str(root), (pattern,), inputs)
    assert sorted(filter(os.path.exists, inputs.files)) == sorted(str(root / name) for name in expected)


def _looked_at(snapshot: Snapshot) -> set[str]:
    return {state.path for state in snapshot.files if state.identity}


def _said_by_go(toolchain: Toolchain, directory: Path, environ: Mapping[str, str]) -> set[str]:
    """Ask Go for every file of every package that is no part of its own."""
    command = [toolchain.path, "list", "-deps", "-json=Dir,Standard,GoFiles,IgnoredGoFiles,EmbedFiles,TestGoFiles", "."]
    text = subprocess.run(command, cwd=directory, env=dict(environ), check=True, capture_output=True, text=True).stdout
    decoder = json.JSONDecoder()
    found: set[str] = set()
    while text.strip():
        package: dict[str, Any]
        package, end = decoder.raw_decode(text.lstrip())
        text = text.lstrip()[end:]
        if not package.get("Standard"):
            names = [*package.get("GoFiles", []), *package.get("IgnoredGoFiles", []), *package.get("EmbedFiles", [])]
            found |= {os.path.join(package["Dir"], name) for name in [*names, *package.get("TestGoFiles", [])]}
    return found


def _build(
    toolchain: Toolchain,
    environ: Mapping[str, str],
    cwd: Path,
    *targets: str,
    options: BuildOptions | None = None,
    folder: str = "",
) -> tuple[Snapshot, Request]:
    chosen = options or BuildOptions()
    resolution = resolve_targets(targets, cwd=str(cwd), toolchain=toolchain, environ=environ, options=chosen)
    source = TemplateSource(environ=environ, git=None, now=0)
    request = Request(
        cwd=str(cwd), targets=targets, options=((chosen, (host_platform(),)),), toolchain=toolchain, source=source
    )
    with tempfile.TemporaryDirectory() as output:
        compiled = compile_packages(
            [Job(package=package, options=chosen, platforms=(host_platform(),)) for package in resolution.packages],
            toolchain=toolchain,
            environ=environ,
            output=output,
            templates=source,
        )
        snapshot = collect_inputs(request, resolution, compiled)
    if folder:
        record(folder, request, snapshot, b"result")
    return snapshot, request


@pytest.mark.e2e
@pytest.mark.parametrize("change", ["", "work file", "vendor", "module release", "tags", "add source", "embedded add"])
def test_everything_that_go_names_is_looked_at(
    change: str, tmp_path: Path, toolchain: Toolchain, environ: dict[str, str]
) -> None:
    world = World(tmp_path / "src", random.Random(1), environ)
    world.create()
    if change == "work file":
        dict(CHANGES)["module release"](world)
    if change:
        dict(CHANGES)[change](world)
    time.sleep(0.05)
    snapshot, _ = _build(toolchain, world.environ, world.app, options=world.options)
    assert snapshot.uncacheable == ""
    expected = _said_by_go(toolchain, world.app, world.environ)
    assert len(expected) >= 8
    assert expected <= _looked_at(snapshot)
    surroundings = {str(world.app / "go.mod"), str(world.root / "dep/go.mod")}
    assert change == "work file" or surroundings <= _looked_at(snapshot)


@pytest.mark.e2e
def test_a_version_is_remembered_and_a_query_is_not(
    tmp_path: Path, toolchain: Toolchain, environ: dict[str, str]
) -> None:
    folder = str(tmp_path / "records")
    fixed = "golang.org/x/example/hello@v0.0.0-20240925201653-1a5e218e5455"
    snapshot, request = _build(toolchain, environ, tmp_path, fixed, folder=folder)
    assert snapshot.uncacheable == ""
    found = lookup(folder, request)
    assert isinstance(found, Hit)
    assert found.result == b"result"
    snapshot, request = _build(toolchain, environ, tmp_path, "golang.org/x/example/hello@latest", folder=folder)
    assert "can mean another version tomorrow" in snapshot.uncacheable
    assert isinstance(lookup(folder, request), Miss)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("options", "settings", "reason"),
    [
        (BuildOptions(goflags=("-overlay=overlay.json",)), {}, "-overlay is in use"),
        (BuildOptions(goflags=("-modfile=other.mod",)), {}, "-modfile is in use"),
        (BuildOptions(gcflags=("-d=panic",)), {}, ""),
        (BuildOptions(ldflags=("-extldflags=-static",)), {}, ""),
        (BuildOptions(ldflags=("-I /lib/ld.so",)), {}, "-I is among -ldflags"),
        (BuildOptions(goflags=("-pgo=off",)), {"CGO_ENABLED": "1"}, "cgo is on"),
        (BuildOptions(), {"GOTOOLCHAIN": "auto"}, ""),
    ],
)
def test_what_cannot_be_remembered(
    options: BuildOptions,
    settings: dict[str, str],
    reason: str,
    write: Write,
    request: pytest.FixtureRequest,
) -> None:
    toolchain, environ = request.getfixturevalue("toolchain"), request.getfixturevalue("environ")
    module = "module m.test\n\ngo 1.21\n"
    main = "package main\n\nfunc main() {}\n"
    root = write({"go.mod": module, "other.mod": module, "main.go": main, "overlay.json": '{"Replace": {}}'})
    time.sleep(0.05)
    snapshot, _ = _build(toolchain, environ | settings, root, options=options)
    assert snapshot.uncacheable.startswith(reason)
    assert bool(snapshot.uncacheable) == bool(reason)


@pytest.mark.e2e
def test_where_go_may_choose_another_toolchain_path_counts(
    write: Write, toolchain: Toolchain, environ: dict[str, str]
) -> None:
    root = write({"go.mod": "module m.test\n\ngo 1.21\n", "main.go": "package main\n\nfunc main() {}\n"})
    assert _build(toolchain, environ, root)[0].environment == {}
    named = environ | {"GOTOOLCHAIN": f"{toolchain.version}+auto"}
    assert _build(toolchain, named, root)[0].environment == {"PATH": environ["PATH"]}
