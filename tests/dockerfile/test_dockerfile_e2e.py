"""The command line: flags, outputs, rights, and what is left when it is ended."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smidgen.oci.reference import Reference
from smidgen.store.archive import read_archive
from smidgen.store.content import ContentStore
from support.build_traces import left, traces
from support.command import Smidgen
from support.dockerfile_bench import Bench
from support.sandbox_rights import ALL, CONTAINED, Rights, public_python

pytestmark = pytest.mark.e2e


def _build(smidgen: Smidgen, text: str, *arguments: str | Path, fails: bool = False, **more: str) -> tuple[str, str]:
    (smidgen.cwd / "Dockerfile").write_text(text)
    outcome = smidgen("build", "-f", "Dockerfile", *arguments, ".", fails=fails, env=more)
    return outcome.stdout, outcome.stderr


def test_names_outputs_and_files(smidgen: Smidgen, bench: Bench, tmp_path: Path) -> None:
    stdout, stderr = _build(
        smidgen,
        "FROM busybox\nARG A\nRUN echo $A > /a\n",
        *("-t", "app:1", "-t", "example.com/app:2", "--build-arg", "A=x", "--label", "l=m"),
        *("-o", f"type=oci,dest={tmp_path}/oci.tar", "-o", str(tmp_path / "files")),
        *("-o", f"type=tar,dest={tmp_path}/files.tar", "--iidfile", tmp_path / "iid"),
        *("--metadata-file", tmp_path / "metadata"),
    )
    digest = (tmp_path / "iid").read_text()
    assert stdout.splitlines() == [f"docker.io/library/app:1@{digest}", f"example.com/app:2@{digest}"]
    assert "RUN echo $A > /a" in stderr
    assert (tmp_path / "files/a").read_text() == "x\n"
    with tarfile.open(tmp_path / "files.tar") as tar:
        assert tar.getmember("tmp").mode == 0o1777
    assert json.loads((tmp_path / "metadata").read_text())["containerimage.digest"] == digest
    other = ContentStore.open(tmp_path / "other")
    with other.writing(), (tmp_path / "oci.tar").open("rb") as file:
        assert [str(name) for name, _ in read_archive(other, file)] == ["docker.io/library/app:1", "example.com/app:2"]


def test_quiet_json_and_standard_input(smidgen: Smidgen) -> None:
    (smidgen.cwd / "Dockerfile").write_text("FROM busybox\nRUN echo loud\n")
    quiet = smidgen("build", "-q", "-f", "Dockerfile", "-t", "x")
    assert quiet.stderr == ""
    report = smidgen("build", "-f", "Dockerfile", "-t", "x", "--json").json
    assert report["tags"] == ["docker.io/library/x:latest"]
    assert report["digest"] in quiet.stdout
    command = [sys.executable, "-m", "smidgen", "build", "-f-", "."]
    env = {**os.environ, "SMIDGEN_STORE": str(smidgen.store)}
    done = subprocess.run(
        command, input=b"FROM busybox\nRUN no\n", capture_output=True, cwd=smidgen.cwd, env=env, check=False
    )
    assert done.returncode == 1
    assert b"stdin:2:1: the command failed: exit code 127" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cache-to", "type=local"], "there is no dest"),
        (["--cache-to", "type=gha"], "gha"),
        (["--secret", "id=x,src=/no/such"], "cannot be read"),
        (["--secret", "src"], "--secret"),
        (["--output", "type=cloud"], "no type"),
        (["--output", "type=oci"], "where"),
        (["--add-host", "x"], "address"),
        (["--timeout", "soon"], "--timeout"),
        (["--target", "none"], "no stage"),
        (["--platform", "windows/amd64"], "windows"),
        (["--push"], "name"),
        (["--ssh", "default"], "SSH_AUTH_SOCK"),
    ],
)
def test_flags_that_cannot_be_meant(smidgen: Smidgen, arguments: list[str], said: str) -> None:
    (smidgen.cwd / "Dockerfile").write_text("FROM busybox\n")
    done = smidgen("build", "-f", "Dockerfile", *arguments, fails=True, env={"SSH_AUTH_SOCK": ""})
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_build_that_changes_nothing_is_answered_from_a_note(smidgen: Smidgen, bench: Bench) -> None:
    bench.write(
        {
            "Dockerfile": "FROM busybox\nCOPY src /src\nCOPY link /link\nCOPY *.md /md/\nRUN cat /src/* /link > /all\n",
            "src/a": "1",
            "one": "2",
            "two": "3",
            "x.md": "4",
        }
    )
    (bench.context / "link").symlink_to("one")
    store = ContentStore.open(bench.store.root)

    def build() -> str:
        # A file is trusted once the clock has gone on since it was changed.
        time.sleep(0.05)
        done = smidgen("build", "-f", "Dockerfile", "-t", "x", "--build-arg", "UNUSED=1")
        assert "UNUSED is not used" in done.stderr
        return done.stdout

    first = build()
    notes = bench.store.root / "cache/quick"
    (note,) = notes.iterdir()
    # What a note says is printed as it stands.
    note.write_bytes(note.read_bytes().replace(first.encode(), b"from the note\n"))
    assert build() == "from the note\n"

    def retarget() -> None:
        (bench.context / "link").unlink()
        (bench.context / "link").symlink_to("two")

    changes: list[Callable[[], object]] = [
        lambda: bench.write({"src/a": "5"}),
        lambda: bench.write({"src/b": "6"}),
        lambda: bench.write({"y.md": "7"}),
        retarget,
        lambda: bench.write({".dockerignore": "src/b\n"}),
        lambda: bench.write({"Dockerfile.dockerignore": "src/a\n"}),
        lambda: store.tag(Reference.parse("busybox:latest"), store.resolve(Reference.parse("x:latest"))),
    ]
    seen = {first}
    for change in changes:
        change()
        seen.add(made := build())
        note.write_bytes(note.read_bytes().replace(made.encode(), b"from the note\n"))
        assert build() == "from the note\n"
    assert len(seen) == 1 + len(changes)


@pytest.mark.parametrize("runtime", ["runc", "crun", "bwrap"])
def test_every_runtime(smidgen: Smidgen, runtime: str) -> None:
    text = "FROM busybox\nUSER app\nWORKDIR /home/app\nRUN id -u > uid && ! touch /x\nUSER 0\nRUN echo root > /root/r\n"
    _, stderr = _build(smidgen, text, "-t", "x", "--runtime", runtime)
    listed = smidgen("ls", "-lR", "x").stdout
    assert "1000/1000" in next(line for line in listed.splitlines() if line.endswith("/home/app/uid"))
    assert "exit code" not in stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_nothing(smidgen: Smidgen, bench: Bench, number: int) -> None:
    (smidgen.cwd / "Dockerfile").write_text(
        "FROM busybox AS a\nRUN echo begun; sleep 1000\n"
        "FROM busybox AS b\nRUN echo begun; trap '' INT TERM; sleep 1000 & wait; sleep 1000\n"
        "FROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n"
    )
    before = smidgen("images").stdout
    command = [sys.executable, "-m", "smidgen", "build", "-f", "Dockerfile", "-t", "x", "."]
    env = {**os.environ, "SMIDGEN_STORE": str(smidgen.store)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=smidgen.cwd, env=env, text=True) as process:
        assert process.stderr is not None
        begun = 0
        for line in process.stderr:
            begun += line.endswith(" begun\n") and "RUN" not in line
            if begun == min(2, len(os.sched_getaffinity(0))):
                break
        assert traces(bench)
        process.send_signal(number)
        process.stderr.read()
    assert process.returncode in {-number, 128 + number}
    assert left(bench) == []
    assert smidgen("images").stdout == before


def test_a_failure_ends_other_stages(smidgen: Smidgen, bench: Bench) -> None:
    wait = "--mount=type=cache,target=/c"
    _, stderr = _build(
        smidgen,
        f"FROM busybox AS a\nRUN {wait} touch /c/on; sleep 1000\n"
        f"FROM busybox AS b\nRUN {wait} while [ ! -e /c/on ]; do sleep 0.05; done; exit 7\n"
        "FROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n",
        fails=True,
    )
    assert "exit code 7" in stderr
    assert left(bench) == []


@pytest.mark.parametrize("name", [*ALL, *(one for one in CONTAINED if one != "nested")])
def test_with_other_rights(public: Bench, library: Path, name: str) -> None:
    several = name != "single"
    owner = "chown app:staff /hi && " if several else ""
    public.write(
        {
            "f": "1",
            "Dockerfile": f"FROM busybox\nCOPY f /f\nRUN echo hi > /hi && {owner}chmod 4755 /hi && ln /hi /hi2 && "
            "rm /etc/group && rm -r /home && mkdir /home\nFROM scratch\nCOPY --from=0 / /\n",
        }
    )
    if name in {"mapped", "single"}:
        subprocess.run(["chown", "-R", "65534:65534", public.context.parent], check=True)
    (public.context.parent).chmod(0o755)
    rights = Rights(name, library, public_python())
    environment = rights.environment({"SMIDGEN_STORE": str(public.store.root)})
    digests = []
    for _ in range(2):
        command = rights.command("build", "-f", "Dockerfile", "-t", "x", ".")
        done = subprocess.run(command, cwd=public.context, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        digests.append(done.stdout)
    assert digests[0] == digests[1]
    assert all(" CACHED " in line for line in done.stderr.splitlines() if " RUN " in line)
    listed = Smidgen(public.store.root, public.context)("ls", "-lR", "x").stdout
    assert ("1000/50" if several else "0/0") in next(line for line in listed.splitlines() if line.endswith("/hi"))
    assert "/etc/group" not in listed
    command = rights.command("gc", "--builds")
    done = subprocess.run(command, cwd=public.context, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [path for path in public.store.root.glob("snapshots/*/*") if not path.name.startswith(".")] == []
