"""Builds of several machines that only share a cache."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from smidgen.dockerfile.cache.flags import parse_cache_from, parse_cache_to
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import Manifest, decode_manifest, encode
from support.dockerfile_bench import Bench, Made

#: Two stages; the second one takes a file of the first.
TWO = (
    "FROM busybox AS build\n"
    "COPY src /src\n"
    "RUN cat /src/* > /out && head -c 30000 /dev/urandom > /noise\n"
    "FROM busybox\n"
    "COPY --from=build /out /out\n"
    "RUN wc -c < /out > /count && cat /proc/sys/kernel/random/uuid > /chance\n"
)


@dataclass(frozen=True)
class Machine:
    """A store of its own, with the base image and the same context as all others."""

    bench: Bench

    def build(self, text: str, *, to: Iterable[str] = (), from_: Iterable[str] = (), use_cache: bool = True) -> Made:
        """Build *text* with these ``--cache-to`` and ``--cache-from``."""
        options = ExecuteOptions(
            context=None, cache_to=parse_cache_to(to), cache_from=parse_cache_from(from_), use_cache=use_cache
        )
        return self.bench.build(text, options=options)

    @property
    def blobs(self) -> int:
        """How many blobs its store has."""
        return len(self.bench.store.sizes())


def machine(root: Path, name: str) -> Machine:
    """Set up the machine *name*."""
    directory = root / name
    directory.mkdir()
    bench = Bench.at(directory)
    bench.write({"src/a": "one\n", "src/b": "two\n"})
    return Machine(bench)


@pytest.fixture
def first(tmp_path: Path) -> Machine:
    return machine(tmp_path, "first")


@pytest.fixture
def second(tmp_path: Path) -> Machine:
    return machine(tmp_path, "second")


def layout_root(directory: Path) -> tuple[Descriptor, Manifest]:
    """Give the only manifest of an image layout."""
    from smidgen.store.layout import layout_entries

    (entry,) = layout_entries(directory)
    return entry, decode_manifest(blob(directory, entry.digest).read_bytes())


def blob(directory: Path, digest: str) -> Path:
    """Name the file of a blob of an image layout."""
    return directory / "blobs" / "sha256" / digest[7:]


def rewrite(directory: Path, document: bytes) -> None:
    """Let the cache in *directory* say *document*, with digests that fit."""
    entry, manifest = layout_root(directory)
    config = Descriptor.of(document, media_type=manifest.config.media_type)
    data = encode(replace_config(manifest, config))
    new = Descriptor.of(data, media_type=entry.media_type)
    blob(directory, config.digest).write_bytes(document)
    blob(directory, new.digest).write_bytes(data)
    index = directory / "index.json"
    text = index.read_text().replace(entry.digest, new.digest).replace(f'"size":{entry.size}', f'"size":{new.size}')
    index.write_text(text)


def replace_config(manifest: Manifest, config: Descriptor) -> Manifest:
    """Give *manifest* with another configuration."""
    import msgspec

    return msgspec.structs.replace(manifest, config=config)
