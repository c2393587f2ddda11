"""The readers of executables on real programs, against what Go's own tools say about them."""

import random
import shutil
from itertools import pairwise
from pathlib import Path
from struct import iter_unpack, pack_into

import pytest

from smidgen.elf.buildinfo import BuildInfo, read_build_info
from smidgen.elf.functab import Function, FunctionTable, read_function_table
from smidgen.elf.header import ElfFile, parse_elf
from support.elf_use import use
from support.go_releases import SOURCE, Build, releases, run_go, symbols, toolchain

pytestmark = pytest.mark.e2e

NEWEST = releases()[-1]
EVERY_RELEASE = [
    Build(release, machine, mode) for release in releases() for machine in ("amd64", "arm64") for mode in ("exe", "pie")
]
EVERY_MACHINE = [Build(NEWEST, name) for name in ("386", "arm", "mips", "ppc64", "ppc64le", "riscv64", "s390x")]


DECLARATIONS = {
    "main.main": "func main() {",
    "main.Größe": "func Größe(s shape) int { return s.area() }",
    "main.square.area": "func (s square) area() int { return double(s.side) * s.side / 2 }",
    "main.largest[go.shape.int]": "func largest[T int | float64](values []T) T {",
}


def table_of(data: bytes) -> FunctionTable:
    table = read_function_table(parse_elf(data))
    assert table is not None
    return table


def info_of(data: bytes) -> BuildInfo:
    info = read_build_info(parse_elf(data))
    assert info is not None
    return info


def plain(symbol: str) -> str:
    """Give the name of a symbol as the function table has it: linkers tag the calling convention."""
    return symbol.removesuffix(".abi0").removesuffix(".abiinternal")


def compare(functions: list[Function], golden: dict[int, list[tuple[str, int]]]) -> None:
    """Hold a function table against the symbol table of the same program."""
    for function in functions:
        # The symbol table has a full stop for the middle dot, which tells types of the same name apart.
        name = function.name.replace("·", ".")
        sizes = [size for symbol, size in golden.get(function.entry, []) if plain(symbol) == name]
        assert sizes, f"{function} is {golden.get(function.entry)} in the symbol table"
        padding = function.size - max(sizes)
        assert 0 <= padding < 64, f"{function} has {max(sizes)} bytes in the symbol table"
    entries = {function.entry for function in functions}
    missing = [names for address, names in golden.items() if address not in entries and any(s for _, s in names)]
    assert not missing


def without_sections(data: bytes) -> bytes:
    """Do what ``sstrip`` does: no section header table."""
    elf = parse_elf(data)
    changed = bytearray(data)
    at = (40, 58) if elf.bits == 64 else (32, 46)
    pack_into(elf.endian + ("Q" if elf.bits == 64 else "I"), changed, at[0], 0)
    pack_into(elf.endian + "3H", changed, at[1], 0, 0, 0)
    return bytes(changed)


def left_to_the_loader(elf: ElfFile) -> bytes:
    """Do what GNU ld and lld do: zeros where the loader will put a pointer."""
    changed = bytearray(elf.data)
    address, size = elf.dynamic.relocations
    assert size, "no relocations"
    for place, kind, _ in iter_unpack(elf.endian + "QQQ", elf.image.read(address, size)):
        extent = elf.image.extent(place)
        if kind in {8, 1027} and extent is not None:
            changed[extent[0] : extent[0] + 8] = bytes(8)
    return bytes(changed)


@pytest.mark.parametrize("build", EVERY_RELEASE + EVERY_MACHINE, ids=str)
def test_functions_of_small_program(build: Build) -> None:
    golden = symbols(build.program(stripped=False))
    data = build.program(stripped=False).read_bytes()
    functions = list(table_of(data).functions())
    compare(functions, golden)
    stripped = build.program(stripped=True).read_bytes()
    assert list(table_of(stripped).functions()) == functions
    assert list(table_of(without_sections(stripped)).functions()) == functions
    if build.mode == "pie":
        assert list(table_of(left_to_the_loader(parse_elf(stripped))).functions()) == functions


@pytest.mark.parametrize("build", EVERY_RELEASE + EVERY_MACHINE, ids=str)
def test_names_of_small_program(build: Build) -> None:
    table = table_of(build.program(stripped=True).read_bytes())
    lines = {function.name: function.start_line for function in table.functions()}
    for name, text in DECLARATIONS.items():
        assert lines[name] == SOURCE.split("\n").index(text) + 1
    assert table.has("main.main.func1")
    assert table.is_linked("main.main")
    assert table.has("main.double"), "inlined, and so in no function of its own"
    assert not table.is_linked("main.double")
    assert not table.has("main.doubl")
    assert not table.uses_cgo
    assert not table.method_elimination_off


