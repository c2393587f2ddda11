"""Facts of real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from smidgen.gobuild.git import (
    GitFacts,
    find_repository,
    git_annotations,
    nearest_tag,
    public_address,
    repository_state,
    start_git,
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Of git's configuration, only what a test sets; of time, nothing."""
    identity = {f"GIT_{who}_{what}": "n@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": "1700000000 +0100", "GIT_COMMITTER_DATE": "1700000000 +0100"}
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"} | identity | dates


@pytest.fixture
def repository(tmp_path: Path, environ: dict[str, str]) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, environ, "init", "-q", "-b", "trunk", ".")
    (root / "file").write_text("1")
    git(root, environ, "add", "-A")
    git(root, environ, "commit", "-q", "-m", "first")
    return root


def git(root: Path, environ: dict[str, str], *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout.strip()


def facts_of(directory: Path, environ: dict[str, str]) -> GitFacts:
    facts = start_git(str(directory), environ).result()
    assert facts is not None
    return facts


def test_a_clean_repository(repository: Path, environ: dict[str, str]) -> None:
    (repository / "below").mkdir()
    facts = facts_of(repository / "below", environ)
    commit = git(repository, environ, "rev-parse", "HEAD")
    assert facts == GitFacts(
        root=str(repository),
        commit=commit,
        short_commit=commit[:7],
        committed_at=1_700_000_000,
        branch="trunk",
    )


def test_dirty_by_change_and_by_unknown_file(repository: Path, environ: dict[str, str]) -> None:
    (repository / "new").write_text("")
    assert facts_of(repository, environ).is_dirty
    (repository / "new").unlink()
    assert not facts_of(repository, environ).is_dirty
    (repository / "file").write_text("2")
    assert facts_of(repository, environ).is_dirty


def test_tags_highest_version_first(repository: Path, environ: dict[str, str]) -> None:
    for tag in ("v1.9.0", "v1.10.0-rc1", "latest"):
        git(repository, environ, "tag", tag)
    git(repository, environ, "tag", "-a", "-m", "annotated", "v1.10.0")
    facts = facts_of(repository, environ)
    assert facts.tags == ("v1.10.0", "v1.10.0-rc1", "v1.9.0", "latest")
    before = repository_state(str(repository), facts, environ)
    git(repository, environ, "commit", "-q", "--allow-empty", "-m", "second")
    later = facts_of(repository, environ)
    assert later.tags == ()
    assert nearest_tag(later, environ) == "v1.10.0"
    assert repository_state(str(repository), None, environ) != before


def test_detached_and_linked_work_trees(repository: Path, environ: dict[str, str], tmp_path: Path) -> None:
    git(repository, environ, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    facts = facts_of(tmp_path / "linked", environ)
    assert facts.root == str(tmp_path / "linked")
    assert facts.branch == ""
    assert facts.commit == facts_of(repository, environ).commit


def test_submodules_are_repositories_of_their_own(repository: Path, environ: dict[str, str], tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, environ, "init", "-q", ".")
    git(outer, environ, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository), "sub")
    assert facts_of(outer / "sub", environ).commit == facts_of(repository, environ).commit
    assert facts_of(outer, environ).commit == ""


def test_shallow(repository: Path, environ: dict[str, str], tmp_path: Path) -> None:
    git(repository, environ, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, environ, "clone", "-q", "--depth=1", f"file://{repository}", "shallow")
    facts = facts_of(tmp_path / "shallow", environ)
    assert facts.commit == facts_of(repository, environ).commit
    assert facts.remote == ""


def test_none_at_all(tmp_path: Path, repository: Path, environ: dict[str, str]) -> None:
    assert find_repository(str(tmp_path)) is None
    assert start_git(str(tmp_path), environ).result() is None
    pending = start_git(str(repository), environ | {"PATH": str(tmp_path)})
    assert pending.result() is None
    assert "no git" in pending.problem
    assert git_annotations(None) == {}
    (tmp_path / "broken/.git").mkdir(parents=True)
    broken = start_git(str(tmp_path / "broken"), environ)
    assert broken.result() is None
    assert broken.problem


def test_a_repository_of_another_user(repository: Path, environ: dict[str, str]) -> None:
    # What a container sees that builds a checkout mounted from outside.
    pending = start_git(str(repository), environ | {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert pending.result() is None
    assert "safe.directory" in pending.problem


def test_stopping_leaves_nothing_running(repository: Path, environ: dict[str, str]) -> None:
    pending = start_git(str(repository), environ)
    pending.stop()
    assert pending.result() is None


def test_remotes_are_shown_without_secrets(repository: Path, environ: dict[str, str]) -> None:
    git(repository, environ, "remote", "add", "fork", "git@github.com:you/app.git")
    assert facts_of(repository, environ).remote == "https://github.com/you/app"
    git(repository, environ, "remote", "add", "origin", "https://user:token@example.com:8443/me/app.git")
    assert facts_of(repository, environ).remote == "https://example.com:8443/me/app"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/me/app", "https://github.com/me/app"),
        ("https://x-access-token:secret@github.com/me/app.git", "https://github.com/me/app"),
        ("https://a:b@c@example.com/me/app", "https://example.com/me/app"),
        ("https://a:b/c@example.com/me", ""),
        ("https://secret/x@example.com/me", ""),
        ("ssh://git@example.com:2222/me/app.git", "https://example.com/me/app"),
        ("git@example.com:me/app.git", "https://example.com/me/app"),
        ("example.com:me/app", "https://example.com/me/app"),
        ("https://example.com/me/app?token=secret", "https://example.com/me/app"),
        ("/home/me/app", ""),
        ("file:///home/me/app", ""),
        ("../app", ""),
        ("", ""),
    ],
)
def test_public_address(url: str, expected: str) -> None:
    assert public_address(url) == expected


def test_annotations() -> None:
    facts = GitFacts(root="/r", commit="abc", tags=("v2.0.0", "v1.0.0"), remote="https://example.com/a")
    assert git_annotations(facts) == {
        "org.opencontainers.image.revision": "abc",
        "org.opencontainers.image.source": "https://example.com/a",
        "org.opencontainers.image.version": "v2.0.0",
    }
    dirty = GitFacts(root="/r", commit="abc", tags=("v2.0.0",), is_dirty=True)
    assert git_annotations(dirty) == {"org.opencontainers.image.revision": "abc-dirty"}
    assert git_annotations(GitFacts(root="/r", commit="")) == {}
