"""``make bench ARGS=dockerfile``: Dockerfiles beside buildah and ``docker build``, and writes dockerfile.md.

Every tool has the same base images in its own store before the clock starts, and takes its turn in changing order. The
articles' Dockerfiles are those of ``tests/support/articles``, on stand-ins for their base images.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from benchmarks import probes
from benchmarks.contenders import start
from benchmarks.dockerfile_programs import MANY, PROGRAMS, Program
from benchmarks.dockerfile_table import render
from benchmarks.results import Figures

from smidgen.image.image import Image
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support import stand_ins
from support.dockerd import Docker, running_dockerd, unmount_below

_HERE = Path(__file__).resolve().parent
_PAUSE = 0.3
# A command in a root file system with the two directories that compilers look into, and nothing else.
_BARE = 'mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh -c "cd $1; $2"'


@dataclass(frozen=True)
class Tool:
    """A builder.

    Attributes:
        build: Directory, name, more options → command line.
        environ: Variables for it.
    """

    name: str
    build: Callable[[Path, str, Sequence[str]], list[str]]
    environ: Mapping[str, str] = field(default_factory=dict)

    def command(self, directory: Path, name: str, *, again: bool) -> list[str]:
        """Give the command line; all three have the same option for doing every step *again*."""
        return self.build(directory, name, ["--no-cache"] if again else [])


@dataclass
class Bench:
    """What is measured with.

    Attributes:
        work: A directory on the disk.
        rounds: How often a program is built cold; one that takes long once less, and an unchanged one more often.
        tools: smidgen first.
        store: That of smidgen.
    """

    work: Path
    rounds: int
    tools: tuple[Tool, ...]
    store: ContentStore
    figures: Figures = field(default_factory=Figures)

    def build(self, measure: str, tool: Tool, program: Program, *, again: bool) -> None:
        """Build *program* once and note its time."""
        command = tool.command(self.work / program.name, program.name.lower().replace(" ", "-"), again=again)
        self.time(measure, tool.name, command, os.environ | tool.environ)

    def time(self, measure: str, name: str, command: list[str], environ: Mapping[str, str]) -> None:
        """Run *command* once and note its time."""
        os.sync()
        time.sleep(_PAUSE)
        begin = time.perf_counter()
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environ
        )
        seconds = time.perf_counter() - begin
        if ended.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        self.figures.seconds.setdefault(measure, {}).setdefault(name, []).append(seconds)

    def turns(self, rounds: int) -> Iterator[Tool]:
        """Give every tool once a round, each round in another order."""
        for number in range(rounds):
            at = number % len(self.tools)
            yield from (*self.tools[at:], *self.tools[:at])


def main(arguments: Sequence[str]) -> None:
    """Measure everything, and write dockerfile.json and dockerfile.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--programs", nargs="*", default=[one.name for one in PROGRAMS if one.is_usual])
    parser.add_argument("--output", type=Path, default=_HERE, help="Directory of dockerfile.json and dockerfile.md.")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="smidgen-bench-") as name, ExitStack() as stack:
        work = Path(name)
        stack.callback(unmount_below, work)
        programs = [one for one in PROGRAMS if one.name in options.programs]
        bench = _bench(work, options.rounds, programs, stack)
        for program in programs:
            program.write(work / program.name)
            _unpack_bases(bench, program)
            _measure(bench, program)
    encoded = msgspec.json.format(msgspec.json.encode(bench.figures), indent=1)
    (options.output / "dockerfile.json").write_bytes(encoded + b"\n")
    (options.output / "dockerfile.md").write_text(render(bench.figures))
    print(render(bench.figures))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _bench(work: Path, rounds: int, programs: Sequence[Program], stack: ExitStack) -> Bench:
    bases = tuple(dict.fromkeys(base for program in programs for base in program.bases))
    _say(f"loading {', '.join(bases)}")
    store = ContentStore.open(work / "store")
    stand_ins.share(bases, store)
    docker = stack.enter_context(running_dockerd(storage_driver="overlay2"))
    smidgen = str(Path(sys.executable).with_name("smidgen"))
    buildah = ["buildah", "--root", str(work / "buildah"), "--runroot", str(work / "buildah-run")]
    buildah += ["--storage-driver", "overlay"]
    for base in bases:
        _flatten(base, store, smidgen, work)
        archive = work / "base.tar"
        start([smidgen, "save", "-q", "--store", str(store.root), "-o", str(archive), base], cwd=work)
        docker("load", "--quiet", "--input", archive)
        start([*buildah, "pull", "--quiet", f"docker-archive:{archive}"], cwd=work)
        archive.unlink()
    bench = Bench(work, rounds, _tools(smidgen, str(store.root), buildah, docker), store)
    versions = {
        "buildah": start(["buildah", "--version"], cwd=work).split()[2],
        "docker": docker("version", "--format", "{{.Server.Version}}").strip(),
        "runc": start(["runc", "--version"], cwd=work).split()[2],
    }
    bench.figures.machine = probes.machine() | versions
    return bench


