"""``make bench ARGS=explain``: how right and how fast programs are explained, on programs that people know.

Each program is built twice: stripped, which is what smidgen gets, and with its symbols, for ``go tool nm -size``, which
has the truth about code. A package's error is the difference between the two, in bytes.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
from benchmarks import probes

from smidgen.analyze.binary.owners import package_of
from smidgen.analyze.explained import ExplainedBinary, OwnerKind, PartKind
from smidgen.analyze.walk_file import explain_file
from smidgen.elf.header import parse_elf
from support.go_releases import releases
from support.go_tools import cache_directory, go, go_module, locked
from support.needs_programs import STANDARD
from support.variables import agreement

_HERE = Path(__file__).resolve().parent
#: Module at a version, and the directory of the main package in it.
PROGRAMS = (
    ("age", "filippo.io/age@v1.3.2", "cmd/age"),
    ("crane", "github.com/google/go-containerregistry@v0.21.9", "cmd/crane"),
    ("esbuild", "github.com/evanw/esbuild@v0.28.2", "cmd/esbuild"),
    ("hey", "github.com/rakyll/hey@v0.1.5", "."),
    ("ko", "github.com/google/ko@v0.19.1", "."),
    ("mkcert", "filippo.io/mkcert@v1.4.4", "."),
    ("node_exporter", "github.com/prometheus/node_exporter@v1.12.1", "."),
    ("regctl", "github.com/regclient/regclient@v0.11.7", "cmd/regctl"),
    ("shfmt", "mvdan.cc/sh/v3@v3.14.1", "cmd/shfmt"),
    ("staticcheck", "honnef.co/go/tools@v0.8.2", "cmd/staticcheck"),
    ("yq", "github.com/mikefarah/yq/v4@v4.45.1", "."),
    ("caddy", "github.com/caddyserver/caddy/v2@v2.11.9", "cmd/caddy"),
)
_LINE = re.compile(r" *([0-9a-f]+) +(\d+) ([A-Za-z]) (.*)")


class Figures(msgspec.Struct, kw_only=True):
    """What was measured of one program; sizes in bytes, times in seconds."""

    name: str
    size: int
    exact: float
    attributed: float
    text_error: float
    data_right: float
    certain: float
    certain_right: float
    packages: int
    seconds: float


class Coverage(msgspec.Struct, kw_only=True):
    """How much of a stripped program of one release for one machine is attributed."""

    release: str
    architecture: str
    size: int
    exact: float
    attributed: float


class Results(msgspec.Struct, kw_only=True):
    """All that was measured."""

    machine: dict[str, str]
    programs: list[Figures] = []
    coverage: list[Coverage] = []


@dataclass(frozen=True)
class _Symbols:
    """What ``go tool nm`` says: bytes of code and of data by package."""

    code: dict[str, int]
    data: dict[str, int]


def main(arguments: list[str]) -> None:
    """Measure, and write explain.json and explain.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", nargs="*", default=[name for name, _, _ in PROGRAMS])
    parser.add_argument("--output", type=Path, default=_HERE)
    options = parser.parse_args(arguments)
    results = Results(machine=probes.machine())
    for name, module, package in PROGRAMS:
        if name in options.programs:
            print(name, file=sys.stderr, flush=True)
            results.programs.append(_measure(name, module, package, options.rounds))
    for release in releases():
        for architecture in ("amd64", "arm64"):
            print(f"go{release} {architecture}", file=sys.stderr, flush=True)
            results.coverage.append(_coverage(release, architecture))
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (options.output / "explain.json").write_bytes(encoded + b"\n")
    text = render(results)
    (options.output / "explain.md").write_text(text)
    print(text)


def _build(name: str, module: str, package: str, *, stripped: bool) -> Path:
    """Build one program if it is not there yet."""
    version = module.partition("@")[2]
    target = cache_directory() / "explain" / f"{name}-{version}{'-stripped' if stripped else ''}"
    with locked(f"explain-{name}"):
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            fresh = target.with_name(f"{target.name}.new")
            flags = ("-trimpath", "-buildvcs=false", f"-ldflags={'-s -w' if stripped else '-w'}")
            environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
            command = (go(), "build", *flags, "-o", str(fresh), f"./{package}")
            subprocess.run(command, check=True, env=environment, cwd=_writable(go_module(module)))
            fresh.rename(target)
    return target


