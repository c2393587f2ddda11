"""The tree of files that a browser shows, layer by layer: what was added, changed, removed."""

import os
from pathlib import Path

import pytest

from smidgen.analyze.explained import ExplainedLayer
from smidgen.analyze.walk_image import WalkOptions, explain_image
from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.report.file_browser import Change, View, browse, matching, walk
from smidgen.store.content import ContentStore
from support.small_images import put_image

_LAYERS = (
    [Entry.directory("etc"), Entry.file("etc/a", b"1"), Entry.file("etc/b", b"22"), Entry.file("var/log/x", b"333")],
    [Entry.directory("etc"), Entry.file("etc/a", b"4444"), Entry.file("etc/.wh.b", b""), Entry.file("new", b"55555")],
    [Entry.directory("etc", mode=0o700), Entry.file("var/.wh..wh..opq", b""), Entry.file("var/log/y", b"6")],
    [Entry.file(".wh.etc", b""), Entry.file(".wh.nothing", b"")],
)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExplainedLayer, ...]:
    return _explained(tmp_path_factory.mktemp("store"), *_LAYERS)


def _explained(root: Path, *layers: list[Entry]) -> tuple[ExplainedLayer, ...]:
    store = ContentStore.open(root / "store")
    image = Image(store, put_image(store, *layers))
    return explain_image(image, WalkOptions(binaries=False)).layers


def _shown(layers: tuple[ExplainedLayer, ...], number: int, *, view: View) -> dict[str, str]:
    return {node.path: node.change.value for node in walk(browse(layers, number, view=view)) if node.path}


def test_over_the_layers_below(layers: tuple[ExplainedLayer, ...]) -> None:
    assert set(_shown(layers, 0, view=View.WHOLE).values()) == {"added"}
    assert _shown(layers, 1, view=View.WHOLE) == {
        "etc": "unchanged",
        "etc/a": "changed",
        "etc/b": "removed",
        "new": "added",
        "var": "unchanged",
        "var/log": "unchanged",
        "var/log/x": "unchanged",
    }
    assert _shown(layers, 2, view=View.WHOLE) == {
        "etc": "changed",
        "etc/a": "unchanged",
        "new": "unchanged",
        "var": "unchanged",
        "var/log": "added",
        "var/log/y": "added",
    }


def test_alone(layers: tuple[ExplainedLayer, ...]) -> None:
    found = {"etc": "added", "etc/a": "added", "etc/b": "removed", "new": "added"}
    assert _shown(layers, 1, view=View.ALONE) == found
    assert _shown(layers, 3, view=View.ALONE) == {"etc": "removed", "nothing": "removed"}


def test_since_the_first_layer(layers: tuple[ExplainedLayer, ...], tmp_path: Path) -> None:
    assert set(_shown(layers, 0, view=View.SINCE_FIRST).values()) == {"added"}
    assert _shown(layers, 1, view=View.SINCE_FIRST) == _shown(layers, 1, view=View.WHOLE)
    assert _shown(layers, 2, view=View.SINCE_FIRST) == {
        "etc": "changed",
        "etc/a": "changed",
        "etc/b": "removed",
        "new": "added",
        "var": "unchanged",
        "var/log": "added",
        "var/log/y": "added",
    }
    # What came and went in between is not there; what went and came is another one.
    others = _explained(
        tmp_path,
        [Entry.file("d/old", b"1"), Entry.file("f", b"1")],
        [Entry.file("d/fresh", b"1"), Entry.file("g", b"1"), Entry.file(".wh.f", b"")],
        [Entry.file(".wh.d", b""), Entry.file(".wh.g", b""), Entry.file("f", b"2")],
    )
    assert _shown(others, 2, view=View.SINCE_FIRST) == {"d": "removed", "d/old": "removed", "f": "changed"}


def test_directories_tell_of_what_is_in_them(layers: tuple[ExplainedLayer, ...]) -> None:
    root = browse(layers, 1, view=View.WHOLE)
    assert {node.path for node in walk(root) if node.touched} == {"", "etc", "etc/a", "etc/b", "new"}


def test_a_directory_goes_with_all_below(layers: tuple[ExplainedLayer, ...]) -> None:
    found = _shown(layers, 3, view=View.WHOLE)
    assert (found["etc"], found["etc/a"], found["new"]) == ("removed", "removed", "unchanged")


def test_sizes(layers: tuple[ExplainedLayer, ...]) -> None:
    root = browse(layers, 1, view=View.WHOLE)
    assert (root.size, root.children["etc"].size, root.children["var"].size) == (12, 4, 3)
    assert browse(layers, 1, view=View.ALONE).size == 9
    assert 0 < root.children["etc"].pull < root.pull


def test_what_is_shown(layers: tuple[ExplainedLayer, ...]) -> None:
    root = browse(layers, 1, view=View.WHOLE)
    assert matching(root, text="", hidden=()) is None
    assert matching(root, text="LOG/X", hidden=()) == frozenset({"", "var", "var/log", "var/log/x"})
    assert matching(root, text="", hidden=(Change.SAME, Change.REMOVED)) == frozenset({"", "etc", "etc/a", "new"})
    assert matching(root, text="none of these", hidden=()) == frozenset({""})


def test_files_take_the_place_of_directories(tmp_path: Path) -> None:
    layers = _explained(tmp_path, [Entry.file("a/b/c", b"1")], [Entry.file("a", b"2")], [Entry.file("a/d", b"3")])
    assert _shown(layers, 1, view=View.WHOLE) == {"a": "changed"}
    assert _shown(layers, 2, view=View.WHOLE) == {"a": "added", "a/d": "added"}


def test_deep_paths_and_odd_names(tmp_path: Path) -> None:
    deep = "/".join("d" * 1900)
    layers = _explained(tmp_path, [Entry.file(deep, b"12"), Entry.file(os.fsdecode(b"\xff"), b"3")])
    root = browse(layers, 0, view=View.WHOLE)
    assert root.size == 3
    assert sum(1 for _ in walk(root)) == 1902
