"""Targets to main packages."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from smidgen.errors import BuildError, NotMainPackage, UsageError
from smidgen.gobuild.answers import Answers
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.target import Resolution, resolve_targets
from smidgen.gobuild.toolchain import Toolchain

HELLO = 'package main\n\nfunc main() { println("hello") }\n'
Write = Callable[[dict[str, str]], Path]
MODULE = {"go.mod": "module example.com/app\n\ngo 1.21\n"}


@pytest.fixture
def resolve(toolchain: Toolchain, environ: dict[str, str]) -> Callable[..., Resolution]:
    def resolve_in(cwd: Path, *targets: str, **settings: str) -> Resolution:
        tags = tuple(filter(None, settings.pop("tags", "").split(",")))
        return resolve_targets(
            targets, cwd=str(cwd), toolchain=toolchain, environ=environ | settings, options=BuildOptions(tags=tags)
        )

    return resolve_in


def paths(resolution: Resolution) -> list[str]:
    return [package.import_path for package in resolution.packages]


def test_no_target_is_the_current_directory(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write(MODULE | {"main.go": HELLO})
    (package,) = resolve(root).packages
    assert (package.import_path, package.name, package.target) == ("example.com/app", "app", ".")
    assert package.directory == package.root == package.module_root == os.path.realpath(root)


def test_directories_and_import_paths(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write(MODULE | {"cmd/a/main.go": HELLO, "cmd/b/v2/main.go": HELLO, "lib/lib.go": "package lib\n"})
    resolution = resolve(root, "./cmd/a", "cmd/a", "example.com/app/cmd/a", str(root / "cmd/b/v2"))
    assert paths(resolution) == ["example.com/app/cmd/a", "example.com/app/cmd/b/v2"]
    assert [package.name for package in resolution.packages] == ["a", "b"]
    assert paths(resolve(root / "lib", "../cmd/a")) == ["example.com/app/cmd/a"]


def test_patterns_mean_main_packages_only(write: Write, resolve: Callable[..., Resolution]) -> None:
    files = dict.fromkeys(
        ("cmd/a/main.go", "cmd/b/main.go", "cmd/_x/main.go", "cmd/.y/main.go", "cmd/testdata/main.go", "other/main.go"),
        HELLO,
    )
    root = write(
        MODULE
        | files
        | {"cmd/lib/lib.go": "package lib\n", "cmd/inner/go.mod": "module inner\n", "cmd/inner/main.go": HELLO}
        | {"cmd/vendor/v/main.go": HELLO}
    )
    assert paths(resolve(root, "./cmd/...")) == ["example.com/app/cmd/a", "example.com/app/cmd/b"]
    assert paths(resolve(root, "cmd/...")) == ["example.com/app/cmd/a", "example.com/app/cmd/b"]
    assert paths(resolve(root, "example.com/app/cmd/...")) == ["example.com/app/cmd/a", "example.com/app/cmd/b"]
    assert paths(resolve(root, "./...")) == ["example.com/app/cmd/a", "example.com/app/cmd/b", "example.com/app/other"]
    assert paths(resolve(root, "./.../b")) == ["example.com/app/cmd/b"]
    with pytest.raises(NotMainPackage, match="no main package below"):
        resolve(root, "./cmd/lib/...")
    with pytest.raises(UsageError, match="no directory"):
        resolve(root, "./nowhere/...")


def test_ignored_directories(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write({"go.mod": "module m.test\n\nignore (\n\t./web\n\tgen\n)\n"} | dict.fromkeys(
        ("web/x/main.go", "a/web/main.go", "a/gen/b/main.go", "c/main.go"), HELLO))  # fmt: skip
    assert paths(resolve(root, "./...")) == ["m.test/a/web", "m.test/c"]


def test_several_modules_below_a_directory_without_one(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write(
        {"a/go.mod": "module a.test\n", "a/main.go": HELLO, "b/go.mod": "module b.test\n", "b/cmd/x/main.go": HELLO}
    )
    resolution = resolve(root, "./...")
    assert paths(resolution) == ["a.test", "b.test/cmd/x"]
    assert [package.root for package in resolution.packages] == [str(root / "a"), str(root / "b")]


def test_workspace(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write(
        {
            "go.work": "go 1.21\n\nuse (\n\t./a\n\t./b\n)\n",
            "a/go.mod": "module a.test\n",
            "a/main.go": HELLO,
            "b/go.mod": "module b.test\n",
            "b/main.go": HELLO,
            "c/go.mod": "module c.test\n",
            "c/main.go": HELLO,
        }
    )
    (a, b) = resolve(root, "./a", "b.test").packages
    assert {a.root, b.root} == {str(root)}
    assert resolve(root / "a", ".", GOWORK="off").packages[0].root == str(root / "a")
    assert resolve(root, "./c").packages[0].root == str(root / "c")


def test_not_a_main_package_names_those_near(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write(MODULE | {"lib/lib.go": "package lib\n", "cmd/a/main.go": HELLO})
    with pytest.raises(NotMainPackage, match="is package lib") as caught:
        resolve(root, "./lib")
    assert caught.value.hint == "main packages near: ./cmd/a"
    with pytest.raises(NotMainPackage, match="no Go files"):
        resolve(root)


def test_build_constraints_are_left_to_go(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write(
        MODULE
        | {
            "linux/main_linux.go": HELLO,
            "tagged/main.go": "//go:build special\n\n" + HELLO,
            "windows/main_windows.go": HELLO,
            "tools/lib.go": "package lib\n",
            "tools/gen.go": "//go:build ignore\n\n" + HELLO,
            "mixed/a.go": HELLO,
            "mixed/b.go": "package other\n",
        }
    )
    assert paths(resolve(root, "./linux")) == ["example.com/app/linux"]
    assert paths(resolve(root, "./tagged", tags="special")) == ["example.com/app/tagged"]
    for target in ("./tagged", "./windows", "./tools", "./mixed"):
        with pytest.raises(NotMainPackage):
            resolve(root, target)
    assert paths(resolve(root, "./...")) == ["example.com/app/linux"]


def test_no_module(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write({"main.go": HELLO})
    with pytest.raises(BuildError, match=r"no go\.mod"):
        resolve(root)
    with pytest.raises(UsageError, match="neither a directory nor an import path"):
        resolve(root, "example.com/unknown")


def test_ambiguous(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write({"go.mod": "module cmd\n", "app/main.go": HELLO, "cmd/app/main.go": HELLO})
    with pytest.raises(UsageError, match="ambiguous") as caught:
        resolve(root, "cmd/app")
    assert caught.value.hint == "write ./cmd/app for the directory"
    assert paths(resolve(root, "./cmd/app")) == ["cmd/cmd/app"]


def test_unknown_import_path_has_gos_words(write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write(MODULE | {"main.go": HELLO})
    with pytest.raises(NotMainPackage, match=r"no required module provides package example\.org/x"):
        resolve(root, "example.org/x")


@pytest.mark.parametrize(
    "target", ["main.go", "./nowhere", "/nowhere/at/all", "a b", "nodots/x@v1", "example.com/x@", "x@y z"]
)
def test_bad_targets(target: str, write: Write, resolve: Callable[..., Resolution]) -> None:
    root = write(MODULE | {"main.go": HELLO})
    with pytest.raises(UsageError):
        resolve(root, target)


def test_at_a_version(tmp_path: Path, resolve: Callable[..., Resolution]) -> None:
    (package,) = resolve(tmp_path, "github.com/rakyll/hey/v2@v2.1.4").packages
    assert (package.import_path, package.version, package.name) == ("github.com/rakyll/hey/v2", "v2.1.4", "hey")
    assert package.directory == package.root == ""


def test_what_go_said_is_remembered(
    write: Write, toolchain: Toolchain, environ: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    script = tmp_path / "go"
    script.write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {toolchain.path} "$@"\n')
    script.chmod(0o755)
    root = write(MODULE | {"main_linux.go": HELLO, "windows/main_windows.go": HELLO})
    time.sleep(0.05)

    def asked(*targets: str, **settings: str) -> int:
        log.write_text("")
        logged = replace(toolchain, path=str(script))
        answers = Answers(str(tmp_path / "answers"))
        with suppress(NotMainPackage):
            resolution = resolve_targets(
                targets, cwd=str(root), toolchain=logged, environ=environ | settings, answers=answers
            )
            assert paths(resolution) == ["example.com/app"]
        return len(log.read_text().splitlines())

    assert asked(".") == 1
    assert asked(".") == 0
    assert asked("./windows") == 1
    assert asked("./windows") == 0
    assert asked("./...") == 0
    assert asked(".", GOFLAGS="-tags=x") == 1
    (root / "main_linux.go").write_text("//go:build never\n\n" + HELLO)
    assert asked(".") == 1
    (root / "go.work").write_text("go 1.21\n\nuse .\n")
    assert asked(".") == 1
    assert asked("example.org/unknown") == 1
    assert asked("example.org/unknown") == 1
