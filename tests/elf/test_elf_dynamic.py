"""Dynamic symbols, versions and names of libraries: as binutils reads them, and of hostile files."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.elf.dynamic_symbols import read_dynamic_symbols
from smidgen.elf.header import ElfFile, parse_elf
from smidgen.elf.library_names import read_library_names
from smidgen.elf.versions import read_defined_versions, read_needed_versions
from support.c_programs import Workshop
from support.elf_use import use

_REAL = [
    path
    for path in map(Path, ("/bin/sh", "/usr/bin/git", "/usr/bin/gcc", "/lib64/ld-linux-x86-64.so.2", "/usr/bin/env"))
    if path.exists()
]
_VERSIONS = r"""
GREET_1 { global: greet; local: *; };
GREET_2 { global: greet_again; } GREET_1;
"""
_LIBRARY = """
#include <dlfcn.h>
int greet(void) { return dlopen("libplugin.so.3", RTLD_NOW) != 0; }
int greet_again(void) { return puts("cannot find libother.so.1 or /opt/x/libthird-2.0.so here"); }
__attribute__((weak)) int perhaps(void);
int (*keep)(void) = perhaps;
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dynamic")
    (root / "versions").write_text(_VERSIONS)
    return Workshop(root).library("libgreet.so.1", _LIBRARY, "-Wl,--version-script=versions", "-Wl,-z,now", "-s")


def _elf(path: Path) -> ElfFile:
    return parse_elf(path.read_bytes())


def _rows(path: Path) -> list[tuple[str, str, str]]:
    """Give binding, section and name of each dynamic symbol as readelf prints them."""
    text = subprocess.run(["readelf", "-W", "--dyn-syms", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^ +[0-9]+: \S+ +\S+ +\S+ +(GLOBAL|WEAK|UNIQUE) +\S+ +(\S+) (\S+)", text, re.MULTILINE)


@pytest.mark.parametrize("path", _REAL, ids=lambda path: path.name)
def test_symbols_are_those_that_binutils_reads(path: Path) -> None:
    symbols = read_dynamic_symbols(_elf(path))
    ours = {(f"{one.name}@{one.version}" if one.version else one.name, one.is_weak) for one in symbols.wanted}
    assert ours == {(name, bind == "WEAK") for bind, section, name in _rows(path) if section == "UND"}
    theirs = {re.split("@+", name)[0] for _, section, name in _rows(path) if section != "UND"}
    assert {name for name, _ in symbols.defined} == theirs


def test_versions_that_a_library_defines_and_needs(library: Path) -> None:
    elf = _elf(library)
    assert [one.version for one in read_defined_versions(elf)] == ["GREET_1", "GREET_2"]
    needed = read_needed_versions(elf)
    assert {one.library for one in needed} == {"libc.so.6"}
    assert all(one.version.startswith("GLIBC_2.") and not one.is_weak for one in needed)
    symbols = read_dynamic_symbols(elf)
    assert {("greet", "GREET_1"), ("greet_again", "GREET_2")} <= symbols.defined
    wanted = {one.name: one for one in symbols.wanted}
    assert wanted["dlopen"].library == "libc.so.6"
    assert wanted["perhaps"].is_weak
    assert wanted["perhaps"].version == ""


def test_symbols_without_a_section_table(library: Path, tmp_path: Path) -> None:
    data = bytearray(library.read_bytes())
    data[40:48] = bytes(8)
    assert read_dynamic_symbols(parse_elf(bytes(data))) == read_dynamic_symbols(_elf(library))
    old = Workshop(tmp_path).library("libold.so", _LIBRARY, "-Wl,--hash-style=sysv")
    data = bytearray(old.read_bytes())
    data[40:48] = bytes(8)
    assert read_dynamic_symbols(parse_elf(bytes(data))) == read_dynamic_symbols(_elf(old))


def test_binding_and_default_directories(library: Path, tmp_path: Path) -> None:
    assert _elf(library).dynamic.binds_now
    shop = Workshop(tmp_path)
    assert not _elf(shop.library("lazy.so", "", "-Wl,-z,lazy")).dynamic.binds_now
    assert _elf(shop.library("own.so", "", "-Wl,-z,nodefaultlib")).dynamic.skips_default_directories
    assert not _elf(library).dynamic.skips_default_directories


def test_names_of_libraries_in_texts(library: Path) -> None:
    found = {one.name: one.stands_alone for one in read_library_names(_elf(library))}
    # Its own name and libc's are in the dynamic section, and are not what it loads by itself.
    assert found == {"libplugin.so.3": True, "libother.so.1": False, "/opt/x/libthird-2.0.so": False}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    shop = Workshop(tmp_path_factory.mktemp("small"))
    flags = ("-nostdlib", "-s", "-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=4096", "-Wl,--build-id=none")
    (shop.root / "versions").write_text(_VERSIONS)
    scripted = shop.library("a.so", _LIBRARY, *flags, "-Wl,--version-script=versions", "-lc")
    return {
        "versions": scripted.read_bytes(),
        "sysv": shop.library("b.so", _LIBRARY, *flags, "-Wl,--hash-style=sysv").read_bytes(),
    }


@settings(max_examples=300, deadline=None)
@given(
    st.data(),
    st.lists(
        st.tuples(
            st.integers(0, 1 << 14),
            st.one_of(
                st.binary(min_size=1, max_size=8),
                st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\xff\xff\xff\x7f", b"\x01" * 8, b"\0" * 4]),
            ),
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_changed_bytes_of_real_libraries(
    small: dict[str, bytes], data: st.DataObject, edits: list[tuple[int, bytes]]
) -> None:
    changed = bytearray(small[data.draw(st.sampled_from(sorted(small)))])
    if data.draw(st.booleans()):
        changed[40:48] = bytes(8)
    for offset, value in edits:
        changed[offset % len(changed) : offset % len(changed) + len(value)] = value
    use(bytes(changed[: len(small["versions"]) * 2]))


def test_every_byte_of_the_dynamic_tables_set_to_extremes(small: dict[str, bytes]) -> None:
    for data in small.values():
        elf = parse_elf(data)
        start, end = elf.dynamic.strings
        # The tables of symbols and versions lie around the strings.
        for offset in range(max(0, start - 400), min(end + 200, len(data)), 3):
            for value in (0, 0x7F, 0xFF):
                changed = bytearray(data)
                changed[offset] = value
                use(bytes(changed))
