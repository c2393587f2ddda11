"""Programs and data that other people wrote, from the Go module proxy, built once and kept between test runs.

They are kept in ``$SMIDGEN_TEST_CACHE``, else ``~/.cache/smidgen-tests``. A lock makes the first of many
parallel tests build, and the others wait for it.
"""

import fcntl
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.21.9"
KO = "github.com/google/ko@v0.19.1"
IMAGE_SPEC = "github.com/opencontainers/image-spec@v1.1.1"


def cache_directory() -> Path:
    """Give the directory that outlives a test run."""
    root = Path(os.environ.get("SMIDGEN_TEST_CACHE") or Path.home() / ".cache" / "smidgen-tests")
    root.mkdir(parents=True, exist_ok=True)
    return root


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """Hold the lock *name* of the cache directory, against other processes too; gives that directory."""
    root = cache_directory()
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield root


@functools.cache
def go_tool(package: str) -> Path:
    """Build *package* (``PATH@VERSION``) if it is not there yet, and give its executable."""
    path, _, version = package.partition("@")
    name = path.rsplit("/", 1)[-1]
    target = cache_directory() / "bin" / f"{name}-{version}"
    with locked(f"{name}-{version}"):
        if not target.exists():
            fresh = target.with_name(target.name + ".new")
            environment = os.environ | {"GOBIN": str(fresh), "GOFLAGS": "", "CGO_ENABLED": "0"}
            subprocess.run([go(), "install", package], check=True, env=environment)
            (fresh / name).rename(target)
            shutil.rmtree(fresh)
    return target


@functools.cache
def go_main(module: str, package: str) -> Path:
    """Build *package*, a directory of *module* (``PATH@VERSION``), if ``go install`` refuses it for its go.mod."""
    version = module.partition("@")[2]
    name = package.rsplit("/", 1)[-1]
    target = cache_directory() / "bin" / f"{name}-{version}"
    with locked(f"{name}-{version}"):
        if not target.exists():
            fresh = target.with_name(target.name + ".new")
            target.parent.mkdir(exist_ok=True)
            environment = os.environ | {"GOFLAGS": "", "CGO_ENABLED": "0"}
            command = [go(), "build", "-trimpath", "-ldflags=-s -w", "-o", str(fresh), f"./{package}"]
            subprocess.run(command, check=True, env=environment, cwd=go_module(module))
            fresh.rename(target)
    return target


@functools.cache
def go_module(module: str) -> Path:
    """Download *module* (``PATH@VERSION``) and give the directory of its files."""
    text = subprocess.run([go(), "mod", "download", "-json", module], check=True, capture_output=True, text=True).stdout
    return Path(json.loads(text)["Dir"])


@functools.cache
def go() -> str:
    """Find the Go toolchain."""
    found = shutil.which("go")
    assert found, "no Go toolchain: `make test` brings one"
    return found
