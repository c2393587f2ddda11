"""Read images from a tar that another tool may have written: an OCI layout, or what ``docker save`` gives.

The archive is read once, forwards. Blobs of an OCI layout are checked against their names as they
pass; files of Docker's older format are named by nothing, so they are stored by what they turn out
to be and put together when its ``manifest.json`` is known, which may be the last member.

Source: OCI image-spec v1.1.1, ``image-layout.md``; Moby's ``image/spec/v1.2.md``, "Combined Image JSON +
Filesystem Changeset Format"; symbolic links among layers are what ``docker save`` 1.10 to 24 wrote.
"""

import hashlib
import io
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from smidgen.errors import InvalidArchive, InvalidContent, InvalidReference, LimitExceeded, NotFound
from smidgen.layer.decompress import decompressed
from smidgen.layer.entry import Kind
from smidgen.layer.tar_reader import Limits, Member, read_tar
from smidgen.oci.config import decode_config
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest
from smidgen.oci.manifest import MAX_DOCUMENT, Manifest, decode_index, encode
from smidgen.oci.media_types import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
)
from smidgen.oci.reference import Reference
from smidgen.store.blobs import CHUNK
from smidgen.store.closure import DOCUMENTS, held
from smidgen.store.content import ContentStore, check_layout
from smidgen.store.naming import Item, parse_name
from smidgen.store.tags import CONTAINERD_NAME, REF_NAME, untagged

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MAX_MEMBERS: Final = 100_000
_MAX_HOPS: Final = 10
_BLOB: Final = re.compile(r"^blobs/sha256/([a-f0-9]{64})\Z")
_DOCUMENTS: Final = frozenset({"oci-layout", "index.json", "manifest.json"})
# Docker's oldest format has these beside each layer; nothing that is read here points to them.
_IGNORED: Final = frozenset({"VERSION", "json", "repositories"})
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_OTHERS: Final = {b"BZh": "bzip2", b"\xfd7zX": "xz", b"PK\x03\x04": "zip"}


class _DockerImage(msgspec.Struct, frozen=True, rename="pascal"):
    """An item of ``manifest.json``."""

    config: str
    repo_tags: tuple[str, ...] | None = None
    layers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A member of Docker's format, stored."""

    digest: Digest
    size: int
    media_type: str


def read_archive(store: ContentStore, stream: BinaryIO) -> tuple[Item, ...]:
    """Copy all images of an archive into *store*; they get no tags there.

    Hold ``store.writing()`` until they have.

    Args:
        store: Where the content goes.
        stream: A tar, perhaps compressed with gzip or zstd. It need not be seekable.

    Raises:
        InvalidArchive: Damaged, not an image archive, or without a blob that it names.
        ContentError: Something in it is not what it is said to be, or too much.
        StoreError: *store* cannot be written.
    """
    return tuple((parse_name(entry), untagged(entry)) for entry in read_archive_entries(store, stream))


def read_archive_entries(store: ContentStore, stream: BinaryIO) -> tuple[Descriptor, ...]:
    """As ``read_archive``; gives the images with the annotations that name them, as an ``index.json`` has them.

    Args:
        store: Where the content goes.
        stream: A tar, perhaps compressed with gzip or zstd. It need not be seekable.

    Raises:
        InvalidArchive: Damaged, not an image archive, or without a blob that it names.
        ContentError: Something in it is not what it is said to be, or too much.
        StoreError: *store* cannot be written.
    """
    reader = _Reader(store)
    try:
        for member in read_tar(_uncompressed(stream), limits=Limits(entries=_MAX_MEMBERS)):
            reader.take(member)
    except InvalidArchive as error:
        if reader.is_empty and error.member is None:
            raise InvalidArchive(
                f"{error.reason}: no image archive", hint="expected a tar, plain or compressed with gzip or zstd"
            ) from error
        raise
    try:
        return reader.entries()
    except NotFound as error:
        raise InvalidArchive(f"{error.what} is not in it", hint="the archive is not whole: write it again") from error