def _flatten(base: str, store: ContentStore, smidgen: str, work: Path) -> None:
    """Make one layer of *base*: docker loads none that has a path twice, as those of some stand-ins do."""
    lines = ["FROM scratch", f"COPY --from={base} / /", *(f"ENV {one}" for one in _environment(base, store))]
    (work / "flat").write_text("\n".join(lines) + "\n")
    start([smidgen, "build", "-q", "--store", str(store.root), "-f", str(work / "flat"), "-t", base], cwd=work)


def _environment(base: str, store: ContentStore) -> tuple[str, ...]:
    image = Image(store, store.resolve(Reference.parse(base).with_default_tag()))
    return image.for_platform().config.run.env or ()


def _tools(smidgen: str, store: str, buildah: list[str], docker: Docker) -> tuple[Tool, ...]:
    client = next(path for path in ("/usr/bin/docker", shutil.which("docker")) if path and Path(path).exists())

    def ours(directory: Path, name: str, more: Sequence[str]) -> list[str]:
        command = [smidgen, "build", "-q", "--network", "none", "--store", store, *more]
        return [*command, "-t", name, "-f", str(directory / "Dockerfile"), str(directory)]

    def buildahs(directory: Path, name: str, more: Sequence[str]) -> list[str]:
        command = [*buildah, "bud", "--quiet", "--layers", "--isolation", "chroot", "--pull-never", *more]
        return [*command, "-t", name, str(directory)]

    def dockers(directory: Path, name: str, more: Sequence[str]) -> list[str]:
        return [client, "build", "-q", "--network", "none", *more, "-t", name, str(directory)]

    return (
        Tool("smidgen", ours),
        Tool("buildah", buildahs),
        Tool("docker build", dockers, docker.environment | {"DOCKER_BUILDKIT": "1"}),
    )


def _unpack_bases(bench: Bench, program: Program) -> None:
    """Have every tool run something on each base, so that none unpacks it while the clock runs."""
    directory = bench.work / "unpacking"
    directory.mkdir(exist_ok=True)
    for base in program.bases:
        (directory / "Dockerfile").write_text(f"FROM {base}\nRUN true\n")
        for tool in bench.tools:
            start(tool.command(directory, "unpacking", again=False), cwd=bench.work, env=dict(tool.environ))


def _measure(bench: Bench, program: Program) -> None:
    if program.commands:
        _say(f"{program.name}: the commands themselves")
        for _ in range(max(1, bench.rounds - 1) if program.is_long else bench.rounds):
            with _root(bench, program) as root:
                _commands(bench, program, root)
    _say(f"{program.name}: {program.measure}")
    rounds = max(1, bench.rounds - 1) if program.is_long else bench.rounds
    for tool in bench.turns(rounds):
        bench.build(f"{program.measure}, {program.name}", tool, program, again=True)
    if program.measure != MANY:
        _say(f"{program.name}: nothing changed")
        for tool in bench.turns(2 * bench.rounds + 1):
            bench.build(f"nothing changed, {program.name}", tool, program, again=False)
    if not program.is_long:
        bench.figures.memory[program.name] = _memory(bench, program)


def _memory(bench: Bench, program: Program) -> int:
    """Build once more, and give the peak resident bytes of smidgen itself."""
    command = bench.tools[0].command(bench.work / program.name, "memory", again=True)
    watched = [sys.executable, "-c", probes.WATCHED, *command[1:]]
    ended = subprocess.run(watched, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return int(ended.stderr.split()[-1]) * 1024


@contextmanager
def _root(bench: Bench, program: Program) -> Iterator[Path]:
    """Give the root file system that the commands of *program* run in."""
    directory = bench.work / "root-files"
    prepared = bench.work / f"{program.name}.prepared"
    prepared.write_text(program.prepared)
    smidgen = str(Path(sys.executable).with_name("smidgen"))
    command = [smidgen, "build", "-q", "--store", str(bench.store.root), "-f", str(prepared), "-o", str(directory)]
    start([*command, str(bench.work / program.name)], cwd=bench.work)
    for name in ("dev", "proc"):
        (directory / name).mkdir(exist_ok=True)
    yield directory
    shutil.rmtree(directory)


def _commands(bench: Bench, program: Program, root: Path) -> None:
    """Run the commands of *program* one after the other, and note the time that all of them take."""
    environ = dict(one.split("=", 1) for one in _environment(program.bases[0], bench.store))
    script = " && ".join(
        f"unshare --mount --net --pid --fork /bin/sh -c '{_BARE}' {root} {program.directory} \"$COMMAND_{number}\""
        for number in range(len(program.commands))
    )
    given = {f"COMMAND_{number}": command for number, command in enumerate(program.commands)}
    measure = f"{program.measure}, {program.name}"
    bench.time(measure, "the commands", ["/bin/sh", "-c", script], {"HOME": "/root", **environ, **given})
