"""Recipes to images: what is written, what is cached, what a mistake does."""

from pathlib import Path

import pytest

from smidgen.errors import InvalidReference, NotFound, UsageError
from smidgen.image.assemble import LayerRecipe, Recipe, assemble, assemble_index
from smidgen.image.image import Image
from smidgen.image.unpack import unpack_image
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry
from smidgen.layer.tar_reader import read_tar
from smidgen.oci.config import RunConfig
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore


def _store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


def _recipe(*layers: LayerRecipe, platform: str = "linux/amd64") -> Recipe:
    return Recipe(
        platform=Platform.parse(platform),
        layers=layers,
        run=RunConfig(user="65534:65534", entrypoint=("/app",)),
        annotations={"b": "2", "a": "1"},
        created=0,
        compression=Compression.parse("gzip"),
    )


def _layer(
    *entries: Entry, name: str = "files", key: str | None = None, directories: tuple[Entry, ...] = ()
) -> LayerRecipe:
    return LayerRecipe(entries=lambda: entries, created_by=name, key=key, directories=directories)


def test_an_image_has_its_layers_config_and_history(tmp_path: Path) -> None:
    store = _store(tmp_path)
    files = _layer(Entry.file("etc/x", b"x"), name="x")
    assembled = assemble(store, _recipe(files, _layer(Entry.file("app", b"program", mode=0o755), name="/app")))
    image = assembled.image
    assert [layer.digest for layer in image.layers] == [one.layer.descriptor.digest for one in assembled.layers]
    assert image.config.rootfs.diff_ids == image.diff_ids
    assert [one.created_by for one in image.config.history or ()] == ["x", "/app"]
    assert image.config.created == "1970-01-01T00:00:00Z"
    assert image.manifest.annotations == {"a": "1", "b": "2"}
    assert image.platforms == (Platform.parse("linux/amd64"),)


def test_each_layer_brings_the_directories_above_its_files(tmp_path: Path) -> None:
    home = Entry.directory("home/me", mode=0o700, uid=7, gid=7)
    recipe = _recipe(
        _layer(Entry.file("etc/ssl/a", b"a")),
        _layer(
            Entry.file("etc/ssl/b", b"b"), Entry.file("home/me/c", b"c"), Entry.file("app", b""), directories=(home,)
        ),
    )
    image = assemble(_store(tmp_path), recipe).image
    with image.open_layer(image.layers[1]) as stream:
        entries = {member.entry.path: member.entry for member in read_tar(stream)}
    assert list(entries) == ["etc", "etc/ssl", "etc/ssl/b", "home", "home/me", "home/me/c", "app"]
    assert entries["etc"].mode == 0o755
    assert (entries["home/me"].mode, entries["home/me"].uid) == (0o700, 7)


def test_a_layer_without_entries_is_left_out(tmp_path: Path) -> None:
    image = assemble(_store(tmp_path), _recipe(_layer(), _layer(Entry.file("app", b"")))).image
    assert len(image.layers) == 1
    assert len(image.config.history or ()) == 1


def test_a_key_saves_packing_and_gives_the_same_image(tmp_path: Path) -> None:
    store = _store(tmp_path)
    calls: list[int] = []

    def entries() -> tuple[Entry, ...]:
        calls.append(1)
        return (Entry.file("app", b"program"),)

    recipe = _recipe(LayerRecipe(entries=entries, created_by="app", key="k"))
    first, second = assemble(store, recipe), assemble(store, recipe)
    assert first.image.digest == second.image.digest
    assert len(calls) == 1
    store.blob_path(first.layers[0].layer.descriptor.digest).unlink()
    assert assemble(store, recipe).image.digest == first.image.digest
    assert len(calls) == 2


def test_a_damaged_cache_entry_is_a_miss(tmp_path: Path) -> None:
    store = _store(tmp_path)
    recipe = _recipe(_layer(Entry.file("app", b"program"), key="k"))
    first = assemble(store, recipe)
    for path in (store.root / "cache" / "layers").iterdir():
        path.write_bytes(b"{")
    assert assemble(store, recipe).image.digest == first.image.digest


def test_an_index_names_every_platform_and_picks_one(tmp_path: Path) -> None:
    store = _store(tmp_path)
    platforms = ("linux/amd64", "linux/amd64/v3", "linux/arm/v7")
    images = [
        assemble(store, _recipe(_layer(Entry.file("app", name.encode())), platform=name)).image for name in platforms
    ]
    index = assemble_index(store, images, annotations={})
    assert [str(platform) for platform in index.platforms] == list(platforms)
    assert index.for_platform(Platform.parse("linux/amd64")).digest == images[0].digest
    # A machine of level 3 or 4 runs the best that it can.
    assert index.for_platform(Platform.parse("linux/amd64/v4")).digest == images[1].digest
    assert index.for_platform(Platform.parse("linux/amd64/v2")).digest == images[0].digest
    with pytest.raises(NotFound, match="linux/s390x") as caught:
        index.for_platform(Platform.parse("linux/s390x"))
    assert "linux/arm/v7" in str(caught.value.hint)


def test_images_are_found_by_name_digest_and_prefix(tmp_path: Path) -> None:
    store = _store(tmp_path)
    image = assemble(store, _recipe(_layer(Entry.file("app", b"1")))).image.tag("web:1")
    assert image.name == "web:1"
    for name in ("web:1", f"web@{image.digest}", f"web:1@{image.digest}", image.digest, image.digest[7:19]):
        assert Image.resolve(store, name).digest == image.digest
    for name in ("web", "sha256:" + "0" * 64, "web@sha256:" + "0" * 64):
        with pytest.raises(NotFound):
            Image.resolve(store, name)
    with pytest.raises(InvalidReference):
        Image.resolve(store, "No Name")


def test_an_ambiguous_prefix_is_an_error(tmp_path: Path) -> None:
    store = _store(tmp_path)
    digests: dict[str, str] = {}
    # 4 hex digits: two of some hundred images share them soon.
    for number in range(3000):
        image = assemble(store, _recipe(_layer(Entry.file("app", b"%d" % number), key=f"{number}"))).image
        store.tag(Reference.parse(f"n:{number}"), image.descriptor) if image.digest[7:11] in digests else None
        other = digests.setdefault(image.digest[7:11], f"{number}")
        if other != f"{number}":
            first = assemble(store, _recipe(_layer(Entry.file("app", other.encode()), key=other))).image
            store.tag(Reference.parse(f"n:{other}"), first.descriptor)
            with pytest.raises(UsageError, match="begins the digest of 2 images"):
                Image.resolve(store, image.digest[7:11])
            return
    pytest.fail("no two digests began alike")


def test_unpacking_gives_the_files_back(tmp_path: Path) -> None:
    recipe = _recipe(_layer(Entry.file("a/b", b"old")), _layer(Entry.file("a/b", b"new"), Entry.symlink("c", "a/b")))
    image = assemble(_store(tmp_path), recipe).image
    root = tmp_path / "root"
    root.mkdir()
    unpack_image(image, root, preserve_owners=False)
    assert (root / "c").read_bytes() == b"new"
