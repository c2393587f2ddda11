"""A build that is not done gives what a build would give: held against clean builds, at random."""

import hashlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smidgen.errors import SmidgenError
from smidgen.gobuild.batch import Job
from smidgen.gobuild.cache import Hit, Miss, Request, collect_inputs, lookup, record
from smidgen.gobuild.compile import compile_packages
from smidgen.gobuild.environment import host_platform
from smidgen.gobuild.git import start_git
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.target import resolve_targets
from smidgen.gobuild.template_values import TemplateSource
from smidgen.gobuild.toolchain import Toolchain
from support.changing_project import World

pytestmark = pytest.mark.e2e

_STEPS = int(os.environ.get("SMIDGEN_TEST_SOAK_STEPS", "30"))
_SEED = os.environ.get("SMIDGEN_TEST_SEED", "")
_SETTLE_SECONDS = 0.05


class Builder:
    """Builds a world, with the cache and without."""

    def __init__(self, world: World, toolchain: Toolchain, folder: Path) -> None:
        self.world = world
        self.toolchain = toolchain
        self.folder = str(folder)

    def request(self) -> Request:
        world = self.world
        environ = dict(world.environ)
        source = TemplateSource(environ=environ, git=start_git(str(world.app), environ).result(), now=0)
        options = ((world.options, (host_platform(),)),)
        return Request(
            cwd=str(world.app), targets=world.targets, options=options, toolchain=self.toolchain, source=source
        )

    def lookup(self) -> Hit | Miss:
        return lookup(self.folder, self.request())

    def build(self, *, previous: Miss | None, progress: Callable[[str], None] | None = None) -> tuple[str, str]:
        """Build, and record if *previous* is given; gives the digest, or the error, and why it was not recorded."""
        request = self.request()
        environ = request.source.environ
        with tempfile.TemporaryDirectory() as output:
            try:
                resolution = resolve_targets(
                    self.world.targets,
                    cwd=str(self.world.app),
                    toolchain=self.toolchain,
                    environ=environ,
                    options=self.world.options,
                )
                compiled = compile_packages(
                    [
                        Job(package=package, options=self.world.options, platforms=(host_platform(),))
                        for package in resolution.packages
                    ],
                    toolchain=self.toolchain,
                    environ=environ,
                    output=output,
                    templates=request.source,
                    progress=progress,
                )
            except SmidgenError as error:
                return f"error: {error}"[:400], "it failed"
            content = hashlib.sha256()
            for binary in compiled.binaries:
                content.update(f"{binary.package.import_path}\n".encode() + Path(binary.path).read_bytes())
            digest = content.hexdigest()
            if previous is None:
                return digest, ""
            snapshot = collect_inputs(request, resolution, compiled, previous=previous.previous)
            return digest, record(self.folder, request, snapshot, digest.encode())


def _check_step(builder: Builder, done: list[str], *, must_hit: bool) -> bool:
    """Hold the cache against a clean build; tells whether the present state is recorded."""
    found = builder.lookup()
    clean, _ = builder.build(previous=None)
    builder.world.is_broken = clean.startswith("error")
    where = f"after {', '.join(done[-12:])}"
    if isinstance(found, Hit):
        assert found.result.decode() == clean, f"stale {where}"
        return True
    assert not must_hit, f"built for nothing ({found.reason}) {where}"
    digest, refusal = builder.build(previous=found)
    assert digest == clean
    if refusal:
        return False
    again = builder.lookup()
    assert isinstance(again, Hit), f"not remembered ({again.reason}) {where}"
    return True


@pytest.mark.parametrize("walk", range(1 if _SEED else 2))
def test_a_hit_is_what_a_clean_build_gives(
    walk: int, tmp_path: Path, toolchain: Toolchain, environ: dict[str, str]
) -> None:
    seed = _SEED or f"walk {walk}"
    print(f"SMIDGEN_TEST_SEED={seed!r} SMIDGEN_TEST_SOAK_STEPS={_STEPS}")  # noqa: T201
    variables = environ | {"GOENV": str(tmp_path / "src/goenv"), "HOME": str(tmp_path), "STAMP": "x"}
    variables |= {"GOCACHE": environ.get("GOCACHE", os.path.expanduser("~/.cache/go-build")), "GOPROXY": "off"}
    world = World(tmp_path / "src", random.Random(seed), variables)
    world.create()
    builder = Builder(world, toolchain, tmp_path / "records")
    done: list[str] = []
    is_recorded = False
    hits = 0
    for _ in range(_STEPS):
        changes = world.chance.choice([1, 1, 1, 2, 3])
        neutral = True
        for _ in range(changes):
            done.append(world.change())
            neutral = neutral and world.is_neutral
        if world.chance.random() < 0.9:
            time.sleep(_SETTLE_SECONDS)
        else:
            done.append("(at once)")
        before = is_recorded
        is_recorded = _check_step(builder, done, must_hit=neutral and before)
        hits += neutral and before
    assert hits > 0


