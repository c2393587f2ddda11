"""Images that carry their own cache."""

from smidgen.dockerfile.cache.document import INLINE, decode_document
from support.cache_machines import TWO, Machine
from support.served import Served


def test_an_image_is_the_cache_of_the_next_build(remote: Served, first: Machine, second: Machine) -> None:
    made = first.build(TWO, to=["type=inline"])
    remote.publish(first.bench.store, made.image.descriptor, "app", "1.0")
    again = second.build(TWO, from_=[remote.name("app:1.0")], to=["type=inline"])
    assert (again.log.began, again.log.warnings) == ([], [])
    assert again.image.digest == made.image.digest
    assert len(remote.asked("GET", "/blobs/")) == 2


def test_it_names_the_layers_of_the_image_only(first: Machine) -> None:
    made = first.build(TWO, to=["type=inline"])
    annotations = made.image.manifest.annotations
    assert annotations is not None
    document = decode_document(annotations[INLINE].encode())
    digests = [layer.digest for layer in document.layers]
    assert digests == [layer.digest for layer in made.image.layers[1:]]
    # What the second build says is the same.
    assert first.build(TWO, to=["type=inline"]).image.digest == made.image.digest
    assert first.build(TWO).image.manifest.annotations is None


def test_an_index_has_the_caches_of_its_images(remote: Served, first: Machine, second: Machine) -> None:
    from smidgen.image.assemble import assemble_index

    made = first.build(TWO, to=["type=inline"])
    with first.bench.store.writing():
        index = assemble_index(first.bench.store, [made.image], annotations={})
    remote.publish(first.bench.store, index.descriptor, "app", "1.0")
    assert second.build(TWO, from_=[remote.name("app:1.0")]).log.began == []


def test_an_image_without_a_cache(remote: Served, first: Machine, second: Machine) -> None:
    made = first.build(TWO)
    remote.publish(first.bench.store, made.image.descriptor, "app", "1.0")
    again = second.build(TWO, from_=[remote.name("app:1.0")])
    assert len(again.log.began) == 4
    assert "no build cache" in again.log.warnings[0] or "build cache in this image" in again.log.warnings[0]
