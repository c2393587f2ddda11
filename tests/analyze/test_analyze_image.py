"""An image from its layers down: sizes add up, bytes to pull are those of the layer, needs are compared."""

from pathlib import Path
from random import Random

import pytest

from smidgen.analyze.walk_image import WalkOptions, explain_image
from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.store.content import ContentStore
from support.needs_programs import STANDARD
from support.small_images import put_image


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_bytes_to_pull_add_up_to_the_layers(store: ContentStore, compression: str) -> None:
    noise = Random(1).randbytes(200_000)
    entries = [Entry.file("a", bytes(300_000)), Entry.file("b", noise), Entry.symlink("c", "b")]
    image = Image(store, put_image(store, entries, [Entry.file(".wh.a", b"")], compression=compression))
    explained = explain_image(image)
    assert explained.pull == image.pull_size
    for layer in explained.layers:
        assert layer.size == layer.framing + sum(file.size for file in layer.files)
        assert 0 <= layer.pull - sum(file.pull for file in layer.files) < 2048
    zeros, other, _ = explained.layers[0].files
    if compression == "none":
        assert zeros.pull == 300_000 + 512 + -300_000 % 512
    else:
        assert zeros.pull < other.pull / 4


def test_the_program_is_found_through_links_and_looked_into(store: ContentStore) -> None:
    program = STANDARD.build() / "certificate_pool"
    layers = [[Entry.file("opt/web", program, mode=0o755)], [Entry.symlink("bin/web", "/opt/web")]]
    run = RunConfig(entrypoint=("web",), env=("PATH=/bin",), user="1000")
    explained = explain_image(Image(store, put_image(store, *layers, run=run)))
    assert explained.program == "/opt/web"
    assert not explained.is_root
    (file,) = explained.binaries
    assert file.binary is not None
    assert file.binary.size == program.stat().st_size
    assert file.binary.exact >= 0.9 * file.binary.size
    assert abs(file.binary.pull - file.pull) < 1024
    need = next(need for need in explained.needs if need.kind == "ca")
    assert (need.place, need.proof != "") == ("", True)


def test_what_an_image_has_is_told(store: ContentStore) -> None:
    program = STANDARD.build() / "certificate_pool"
    layers = [[Entry.file("etc/ssl/certs/ca-certificates.crt", b"x")], [Entry.file("web", program, mode=0o755)]]
    explained = explain_image(Image(store, put_image(store, *layers, run=RunConfig(entrypoint=("/web",)))))
    assert explained.is_root
    assert [need.place for need in explained.needs if need.kind == "ca"] == ["/etc/ssl/certs/ca-certificates.crt"]


def test_executables_are_left_alone_if_they_are_not_asked_for(store: ContentStore) -> None:
    program = STANDARD.build() / "certificate_pool"
    image = Image(store, put_image(store, [Entry.file("web", program, mode=0o755)]))
    assert explain_image(image, WalkOptions(binaries=False)).binaries == ()


def test_many_layers_odd_names_and_damaged_programs(store: ContentStore) -> None:
    layers = [[Entry.file(f"file-{at}", b"x")] for at in range(125)]
    odd = Entry.file("caf\udce9", b"\x7fELF" + bytes(96))
    explained = explain_image(Image(store, put_image(store, *layers, [odd], [Entry.directory("etc")])))
    assert len(explained.layers) == 127
    (file,) = explained.layers[125].files
    assert file.path == "caf\udce9"
    assert file.problem
