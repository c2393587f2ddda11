"""Caches in a registry: only what the image needs is fetched."""

import pytest

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import decode_manifest, encode
from support.cache_machines import TWO, Machine, replace_config
from support.served import Served


def _fetched(remote: Served) -> int:
    return len(remote.asked("GET", "/blobs/"))


def test_only_what_the_image_needs_is_fetched(remote: Served, first: Machine, second: Machine) -> None:
    ref = remote.name("cache:main")
    made = first.build(TWO, to=[f"type=registry,ref={ref},mode=max"])
    assert made.log.warnings == []
    assert _fetched(remote) == 0
    again = second.build(TWO, from_=[ref])
    assert (again.log.began, again.log.warnings) == ([], [])
    assert again.image.digest == made.image.digest
    # The document, and the two layers of the last stage.
    assert _fetched(remote) == 3


def test_a_build_from_a_cache_writes_it_without_fetching(remote: Served, first: Machine, second: Machine) -> None:
    one, two = remote.name("cache:one"), remote.name("cache:two")
    first.build(TWO, to=[f"type=registry,ref={one},mode=max"])
    digest = remote.tag("cache", "one")
    second.build(TWO, from_=[one], to=[f"type=registry,ref={two},mode=max", one])
    assert remote.tag("cache", "two") == digest
    assert _fetched(remote) == 3
    # The bare name was written with mode=min.
    assert remote.tag("cache", "one") != digest


def test_another_repository_gets_all_layers(remote: Served, first: Machine, second: Machine) -> None:
    one, two = remote.name("cache:main"), remote.name("other:main")
    first.build(TWO, to=[f"type=registry,ref={one},mode=max"])
    made = second.build(TWO, from_=[one], to=[f"type=registry,ref={two},mode=max"])
    assert made.log.warnings == []
    assert remote.tag("other", "main") == remote.tag("cache", "main")


def test_a_registry_that_has_no_such_cache(remote: Served, first: Machine) -> None:
    made = first.build(TWO, from_=[remote.name("cache:none")])
    assert len(made.log.began) == 4
    (warning,) = made.log.warnings
    assert f"the cache {remote.name('cache:none')} is not used" in warning


def _change(remote: Served, document: bytes) -> None:
    """Let the tag name a cache that says *document*."""
    tags = remote.registry.tags["cache"]
    registry = remote.registry
    data = registry.manifests["cache", tags["main"]][1]
    manifest = decode_manifest(data)
    config = Descriptor.of(document, media_type=manifest.config.media_type)
    new = encode(replace_config(manifest, config))
    described = Descriptor.of(new, media_type=manifest.media_type)
    registry.blobs[config.digest] = document
    registry.manifests["cache", described.digest] = (described.media_type, new)
    tags["main"] = described.digest


@pytest.mark.parametrize("document", [b"{}", b"\xff", b'{"schemaVersion":1,"steps":[{}]}'])
def test_a_hostile_document(remote: Served, first: Machine, second: Machine, document: bytes) -> None:
    ref = remote.name("cache:main")
    first.build(TWO, to=[ref])
    _change(remote, document)
    made = second.build(TWO, from_=[ref])
    assert len(made.log.began) == 4
    assert len(made.log.warnings) == 1


def test_layers_that_are_something_else(remote: Served, first: Machine, second: Machine) -> None:
    ref = remote.name("cache:main")
    first.build(TWO, to=[ref])
    blobs = remote.registry.blobs
    for digest in [one for one, data in blobs.items() if data[:2] == b"\x1f\x8b"]:
        blobs[digest] = bytes(len(blobs[digest]))
    made = second.build(TWO, from_=[ref])
    assert made.content("out") == "one\ntwo\n"
    assert [f"the cache {ref} is not used" in warning for warning in made.log.warnings] == [True]


def test_nobody_is_there(first: Machine) -> None:
    # Nothing listens on port 1 of this machine.
    made = first.build("FROM busybox\nCOPY src /src\n", from_=["127.0.0.1:1/x"], to=["127.0.0.1:1/x"])
    assert [warning.partition(":1/x")[0] for warning in made.log.warnings if "the cache" in warning] == [
        "the cache 127.0.0.1",
        "the cache was not written to 127.0.0.1",
    ]
