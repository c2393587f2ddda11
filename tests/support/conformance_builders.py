"""Builders that build the same Dockerfiles: smidgen, buildah, docker's two, and BuildKit's own daemon."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.platform import host_platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.command import ENDS_WITH_US, Outcome, must, run
from support.conformance_cases import Case, read_bases
from support.conformance_images import Built, built
from support.dockerd import Docker, running_dockerd, unmount_below
from support.dockerfile_bench import busybox_entries
from support.go_tools import go_main
from support.real_registries import RealRegistry, docker_registry
from support.small_images import put_image

BUILDKIT: Final = "github.com/moby/buildkit@v0.26.3"
_START_LIMIT: Final = 60.0
# What builders mount something on, so that it is no difference what they leave of it.
_MOUNTED_ON: Final = ("dev", "proc", "run", "sys")
_FILES: Final = ("etc/hosts", "etc/hostname", "etc/resolv.conf")
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Builder(Protocol):
    """What builds cases."""

    def build(self, case: Case, context: Path) -> tuple[Built | None, str]:
        """Build *case*, of which the files are in *context*; None where it fails, and what it said."""
        ...


def _arguments(case: Case) -> list[str]:
    words = [word for name, value in case.arguments.items() for word in ("--build-arg", f"{name}={value}")]
    return [*words, *(("--target", case.target) if case.target else ())]


def _layout(root: Path, digest: str) -> Built:
    """Read an image of an OCI image layout."""

    def blob(one: str) -> Path:
        return root / "blobs" / one.replace(":", "/")

    manifest = json.loads(blob(digest).read_bytes())
    while "manifests" in manifest:
        manifest = json.loads(blob(manifest["manifests"][0]["digest"]).read_bytes())
    config = json.loads(blob(manifest["config"]["digest"]).read_bytes())
    return built(config, [blob(layer["digest"]) for layer in manifest["layers"] or ()])


@dataclass(frozen=True)
class Ours:
    """The command line of smidgen."""

    store: Path

    def _run(self, *arguments: str | Path) -> Outcome:
        return run(sys.executable, "-m", "smidgen", *arguments, env=os.environ | {"SMIDGEN_STORE": str(self.store)})

    def build(self, case: Case, context: Path) -> tuple[Built | None, str]:
        note = context.with_name(f"{context.name}.digest")
        dockerfile = context / "Dockerfile"
        flags = ("-q", "--network", "none", "--compression", "none", "--iidfile", note)
        outcome = self._run("build", "-f", dockerfile, *flags, *_arguments(case), context)
        assert "Traceback" not in outcome.stderr, outcome
        if outcome.exit_code:
            return None, outcome.stderr
        return _layout(self.store, note.read_text()), outcome.stderr


@dataclass(frozen=True)
class Buildah:
    """Debian's buildah, with a storage of its own."""

    work: Path
    names: list[str] = field(default_factory=list)

    def command(self, *arguments: str | Path) -> list[str | Path]:
        """Give a command line of buildah."""
        places = ("--root", self.work / "root", "--runroot", self.work / "run", "--storage-driver", "overlay")
        return ["buildah", *places, *arguments]

    def load(self, archive: Path, name: str) -> None:
        """Take the image *name* from a ``docker save`` archive."""
        must(*self.command("pull", "--quiet", f"docker-archive:{archive}:{name}"))

    def build(self, case: Case, context: Path) -> tuple[Built | None, str]:
        flags = (
            "--isolation",
            "chroot",
            "--format",
            "docker",
            "--identity-label=false",
            "--pull-never",
            "--quiet",
        )
        name = f"localhost/{context.name}"
        outcome = run(*self.command("bud", *flags, "--tag", name, *_arguments(case), context))
        if outcome.exit_code:
            return None, outcome.stderr
        out = context.with_name(f"{context.name}.buildah")
        pushed = run(*self.command("push", "--quiet", "--disable-compression", name, f"dir:{out}"))
        if pushed.exit_code:
            return None, pushed.stderr
        manifest = json.loads((out / "manifest.json").read_bytes())

        def blob(descriptor: dict[str, Any]) -> Path:
            return out / str(descriptor["digest"]).partition(":")[2]

        image = built(
            json.loads(blob(manifest["config"]).read_bytes()), [blob(one) for one in manifest["layers"] or ()]
        )
        shutil.rmtree(out)
        return image, outcome.stderr


@dataclass(frozen=True)
class DockerBuild:
    """``docker build``: the classic builder, or the BuildKit that is in the daemon.

    Attributes:
        client: Debian's has no need of a plugin for BuildKit.
    """

    docker: Docker
    buildkit: bool
    client: str

    def build(self, case: Case, context: Path) -> tuple[Built | None, str]:
        name = f"{context.name}-{'docker' if self.buildkit else 'classic'}"
        environment = self.docker.environment | {"DOCKER_BUILDKIT": "1" if self.buildkit else "0"}
        flags = ("--network", "none", "--tag", name, *_arguments(case))
        outcome = run(self.client, "build", *flags, context, env=environment)
        if outcome.exit_code:
            return None, outcome.stdout[-1000:] + outcome.stderr
        with tempfile.TemporaryDirectory(dir=context.parent) as directory:
            out = Path(directory)
            saved = run(self.client, "save", "--output", out / "image.tar", name, env=environment)
            if saved.exit_code:
                return None, saved.stderr
            with tarfile.open(out / "image.tar") as tar:
                tar.extractall(out, filter="data")
            (manifest,) = json.loads((out / "manifest.json").read_bytes())
            layers = [out / one for one in manifest["Layers"] or ()]
            return built(json.loads((out / manifest["Config"]).read_bytes()), layers), outcome.stderr


