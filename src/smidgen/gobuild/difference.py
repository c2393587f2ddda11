"""What is different between two images that should be one and the same: layer, file and first byte."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import msgspec

from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.layer.tar_reader import Member, read_tar
from smidgen.oci.descriptor import Descriptor

_PIECE = 1 << 18
_SHOWN = 24  # bytes on either side of the first difference
_LIMIT = 8  # differences told of one image


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is different.

    Attributes:
        where: The platform, and the part of the image.
        what: What was got first and what then.
    """

    where: str
    what: str

    def __str__(self) -> str:
        """Render in one line."""
        return f"{self.where}: {self.what}"


def differences(first: Image, second: Image) -> tuple[Difference, ...]:
    """Compare two images, of any number of platforms; empty where their digests are equal."""
    if first.digest == second.digest:
        return ()
    found: list[Difference] = []
    for one, other in zip_longest(first.images, second.images):
        if one is None or other is None:
            there = one or other
            found.append(Difference(str(there.platform) if there else "index", "only one of the images has it"))
        elif one.digest != other.digest:
            found += _limited(_single(one, other))
    return tuple(found) or (Difference("index", f"{first.digest} and {second.digest}, of equal images"),)


def _limited(found: Iterator[Difference]) -> list[Difference]:
    return [difference for difference, _ in zip(found, range(_LIMIT), strict=False)]


def _single(one: Image, other: Image) -> Iterator[Difference]:
    platform = str(one.platform)
    for number, (layer, twin) in enumerate(zip_longest(one.layers, other.layers)):
        where = f"{platform} layer {number}"
        if layer is None or twin is None:
            yield Difference(where, "only one of the images has it")
        elif layer.digest != twin.digest:
            yield from _layers(where, one, layer, other, twin)
    config = _plain(one.store.get(one.manifest.config)), _plain(other.store.get(other.manifest.config))
    # Layers are told already.
    for value in config:
        value.pop("rootfs", None)
    yield from _values(f"{platform} configuration", *config)
    manifest = _plain(one.store.get(one.descriptor)), _plain(other.store.get(other.descriptor))
    for value in manifest:
        for part in ("config", "layers"):
            value.pop(part, None)
    yield from _values(f"{platform} manifest", *manifest)


def _plain(data: bytes) -> dict[str, object]:
    return msgspec.json.decode(data, type=dict[str, object])


def _values(where: str, one: object, other: object) -> Iterator[Difference]:
    """Compare two JSON values, down to the smallest that differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            yield from _values(f"{where} {key}", one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (item, twin) in enumerate(zip(one, other, strict=True)):
            yield from _values(f"{where}[{number}]", item, twin)
    elif one != other:
        yield Difference(where, f"{_shown(one)} and {_shown(other)}")


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."


def _layers(where: str, one: Image, layer: Descriptor, other: Image, twin: Descriptor) -> Iterator[Difference]:
    if layer.media_type != twin.media_type:
        yield Difference(where, f"{layer.media_type} and {twin.media_type}")
        return
    is_same = True
    with one.open_layer(layer) as stream, other.open_layer(twin) as twin_stream:
        for member, twin_member in zip_longest(read_tar(stream), read_tar(twin_stream)):
            for difference in _members(where, member, twin_member):
                is_same = False
                yield difference
    if is_same:
        yield Difference(where, "the same files, compressed or put into an archive differently")


def _members(where: str, member: Member | None, twin: Member | None) -> Iterator[Difference]:
    if member is None or twin is None:
        there = member or twin
        path = there.entry.path if there else ""
        yield Difference(f"{where} /{path}", "only one of the layers has it")
        return
    entry, other = member.entry, twin.entry
    path = f"{where} /{entry.path}"
    if entry.path != other.path:
        yield Difference(path, f"in its place the other layer has /{other.path}")
        return
    yield from _attributes(path, entry, other)
    offset = 0
    while True:
        data, twin_data = member.read(_PIECE), twin.read(_PIECE)
        if data != twin_data:
            yield _bytes(path, data, twin_data, offset)
            return
        if not data:
            return
        offset += len(data)


def _attributes(path: str, entry: Entry, other: Entry) -> Iterator[Difference]:
    for name in ("kind", "mode", "uid", "gid", "mtime", "link", "size", "xattrs", "device"):
        mine, theirs = getattr(entry, name), getattr(other, name)
        if mine != theirs:
            shown = (f"{mine:o}", f"{theirs:o}") if name == "mode" else (str(mine), str(theirs))
            yield Difference(path, f"{name} {shown[0]} and {shown[1]}")


def _bytes(path: str, data: bytes, twin: bytes, offset: int) -> Difference:
    at = next((i for i, (a, b) in enumerate(zip(data, twin, strict=False)) if a != b), min(len(data), len(twin)))
    start = max(0, at - _SHOWN)
    shown = data[start : at + _SHOWN], twin[start : at + _SHOWN]
    return Difference(path, f"first different byte at {offset + at:#x}: {shown[0]!r} and {shown[1]!r}")
