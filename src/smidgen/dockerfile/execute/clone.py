"""ADD of a git repository: what it has at one commit, got by git itself.

Git is kept to what the address says: no configuration of the user or the machine, no hooks, no questions, and only the
protocols that an address may have. An address may hold a password, so it is handed over in the environment.

Source: gitrepository-layout(5), git(1) "Environment Variables", git-config(1) ``protocol.allow``.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from smidgen.dockerfile.execute.sources import Match, Tree
from smidgen.dockerfile.sources import GitSource
from smidgen.errors import BuildError, UsageError
from smidgen.layer.merged import Merged

_REF: Final = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_./@+-]{0,250}\Z")
_COMMIT: Final = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]*@")
_PROXIES: Final = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_LIMIT: Final = 1800.0  # seconds, for all that one command of git may take
_SHOWN: Final = 2000


def clone(source: GitSource, directory: Path, *, checksum: str, keep_git_dir: bool, agent: str | None) -> Tree:
    """Get a repository into the empty *directory*, and give its files.

    Args:
        source: Which.
        directory: Stays for as long as the files are needed.
        checksum: The commit that it must be, or empty.
        keep_git_dir: ``.git`` is one of the files.
        agent: Socket of an SSH agent, or None.

    Raises:
        BuildError: Git is missing or fails, or it is another commit.
        UsageError: The branch or tag is no name.
    """
    if source.ref and not _REF.match(source.ref):
        raise UsageError(f"{source.ref!r} is no branch, tag or commit")
    git = _Git(source, directory, agent)
    git("init", "--quiet", "--template=", ".")
    _fetch(git, source.ref)
    got = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip()
    want = checksum or source.checksum
    if want and got != want:
        raise BuildError(f"the repository {git.shown} has commit {got} at {source.ref or 'HEAD'}, expected {want}")
    if source.submodules and (directory / ".gitmodules").is_file():
        git("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
    return _tree(directory, keep_git_dir=keep_git_dir)


def directory_of(tree: Tree, source: GitSource) -> Match:
    """Give the directory of a repository that is asked for.

    Raises:
        NotFound: It is not there.
        UsageError: It is none.
    """
    if any(letter in source.directory for letter in "*?[\\"):
        raise UsageError(f"the directory {source.directory!r} of a repository cannot be a pattern")
    (match,) = tree.match(source.directory or "/")
    if not match.is_directory:
        raise UsageError(f"{source.directory!r} is no directory of the repository")
    return match


def _fetch(git: "_Git", ref: str) -> None:
    one = ("fetch", "--quiet", "--depth=1", "--no-tags", "origin", ref or "HEAD")
    if not _COMMIT.match(ref):
        git(*one)
        git("checkout", "--quiet", "--detach", "FETCH_HEAD")
        return
    try:
        git(*one)
    except BuildError:
        # Some servers give out branches and tags only.
        git("fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
    git("checkout", "--quiet", "--detach", ref)


def _tree(directory: Path, *, keep_git_dir: bool) -> Tree:
    def keep(path: str, _is_directory: bool) -> bool:  # noqa: FBT001 (Keep has it so)
        return keep_git_dir or ".git" not in path.split("/")

    def prune(path: str) -> bool:
        return not keep(path, True)

    hint = "sources are paths in the repository"
    return Tree(Merged((directory,)), keep=keep, prune=prune, with_owners=False, hint=hint)


class _Git:
    """The command, in one directory, for one repository."""

    def __init__(self, source: GitSource, directory: Path, agent: str | None) -> None:
        self.shown = _PASSWORD.sub("", source.url)
        self._directory = directory
        self._environ = _environment(source.url, agent)

    def __call__(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self._directory,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_LIMIT,
                umask=0o022,  # decides the modes of what is checked out
            )
        except FileNotFoundError as error:
            raise BuildError("git is not there, and a repository is to be added", hint="install git") from error
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"git {arguments[0]} of {self.shown} took more than {_LIMIT:g} seconds") from error
        if done.returncode:
            text = done.stderr[-_SHOWN:].decode("utf-8", "replace")
            said = " ".join(_PASSWORD.sub("", "".join(c if c.isprintable() else " " for c in text)).split())
            raise BuildError(
                f"git {arguments[0]} of {self.shown} failed: {said or done.returncode}",
                hint="is the address right, and may everybody read it? For ssh give an agent: --ssh default",
            )
        return done.stdout.decode("utf-8", "replace")


def _environment(url: str, agent: str | None) -> Mapping[str, str]:
    settings = {"remote.origin.url": url, "core.hooksPath": "/dev/null", "core.fsmonitor": "false", "gc.auto": "0"}
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_ALLOW_PROTOCOL": "git:http:https:ssh",
        "GIT_SSH_COMMAND": "ssh -F /dev/null -o BatchMode=yes",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (name, value) in enumerate(settings.items()):
        found[f"GIT_CONFIG_KEY_{number}"], found[f"GIT_CONFIG_VALUE_{number}"] = name, value
    if agent is not None:
        found["SSH_AUTH_SOCK"] = agent
    names = {name for proxy in _PROXIES for name in (proxy, proxy.upper())}
    return found | {name: os.environ[name] for name in names if name in os.environ}
