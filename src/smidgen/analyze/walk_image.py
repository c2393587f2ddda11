"""An image, from its layers down to the functions of its programs.

Each layer is read once. What a file takes to pull is seen from how far the decoder had read when it had given the
file's bytes, so that it is what the layer really has, whoever compressed it.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from smidgen.analyze.binary.attribute import explain_binary
from smidgen.analyze.explained import ExplainedFile, ExplainedImage, ExplainedLayer
from smidgen.analyze.surroundings import surroundings
from smidgen.errors import InvalidContent, InvalidExecutable
from smidgen.image.filetree import FileTree
from smidgen.image.history import history_steps
from smidgen.image.image import Image
from smidgen.layer.decompress import decompressed
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.stored_offsets import StoredOffsets
from smidgen.layer.tar_reader import Limits, Member, read_tar
from smidgen.needs.examine import mapped
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID
from smidgen.oci.media_types import LAYER_COMPRESSION
from smidgen.store.faults import reporting

_MAX_FILES: Final = 1_000_000
_MAGIC: Final = b"\x7fELF"
_PIECE: Final = 1 << 20
# The smallest file that has something to tell apart, and the largest that is looked into.
_SMALLEST: Final = 64
_LARGEST: Final = 1 << 30
_ACCOUNTS: Final = ("etc/passwd", "etc/group")
_MAX_ACCOUNTS: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkOptions:
    """How deep to look.

    Attributes:
        binaries: Look into executables.
        progress: Told each path that is being looked into.
    """

    binaries: bool = True
    progress: Callable[[str], None] = lambda _path: None


_DEFAULT = WalkOptions()


def explain_image(image: Image, options: WalkOptions = _DEFAULT) -> ExplainedImage:
    """Explain a single image.

    Args:
        image: One with a manifest, not an index.
        options: How deep to look.

    Raises:
        ContentError: A document or a layer is absent, damaged, or of an unknown kind.
    """
    config, manifest = image.config, image.manifest
    histories = [step.created_by for step, number in history_steps(image) if number is not None]
    walk = _Walk(options)
    layers = tuple(
        walk.layer(image, layer, diff_id, history)
        for layer, diff_id, history in zip(manifest.layers, image.diff_ids, histories, strict=True)
    )
    around = surroundings(image, walk.tree, walk.accounts, layers)
    run = config.run
    return ExplainedImage(
        name=image.name,
        digest=image.digest,
        platform=str(image.platform),
        user=run.user,
        is_root=around.is_root,
        entrypoint=run.entrypoint or (),
        cmd=run.cmd or (),
        working_dir=run.working_dir,
        env=around.env,
        ports=tuple(sorted(run.exposed_ports or ())),
        labels=dict(run.labels or {}),
        program=around.program,
        needs=around.needs,
        layers=layers,
        size=sum(layer.size for layer in layers),
        pull=image.pull_size,
    )


class _Walk:
    """Goes through the layers of one image.

    Attributes:
        tree: The files of the layers so far, as a container sees them.
        accounts: Content of passwd and group, the last there was.
    """

    def __init__(self, options: WalkOptions) -> None:
        self._options = options
        self._count = 0
        self.tree = FileTree()
        self.accounts: dict[str, bytes] = {}

    def layer(self, image: Image, layer: Descriptor, diff_id: DiffID, created_by: str) -> ExplainedLayer:
        """Read one layer, then look into its executables: only at its end it is known what each byte takes."""
        algorithm = LAYER_COMPRESSION.get(layer.media_type)
        if algorithm is None:
            raise InvalidContent(f"layer of {image.name}", f"media type {layer.media_type!r} is not a layer's")
        offsets = StoredOffsets()
        places: list[_Place] = []
        with _directory() as directory:
            with decompressed(image.store.open_blob(layer), algorithm, offsets=offsets) as raw:
                stream = _Counted(raw, offsets if algorithm == "none" else None)
                self.tree.apply(self._entries(stream, places, Path(directory)), layer.digest)
                # The digest is checked at the end of the stream, and a tar ends before it.
                while stream.read(_PIECE):
                    pass
            files = tuple(self._file(place, offsets) for place in places)
        return ExplainedLayer(
            digest=layer.digest,
            diff_id=diff_id,
            media_type=layer.media_type,
            size=stream.count,
            pull=layer.size,
            framing=stream.count - sum(file.size for file in files),
            created_by=created_by,
            files=files,
        )

    def _entries(self, stream: "_Counted", places: list["_Place"], directory: Path) -> Iterator[Entry]:
        """Give the entries of a layer, and note where each is."""
        start = 0
        for member in read_tar(cast("BinaryIO", stream), limits=Limits(entries=_MAX_FILES - self._count)):
            self._count += 1
            first = stream.count
            copy = self._copy(member, directory / str(self._count))
            yield member.entry
            member.finish()
            places.append(_Place(member.entry, start, first, stream.count, copy))
            start = stream.count

    def _copy(self, member: Member, path: Path) -> Path | None:
        """Keep the content of an executable, and of the few files that say something about users."""
        entry = member.entry
        if entry.kind is not Kind.FILE:
            return None
        if entry.path in _ACCOUNTS and entry.size <= _MAX_ACCOUNTS:
            self.accounts[entry.path] = member.read()
            return None
        if not self._options.binaries or not _SMALLEST <= entry.size <= _LARGEST:
            return None
        head = member.read(len(_MAGIC))
        if head != _MAGIC:
            return None
        with reporting("write", path, instead="name another place with TMPDIR"), path.open("wb") as file:
            file.write(head)
            while piece := member.read(_PIECE):
                file.write(piece)
        return path

    def _file(self, place: "_Place", offsets: StoredOffsets) -> ExplainedFile:
        entry = place.entry
        binary, problem = None, ""
        if place.copy is not None:
            self._options.progress(entry.path)
            base = offsets.at(place.first)
            try:
                with mapped(place.copy) as data:
                    binary = explain_binary(data, lambda offset: offsets.at(place.first + offset) - base)
            except InvalidExecutable as error:
                problem = error.reason.removeprefix(f"{place.copy}: ")
            place.copy.unlink()
        return ExplainedFile(
            path=entry.path,
            kind=entry.kind,
            mode=entry.mode,
            uid=entry.uid,
            gid=entry.gid,
            size=entry.size,
            pull=offsets.between(place.start, place.end),
            link=entry.link,
            binary=binary,
            problem=problem,
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an entry is in the tar: its headers begin at *start*, its content at *first*; a copy of that, or None."""

    entry: Entry
    start: int
    first: int
    end: int
    copy: Path | None


def _directory() -> "tempfile.TemporaryDirectory[str]":
    # Not /tmp, which is memory on many machines.
    parent = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108
    with reporting("write", parent, instead="name another place with TMPDIR"):
        return tempfile.TemporaryDirectory(prefix="smidgen-explain-", dir=parent)


class _Counted:
    """A stream that counts what is read through it."""

    def __init__(self, stream: BinaryIO, offsets: StoredOffsets | None) -> None:
        self._stream = stream
        self._offsets = offsets
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.count += len(data)
        if self._offsets is not None:
            # A layer that is not compressed is stored as it is.
            self._offsets.finish(self.count, self.count)
        return data
