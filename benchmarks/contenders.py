"""The tools that are compared, each told to do the same: the same flags, on the same sources.

Every contender keeps what it may keep between two builds, as it would on a developer's machine: Go its build cache,
ko its KOCACHE, docker its layers, smidgen its store.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.programs import Checkout

from support.go_tools import go

FLAGS = ("-trimpath", "-ldflags=-s -w")
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386")


class Contender(Protocol):
    """A tool that builds a checkout."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        ...

    def build(self, checkout: Checkout) -> None:
        """Build for this machine."""
        ...


def start(command: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run *command*, which must succeed; gives its standard output."""
    environment = os.environ | (env or {})
    ended = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} in {cwd} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def layout_size(layout: Path) -> int:
    """Add up what a machine with nothing pulls: the manifest, the configuration and the layers of the last image."""

    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    entry = json.loads((layout / "index.json").read_text())["manifests"][-1]
    document = json.loads(blob(entry["digest"]).read_text())
    if "manifests" in document:
        (entry,) = document["manifests"]
        document = json.loads(blob(entry["digest"]).read_text())
    return int(entry["size"] + document["config"]["size"] + sum(layer["size"] for layer in document["layers"]))


@dataclass
class GoBuild:
    """Bare ``go build``: only the binary, no image."""

    work: Path
    name: str = "go build"

    def build(self, checkout: Checkout) -> None:
        """Build into the same file each time, so that Go can see that there is nothing to do."""
        start(
            [go(), "build", *FLAGS, "-o", str(self.binary(checkout)), checkout.program.package],
            cwd=checkout.directory,
            env={"CGO_ENABLED": "0"},
        )

    def binary(self, checkout: Checkout) -> Path:
        """Name the executable."""
        return self.work / "go" / checkout.program.name


@dataclass
class Smidgen:
    """``smidgen build`` into its store."""

    work: Path
    name: str = "smidgen"

    def build(self, checkout: Checkout) -> None:
        """Build for this machine."""
        self._build(checkout, self.work / "store")

    def build_platforms(self, checkout: Checkout, number: int) -> None:
        """Build for four platforms into a store that is empty."""
        self._build(checkout, self.work / f"store-{number}", "--platform", ",".join(PLATFORMS))

    def pull_size(self, checkout: Checkout) -> int:
        """Give the bytes of the image."""
        self._build(checkout, self.work / "store", "--oci-layout", str(self.layout(checkout)))
        return layout_size(self.layout(checkout))

    def layout(self, checkout: Checkout) -> Path:
        """Name the layout that ``pull_size`` wrote."""
        return self.work / f"layout-{checkout.program.name}"

    def _build(self, checkout: Checkout, store: Path, *options: str) -> None:
        command = [str(Path(sys.executable).with_name("smidgen")), "build", checkout.program.package]
        name = f"example.com/{checkout.program.name}"
        start([*command, "-t", name, "--store", str(store), "-q", *options], cwd=checkout.directory)


@dataclass
class Ko:
    """``ko build`` into an OCI layout, at its best: KOCACHE on, no SBOM, stripped, an empty base.

    Attributes:
        program: The executable.
        base: Reference of an image with nothing in it.
        ldflags: As it comes, ko does not strip.
    """

    work: Path
    program: Path
    base: str
    ldflags: tuple[str, ...] = ("-s", "-w")
    name: str = "ko"

    def build(self, checkout: Checkout) -> None:
        """Build for this machine."""
        self._build(checkout, self.work / "cache", self._layout(checkout), PLATFORMS[0])

    def build_platforms(self, checkout: Checkout, number: int) -> None:
        """Build for four platforms, with nothing cached but by Go."""
        cache = self.work / f"cache-{number}"
        self._build(checkout, cache, self.work / f"layout-{number}", ",".join(PLATFORMS))

    def pull_size(self, checkout: Checkout) -> int:
        """Give the bytes of the image, its empty base included."""
        shutil.rmtree(self._layout(checkout), ignore_errors=True)
        self.build(checkout)
        return layout_size(self._layout(checkout))

    def _layout(self, checkout: Checkout) -> Path:
        return self.work / f"layout-{checkout.program.name}"

    def _build(self, checkout: Checkout, cache: Path, layout: Path, platforms: str) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        command = [str(self.program), "build", "--push=false", "--sbom=none", "--oci-layout-path", str(layout)]
        command += [part for flag in self.ldflags for part in ("--ldflags", flag)]
        environment = {
            "KOCACHE": str(cache),
            "KO_DEFAULTBASEIMAGE": self.base,
            "KO_DOCKER_REPO": "example.com",
        }
        start([*command, "--platform", platforms, checkout.program.package], cwd=checkout.directory, env=environment)
