"""``smidgen check`` and ``smidgen diff``, as a person or a pipeline runs them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.needs_programs import STANDARD
from support.sarif_schema import obeys_sarif
from support.small_images import put_image

_REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"


def passwd(name: str, uid: int) -> Entry:
    return Entry.file("etc/passwd", f"root:x:0:0\n{name}:x:{uid}:0\n".encode())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with ``small:1``, a program that greets, and ``large:1``, one that fetches, as root and with waste."""
    store = ContentStore.open(tmp_path_factory.mktemp("check") / "store")
    programs = STANDARD.build()
    hello, fetch = ((programs / name).read_bytes() for name in ("hello", "https_get"))
    small = RunConfig(entrypoint=("/app",), user="app")
    large = RunConfig(entrypoint=("/app",), env=("A=1",))
    script = RunConfig(cmd=("app",), env=("PATH=/",))
    layers = {
        "small:1": ([[passwd("app", 7), Entry.file("app", hello, mode=0o755)]], small),
        "large:1": (
            [
                [Entry.file("app", hello, mode=0o755), Entry.file("<b>|`x`", b"1")],
                [Entry.file("app", fetch, mode=0o755)],
            ],
            large,
        ),
        "alias:1": ([[passwd("app", 0), Entry.file("app", hello, mode=0o755)]], small),
        "broken:1": ([[Entry.file("app", b"\x7fELF" + bytes(100))]], large),
        "script:1": ([[Entry.file("app", b"#!/bin/sh\n")]], script),
    }
    images = {name: put_image(store, *them, run=run, compression="none") for name, (them, run) in layers.items()}
    store.tag_all({Reference.parse(name): descriptor for name, descriptor in images.items()})
    return store.root


@pytest.fixture
def smidgen(filled: Path, tmp_path: Path) -> Smidgen:
    return Smidgen(store=filled, cwd=tmp_path)


def budget(smidgen: Smidgen, **limits: object) -> None:
    (smidgen.cwd / "smidgen.yaml").write_text(json.dumps({"budget": limits}))


def obeys_its_schema(document: Any) -> None:
    name = document["schema"].removeprefix("smidgen.").replace("/", "-")
    jsonschema.Draft202012Validator(json.loads((_REFERENCE / f"{name}.schema.json").read_text())).validate(document)


class TestCheck:
    def test_within(self, smidgen: Smidgen) -> None:
        budget(smidgen, size="20MB", packages={"net/...": 0}, needs=[], no_root=True, static=True, wasted=0)
        outcome = smidgen("check", "small:1", "--sarif", "s.json", "--markdown", "m.md")
        assert len(outcome.lines) == 6
        assert all(line.startswith("ok") for line in outcome.lines)
        assert "within its budget" in (smidgen.cwd / "m.md").read_text()
        sarif = json.loads((smidgen.cwd / "s.json").read_text())
        obeys_sarif(sarif)
        assert sarif["runs"][0]["results"] == []

    def test_over(self, smidgen: Smidgen) -> None:
        (smidgen.cwd / "smidgen.yaml").write_text(
            "budget:\n  pull_size: 1kB\n  packages:\n    net/...: 1kB\n  needs: [ca]\n"
            "  no_root: true\n  layers: 1\n  wasted: 0\n  growth: 1%\n"
        )
        files = ("--sarif", "s.json", "--markdown", "m.md")
        outcome = smidgen("check", "large:1", "--against", "small:1", *files, fails=True)
        assert outcome.exit_code == 1
        assert [line.split()[0] for line in outcome.lines] == ["OVER"] * 7
        assert "more than the budget allows, by" in outcome.lines[0]
        assert "(smidgen.yaml:4)" in outcome.lines[1]
        assert "resolver" in outcome.lines[2]
        assert "runs as root" in outcome.lines[3]
        assert "over its budget in 7 of 7 points" in outcome.stderr
        sarif = json.loads((smidgen.cwd / "s.json").read_text())
        obeys_sarif(sarif)
        (run,) = sarif["runs"]
        assert [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in run["results"]] == [
            *(2, 4, 5, 6, 7, 8, 9)
        ]
        for result in run["results"]:
            assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert (smidgen.cwd / "m.md").read_text().count("❌") == 7

    def test_json(self, smidgen: Smidgen) -> None:
        budget(smidgen, size=1, layers=9)
        report = smidgen("check", "small:1", "--json", fails=True).json
        obeys_its_schema(report)
        assert [one["held"] for one in report["checks"]] == [False, True]
        assert report["checks"][0]["got"] > report["checks"][0]["most"] == 1

    def test_a_name_that_means_root(self, smidgen: Smidgen) -> None:
        budget(smidgen, no_root=True)
        smidgen("check", "small:1")
        assert "'app', which is root" in smidgen("check", "alias:1", fails=True).stdout

    def test_what_is_missing(self, smidgen: Smidgen) -> None:
        assert smidgen("check", "small:1", fails=True).exit_code == 2
        (smidgen.cwd / "smidgen.yaml").write_text("name: x\n")
        assert "smidgen.yaml has no budget" in smidgen("check", "small:1", fails=True).stderr
        budget(smidgen, growth="1%")
        assert "--against" in smidgen("check", "small:1", fails=True).stderr
        budget(smidgen, size="20MB")
        outcome = smidgen("check", "small:1", "--sarif", "nowhere/s.json", fails=True)
        assert "cannot write nowhere/s.json" in outcome.stderr

    def test_a_program_that_cannot_be_read(self, smidgen: Smidgen) -> None:
        budget(smidgen, static=True)
        assert "this cannot be told" in smidgen("check", "broken:1", fails=True).stdout
        assert "no executable in it" in smidgen("check", "script:1", fails=True).stdout


class TestDiff:
    def test_images(self, smidgen: Smidgen) -> None:
        text = smidgen("diff", "small:1", "large:1").stdout
        for part in (
            "Whoever has the first fetches",
            "+ env A  1",
            "- user  app",
            "Program /app",
            "net/http",
            "+ resolver",
        ):
            assert part in text, part
        report = smidgen("diff", "small:1", "large:1", "--json").json
        obeys_its_schema(report)
        assert {one["path"]: one["how"] for one in report["files"]} == {
            "/app": "changed",
            "/<b>|`x`": "added",
            "/etc": "removed",
            "/etc/passwd": "removed",
        }
        (program,) = report["programs"]
        assert program["after"] - program["before"] == sum(
            package["after"] - package["before"] for package in program["packages"]
        )

    def test_the_same(self, smidgen: Smidgen) -> None:
        assert "They are the same." in smidgen("diff", "small:1", "small:1").stdout

    def test_executables(self, smidgen: Smidgen) -> None:
        programs = STANDARD.build()
        report = smidgen("diff", programs / "hello", programs / "https_get", "--json").json
        assert (report["before"]["kind"], report["files"], report["update_size"]) == ("executable", [], None)
        assert report["programs"][0]["packages"][0]["before"] == 0
        same = smidgen("diff", "small:1", programs / "hello", "--json").json
        assert (same["before"]["name"], same["programs"]) == ("/app", [])
