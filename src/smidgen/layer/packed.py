"""What packing gives: a value by itself, so that who only reads one loads no codec."""

from dataclasses import dataclass

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that was packed.

    Attributes:
        descriptor: Of the stored, so compressed, bytes.
        diff_id: Digest of the tar.
        size: Length of the tar, in bytes, uncompressed.
    """

    descriptor: Descriptor
    diff_id: DiffID
    size: int
