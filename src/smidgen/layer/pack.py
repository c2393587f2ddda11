"""Pack entries into a layer: tar, diff_id, compression, digest, in one pass and in bounded memory."""

import hashlib
from collections.abc import Callable, Iterable, Iterator

from smidgen.layer.compression import DEFAULT, Compression
from smidgen.layer.entry import Entry
from smidgen.layer.ordered import run_ordered
from smidgen.layer.packed import Layer
from smidgen.layer.tar_writer import tar_chunks
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID, Digest


def pack(
    entries: Iterable[Entry],
    write: Callable[[bytes], object],
    *,
    compression: Compression = DEFAULT,
) -> Layer:
    """Pack *entries*, in their order, and hand the stored bytes to *write* piece by piece.

    The bytes depend on the entries and the compression alone: not on the clock, the user, the umask or the cores.
    Sources are read once, in pieces; what was written is not valid where this raises.

    Raises:
        SourceChanged: A source file is not what its entry says, or gone.
        InvalidArchive: An entry cannot be written.
        OSError: A source cannot be read, or *write* failed.
    """
    tar_digest = hashlib.sha256()
    blob_digest = hashlib.sha256()
    tar_size = blob_size = 0

    def chunks() -> Iterator[memoryview]:
        nonlocal tar_size
        for chunk in tar_chunks(entries, compression.chunk_size):
            tar_digest.update(chunk)
            tar_size += len(chunk)
            yield chunk

    def deliver(piece: bytes) -> None:
        nonlocal blob_size
        blob_digest.update(piece)
        blob_size += len(piece)
        write(piece)

    if compression.algorithm == "none":
        for chunk in chunks():
            deliver(bytes(chunk))
    else:
        run_ordered(compression.chunk_compressor(), chunks(), deliver, most_workers=compression.most_workers)
    return Layer(
        descriptor=Descriptor(
            media_type=compression.media_type,
            digest=Digest(f"sha256:{blob_digest.hexdigest()}"),
            size=blob_size,
        ),
        diff_id=DiffID(f"sha256:{tar_digest.hexdigest()}"),
        size=tar_size,
    )
