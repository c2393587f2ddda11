"""Readers that others wrote take our layers: Go's archive/tar and compress/gzip, GNU tar, gzip, zstd."""

import hashlib
import io
import json
import subprocess
from pathlib import Path

import pytest

from smidgen.layer.compression import Compression
from smidgen.layer.decompress import decompressed
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.pack import pack
from smidgen.layer.tar_reader import read_tar

pytestmark = pytest.mark.e2e

# Far more than a chunk, so that there are several members or frames.
CONTENT = b"".join(b"%d\n" % (n * n) for n in range(1_000_000))
LONG = "long/" * 60 + "näme"
ENTRIES = [
    Entry.directory("d", mode=0o1777, uid=3_000_000, gid=7, mtime=8),
    Entry.file("d/big", CONTENT, mode=0o4755, mtime=-5, xattrs=(("user.a", b"1\x002"),)),
    Entry.file(LONG, b"x", uid=9),
    Entry.file("p" * 155 + "/" + "n" * 100, b"split"),
    Entry.symlink("s", "/" + LONG),
    Entry(path="h", kind=Kind.HARDLINK, mode=0o644, link="d/big"),
    Entry(path="c", kind=Kind.CHARACTER_DEVICE, mode=0o600, device=(1, 3)),
    Entry(path="p", kind=Kind.FIFO, mode=0o600),
]

READER = """
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	unzipped, err := gzip.NewReader(os.Stdin)
	if err != nil {
		panic(err)
	}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			panic(err)
		}
		digest := sha256.New()
		if _, err := io.Copy(digest, archive); err != nil {
			panic(err)
		}
		json.NewEncoder(os.Stdout).Encode([]any{
			header.Name, string(header.Typeflag), header.Mode, header.Uid, header.Gid, header.ModTime.Unix(),
			header.Linkname, header.Size, header.Devmajor, header.Devminor,
			[]byte(header.PAXRecords["SCHILY.xattr.user.a"]), fmt.Sprintf("%x", digest.Sum(nil)),
		})
	}
	if rest, err := io.ReadAll(unzipped); err != nil || len(rest) != 0 {
		panic(fmt.Sprint(len(rest), err))
	}
}
"""


def layer(path: Path, compression: str) -> Path:
    with path.open("wb") as file:
        pack(ENTRIES, file.write, compression=Compression.parse(compression))
    return path


def run(*command: str | Path, stdin: bytes | None = None) -> bytes:
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def test_go_reads_it(tmp_path: Path) -> None:
    source = tmp_path / "main.go"
    source.write_text(READER)
    out = run("go", "run", source, stdin=layer(tmp_path / "layer", "gzip").read_bytes())
    found = [json.loads(line) for line in out.splitlines()]
    types = dict(zip(Kind, "052" + "1" + "346", strict=True))
    for entry, (name, kind, *rest) in zip(ENTRIES, found, strict=True):
        content = entry.source if isinstance(entry.source, bytes) else b""
        assert name.rstrip("/") == entry.path
        assert kind == types[entry.kind]
        assert rest[:6] == [entry.mode, entry.uid, entry.gid, entry.mtime, entry.link, entry.size]
        assert tuple(rest[6:8]) == entry.device
        assert rest[8] == ("MQAy" if entry.xattrs else "")
        assert rest[9] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_gnu_tar_reads_it(tmp_path: Path, compression: str) -> None:
    path = layer(tmp_path / "layer", compression)
    tool = {"gzip": ["--gzip"], "zstd": ["--zstd"], "none": []}[compression]
    listed = run("tar", *tool, "--quoting-style=literal", "-tf", path).decode().splitlines()
    assert [name.rstrip("/") for name in listed] == [entry.path for entry in ENTRIES]
    assert run("tar", *tool, "-xOf", path, "d/big") == CONTENT


@pytest.mark.parametrize(("tool", "compression"), [("gzip", "gzip:12"), ("zstd", "zstd:1")])
def test_tools_decompress_it(tmp_path: Path, tool: str, compression: str) -> None:
    path = layer(tmp_path / "layer", compression)
    plain = layer(tmp_path / "plain", "none").read_bytes()
    assert run(tool, "-dc", stdin=path.read_bytes()) == plain


@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_what_gnu_tar_writes_is_read(tmp_path: Path, form: str) -> None:
    top = tmp_path / "top"
    # 31 short names fit even in v7's hundred bytes.
    depth = 31 if form == "v7" else 120 if form == "ustar" else 200
    deep = top / "/".join("d" * (depth // 2))
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(CONTENT[:100_000])
    (deep / "link").symlink_to("file")
    # Sorted before the other name, so that this one is the file: ustar has room for no long target.
    (top / "a").hardlink_to(deep / "file")
    tar = run("tar", f"--format={form}", "--sort=name", "-C", top, "-cf", "-", ".")
    found = {member.entry.path: (member.entry.kind, member.read()) for member in read_tar(io.BytesIO(tar))}
    inner = str(deep.relative_to(top))
    assert found[""] == (Kind.DIRECTORY, b"")
    assert found["a"] == (Kind.FILE, CONTENT[:100_000])
    assert found[f"{inner}/file"] == (Kind.HARDLINK, b"")
    assert found[f"{inner}/link"] == (Kind.SYMLINK, b"")


def test_what_gzip_and_zstd_write_is_read() -> None:
    for algorithm in ("gzip", "zstd"):
        stored = run(algorithm, "-c", stdin=CONTENT)
        assert decompressed(io.BytesIO(stored * 2), algorithm).read() == CONTENT * 2
