"""Decompressing: joined members and frames, cuts, garbage, bombs."""

import gzip
import io
import random
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.errors import InvalidArchive, LimitExceeded
from smidgen.layer.decompress import MAX_SIZE, decompressed

TEXT = random.Random(1).randbytes(50_000) * 20


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def zstd_streamed(data: bytes) -> bytes:
    # Without a content size, and of many blocks.
    stream = zstandard.ZstdCompressor(level=1, write_content_size=False).compressobj()
    return stream.compress(data) + stream.flush()


SKIPPABLE = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"


def read(data: bytes, algorithm: str, *, limit: int = MAX_SIZE) -> bytes:
    with decompressed(io.BytesIO(data), algorithm, limit=limit) as stream:
        return stream.read()


@pytest.mark.parametrize(
    ("algorithm", "data", "want"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0), TEXT),
        ("gzip", b"".join(gzip.compress(TEXT[i : i + 1000], mtime=0) for i in range(0, len(TEXT), 1000)), TEXT),
        ("gzip", gzip.compress(b"", mtime=0) + gzip.compress(b"a", mtime=0) + gzip.compress(b"", mtime=0), b"a"),
        ("zstd", zstd(TEXT), TEXT),
        ("zstd", zstd_streamed(TEXT) + zstd(b"a") + zstd_streamed(b""), TEXT + b"a"),
        ("zstd", SKIPPABLE + zstd(b"a") + SKIPPABLE + zstd(b"b") + SKIPPABLE, b"ab"),
        ("none", TEXT, TEXT),
    ],
)
def test_members_and_frames_join(algorithm: str, data: bytes, want: bytes) -> None:
    assert read(data, algorithm) == want


@pytest.mark.parametrize(("algorithm", "compress"), [("gzip", gzip.compress), ("zstd", zstd), ("zstd", zstd_streamed)])
def test_every_cut_is_noticed(algorithm: str, compress: Callable[[bytes], bytes]) -> None:
    data = compress(b"a few bytes" * 3)
    for end in range(len(data)):
        with pytest.raises(InvalidArchive):
            read(data[:end], algorithm)
        if end:
            with pytest.raises(InvalidArchive):
                read(data + data[:end], algorithm)


@pytest.mark.parametrize(("algorithm", "compress"), [("gzip", gzip.compress), ("zstd", zstd)])
@pytest.mark.parametrize("garbage", [b"\0", b"garbage", bytes(512)])
def test_trailing_garbage_is_refused(algorithm: str, compress: Callable[[bytes], bytes], garbage: bytes) -> None:
    with pytest.raises(InvalidArchive):
        read(compress(TEXT) + garbage, algorithm)


def test_wrong_checksum_is_refused() -> None:
    for algorithm, data in (("gzip", gzip.compress(TEXT, mtime=0)), ("zstd", zstd(TEXT))):
        at = len(data) - (5 if algorithm == "gzip" else 1)
        with pytest.raises(InvalidArchive):
            read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], algorithm)


def test_unknown_algorithm() -> None:
    with pytest.raises(InvalidArchive, match="lz4"):
        decompressed(io.BytesIO(), "lz4")


@pytest.mark.parametrize(("algorithm", "compress"), [("gzip", gzip.compress), ("zstd", zstd)])
def test_limit(algorithm: str, compress: Callable[[bytes], bytes]) -> None:
    data = compress(bytes(1_000_000))
    assert len(read(data, algorithm, limit=1_000_000)) == 1_000_000
    with pytest.raises(LimitExceeded):
        read(data, algorithm, limit=999_999)


class Closable(io.BytesIO):
    pass


@pytest.mark.parametrize("algorithm", ["gzip", "zstd", "none"])
def test_closing_closes_the_source(algorithm: str) -> None:
    source = Closable()
    decompressed(source, algorithm).close()
    assert source.closed


def test_input_is_read_as_it_is_needed() -> None:
    # A bomb must not be expanded before somebody asks.
    source = io.BytesIO(gzip.compress(bytes(50_000_000)) * 10)
    stream: BinaryIO = decompressed(source, "gzip")
    assert stream.read(10) == bytes(10)
    assert source.tell() <= 64 << 10


@settings(max_examples=300, deadline=None)
@given(
    algorithm=st.sampled_from(["gzip", "zstd"]),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 10_000),
)
def test_damage_gives_our_errors_only(algorithm: str, edits: list[tuple[int, int]], cut: int) -> None:
    good = (
        gzip.compress(TEXT[:3000] * 2, mtime=0) if algorithm == "gzip" else zstd_streamed(TEXT[:3000] * 2) + SKIPPABLE
    )
    data = bytearray(good * 2)
    for at, value in edits:
        data[at % len(data)] = value
    with suppress(InvalidArchive, LimitExceeded):
        read(bytes(data[:cut]), algorithm, limit=1 << 20)


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5), algorithm=st.sampled_from(["gzip", "zstd"]))
def test_round_trip(parts: list[bytes], algorithm: str) -> None:
    compress = gzip.compress if algorithm == "gzip" else zstd
    assert read(b"".join(map(compress, parts)), algorithm) == b"".join(parts)