@pytest.mark.parametrize("build", EVERY_RELEASE + EVERY_MACHINE, ids=str)
@pytest.mark.parametrize("stripped", [False, True])
def test_headers_of_small_program(build: Build, *, stripped: bool) -> None:
    elf = parse_elf(build.program(stripped=stripped).read_bytes())
    assert elf.architecture == build.architecture
    assert elf.is_pie == (build.mode == "pie")
    # Go's linker asks for the dynamic loader in every position-independent program.
    assert (elf.interpreter is None) == elf.is_static == (build.mode == "exe")
    assert elf.needed == ()
    assert elf.has_symtab == elf.has_dwarf == (not stripped)
    assert not elf.is_upx_packed


@pytest.mark.parametrize("build", EVERY_RELEASE + EVERY_MACHINE, ids=str)
def test_build_information_of_small_program(build: Build) -> None:
    path = build.program(stripped=True)
    data = path.read_bytes()
    info = info_of(data)
    assert info == info_of(without_sections(data))
    assert info.go_version == f"go{build.release}"
    assert (info.settings["GOARCH"], info.settings["-ldflags"]) == (build.architecture, "-s -w")
    assert info.cgo_enabled is False
    compare_build_information(info, path)


def compare_build_information(info: BuildInfo, path: Path) -> None:
    """Hold build information against what ``go version -m`` prints."""
    first, *lines = run_go(NEWEST, "version", "-m", str(path)).splitlines()
    assert first.endswith(f": {info.go_version}")
    golden = {line.strip() for line in lines}
    assert f"path\t{info.path}" in golden
    for module in info.dependencies:
        assert f"dep\t{module.path}\t{module.version}\t{module.sum}" in golden
    settings = [f"build\t{key}={value}" for key, value in info.settings.items()]
    assert {line.replace('"', "") for line in golden if line.startswith("build")} == set(settings)


@pytest.mark.parametrize("release", releases())
def test_large_program_of_each_release(release: str) -> None:
    """The go command itself: thousands of functions, and method elimination is off in it."""
    path = toolchain(release) / "bin" / "go"
    table = table_of(path.read_bytes())
    functions = list(table.functions())
    assert len(functions) > 10_000
    compare(functions, symbols(path))
    assert table.method_elimination_off
    assert not table.uses_cgo
    compare_build_information(info_of(path.read_bytes()), path)


@pytest.mark.parametrize("program", ["skopeo", "podman", "umoci", "runc"])
def test_programs_of_the_distribution(program: str) -> None:
    """They are built by other releases and linkers: with cgo, position-independent, stripped by others."""
    path = shutil.which(program, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        pytest.skip(f"{program} is not installed")
    data = Path(path).read_bytes()
    elf = parse_elf(data)
    assert elf.interpreter is not None
    table = table_of(data)
    assert table.uses_cgo
    assert table.is_linked("main.main")
    functions = list(table.functions())
    assert all(one.entry + one.size == other.entry for one, other in pairwise(functions))
    assert any(function.name == "main.main" and elf.image.extent(function.entry) for function in functions)
    assert table_of(without_sections(data)).header.offset == table.header.offset
    compare_build_information(info_of(data), Path(path))


@pytest.mark.parametrize("mode", ["exe", "pie"])
def test_changed_bytes_of_a_real_program(mode: str) -> None:
    """Nothing but the one error comes out, whatever is changed where the readers look."""
    data = Build(NEWEST, "amd64", "pie" if mode == "pie" else "exe").program(stripped=True).read_bytes()
    header = table_of(data).header
    places = [range(16, 1200), range(header.offset, header.offset + 80), range(header.rows, header.rows + 30_000)]
    blob = data.find(b"\xff Go buildinf:")
    places.append(range(blob, blob + 400))
    chance = random.Random(1)
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.choice(chance.choice([*places, range(len(data) - 8)]))
            value = chance.choice([b"\xff" * 4, b"\xff" * 8, bytes(8), b"\xff\xff\xff\x7f", chance.randbytes(2)])
            changed[at : at + len(value)] = value
        use(bytes(changed[: len(data)]))


def test_truncated_real_program() -> None:
    data = Build(NEWEST, "amd64", "exe").program(stripped=True).read_bytes()
    for size in [*range(0, 1300, 13), *range(1300, len(data), len(data) // 100), len(data) - 1]:
        use(data[:size])
