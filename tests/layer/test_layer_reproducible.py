"""The same bytes from another user's umask, zone, locale and number of cores; and in bounded memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACK = """
import os, re, sys
from pathlib import Path
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry
from smidgen.layer.pack import pack

os.umask(int(sys.argv[3], 8))
if sys.argv[4] == "one":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
entries = [
    Entry.directory("d"),
    Entry.file("d/\\u00e9" + "x" * 120, Path(sys.argv[1]), mode=0o755, mtime=1, xattrs=(("user.\\u00fc", b"1"),)),
    Entry.symlink("s", "\\u00fc"),
]
layer = pack(entries, lambda data: None, compression=Compression.parse(sys.argv[2]))
print(layer.descriptor.digest, layer.descriptor.size, layer.diff_id, layer.size)
# getrusage would give the parent's where that had more.
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


def packed(source: Path, compression: str, mask: str = "022", cores: str = "all", **environ: str) -> tuple[str, int]:
    """Give what packing printed, and the most memory that the process had, in KiB."""
    run = subprocess.run(
        [sys.executable, "-c", PACK, str(source), compression, mask, cores],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout, int(run.stderr)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_bytes_depend_on_nothing_else(tmp_path: Path, compression: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"".join(b"%d\n" % (n * n) for n in range(700_000)))
    first, _ = packed(source, compression)
    copy = tmp_path / "elsewhere"
    copy.write_bytes(source.read_bytes())
    copy.chmod(0o777)
    os.utime(copy, (1, 1))
    zone = {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HOME": "/"}
    second, _ = packed(copy, compression, "077", "one", **zone)
    assert second == first


@pytest.mark.parametrize("compression", ["gzip:1", "zstd:1", "none"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, compression: str) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    for path, size in ((small, 1 << 20), (large, 300 << 20)):
        with path.open("wb") as file:
            file.truncate(size)
    _, least = packed(small, compression)
    _, most = packed(large, compression)
    # Up to eight workers, with a chunk, its result and the codec's tables each.
    assert most - least < 64 << 10
    assert most < 100 << 10
