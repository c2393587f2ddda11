"""``smidgen build`` as a whole gives what it would give in an empty store: at random."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smidgen.gobuild.toolchain import Toolchain
from support.changing_project import NEUTRAL, World
from support.command import Outcome, run

pytestmark = pytest.mark.e2e

_STEPS = int(os.environ.get("SMIDGEN_TEST_SOAK_STEPS", "20"))
_SEED = os.environ.get("SMIDGEN_TEST_SEED", "command")
# What changes neither the binary nor what git says of it.
_STILL = [(name, action) for name, action in NEUTRAL if name in {"touch", "touch into the past", "nothing"}]
_SETTLE_SECONDS = 0.05


def _build(world: World, store: Path) -> Outcome:
    options = world.options
    flags = [f"--tags={tag}" for tag in options.tags]
    flags += [] if options.strip else ["--no-strip"]
    for name, value in options.variables:
        flags += ["-X", f"{name}={value}"]
    command = [sys.executable, "-m", "smidgen", "build", *flags, *world.targets]
    return run(*command, cwd=world.app, env=world.environ | {"SMIDGEN_STORE": str(store)})


def test_a_build_is_what_it_is_in_an_empty_store(tmp_path: Path, toolchain: Toolchain, environ: dict[str, str]) -> None:
    print(f"SMIDGEN_TEST_SEED={_SEED!r} SMIDGEN_TEST_SOAK_STEPS={_STEPS}")  # noqa: T201
    variables = environ | {"GOENV": str(tmp_path / "src/goenv"), "STAMP": "x", "GOPROXY": "off", "HOME": str(tmp_path)}
    variables |= {
        "GOCACHE": environ.get("GOCACHE", os.path.expanduser("~/.cache/go-build")),
        "SMIDGEN_GO": toolchain.path,
    }
    world = World(tmp_path / "src", random.Random(_SEED), variables)
    world.create()
    done: list[str] = []
    has_settled = False
    unchanged = succeeded = 0
    for number in range(_STEPS):
        is_still = world.chance.random() < 0.4
        if is_still:
            name, action = world.chance.choice(_STILL)
            action(world)
            done.append(name)
        else:
            done += [world.change() for _ in range(world.chance.choice([1, 1, 2]))]
        if world.chance.random() < 0.9:
            time.sleep(_SETTLE_SECONDS)
        first = _build(world, tmp_path / "store")
        clean = _build(world, tmp_path / f"empty{number}")
        where = f"after {', '.join(done[-12:])}\n{first}\n{clean}"
        assert (first.exit_code, first.stdout) == (clean.exit_code, clean.stdout), where
        assert "Traceback" not in first.stderr, where
        world.is_broken = first.exit_code != 0
        succeeded += not world.is_broken
        if is_still and has_settled:
            assert "nothing changed" in first.stderr, where
            unchanged += 1
        # What was built now and can be built again as it is, without the compiler.
        has_settled = first.exit_code == 0 and "nothing changed" in _build(world, tmp_path / "store").stderr
    assert unchanged > 0
    assert succeeded > _STEPS // 2


def test_a_difference_is_one(tmp_path: Path, environ: dict[str, str]) -> None:
    world = World(tmp_path / "src", random.Random(1), environ | {"HOME": str(tmp_path)})
    world.create()
    before = _build(world, tmp_path / "store")
    world.write("app/lib/plain.go", '//go:build !special\n\npackage lib\n\nconst name = "other"\n')
    subprocess.run(["git", "commit", "-qa", "--amend", "--no-edit"], cwd=world.root, check=False)
    after = _build(world, tmp_path / "store")
    assert before.exit_code == after.exit_code == 0
    assert before.stdout != after.stdout
