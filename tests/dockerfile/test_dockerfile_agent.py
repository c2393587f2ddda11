"""RUN --mount=type=ssh: the agent answers whom the mount is for."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.errors import DockerfileError
from smidgen.layer.entry import Entry
from smidgen.sandbox.identity import find_identity
from support.dockerfile_bench import Bench, busybox_entries

pytestmark = pytest.mark.e2e

_EMPTY = "The agent has no identities."


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """Run ssh-agent; gives its socket."""
    program = shutil.which("ssh-agent")
    assert program is not None, "no ssh-agent: scripts/test-packages says what to install"
    # The address of a socket has room for 107 bytes, and directories of tests have long names.
    path = Path(tempfile.mkdtemp(dir=tmp_path.parents[2])) / "agent"
    with subprocess.Popen([program, "-D", "-a", path], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "SSH_AUTH_SOCK" in process.stdout.readline()
            yield str(path)
        finally:
            process.terminate()
            process.wait(60)  # it removes its socket itself
            shutil.rmtree(path.parent)


@pytest.fixture
def client(bench: Bench) -> Bench:
    """A store with the image ``client``, which is busybox with ssh-add and its libraries."""
    program = shutil.which("ssh-add")
    assert program is not None, "no ssh-add: scripts/test-packages says what to install"
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    files = [program, *(word for word in listed.split() if word.startswith("/"))]
    bench.base("client", busybox_entries(), [Entry.file(one.lstrip("/"), Path(one), mode=0o755) for one in files])
    return bench


def _ask(client: Bench, agent: str, user: str, options: str = "") -> list[str]:
    dockerfile = (
        f"FROM client\nUSER {user}\nRUN --mount=type=ssh{options} ssh-add -l; stat -c '%a %u:%g' $SSH_AUTH_SOCK\n"
    )
    return client.build(dockerfile, options=ExecuteOptions(context=None, agents={"default": agent})).log.lines


def test_it_answers_the_superuser(client: Bench, agent: str) -> None:
    assert _ask(client, agent, "root") == [_EMPTY, "600 0:0"]


def test_it_answers_the_user_whom_the_mount_names(client: Bench, agent: str) -> None:
    assert find_identity().keeps_owners, "tests of builds are made for the superuser"
    assert _ask(client, agent, "app", ",uid=1000,gid=50,mode=0620") == [_EMPTY, "620 1000:50"]


def test_it_answers_nobody_else(client: Bench, agent: str) -> None:
    said = _ask(client, agent, "app")
    assert said[0] == "Error connecting to agent: Permission denied"
    assert said[1] == "600 0:0"


def test_an_agent_that_is_gone(client: Bench, tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:3:1: nobody listens at ") as caught:
        _ask(client, str(tmp_path / "gone"), "root")
    assert "start ssh-agent" in (caught.value.hint or "")