class _Reader:
    """What has passed so far."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._documents: dict[str, bytes] = {}
        self._files: dict[str, _File] = {}
        self._links: dict[str, str] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no member of use has come yet."""
        return not (self._documents or self._files or self._links)

    def take(self, member: Member) -> None:
        """Store one member, or remember what it says."""
        path, kind = member.entry.path, member.entry.kind
        if kind is Kind.DIRECTORY:
            return
        if path in self._documents or path in self._files or path in self._links:
            raise InvalidArchive("two members of the same name", member=path)
        if kind is Kind.SYMLINK:
            self._links[path] = posixpath.join(posixpath.dirname(path), member.entry.link)
        elif kind is Kind.HARDLINK:
            self._links[path] = member.entry.link
        elif kind is not Kind.FILE:
            raise InvalidArchive(f"a {kind} in an image archive", member=path)
        elif path in _DOCUMENTS:
            if member.entry.size > MAX_DOCUMENT:
                raise LimitExceeded(f"size of {path} in bytes", limit=MAX_DOCUMENT, got=member.entry.size)
            self._documents[path] = member.read()
        elif posixpath.basename(path) not in _IGNORED:
            self._files[path] = self._store_file(member)

    def _store_file(self, member: Member) -> _File:
        start = member.read(len(_ZSTD))
        media_type = _media_type(start)
        content = io.BufferedReader(_Joined(start, member), CHUNK)
        if (match := _BLOB.match(member.entry.path)) is not None:
            descriptor = Descriptor(media_type=media_type, digest=Digest(f"sha256:{match[1]}"), size=member.entry.size)
            if not self._store.has(descriptor):
                self._store.put_stream(descriptor, content)
            return _File(descriptor.digest, descriptor.size, media_type)
        sha256 = hashlib.sha256()
        with self._store.writer() as writer:
            while data := content.read(CHUNK):
                sha256.update(data)
                writer.write(data)
            digest = Digest("sha256:" + sha256.hexdigest())
            writer.commit(digest, member.entry.size)
        return _File(digest, member.entry.size, media_type)

    def entries(self) -> tuple[Descriptor, ...]:
        """Put together what the archive's documents name."""
        if "oci-layout" in self._documents and "index.json" in self._documents:
            return self._oci_entries()
        if "manifest.json" in self._documents:
            return tuple(entry for image in self._docker_images() for entry in self._docker_entries(image))
        raise InvalidArchive(
            "neither an OCI layout (oci-layout and index.json) nor a Docker archive (manifest.json)",
            hint="`docker export` writes a file system, not an image: use `docker save`",
        )

    def _oci_entries(self) -> tuple[Descriptor, ...]:
        check_layout(self._documents["oci-layout"], "oci-layout")
        entries = decode_index(self._documents["index.json"]).manifests
        for entry in entries:
            if entry.media_type not in DOCUMENTS:
                raise InvalidContent(f"entry {entry.digest} of index.json", f"{entry.media_type} is no image")
        held(self._store, entries)
        return entries

    def _docker_images(self) -> tuple[_DockerImage, ...]:
        try:
            return msgspec.json.decode(self._documents["manifest.json"], type=tuple[_DockerImage, ...])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidContent("manifest.json", str(error)) from error

    def _docker_entries(self, image: _DockerImage) -> tuple[Descriptor, ...]:
        """Give a Docker image the OCI manifest that it lacks."""
        config = self._descriptor(self._find(image.config), OCI_CONFIG)
        if config.size > MAX_DOCUMENT:
            raise LimitExceeded("size of the image configuration in bytes", limit=MAX_DOCUMENT, got=config.size)
        diff_ids = decode_config(self._store.get(config)).rootfs.diff_ids
        paths = image.layers or ()
        if len(paths) != len(diff_ids):
            raise InvalidArchive(f"{len(paths)} layers in manifest.json, {len(diff_ids)} in {image.config}")
        layers = []
        for path, diff_id in zip(paths, diff_ids, strict=True):
            file = self._find(path)
            # What is compressed is checked when it is unpacked.
            if file.media_type == OCI_LAYER and str(file.digest) != diff_id:
                raise InvalidArchive(f"the layer has digest {file.digest}, {image.config} says {diff_id}", member=path)
            layers.append(self._descriptor(file, file.media_type))
        manifest = Manifest(schema_version=2, media_type=OCI_MANIFEST, config=config, layers=tuple(layers))
        descriptor = self._store.put(encode(manifest), media_type=OCI_MANIFEST)
        return tuple(_named(descriptor, _parse_tag(tag)) for tag in image.repo_tags or ()) or (descriptor,)

    def _descriptor(self, file: _File, media_type: str) -> Descriptor:
        return Descriptor(media_type=media_type, digest=file.digest, size=file.size)

    def _find(self, path: str) -> _File:
        """Find a member by the path that ``manifest.json`` has for it, through links."""
        at = posixpath.normpath(path)
        for _ in range(_MAX_HOPS):
            if at in self._files:
                return self._files[at]
            if at not in self._links:
                raise InvalidArchive("manifest.json names it, but it is not there", member=path)
            at = posixpath.normpath(self._links[at])
        raise InvalidArchive(f"over {_MAX_HOPS} links, one to the other", member=path)


class _Joined(io.RawIOBase):
    """Bytes that were read ahead, then the rest of where they came from."""

    def __init__(self, start: bytes, rest: BinaryIO | Member) -> None:
        self._start = start
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._start or self._rest.read(len(view))
        data, self._start = data[: len(view)], data[len(view) :]
        view[: len(data)] = data
        return len(data)


def _uncompressed(stream: BinaryIO) -> BinaryIO:
    start = b""
    while len(start) < len(_ZSTD) and (data := stream.read(len(_ZSTD) - len(start))):
        start += data
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            raise InvalidArchive(f"it is {name}")
    joined = io.BufferedReader(_Joined(start, stream), CHUNK)
    algorithm = "gzip" if start.startswith(_GZIP) else "zstd" if start == _ZSTD else "none"
    return decompressed(joined, algorithm)


def _media_type(start: bytes) -> str:
    if start.startswith(_GZIP):
        return OCI_LAYER_GZIP
    return OCI_LAYER_ZSTD if start == _ZSTD else OCI_LAYER


def _named(descriptor: Descriptor, name: Reference) -> Descriptor:
    return msgspec.structs.replace(descriptor, annotations={REF_NAME: str(name), CONTAINERD_NAME: str(name)})


def _parse_tag(text: str) -> Reference:
    try:
        return Reference.parse(text).with_default_tag()
    except InvalidReference as error:
        raise InvalidContent("manifest.json", error.message) from error
