"""``make bench ARGS=registry``: push, pull and copy beside crane and skopeo, and writes registry.md.

Every tool works on the same image layouts and against the same registries of this machine, over plain http. A registry
that is pushed to is started empty each time, so that nothing is there already.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from benchmarks import probes
from benchmarks.contenders import start
from benchmarks.registry_table import render
from benchmarks.results import Figures

from smidgen.layer.entry import Entry
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.go_tools import CRANE, go_tool
from support.real_registries import RealRegistry, crane_registry, docker_registry
from support.small_images import put_image, put_index

_HERE = Path(__file__).resolve().parent
_NAME = "app:1"
_LAYERS, _LAYER = 10, 50_000_000
_PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/s390x")
_PLATFORM_LAYER = 8_000_000
_PAUSE = 0.3
# How this program starts smidgen to learn the peak of its memory.
_WATCHED = """
import sys
from smidgen.cli.entry import run
code = run(sys.argv[1:])
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")][0].split()[1]
print(peak, file=sys.stderr)
sys.exit(code)
"""

_Registry = Callable[[], AbstractContextManager[RealRegistry]]


@dataclass(frozen=True)
class Tool:
    """A program that moves images.

    Attributes:
        push: Layout, whether it is an index, destination → command.
        pull: Source, directory → command.
        copy: Source, destination → command.
    """

    name: str
    push: Callable[[Path, str], list[str]]
    pull: Callable[[str, Path], list[str]]
    copy: Callable[[str, str], list[str]]


@dataclass
class Bench:
    """What is measured with.

    Attributes:
        work: A directory on the disk.
        rounds: How often.
        tools: In the order of the table.
        images: Name → layout.
    """

    work: Path
    rounds: int
    tools: tuple[Tool, ...]
    images: dict[str, Path]
    figures: Figures = field(default_factory=Figures)

    def time(self, measure: str, tool: Tool, command: list[str]) -> None:
        """Run *command* once and note its time."""
        os.sync()
        time.sleep(_PAUSE)
        begin = time.perf_counter()
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begin
        if ended.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        self.figures.seconds.setdefault(measure, {}).setdefault(tool.name, []).append(seconds)

    def turns(self, tools: Sequence[Tool] | None = None) -> Iterator[Tool]:
        """Give every tool once a round, each round in another order."""
        tools = tools or self.tools
        for number in range(self.rounds):
            at = number % len(tools)
            yield from (*tools[at:], *tools[:at])


def main(arguments: Sequence[str]) -> None:
    """Measure everything, and write registry.json and registry.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, default=_HERE, help="Directory of registry.json and registry.md.")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="smidgen-bench-") as name:
        work = Path(name)
        bench = Bench(work, options.rounds, _tools(), _images(work))
        bench.figures.machine = probes.machine() | _versions()
        _measure(bench)
    encoded = msgspec.json.format(msgspec.json.encode(bench.figures), indent=1)
    (options.output / "registry.json").write_bytes(encoded + b"\n")
    (options.output / "registry.md").write_text(render(bench.figures))
    print(render(bench.figures))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _measure(bench: Bench) -> None:
    kinds: dict[str, _Registry] = {"docker-registry": lambda: docker_registry("open"), "crane registry": crane_registry}
    for kind, registry in kinds.items():
        for what in bench.images:
            _say(f"push and pull of {what} with {kind}")
            _push(bench, registry, what, f"push of {what}, {kind}")
            _pull(bench, registry, what, f"pull of {what}, {kind}")
        _say(f"push again with {kind}")
        _push_again(bench, registry, f"push again, {kind}")
    _say("copy")
    _copy(bench, kinds["docker-registry"], kinds["crane registry"], "copy of 500 MB, docker-registry to crane registry")
    _copy(bench, kinds["crane registry"], kinds["docker-registry"], "copy of 500 MB, crane registry to docker-registry")
    _say("memory")
    _memory(bench)


def _push(bench: Bench, registry: _Registry, what: str, measure: str) -> None:
    for tool in bench.turns():
        with registry() as server:
            bench.time(measure, tool, tool.push(bench.images[what], server.reference(_NAME)))


def _pull(bench: Bench, registry: _Registry, what: str, measure: str) -> None:
    with registry() as server:
        source = server.reference(_NAME)
        subprocess.run(bench.tools[0].push(bench.images[what], source), check=True, capture_output=True)
        for tool in bench.turns():
            with _empty(bench.work / "pulled") as directory:
                bench.time(measure, tool, tool.pull(source, directory))