@dataclass(frozen=True)
class BuildKit:
    """BuildKit's own daemon, of the version whose front end the other examinations know."""

    socket: Path

    def build(self, case: Case, context: Path) -> tuple[Built | None, str]:
        out = context.with_name(f"{context.name}.buildkit")
        words = [word for name, value in case.arguments.items() for word in ("--opt", f"build-arg:{name}={value}")]
        words += ["--opt", f"target={case.target}"] if case.target else []
        outcome = run(
            *(go_main(BUILDKIT, "cmd/buildctl"), "--addr", f"unix://{self.socket}", "build"),
            *("--frontend", "dockerfile.v0", "--local", f"context={context}", "--local", f"dockerfile={context}"),
            *("--opt", "force-network-mode=none", *words),
            *("--output", f"type=oci,tar=false,compression=uncompressed,dest={out}"),
        )
        if outcome.exit_code:
            return None, outcome.stderr
        index = json.loads((out / "index.json").read_bytes())
        image = _layout(out, index["manifests"][0]["digest"])
        shutil.rmtree(out)
        return image, outcome.stderr


def _client() -> str:
    """Give a docker client that knows BuildKit by itself."""
    return next(path for path in ("/usr/bin/docker", shutil.which("docker")) if path and Path(path).exists())


@contextmanager
def running_buildkitd(registry: RealRegistry) -> Iterator[BuildKit]:
    """Start BuildKit's daemon, which finds the images of Docker Hub in *registry*; end it with all that it mounted."""
    with tempfile.TemporaryDirectory(prefix="buildkitd-") as name:
        directory = Path(name)
        (directory / "buildkitd.toml").write_text(
            f'[registry."docker.io"]\nmirrors = ["{registry.host}"]\n[registry."{registry.host}"]\nhttp = true\n'
        )
        command: list[str | Path] = [
            *ENDS_WITH_US,
            *(go_main(BUILDKIT, "cmd/buildkitd"), f"--config={directory}/buildkitd.toml", f"--root={directory}/root"),
            *(f"--addr=unix://{directory}/sock", "--oci-worker-net=host", "--containerd-worker=false"),
            *("--oci-worker-snapshotter=overlayfs", f"--otel-socket-path={directory}/otel", "--oci-worker-gc=false"),
        ]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait(directory / "sock", process, directory / "log")
            yield BuildKit(directory / "sock")
        finally:
            process.terminate()
            process.wait()
            unmount_below(directory)


def _wait(socket: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_LIMIT
    client = go_main(BUILDKIT, "cmd/buildctl")
    while run(client, "--addr", f"unix://{socket}", "debug", "workers").exit_code:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


@contextmanager
def running_builders(work: Path, peers: Sequence[str]) -> Iterator[dict[str, Builder]]:
    """Give ``smidgen`` and *peers*, all with the same base images."""
    store = _store(work)
    found: dict[str, Builder] = {"smidgen": Ours(store.root)}
    archives = _archives(store, work)
    with ExitStack() as stack:
        if "buildah" in peers:
            # A build that fails leaves its container mounted, and so does the storage itself.
            stack.callback(unmount_below, work)
            buildah = found["buildah"] = Buildah(work / "buildah")
            for name, archive in archives.items():
                buildah.load(archive, name)
        if "classic" in peers or "docker" in peers:
            docker = stack.enter_context(running_dockerd(storage_driver="overlay2"))
            for archive in archives.values():
                docker("load", "--quiet", "--input", archive)
            found |= {name: DockerBuild(docker, name == "docker", _client()) for name in ("classic", "docker")}
        if "buildkit" in peers:
            registry = stack.enter_context(docker_registry("open"))
            for name, archive in archives.items():
                target = f"docker://{registry.host}/library/{name}"
                must("skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"docker-archive:{archive}", target)
            found["buildkit"] = stack.enter_context(running_buildkitd(registry))
        yield found


def _store(work: Path) -> ContentStore:
    """Make a store with the images that the cases start from."""
    store = ContentStore.open(work / "store")
    ready = [*(Entry.directory(path) for path in _MOUNTED_ON), *(Entry.file(path, b"") for path in _FILES)]
    run_config = RunConfig(env=(f"PATH={_PATH}",), cmd=("/bin/sh",))
    with store.writing():
        descriptor = put_image(store, [*busybox_entries(), *ready], run=run_config, platform=host_platform())
        store.tag(Reference.parse("base").with_default_tag(), descriptor)
    directory = work / "bases"
    directory.mkdir()
    for name, text in read_bases().items():
        (directory / "Dockerfile").write_text(text)
        flags = ("-q", "-t", name, "-f", directory / "Dockerfile", directory)
        must(sys.executable, "-m", "smidgen", "build", *flags, env=os.environ | {"SMIDGEN_STORE": str(store.root)})
    return store


def _archives(store: ContentStore, work: Path) -> dict[str, Path]:
    """Write each image of *store* as an archive that ``docker load`` takes, by its short name."""
    found = {}
    for reference in store.tags():
        name = reference.repository.removeprefix("library/")
        found[name] = work / f"{name}.tar"
        must("skopeo", "copy", "--quiet", f"oci:{store.root}:{reference}", f"docker-archive:{found[name]}:{name}")
    return found
