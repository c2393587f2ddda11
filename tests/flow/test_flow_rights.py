"""Flows by other users than root, and flows that are ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.command import Smidgen
from support.dockerfile_bench import Bench
from support.flow_bench import FlowBench
from support.sandbox_rights import ALL, CONTAINED, Rights, public_python

pytestmark = pytest.mark.e2e

_FLOW = """build:
  version: 2016-03-14
  steps:
    a:
      name: a
      artifacts: ['/x:out', '/d']
      cleanup: {commands: [rm /y]}
      command: cat /x
      after_build_command: cat out/x
      secrets: {t: {type: env, value: T}}
    b: {name: b, dockerfile: B, depends_on: [a]}
"""
_FILES = {
    "build.yml": _FLOW,
    "Dockerfile": "FROM busybox\nARG habitus_host\nARG habitus_port\n"
    "RUN echo 1 > /x; echo 2 > /y; mkdir -p /d/e; echo 3 > /d/e/f; chmod 4711 /x; rm -r /home\n"
    "RUN wget -q -O - http://$habitus_host:$habitus_port/v1/secrets/env/t | wc -c > /size\n",
    "B": "FROM a AS a\nFROM scratch\nCOPY out/x d /z/\nCOPY --from=a /size /size\n",
}


@pytest.mark.parametrize("name", [*ALL, *(one for one in CONTAINED if one != "nested")])
def test_a_flow_with_other_rights(public: Bench, library: Path, name: str) -> None:
    public.write(_FILES)
    if name in {"mapped", "single"}:
        subprocess.run(["chown", "-R", "65534:65534", public.context.parent], check=True)
    public.context.parent.chmod(0o755)
    rights = Rights(name, library, public_python())
    environment = rights.environment({"SMIDGEN_STORE": str(public.store.root), "HABITUS_T": "secret"})
    command = rights.command("flow", "--secrets", "--after-build-commands", "--keep-artifacts")
    done = subprocess.run(command, cwd=public.context, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("b:latest@sha256:")
    listed = Smidgen(public.store.root, public.context)("ls", "-lR", "b").stdout.splitlines()
    assert [line.split()[-1] for line in listed] == ["/size", "/z", "/z/e", "/z/e/f", "/z/x"]
    artifact = (public.context / "out/x").stat()
    assert artifact.st_mode & 0o7777 == 0o711
    assert artifact.st_uid == public.context.stat().st_uid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_flow_that_is_ended_leaves_nothing(smidgen: Smidgen, bench: FlowBench, number: int) -> None:
    bench.write(
        {
            "build.yml": "build:\n  version: 2016-02-13\n  steps:\n"
            "    a: {name: a, dockerfile: D, artifacts: ['/x:out']}\n"
            "    b: {name: b, depends_on: [a]}\n    c: {name: c, depends_on: [a]}\n",
            "D": "FROM busybox\nRUN echo 1 > /x\n",
            "Dockerfile": "FROM busybox\nRUN echo begun; trap '' INT TERM; sleep 1000 & wait; sleep 1000\n",
        }
    )
    command = [sys.executable, "-m", "smidgen", "flow"]
    env = {**os.environ, "SMIDGEN_STORE": str(smidgen.store)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=smidgen.cwd, env=env, text=True) as process:
        assert process.stderr is not None
        begun = 0
        while begun < 2 and (line := process.stderr.readline()):
            begun += line.endswith(" begun\n") and "RUN" not in line
        assert (bench.directory / "out/x").exists()
        process.send_signal(number)
        process.stderr.read()
    assert process.returncode == 128 + number
    assert not (bench.directory / "out").exists()
    assert bench.names == ["busybox:latest"]
    deadline = time.monotonic() + 60
    while (left := _left(bench)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def _left(bench: FlowBench) -> list[str]:
    """What a flow that was ended could leave: drafts, mounts, processes."""
    root = str(bench.bench.store.root)
    found = [str(path) for path in Path(root).glob("snapshots/*/*draft-*")]
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if root in line]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = process.read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [text] if "cell.main" in text and root in text else []
    return found
