"""``smidgen waste``, as a person or a script runs it."""

import io
import json
import os
import tarfile
from pathlib import Path

import jsonschema
import pytest

from smidgen.layer.entry import Entry, Kind
from smidgen.oci.reference import Reference
from smidgen.report.made_by import instruction
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.small_images import put_image
from support.tiny_executable import tiny_executable

BASE = [
    Entry.file("srv/app/a", bytes(40_000)),
    Entry.file("srv/app/b", bytes(30_000)),
    Entry(path="srv/app/c", kind=Kind.HARDLINK, mode=0o644, link="srv/app/b"),
    Entry.file("var/cache/one", bytes(5_000)),
    Entry.file("var/cache/deep/two", bytes(6_000)),
]
AGAIN = [Entry.file("srv/app/a", bytes(40_000), uid=7), Entry.file("srv/app/b", bytes(30_000), uid=7)]
DELETED = [Entry.file("var/.wh.cache", b""), Entry.file("srv/app/.wh.a", b"")]


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    smidgen = Smidgen(store=tmp_path / "store", cwd=tmp_path)
    store = ContentStore.open(smidgen.store)
    store.tag(Reference.parse("web:1"), put_image(store, BASE, AGAIN, DELETED))
    store.tag(Reference.parse("clean:1"), put_image(store, BASE))
    return smidgen


def test_table(smidgen: Smidgen) -> None:
    lines = smidgen("waste", "web:1").lines
    assert lines[0].startswith("web:1, linux/amd64: 3 layers, 6 files of 151kB, ")
    # The content of srv/app/b has a name left.
    assert lines[1].startswith("Wasted: 91kB of 4 files, about ")
    assert lines[1].endswith("Efficiency: 39.7%")
    assert [line.split(maxsplit=2)[:2] for line in lines[4:7]] == [["40kB", "1"], ["40kB", "1"], ["11kB", "2"]]
    assert "same content again" in lines[4]
    assert "/var/cache" in lines[6]
    assert any("COPY --chown" in line for line in lines)
    assert len([line for line in smidgen("waste", "web:1", "-n", "1").lines if "layer" in line]) == 2


def test_json(smidgen: Smidgen) -> None:
    report = smidgen("waste", "web:1", "--json").json
    schema = Path(__file__).parent.parent.parent / "docs" / "reference" / "waste-v1.schema.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(report)
    assert (report["content"], report["wasted"]) == (151_000, 91_000)
    assert [layer["wasted"] for layer in report["layers"]] == [51_000, 40_000, 0]
    assert {key: report["groups"][2][key] for key in ("path", "files", "size", "made", "lost")} == {
        "path": "/var/cache",
        "files": 2,
        "size": 11_000,
        "made": 1,
        "lost": 3,
    }
    assert 0 < report["wasted_pull"] < report["pull_size"]


def test_nothing_is_wasted(smidgen: Smidgen) -> None:
    assert "Nothing is wasted" in smidgen("waste", "clean:1").stdout


def test_archives_and_layouts(smidgen: Smidgen, tmp_path: Path) -> None:
    smidgen("save", "web:1", "-o", "web.tar")
    smidgen("save", "web:1", "--oci-layout", "layout")
    before = sorted(path for path in tmp_path.joinpath("layout").rglob("*"))
    want = smidgen("waste", "web:1", "--json").json["groups"]
    for name in ("web.tar", "./web.tar", "oci:layout", "docker-archive:web.tar", "./layout", str(tmp_path / "web.tar")):
        assert smidgen("waste", name, "--json").json["groups"] == want, name
    assert sorted(path for path in tmp_path.joinpath("layout").rglob("*")) == before


def test_names_that_would_move_the_cursor(smidgen: Smidgen) -> None:
    store = ContentStore.open(smidgen.store)
    names = ["\x1b[31mred", os.fsdecode(b"\xff\xfe"), "<script>alert(1)</script>"]
    image = put_image(store, [Entry.file(name, b"1") for name in names], [Entry.file(".wh..wh..opq", b"")])
    store.tag(Reference.parse("odd:1"), image)
    deleted = put_image(store, [Entry.file(names[0], b"1")], [Entry.file(f".wh.{names[0]}", b"")])
    store.tag(Reference.parse("odd:2"), deleted)
    assert "\x1b" not in smidgen("waste", "odd:1", "--files").stdout
    assert "/\\x1b[31mred" in smidgen("waste", "odd:2").stdout
    assert smidgen("waste", "odd:1", "--json").json["groups"][0]["files"] == 3


class TestRefusals:
    def refusal(self, smidgen: Smidgen, *arguments: str) -> str:
        outcome = smidgen("waste", *arguments, fails=True)
        assert "Traceback" not in outcome.stderr
        assert outcome.stdout == ""
        return outcome.stderr

    def test_what_is_not_there(self, smidgen: Smidgen) -> None:
        assert "'nothing:latest' not found" in self.refusal(smidgen, "nothing")
        assert "file ./nothing not found" in self.refusal(smidgen, "./nothing")
        assert "smidgen pull" in self.refusal(smidgen, "docker://web:1")

    def test_what_is_no_image(self, smidgen: Smidgen, tmp_path: Path) -> None:
        (tmp_path / "program").write_bytes(tiny_executable(b"hello"))
        assert "is an executable" in self.refusal(smidgen, "./program")
        (tmp_path / "text").write_text("hello " * 200)
        assert "no image archive" in self.refusal(smidgen, "./text")
        (tmp_path / "directory").mkdir()
        assert "nor an image layout" in self.refusal(smidgen, "./directory")
        with tarfile.open(tmp_path / "x.tar", "w") as tar:
            tar.addfile(tarfile.TarInfo("../../etc/passwd"), io.BytesIO())
        assert "'..'" in self.refusal(smidgen, "./x.tar")

    def test_a_hostile_layer(self, smidgen: Smidgen) -> None:
        store = ContentStore.open(smidgen.store)
        loops = [Entry.symlink("a", "b"), Entry.symlink("b", "a"), Entry.file("a/x", b"1")]
        store.tag(Reference.parse("loop:1"), put_image(store, loops))
        assert "symbolic links" in self.refusal(smidgen, "loop:1")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/bin/sh -c #(nop) COPY file:1 in / ", "COPY file:1 in /"),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        ("RUN /bin/sh -c go build # buildkit", "RUN go build"),
        ("COPY . /srv # buildkit", "COPY . /srv"),
        ("smidgen build", "smidgen build"),
        ("", ""),
    ],
)
def test_instructions(said: str, shown: str) -> None:
    assert instruction(said) == shown
