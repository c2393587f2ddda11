"""Data: what is said to be certain agrees with the symbols of the same program, for each release of Go."""

from itertools import pairwise

import pytest

from smidgen.analyze.binary import order
from smidgen.analyze.binary.constants import constant_claims
from smidgen.analyze.binary.frame import stretches
from smidgen.analyze.binary.owners import SHARED
from smidgen.analyze.binary.x86 import constant_behind, instructions, modrm_places
from smidgen.elf.header import parse_elf
from support.go_releases import Build, releases
from support.needs_programs import STANDARD
from support.variables import agreement, certain_claims, functions_of

BUILDS = [Build(release, architecture) for release in releases() for architecture in ("amd64", "arm64")]


@pytest.mark.parametrize("build", BUILDS, ids=str)
def test_certain_variables_are_those_of_the_package(build: Build) -> None:
    elf = parse_elf(build.program(stripped=True).read_bytes())
    found = agreement(elf, parse_elf(build.program(stripped=False).read_bytes()))
    assert found.same > 1000
    assert found.other <= 0.02 * found.same


@pytest.mark.parametrize("build", BUILDS[-2:], ids=str)
def test_most_strings_have_owners_for_certain(build: Build) -> None:
    elf = parse_elf(build.program(stripped=True).read_bytes())
    claims = certain_claims(elf)
    constants = [one for one in claims if one[2].part == "constants and strings"]
    assert {owner.package for _, _, owner, _ in constants} >= {"main", "runtime"}
    assert any(owner.package == SHARED and owner.part == "strings" for _, _, owner, _ in claims)


def test_nothing_is_certain_where_another_linker_put_data_among_gos() -> None:
    elf = parse_elf((STANDARD.build(only=("certificate_pool",), CGO_ENABLED="1") / "certificate_pool").read_bytes())
    assert certain_claims(elf) == []


def test_constants_that_say_what_they_are() -> None:
    elf = parse_elf(Build(releases()[-1]).program(stripped=True).read_bytes())
    claims = list(constant_claims(elf, functions_of(elf), stretches(elf)))
    assert all(is_exact for _, _, _, is_exact in claims)
    parts = {owner.part for _, _, owner, _ in claims}
    assert {"runtime.staticuint64s", "tables of jumps", "runtime.main"} <= parts


def test_instructions_end_where_functions_do() -> None:
    elf = parse_elf(Build(releases()[-1]).program(stripped=True).read_bytes())
    table = functions_of(elf).table
    base = table.entries[0]
    extent = elf.image.extent(base)
    assert extent is not None
    code = elf.data[extent[0] : extent[0] + table.entries[-1] - base] + bytes(32)
    for entry, after in pairwise(table.entries):
        end = entry - base + len(code[entry - base : after - base].rstrip(b"\xcc"))
        last = max((following for _, following in instructions(code, entry - base, end)), default=end)
        assert not code[end:last].strip(b"\xcc")


@pytest.mark.parametrize(
    ("code", "place", "constant"),
    [
        ("488d0500000000", 2, 0),  # lea
        ("c70500000000 78563412", 1, 4),  # mov, four bytes
        ("83 3d00000000 01", 1, 1),  # cmp, one byte
        ("f0480fc10500000000", 4, 0),  # lock xadd
        ("c5fd6f0500000000", 3, 0),  # vmovdqa
        ("c4e37d180500000000 01", 4, 1),  # vinsertf128
        ("62f17c48100500000000", 5, 0),  # vmovups, EVEX
        ("660f3a0f0500000000 08", 4, 1),  # palignr
        ("f6050000000001", 1, 1),  # test, one byte
        ("f71500000000", 1, 0),  # not
    ],
)
def test_instructions_that_name_a_place(code: str, place: int, constant: int) -> None:
    data = bytes.fromhex(code)
    assert list(instructions(data + bytes(32), 0, len(data))) == [(place, len(data))]
    assert modrm_places(data + bytes(32), 0, len(data)) == {place}
    if "f1" not in code and "7d18" not in code and "3a" not in code:
        assert constant_behind(data, place) == constant


class TestOrder:
    def test_a_place_within_something_is_no_beginning(self) -> None:
        places = [0, 32, 64, 96, 123, 128, 160]
        assert [(one.start, one.end) for one in order.constants(places, 192)] == [
            (0, 32),
            (32, 64),
            (64, 96),
            (96, 128),
            (128, 160),
            (160, 192),
        ]

    def test_a_distance_that_hides_something_is_not_sure(self) -> None:
        places = [0, 8, 16, 40, 48, 56, 64, 72, 80]
        sure = {one.start: one.sure for one in order.constants(places, 88)}
        assert not sure[16]
        assert sure[8]
        assert sure[40]
        # Nothing comes behind the last.
        assert not sure[80]

    def test_what_is_large_begins_at_a_multiple_of_32(self) -> None:
        places = [*range(0, 160, 8), 160, 1184, 1200, 2304, 4001, 4352]
        assert [one.start for one in order.variables(places, 8192)][-4:] == [160, 1184, 2304, 4352]

    def test_strings_begin_anywhere(self) -> None:
        places = [*range(0, 640, 32), *range(701, 1001, 3), *range(1024, 2048, 64)]
        first, end = order.string_places(places)
        assert 20 <= first <= 24
        assert 116 <= end <= 120
        assert order.string_places([0, 32, 64]) == (0, 0)

    def test_nothing(self) -> None:
        assert order.variables([], 8) == order.constants([], 8) == order.others([], 8) == []
