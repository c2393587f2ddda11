"""What a build that was ended could leave behind."""

import tempfile
import time
from pathlib import Path

from support.dockerfile_bench import Bench


def traces(bench: Bench) -> list[str]:
    """Find directories, drafts, mounts, processes."""
    found = [str(path) for path in Path(tempfile.gettempdir()).glob("smidgen-run-*") if _is_ours(path, bench)]
    found += [str(path) for path in bench.store.root.glob("snapshots/*/*draft-*")]
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(bench.store.root) in line]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = process.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "cell.main" in text and str(bench.store.root) in text:
            found.append(text)
    return found


def _is_ours(path: Path, bench: Bench) -> bool:
    try:
        return str(bench.store.root) in "".join(job.read_text() for job in path.glob("job.json"))
    except OSError:
        return False


def left(bench: Bench) -> list[str]:
    """Wait a while until nothing is left, and give what is."""
    deadline = time.monotonic() + 60
    while (found := traces(bench)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
