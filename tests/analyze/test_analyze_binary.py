"""Attribution: every byte of a stripped program has an owner, nearly all of them for certain."""

from itertools import chain
from pathlib import Path

import pytest

from smidgen.analyze.binary.attribute import explain_binary
from smidgen.analyze.explained import ExplainedBinary, OwnerKind, PartKind
from smidgen.errors import UsageError
from support.go_releases import Build, releases, symbols
from support.needs_programs import STANDARD

BUILDS = [
    Build(release, architecture, mode)
    for release in releases()
    for architecture in ("amd64", "arm64")
    for mode in ("exe", "pie")
    if mode == "exe" or release in {releases()[0], releases()[-1]}
]


def explain(path: Path) -> ExplainedBinary:
    return explain_binary(path.read_bytes(), lambda offset: offset // 2)


@pytest.mark.parametrize("build", BUILDS, ids=str)
def test_nearly_all_of_a_stripped_program_is_attributed_for_certain(build: Build) -> None:
    explained = explain(build.program(stripped=True))
    assert not explained.problems
    assert explained.exact >= 0.95 * explained.size
    assert explained.attributed >= 0.99 * explained.size


@pytest.mark.parametrize("build", BUILDS[:: len(BUILDS) - 1], ids=str)
def test_parts_add_up_to_the_whole(build: Build) -> None:
    for stripped in (True, False):
        explained = explain(build.program(stripped=stripped))
        packages = [package for section in explained.sections for package in section.packages]
        parts = [part for package in packages for part in package.parts]
        for items in (explained.sections, packages, parts):
            assert sum(item.size for item in items) == explained.size
            assert sum(item.pull for item in items) == explained.pull == explained.size // 2
            assert sum(item.exact for item in items) == explained.exact
        assert explained.facts.stripped is stripped


@pytest.mark.parametrize("build", [one for one in BUILDS if one.mode == "exe"], ids=str)
def test_code_is_given_to_the_packages_that_the_symbol_table_has(build: Build) -> None:
    ours: dict[str, int] = {}
    for section in explain(build.program(stripped=True)).sections:
        for package in section.packages:
            for part in package.parts:
                if part.kind is PartKind.CODE:
                    ours[part.name] = ours.get(part.name, 0) + part.size
    truth: dict[str, int] = {}
    for name, size in chain.from_iterable(symbols(build.program(stripped=False)).values()):
        plain = name.removesuffix(".abi0")
        truth[plain] = truth.get(plain, 0) + size
    wrong = sum(abs(ours.get(name, 0) - truth.get(name, 0)) for name in ours.keys() | truth)
    assert wrong <= 0.01 * sum(truth.values())


def test_names_that_only_packages_have() -> None:
    path = STANDARD.build() / "certificate_pool"
    explained = explain(path)
    owners = {(package.name, package.kind) for section in explained.sections for package in section.packages}
    names = {name for name, kind in owners if kind is OwnerKind.PACKAGE}
    assert {"main", "crypto/x509", "runtime", "vendor/golang.org/x/crypto/cryptobyte"} <= names
    assert not any("%" in name or " " in name for name in names)
    assert explained.facts.trimmed is True
    assert explained.facts.static
    assert explained.facts.cgo is False


def test_a_twin_names_the_data() -> None:
    stripped = (STANDARD.build() / "zone").read_bytes()
    twin = (STANDARD.build("-ldflags=-w", only=("zone",)) / "zone").read_bytes()
    alone = explain_binary(stripped, lambda offset: offset)
    explained = explain_binary(stripped, lambda offset: offset, twin=twin)
    assert explained.has_twin
    assert explained.exact > alone.exact
    data = next(section for section in explained.sections if section.name == ".data")
    assert data.exact > next(section for section in alone.sections if section.name == ".data").exact
    another = Build(releases()[0]).program(stripped=False).read_bytes()
    for other, expected in ((stripped, "no symbol table"), (another, "another program")):
        with pytest.raises(UsageError, match=expected):
            explain_binary(stripped, lambda offset: offset, twin=other)
