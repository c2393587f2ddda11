"""Dockerfiles built in this process, on an image of busybox, with what happened written down."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.report import StepName
from smidgen.dockerfile.execute.request import DockerfileRequest, build_dockerfile
from smidgen.dockerfile.parse import parse
from smidgen.dockerfile.plan import BuildOptions
from smidgen.image.filetree import FileTree, below
from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.platform import Platform, host_platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.small_images import put_image

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
GROUP = "root:x:0:\napp:x:1000:\nstaff:x:50:app\nnogroup:x:65534:\n"
HOST = host_platform()


def busybox() -> Path:
    """Find the static busybox of this machine."""
    found = shutil.which("busybox")
    assert found is not None, "no busybox: scripts/test-packages says what to install"
    return Path(found)


def busybox_entries() -> list[Entry]:
    """Give the files of a small root file system with a shell."""
    binary = busybox()
    applets = subprocess.run([binary, "--list"], check=True, capture_output=True, text=True).stdout.split()
    return [
        Entry.directory("bin"),
        Entry.file("bin/busybox", binary, mode=0o755),
        *(Entry.symlink(f"bin/{name}", "busybox") for name in sorted({*applets, "sh"} - {"busybox"})),
        Entry.directory("etc"),
        Entry.file("etc/group", GROUP.encode()),
        Entry.file("etc/passwd", PASSWD.encode()),
        Entry.directory("home"),
        Entry.directory("root", mode=0o700),
        Entry.directory("tmp", mode=0o1777),
    ]


@dataclass
class Log:
    """A watcher that writes everything down."""

    began: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def started(self, step: StepName) -> None:
        self.began.append(step.title)

    def wrote(self, _step: StepName, text: str) -> None:
        self.lines.append(text)

    def finished(self, step: StepName, _seconds: float) -> None:
        self.done.append(step.title)

    def cached(self, step: StepName) -> None:
        self.hits.append(step.title)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@dataclass(frozen=True)
class Made:
    """What a build gave."""

    image: Image
    log: Log

    @property
    def run(self) -> RunConfig:
        return self.image.for_platform(HOST).config.run

    @property
    def history(self) -> list[tuple[str, bool]]:
        found = self.image.for_platform(HOST).config.history or ()
        return [(entry.created_by, entry.empty_layer) for entry in found]

    @property
    def files(self) -> dict[str, str]:
        """All files, each as ``kind mode uid:gid`` and what else there is to say."""
        return {path: described(entry) for path, entry in self.entries.items()}

    @property
    def entries(self) -> dict[str, Entry]:
        tree = FileTree.of(self.image.for_platform(HOST))
        return {node.entry.path: node.entry for node in below(tree.root, deep=True)}

    def content(self, path: str) -> str:
        """Read a file of the image."""
        from smidgen.layer.tar_reader import read_tar

        image, found = self.image.for_platform(HOST), None
        for layer in image.layers:
            with image.open_layer(layer) as stream:
                for member in read_tar(stream):
                    if member.entry.path == path:
                        found = member.read().decode()
        assert found is not None, f"no {path}"
        return found


def described(entry: Entry) -> str:
    more = f" -> {entry.link}" if entry.link else f" {entry.size}" if entry.size else ""
    return f"{entry.kind} {entry.mode:04o} {entry.uid}:{entry.gid}{more}"


@dataclass(frozen=True)
class Bench:
    """A store with the image ``busybox``, and a context."""

    store: ContentStore
    context: Path

    @classmethod
    def at(cls, directory: Path) -> "Bench":
        store = ContentStore.open(directory / "store")
        bench = cls(store, directory / "context")
        bench.context.mkdir()
        bench.base("busybox", busybox_entries())
        return bench

    def base(self, name: str, *layers: list[Entry], run: RunConfig | None = None, platform: Platform = HOST) -> Image:
        """Put an image into the store."""
        reference = Reference.parse(name).with_default_tag()
        with self.store.writing():
            descriptor = put_image(self.store, *layers, platform=platform, run=run or RunConfig(), compression="none")
            self.store.tag(reference, descriptor)
        return Image(self.store, descriptor, reference)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files of the context."""
        for name, content in files.items():
            path = self.context / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def request(
        self,
        dockerfile: str,
        *,
        options: ExecuteOptions | None = None,
        args: Mapping[str, str] | None = None,
        target: str = "",
        contexts: Mapping[str, str] | None = None,
        platforms: tuple[Platform, ...] = (),
    ) -> DockerfileRequest:
        """Make the request of a build."""
        options = options or ExecuteOptions(context=None)
        return DockerfileRequest(
            dockerfile=parse(dockerfile, name="Dockerfile"),
            platforms=platforms,
            build=BuildOptions(
                build_platform=HOST,
                target_platform=HOST,
                build_args=args or {},
                target=target,
                contexts=contexts or {},
            ),
            execute=replace(options, context=self.context),
        )

    def build(
        self,
        dockerfile: str,
        *,
        options: ExecuteOptions | None = None,
        args: Mapping[str, str] | None = None,
        target: str = "",
        contexts: Mapping[str, str] | None = None,
        platforms: tuple[Platform, ...] = (),
    ) -> Made:
        """Build a Dockerfile."""
        request = self.request(
            dockerfile, options=options, args=args, target=target, contexts=contexts, platforms=platforms
        )
        log = Log()
        outcome = build_dockerfile(request, self.store, log)
        return Made(outcome.image, log)


@pytest.fixture
def public() -> Iterator[Bench]:
    """A bench that everybody can read and write."""
    directory = Path(tempfile.mkdtemp(prefix="smidgen-bench-"))
    try:
        yield Bench.at(directory)
    finally:
        shutil.rmtree(directory)
