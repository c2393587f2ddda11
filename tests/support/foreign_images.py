"""Real images of other builders: docker, buildah, ko and containerd, each made once and kept between test runs.

All are of one program and the same few layers, so that what is said about them can be compared.
"""

import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.store.content import ContentStore
from support.base_images import put_base
from support.command import must
from support.dockerd import Docker, running_dockerd, unmount_below
from support.dockerfile_bench import busybox
from support.go_tools import KO, cache_directory, go_tool, locked
from support.hello_program import hello_program
from support.registry import Registry
from support.registry_images import publish
from support.registry_wire import serving
from support.small_images import AMD64, ARM64, put_index

#: What docker and buildah build: layers that add, replace and delete, and steps that make none.
DOCKERFILE: Final = """\
FROM scratch AS base
COPY busybox /bin/busybox
COPY data /srv/data

FROM base
LABEL made.by=test
COPY more /srv/data
RUN ["/bin/busybox", "rm", "/srv/data/old"]
COPY hello /app/hello
USER 65534:65534
ENTRYPOINT ["/app/hello"]
"""
_DELETED: Final = 30_000
_REPLACED: Final = 20_000
#: Bytes that no container can read: the file that is deleted, and the one that is replaced.
WASTED: Final = _DELETED + _REPLACED
_PROGRAM: Final = """\
package main

import "os"

func main() { os.Stdout.WriteString("hello\\n") }
"""
_NAME: Final = "example.com/team/foreign:1"


@dataclass(frozen=True)
class ForeignImages:
    """Where the images are.

    Attributes:
        root: A directory that nobody may change.
    """

    root: Path

    def __getitem__(self, name: str) -> str:
        """Give the image *name* as a target of commands."""
        return TARGETS[name].format(root=self.root)


#: Name → what to call it on a command line.
TARGETS: Final = {
    "docker build, docker save": "{root}/docker.tar",
    "BuildKit, docker save": "{root}/docker-buildkit.tar",
    "docker build, containerd export": "{root}/containerd.tar",
    "buildah, OCI layout": "oci:{root}/buildah",
    "buildah, OCI archive": "{root}/buildah-oci.tar",
    "buildah, docker archive": "{root}/buildah-docker.tar",
    "ko, tarball": "{root}/ko.tar",
    "ko, OCI layout of two platforms": "oci:{root}/ko",
}


@functools.cache
def foreign_images() -> ForeignImages:
    """Have each builder build, unless that was done before."""
    key = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    target = cache_directory() / "foreign-images" / key
    with locked("foreign-images"):
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            fresh = target.with_name("new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            with tempfile.TemporaryDirectory(prefix="foreign-") as name:
                _build(fresh, Path(name))
            fresh.rename(target)
    return ForeignImages(target)


def _build(root: Path, work: Path) -> None:
    context = work / "context"
    _write_context(context)
    steps: tuple[Callable[[Path, Path, Path], None], ...] = (_docker, _buildah, _ko)
    for step in steps:
        step(root, work, context)


def _write_context(context: Path) -> None:
    (context / "data").mkdir(parents=True)
    (context / "more").mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / "busybox").write_bytes(busybox().read_bytes())
    (context / "hello").write_bytes(hello_program())
    for name in ("busybox", "hello"):
        (context / name).chmod(0o755)
    (context / "data/old").write_bytes(b"o" * _DELETED)
    (context / "data/file").write_bytes(b"k" * _REPLACED)
    (context / "more/file").write_bytes(b"n" * 10_000)


def _docker(root: Path, _: Path, context: Path) -> None:
    with running_dockerd(storage_driver="overlay2") as docker:
        for builder, name in (("0", "docker"), ("1", "docker-buildkit")):
            environment = docker.environment | {"DOCKER_BUILDKIT": builder}
            flags = ("--quiet", "--network", "none", "--tag", _NAME)
            must("/usr/bin/docker", "build", *flags, context, env=environment)
            docker("save", "--output", root / f"{name}.tar", _NAME)
        _containerd(docker, root)


def _containerd(docker: Docker, root: Path) -> None:
    """Have containerd's store take docker's image and give it again, as a newer docker saves it from there."""
    docker.ctr("images", "import", "--no-unpack", "--compress-blobs", root / "docker.tar")
    docker.ctr("images", "export", root / "containerd.tar", _NAME)


def _buildah(root: Path, work: Path, context: Path) -> None:
    places = ("--root", work / "root", "--runroot", work / "run", "--storage-driver", "vfs")
    flags = ("--isolation", "chroot", "--layers", "--pull-never", "--quiet", "--tag", _NAME)
    try:
        must("buildah", *places, "bud", *flags, context)
        for target in (f"oci:{root}/buildah:1", f"oci-archive:{root}/buildah-oci.tar:1"):
            must("buildah", *places, "push", "--quiet", _NAME, target)
        must("buildah", *places, "push", "--quiet", _NAME, f"docker-archive:{root}/buildah-docker.tar:{_NAME}")
    finally:
        unmount_below(work)


def _ko(root: Path, work: Path, _: Path) -> None:
    module = work / "module"
    module.mkdir()
    (module / "go.mod").write_text("module example.com/team/foreign\n\ngo 1.21\n")
    (module / "main.go").write_text(_PROGRAM)
    store = ContentStore.open(work / "base")
    images = [(platform, put_base(store, platform=platform, with_data=False)) for platform in (AMD64, ARM64)]
    service = Registry()
    publish(service, store, put_index(store, images), "team/base", "1")
    flags = ("--push=false", "--sbom=none", "--base-import-paths", "--ldflags=-s", "--ldflags=-w")
    with serving(service) as server:
        environment = os.environ | {
            "KO_DEFAULTBASEIMAGE": f"{server.host}/team/base:1",
            "KO_DOCKER_REPO": "example.com/team",
            "KOCACHE": str(work / "cache"),
        }
        for more in (
            ("--tarball", root / "ko.tar", "--platform", str(AMD64)),
            ("--oci-layout-path", root / "ko", "--platform", f"{AMD64},{ARM64}"),
        ):
            must(go_tool(KO), "build", *flags, *more, ".", cwd=module, env=environment)
