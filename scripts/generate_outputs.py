#!/usr/bin/env python3
"""Runs the commands of the documents, and writes what they print below them.

A block of ``console`` text that follows a line ``<!-- run in DIRECTORY -->`` is run: each line that begins with
``$ `` is a command, in a copy of DIRECTORY, in order, with one temporary store a document. ``--check`` writes
nothing and fails if a command fails.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/how-to").glob("*.md")))
_BLOCK = re.compile(
    r"(<!-- run in (?P<directory>\S+) -->\n```console\n)(?P<body>.*?)(?=^```$)", re.MULTILINE | re.DOTALL
)


def main() -> int:
    """Write or check the documents; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Write nothing; fail if a command fails.")
    parser.add_argument("documents", nargs="*", type=Path, default=DOCUMENTS)
    options = parser.parse_args()
    faults: list[str] = []
    for path in options.documents:
        text = path.read_text(encoding="utf-8")
        fresh, failed = with_outputs(text)
        faults += [f"{path.name}: {fault}" for fault in failed]
        if not options.check and fresh != text:
            path.write_text(fresh, encoding="utf-8")
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


def with_outputs(text: str) -> tuple[str, list[str]]:
    """Run the commands of a document; gives it with today's outputs, and the commands that failed."""
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="smidgen-docs-") as name:
        work = Path(name)

        def rewrite(match: re.Match[str]) -> str:
            directory = work / match["directory"]
            if not directory.exists():
                shutil.copytree(ROOT / match["directory"], directory)
            commands = [line for line in match["body"].splitlines() if line.startswith("$ ")]
            return match[1] + "".join(_run(command, directory, work, faults) for command in commands)

        fresh = _BLOCK.sub(rewrite, text)
    return fresh, faults


def _run(command: str, directory: Path, work: Path, faults: list[str]) -> str:
    environment = {
        "HOME": str(work),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SMIDGEN_STORE": str(work / "store"),
        # The caches of the real home: nothing is compiled or downloaded twice.
        **{name: _go_setting(name) for name in ("GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY")},
    }
    ended = subprocess.run(
        ["bash", "-c", command.removeprefix("$ ")],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        faults.append(f"`{command}` ended with exit code {ended.returncode}:\n{ended.stdout}")
    output = ended.stdout.rstrip().replace(str(work) + "/", "")
    return f"{command}\n" + (f"{output}\n" if output else "")


def _go_setting(name: str) -> str:
    return subprocess.run(["go", "env", name], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
