"""A file outside of an image: what it would take in a layer, and what is inside."""

import io
from mmap import mmap
from pathlib import Path

from smidgen.analyze.binary.attribute import explain_binary
from smidgen.analyze.explained import ExplainedBinary
from smidgen.elf.header import parse_elf
from smidgen.layer.compression import DEFAULT
from smidgen.layer.decompress import decompressed
from smidgen.layer.ordered import run_ordered
from smidgen.layer.stored_offsets import StoredOffsets
from smidgen.needs.examine import mapped

_PIECE = 1 << 20


def explain_file(path: Path, *, twin: Path | None = None) -> ExplainedBinary:
    """Explain the executable at *path*; bytes to pull are those of a layer that smidgen would make of it.

    Args:
        path: An executable.
        twin: The same program linked with its symbols, or None.

    Raises:
        InvalidExecutable: It is none.
        UsageError: The twin is another program.
        OSError: It cannot be read.
    """
    with mapped(path) as data:
        # Whatever is no executable is not worth compressing: the headers say so.
        parse_elf(data)
        stored_at = stored_offsets(data).at
        if twin is None:
            return explain_binary(data, stored_at)
        with mapped(twin) as other:
            return explain_binary(data, stored_at, twin=other)


def stored_offsets(data: bytes | mmap) -> StoredOffsets:
    """Compress *data* as smidgen does a layer, and see what became of what."""
    size = DEFAULT.chunk_size
    stored = bytearray()
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    run_ordered(DEFAULT.chunk_compressor(), chunks, stored.extend, most_workers=DEFAULT.most_workers)
    offsets = StoredOffsets()
    stream = decompressed(io.BytesIO(stored), DEFAULT.algorithm, offsets=offsets)
    while stream.read(_PIECE):
        pass
    return offsets
