"""ADD of repositories, served by git's own daemon."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.errors import DockerfileError
from support.dockerfile_bench import Bench
from support.serving import free_port

pytestmark = pytest.mark.e2e


def _git(directory: Path, *arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environ = os.environ | identity | {"GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(["git", *arguments], cwd=directory, env=environ, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """Serve a repository with a tag and two branches; gives its address."""
    work = tmp_path / "served" / "app"
    (work / "sub").mkdir(parents=True)
    _git(work, "init", "-q", "-b", "main")
    (work / "run").write_text("first")
    (work / "run").chmod(0o755)
    (work / "sub" / "link").symlink_to("../run")
    (work / "sub" / "file").write_text("below")
    _git(work, "add", ".")
    _git(work, "commit", "-q", "-m", "first")
    _git(work, "tag", "-a", "-m", "one", "v1")
    (work / "run").write_text("second")
    _git(work, "commit", "-q", "-a", "-m", "second")
    port = free_port()
    command = ["git", "daemon", "--export-all", f"--base-path={work.parent}", "--listen=127.0.0.1", f"--port={port}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as daemon:
        address = f"git://127.0.0.1:{port}/app"
        try:
            for _ in range(300):
                if subprocess.run(["git", "ls-remote", address], check=False, capture_output=True).returncode == 0:
                    break
                time.sleep(0.1)
            yield address
        finally:
            os.killpg(daemon.pid, 15)


def test_branches_tags_commits_and_directories(bench: Bench, repository: str, tmp_path: Path) -> None:
    first = _git(tmp_path / "served" / "app", "rev-parse", "v1^{commit}")
    made = bench.build(
        f"FROM scratch\nADD {repository} /head\nADD {repository}#v1 /tag/\nADD {repository}#main:sub /sub\n"
        f"ADD --checksum={first} --chown=5:6 {repository}#{first} /commit\n"
    )
    assert made.content("head/run") == "second"
    assert made.content("tag/run") == made.content("commit/run") == "first"
    assert made.files["head/run"] == "file 0755 0:0 6"
    assert made.files["commit/sub/file"] == "file 0644 5:6 5"
    assert made.files["sub/link"] == "symlink 0777 0:0 -> ../run"
    assert {path for path in made.files if path.startswith("sub")} == {"sub", "sub/link", "sub/file"}
    assert not [path for path in made.files if ".git" in path]


def test_the_same_commit_is_no_reason_to_add_again(bench: Bench, repository: str, tmp_path: Path) -> None:
    dockerfile = f"FROM busybox\nADD {repository} /app\nRUN cat /app/run\n"
    assert bench.build(dockerfile).log.lines == ["second"]
    assert bench.build(dockerfile).log.began == []
    work = tmp_path / "served" / "app"
    (work / "run").write_text("third")
    _git(work, "commit", "-q", "-a", "-m", "third")
    assert bench.build(dockerfile).log.lines == ["third"]


def test_its_own_directory_is_kept_on_demand(bench: Bench, repository: str) -> None:
    made = bench.build(f"FROM scratch\nADD --keep-git-dir=true {repository} /app\n")
    assert "app/.git/HEAD" in made.files
    assert not [path for path in made.files if "/hooks/" in path]


@pytest.mark.parametrize(
    ("flags", "part", "said"),
    [
        ("", "#nowhere", "git fetch of .* failed: .*nowhere"),
        ("", "#--upload-pack=x", "is no branch, tag or commit"),
        ("", "#main:missing", "/missing"),
        ("", "#main:run", "is no directory of the repository"),
        (f"--checksum={'0' * 40} ", "", f"has commit [0-9a-f]{{40}} at HEAD, expected {'0' * 40}"),
    ],
)
def test_what_is_not_there(bench: Bench, repository: str, flags: str, part: str, said: str) -> None:
    with pytest.raises(DockerfileError, match=f"Dockerfile:2:1: .*{said}"):
        bench.build(f"FROM scratch\nADD {flags}{repository}{part} /app\n")


def test_a_password_is_not_shown(bench: Bench) -> None:
    address = f"http://me:secret@127.0.0.1:{free_port()}/app.git"
    with pytest.raises(DockerfileError) as caught:
        bench.build(f"FROM scratch\nADD {address} /app\n")
    first, *_ = caught.value.message.splitlines()
    assert "git fetch of http://127.0.0.1:" in first
    assert "secret" not in first