def _push_again(bench: Bench, registry: _Registry, measure: str) -> None:
    layout = bench.images["500 MB"]
    with registry() as server:
        name = server.reference(_NAME)
        subprocess.run(bench.tools[0].push(layout, name), check=True, capture_output=True)
        for tool in (*bench.turns(), *bench.turns()):
            bench.time(measure, tool, tool.push(layout, name))


def _copy(bench: Bench, source: _Registry, target: _Registry, measure: str) -> None:
    with source() as server:
        name = server.reference(_NAME)
        subprocess.run(bench.tools[0].push(bench.images["500 MB"], name), check=True, capture_output=True)
        for tool in bench.turns():
            with target() as other:
                bench.time(measure, tool, tool.copy(name, other.reference(_NAME)))


def _memory(bench: Bench) -> None:
    with ExitStack() as stack:
        one, two = (stack.enter_context(docker_registry("open")) for _ in range(2))
        pushed, copied = one.reference(_NAME), two.reference(_NAME)
        directory = stack.enter_context(_empty(bench.work / "pulled"))
        smidgen = bench.tools[0]
        for what, command in (
            ("push", smidgen.push(bench.images["500 MB"], pushed)),
            ("pull", smidgen.pull(pushed, directory)),
            ("copy", smidgen.copy(pushed, copied)),
        ):
            watched = [sys.executable, "-c", _WATCHED, *command[1:]]
            ended = subprocess.run(watched, check=True, capture_output=True, text=True)
            bench.figures.memory[what] = int(ended.stderr.split()[-1]) * 1024


@contextmanager
def _empty(directory: Path) -> Iterator[Path]:
    shutil.rmtree(directory, ignore_errors=True)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def _tools() -> tuple[Tool, ...]:
    smidgen = str(Path(sys.executable).with_name("smidgen"))
    crane = str(go_tool(CRANE))
    skopeo = ["skopeo", "copy", "--quiet", "--all"]
    return (
        Tool(
            "smidgen",
            push=lambda layout, to: [smidgen, "push", "--quiet", "--store", str(layout), "bench/app:1", to],
            pull=lambda source, to: [smidgen, "pull", "--quiet", "--store", str(to), source],
            copy=lambda source, to: [smidgen, "copy", "--quiet", f"docker://{source}", f"docker://{to}"],
        ),
        Tool(
            "crane",
            push=lambda layout, to: [crane, "push", str(layout), to],
            pull=lambda source, to: [crane, "pull", "--format", "oci", source, str(to)],
            copy=lambda source, to: [crane, "copy", source, to],
        ),
        Tool(
            "skopeo",
            push=lambda layout, to: [*skopeo, "--dest-tls-verify=false", f"oci:{layout}", f"docker://{to}"],
            pull=lambda source, to: [*skopeo, "--src-tls-verify=false", f"docker://{source}", f"oci:{to}:1"],
            copy=lambda source, to: [
                *skopeo,
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
                f"docker://{source}",
                f"docker://{to}",
            ],
        ),
    )


def _versions() -> dict[str, str]:
    return {
        "crane": CRANE.partition("@v")[2],
        "skopeo": start(["skopeo", "--version"], cwd=Path()).split()[2],
        "docker-registry": start(["docker-registry", "--version"], cwd=Path()).split()[-1],
    }


def _images(work: Path) -> dict[str, Path]:
    """Make a layout of one image with ten layers, and one of an index; nothing in them can be compressed."""
    _say("making the images")

    def layers(count: int, size: int) -> list[list[Entry]]:
        return [[Entry.file("random", os.urandom(size))] for _ in range(count)]

    big = ContentStore.open(work / "big")
    with big.writing():
        big.tag(Reference.parse("bench/app:1"), put_image(big, *layers(_LAYERS, _LAYER), compression="none"))
    many = ContentStore.open(work / "many")
    shared = layers(1, 2 * _PLATFORM_LAYER)
    with many.writing():
        images = []
        for text in _PLATFORMS:
            platform, own = Platform.parse(text), layers(2, _PLATFORM_LAYER)
            images.append((platform, put_image(many, *shared, *own, platform=platform, compression="none")))
        many.tag(Reference.parse("bench/app:1"), put_index(many, images))
    return {"500 MB": big.root, "six platforms": many.root}
