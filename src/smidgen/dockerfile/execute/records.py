"""What a step gave the last time, by its key: files under the store's ``cache/steps``.

A record only ever saves work. It counts while what the step was done on is what it was then, and its outcome is still
there, as a layer or unpacked.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from smidgen.layer.packed import Layer
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffIDField
from smidgen.store.replace import keep_file


class StoredLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer, as a record has it."""

    descriptor: Descriptor
    diff_id: DiffIDField
    size: int

    @classmethod
    def of(cls, layer: Layer) -> "StoredLayer":
        """Take it from a packed layer."""
        return cls(descriptor=layer.descriptor, diff_id=layer.diff_id, size=layer.size)

    @property
    def layer(self) -> Layer:
        """The packed layer."""
        return Layer(descriptor=self.descriptor, diff_id=self.diff_id, size=self.size)


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The outcome of a step.

    Attributes:
        name: Of the outcome, see ``layers.Result``.
        parent: Name of what the step was done on.
        sources: Number of each stage that the step took files from → name of what that had given.
        stubs: See ``layers.Result``.
        content: The step's key by the content of the files that it took from another stage, where it has one.
        layers: The outcome packed, by ``Format.name``.
    """

    name: str
    parent: str
    sources: dict[str, str] = {}
    stubs: tuple[str, ...] = ()
    content: str = ""
    layers: dict[str, StoredLayer] = {}

    def with_layer(self, format_name: str, layer: Layer) -> "Record":
        """Give this record with one more packed layer."""
        layers = {**self.layers, format_name: StoredLayer.of(layer)}
        return msgspec.structs.replace(self, layers=layers)


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one store.

    Attributes:
        root: The store's directory.
    """

    root: Path

    def get(self, key: str) -> Record | None:
        """Give the record of *key*, if there is one; it counts as used."""
        path = self._path(key)
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
            os.utime(path)
        except (OSError, msgspec.DecodeError):
            return None
        return record

    def put(self, key: str, record: Record) -> None:
        """Remember *record*; that it cannot be written is no error."""
        keep_file(self._path(key), msgspec.json.encode(record))

    def _path(self, key: str) -> Path:
        return self.root / "cache" / "steps" / key
