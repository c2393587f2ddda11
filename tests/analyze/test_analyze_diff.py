"""How two images differ: files, configuration, and what is new to fetch."""

import os
from pathlib import Path

from smidgen.analyze.image.compare import compare
from smidgen.analyze.image.diff import FileChange, compare_config, compare_files, config_values, new_to_pull
from smidgen.analyze.image.extract import extract
from smidgen.analyze.image.walk import read_content
from smidgen.image.image import Image
from smidgen.layer.entry import Entry, Kind
from smidgen.oci.config import Healthcheck, RunConfig
from smidgen.store.content import ContentStore
from support.small_images import ARM64, put_image

ETC = [Entry.directory("etc"), Entry.file("etc/a", b"1"), Entry.file("etc/b", b"22"), Entry.symlink("c", "etc")]


def image(path: Path, *layers: list[Entry], run: RunConfig | None = None) -> Image:
    store = ContentStore.open(path / "store")
    return Image(store, put_image(store, *layers, run=run, compression="none"))


def changes(path: Path, before: list[list[Entry]], after: list[list[Entry]]) -> list[FileChange]:
    return list(compare_files(read_content(image(path, *before)), read_content(image(path, *after))))


def told(found: list[FileChange]) -> dict[str, tuple[str, tuple[str, ...], int, int]]:
    return {one.path: (one.how, one.what, one.before, one.after) for one in found}


def test_files_that_come_go_and_change(tmp_path: Path) -> None:
    after = [Entry.directory("etc"), Entry.file("etc/a", b"2"), Entry.file("etc/new", b"333"), Entry.symlink("c", "x")]
    assert told(changes(tmp_path, [ETC], [after])) == {
        "etc/new": ("added", (), 0, 3),
        "etc/b": ("removed", (), 2, 0),
        "etc/a": ("changed", ("content",), 1, 1),
        "c": ("changed", ("link",), 0, 0),
    }


def test_the_same_in_other_layers_is_the_same(tmp_path: Path) -> None:
    assert changes(tmp_path, [ETC], [ETC[:2], ETC[2:]]) == []
    # Nor does it matter whether a directory has an entry, or what a time is.
    assert changes(tmp_path, [ETC], [[one.at(12345) for one in ETC[1:]]]) == []


def test_owner_mode_attributes_and_kind(tmp_path: Path) -> None:
    before = [Entry.file("a", b"1"), Entry.file("b", b"1"), Entry.file("c", b"1"), Entry.file("d", b"1")]
    after = [
        Entry.file("a", b"1", mode=0o755, uid=7),
        Entry.symlink("b", "a"),
        Entry.file("c", b"1", xattrs=(("user.x", b"1"),)),
        Entry.file("d/e", b"1"),
    ]
    found = told(changes(tmp_path, [before], [after]))
    assert {path: what for path, (_, what, _, _) in found.items()} == {
        "a": ("mode", "owner"),
        "b": ("kind",),
        "c": ("attributes",),
        "d": ("kind",),
        "d/e": (),
    }


def test_which_name_of_a_file_is_the_link_does_not_matter(tmp_path: Path) -> None:
    one = [Entry.file("a", b"1"), Entry(path="b", kind=Kind.HARDLINK, mode=0o644, link="a")]
    other = [Entry.file("b", b"1"), Entry(path="a", kind=Kind.HARDLINK, mode=0o644, link="b")]
    assert changes(tmp_path, [one], [other]) == []


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    assert told(changes(tmp_path, [[]], [[Entry.file(name, b"1")]])) == {name: ("added", (), 0, 1)}


def test_what_is_new_to_fetch(tmp_path: Path) -> None:
    before, after = image(tmp_path, ETC), image(tmp_path, ETC, [Entry.file("new", bytes(5000))])
    manifest = after.manifest
    assert new_to_pull(before, after) == after.descriptor.size + manifest.config.size + manifest.layers[1].size
    assert new_to_pull(before, before) == 0


def test_configurations(tmp_path: Path) -> None:
    store = ContentStore.open(tmp_path / "store")
    one = RunConfig(entrypoint=("/a",), env=("A=1", "B=2"), user="7", labels={"x": "1"})
    other = RunConfig(entrypoint=("/a", "-v"), env=("A=1", "C=3"), exposed_ports={"80/tcp": {}}, labels={"x": "2"})
    before = Image(store, put_image(store, ETC, run=one))
    after = Image(store, put_image(store, ETC, run=other, platform=ARM64))
    assert {change.name: (change.before, change.after) for change in compare_config(before, after)} == {
        "platform": ("linux/amd64", "linux/arm64"),
        "entrypoint": ('["/a"]', '["/a","-v"]'),
        "user": ("7", None),
        "env B": ("2", None),
        "env C": (None, "3"),
        "port 80/tcp": (None, "exposed"),
        "label x": ("1", "2"),
    }
    assert compare_config(before, before) == ()


def test_everything_that_can_be_configured() -> None:
    run = RunConfig(
        cmd=("x",),
        volumes={"/data": {}},
        working_dir="/w",
        stop_signal="SIGINT",
        healthcheck=Healthcheck(test=("NONE",)),
        on_build=("RUN x",),
        shell=("/bin/sh",),
    )
    assert set(config_values(run)) == {
        "cmd",
        "volume /data",
        "working_dir",
        "stop_signal",
        "healthcheck",
        "on_build",
        "shell",
    }


def test_files_taken_out_of_layers(tmp_path: Path) -> None:
    program = b"\x7fELF" + bytes(5000)
    layers = [Entry.file("usr/bin/x", program), Entry.symlink("bin", "usr/bin")], [Entry.file("bin/y", program[:3000])]
    found = image(tmp_path, *map(list, layers))
    content = read_content(found)
    nodes = [content.tree.find("/usr/bin/x"), content.tree.find("/bin/y")]
    places = extract(found, nodes, tmp_path)
    assert sorted(path.stat().st_size for path in places.values()) == [3000, 5004]
    assert set(places) == content.executables


def test_a_damaged_executable_is_no_end_of_the_comparison(tmp_path: Path) -> None:
    before = image(tmp_path, [Entry.file("app", b"\x7fELF" + bytes(500), mode=0o755)])
    after = image(tmp_path, [Entry.file("app", b"\x7fELF" + bytes(600), mode=0o755)])
    (program,) = compare(before, after).programs
    assert program.problem
    assert program.packages == ()