def _writable(source: Path) -> Path:
    """Copy a module, as the one in Go's cache cannot have its go.sum completed."""
    target = cache_directory() / "explain" / "sources" / source.name
    if not target.exists():
        shutil.copytree(source, target)
        for path in (target, *target.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
    return target


def _measure(name: str, module: str, package: str, rounds: int) -> Figures:
    stripped = _build(name, module, package, stripped=True)
    twin = _build(name, module, package, stripped=False)
    truth = _symbols(twin)
    found = agreement(parse_elf(stripped.read_bytes()), parse_elf(twin.read_bytes()))
    seconds = []
    for _ in range(rounds):
        begin = time.process_time()
        explained = explain_file(stripped)
        seconds.append(time.process_time() - begin)
    ours = _sums(explained)
    packages = ours.code.keys() | truth.code
    wrong = sum(abs(ours.code.get(one, 0) - truth.code.get(one, 0)) for one in packages)
    right = sum(min(ours.data.get(one, 0), size) for one, size in truth.data.items())
    return Figures(
        name=name,
        size=explained.size,
        exact=explained.exact / explained.size,
        attributed=explained.attributed / explained.size,
        text_error=wrong / sum(truth.code.values()),
        data_right=right / max(sum(truth.data.values()), 1),
        certain=sum(found) / max(sum(truth.data.values()), 1),
        certain_right=(found.same + found.runtime) / max(sum(found), 1),
        packages=len(packages),
        seconds=statistics.median(seconds),
    )


def _symbols(path: Path) -> _Symbols:
    command = (go(), "tool", "nm", "-size", "-sort", "address", str(path))
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = _Symbols({}, {})
    # To nm, memory that is not in the file is data, too.
    elf = parse_elf(path.read_bytes())
    sections = [section for name in (".data", ".noptrdata") if (section := elf.section(name)) is not None]
    before = "runtime"
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None or not int(match[2]):
            continue
        address, size, kind, name = int(match[1], 16), int(match[2]), match[3].lower(), match[4]
        package = package_of(name)
        if kind == "t":
            # Assembly can be without a package: it is linked with the package that it is of.
            before = package or before
            found.code[before] = found.code.get(before, 0) + size
        elif package and any(0 <= address - one.address < one.size for one in sections):
            found.data[package] = found.data.get(package, 0) + size
    return found


def _sums(explained: ExplainedBinary) -> _Symbols:
    found = _Symbols({}, {})
    for section in explained.sections:
        for package in section.packages:
            for part in package.parts:
                if part.kind is PartKind.CODE and package.kind is OwnerKind.PACKAGE:
                    found.code[package.name] = found.code.get(package.name, 0) + part.size
                elif section.name in {".data", ".noptrdata"} and part.kind is PartKind.DATA:
                    found.data[package.name] = found.data.get(package.name, 0) + part.size
    return found


def _coverage(release: str, architecture: str) -> Coverage:
    directory = STANDARD.build(release=release, only=("verify",), GOARCH=architecture)
    explained = explain_file(directory / "verify")
    return Coverage(
        release=release,
        architecture=architecture,
        size=explained.size,
        exact=explained.exact / explained.size,
        attributed=explained.attributed / explained.size,
    )


_HEAD = """\
# Explaining programs

`make bench ARGS=explain` writes this page. {processor}, {cores} cores, Python {python}, Go {go}.

Programs of the module proxy, built with `-trimpath -ldflags='-s -w'`. *Code off by* is the sum over all packages of
the difference from `go tool nm -size` of the same program with its symbols, as a share of its code. *Variables right*
is the share of the bytes of variables that are given, certain or estimated, to the package that has them. *Certain* is
the share of those that count as exact, as one package alone names them; *agree* is the share of these that have a
symbol of that package: the others are variables that one package has and only another one uses. The time is processor
time of the whole explanation: attribution, needs and compression.

| program | MB | exact | in all | code off by | variables right | certain | agree | packages | seconds | s/MB |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""
_BESIDE = """
gsa (go-size-analyzer) is not beside them: the module proxy refuses that module (403), so that it cannot be built.
"""
_COVERAGE = """
One program (`tests/needs/programs/verify`, a client of HTTPS) of each release, stripped:

| Go | machine | MB | exact | in all |
|---|---|--:|--:|--:|
"""


def render(results: Results) -> str:
    """Render the tables."""
    programs = [
        f"| {one.name} | {one.size / 1e6:.1f} | {one.exact:.1%} | {one.attributed:.2%} | {one.text_error:.3%} "
        f"| {one.data_right:.0%} | {one.certain:.0%} | {one.certain_right:.1%} "
        f"| {one.packages} | {one.seconds:.2f} | {one.seconds / one.size * 1e6:.3f} |\n"
        for one in results.programs
    ]
    coverage = [
        f"| {one.release} | {one.architecture} | {one.size / 1e6:.1f} | {one.exact:.1%} | {one.attributed:.2%} |\n"
        for one in results.coverage
    ]
    return "".join((_HEAD.format_map(results.machine), *programs, _BESIDE, _COVERAGE, *coverage))