def test_a_change_of_equal_size_right_after_is_seen(
    tmp_path: Path, toolchain: Toolchain, environ: dict[str, str]
) -> None:
    world = World(tmp_path / "src", random.Random(1), environ)
    world.create()
    builder = Builder(world, toolchain, tmp_path / "records")
    time.sleep(_SETTLE_SECONDS)
    path = world.app / "lib/plain.go"
    text = path.read_text()
    found = builder.lookup()
    assert isinstance(found, Miss)
    assert builder.build(previous=found)[1] == ""
    for number in range(60):
        path.write_text(text.replace("plain", f"{number:05}"))
        answer = builder.lookup()
        assert isinstance(answer, Miss)
        assert answer.reason == f"{path} changed"
        path.write_text(text)
        assert isinstance(builder.lookup(), Hit)


def test_a_change_during_the_build_is_not_recorded(
    tmp_path: Path, toolchain: Toolchain, environ: dict[str, str]
) -> None:
    world = World(tmp_path / "src", random.Random(1), environ)
    world.create()
    builder = Builder(world, toolchain, tmp_path / "records")
    time.sleep(_SETTLE_SECONDS)
    text = '//go:build !special\n\npackage lib\n\nconst name = "late"\n'
    refusal = builder.build(previous=Miss(""), progress=lambda _: world.write("app/lib/plain.go", text))[1]
    assert refusal == f"{world.app}/lib/plain.go changed during the build, or just before"
    assert isinstance(builder.lookup(), Miss)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("-tags", "the flags changed"),
        ("GOFLAGS", "GOFLAGS changed"),
        ("app/main.go", "app/main.go changed"),
        ("new file", "app/lib has a new new.go"),
        ("gone", "app/lib/lib_windows.go is gone"),
        ("go.work", "go.work appeared"),
        ("commit", "the state of the repository"),
    ],
)
def test_reasons(change: str, reason: str, tmp_path: Path, toolchain: Toolchain, environ: dict[str, str]) -> None:
    stamping = "-buildvcs=true" if change == "commit" else "-buildvcs=false"
    world = World(tmp_path / "src", random.Random(1), environ | {"GOFLAGS": stamping})
    world.create()
    builder = Builder(world, toolchain, tmp_path / "records")
    time.sleep(_SETTLE_SECONDS)
    found = builder.lookup()
    assert found == Miss("it was not built before")
    assert builder.build(previous=Miss(""))[1] == ""
    match change:
        case "-tags":
            world.options = BuildOptions(tags=("special",))
        case "GOFLAGS":
            world.environ["GOFLAGS"] = "-mod=readonly"
        case "app/main.go":
            world.write("app/main.go", "package main\n\nfunc main() {}\n")
        case "new file":
            world.write("app/lib/new.go", "package lib\n")
        case "gone":
            (world.app / "lib/lib_windows.go").unlink()
        case "go.work":
            world.write("go.work", "go 1.21\n\nuse ./app\n")
        case "commit":
            world.commit()
    answer = builder.lookup()
    assert isinstance(answer, Miss)
    assert reason in answer.reason


def test_records_are_bounded_and_damage_is_no_error(
    tmp_path: Path, toolchain: Toolchain, environ: dict[str, str]
) -> None:
    world = World(tmp_path / "src", random.Random(1), environ)
    world.create()
    builder = Builder(world, toolchain, tmp_path / "records")
    time.sleep(_SETTLE_SECONDS)
    for number in range(20):
        world.environ["GOPRIVATE"] = str(number)
        found = builder.lookup()
        assert isinstance(found, Miss)
        assert builder.build(previous=found)[1] == ""
    kept = list((tmp_path / "records").rglob("*.record"))
    assert len(kept) == 16
    assert isinstance(builder.lookup(), Hit)
    for path in kept:
        path.write_bytes(path.read_bytes()[:-5])
    assert isinstance(builder.lookup(), Miss)
    shutil.rmtree(tmp_path / "records")
    (tmp_path / "records").write_text("in the way")
    found = builder.lookup()
    assert isinstance(found, Miss)
    assert "Not a directory" in builder.build(previous=found)[1]
