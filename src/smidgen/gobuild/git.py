"""Facts of the git repository that a program's source is in.

Git runs beside other work: :func:`start_git` starts it, :meth:`PendingGit.result` waits for it.

Source: ``git help status`` (Porcelain Format Version 2), ``git help for-each-ref``; OCI image-spec v1.1.1,
``annotations.md``.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from smidgen.errors import BuildError
from smidgen.gobuild.modfile import parents
from smidgen.gobuild.process import Outcome, Process, find_executable, run

_VERSION_PART = re.compile(r"[0-9]+|[^0-9]+")
_SCP_FORM = re.compile(r"^(?:[^/]*@)?([A-Za-z0-9.-]+):(?!/)(.+)$")
_URL_FORM = re.compile(r"^(https?|ssh|git\+ssh|git)://(?:[^/]*@)?([^/:@]+|\[[^]]+\])(:[0-9]+)?(/[^?#]*)")

# A repository's configuration can name programs to run; none is needed for these facts. Nothing is asked of the
# user, fetched, or written (the index would be refreshed, which takes a lock that the user's own git wants).
_CONFIGURATION = ("-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_PAGER": "cat",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFacts:
    """What the repository is at.

    Attributes:
        root: The top directory of the work tree.
        commit: The commit checked out, in hex; "" before the first one.
        short_commit: As git abbreviates it.
        committed_at: When, in seconds since 1970.
        branch: Its branch; "" when none is checked out.
        tags: Tags of that commit, the highest version first.
        all_tags: Every tag and what it points at, a line each, as git prints them.
        is_dirty: There are changed or unknown files.
        remote: Where it was cloned from, as an https address without credentials; "" when it has none.
    """

    root: str
    commit: str
    short_commit: str = ""
    committed_at: int = 0
    branch: str = ""
    tags: tuple[str, ...] = ()
    all_tags: str = ""
    is_dirty: bool = False
    remote: str = ""


class PendingGit:
    """Git at work; nothing is running when there is no repository or no git.

    Attributes:
        problem: Why there are no facts although there is a repository; "" otherwise.
        answers: The commands that were run, each with what it answered; there after ``result``.
    """

    def __init__(
        self,
        root: str,
        processes: Mapping[str, Process],
        problem: str = "",
        commands: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._root = root
        self._processes = processes
        self._commands = commands or {}
        self.answers: dict[tuple[str, ...], Outcome] = {}
        self._facts: GitFacts | None = None
        self.problem = problem

    def result(self) -> GitFacts | None:
        """Wait for the facts; None where there is no repository that git can read."""
        if self._processes:
            outcomes = {name: process.result() for name, process in self._processes.items()}
            self._processes = {}
            self.answers = {self._commands[name]: outcome for name, outcome in outcomes.items()}
            self._facts = self._read(outcomes)
        return self._facts

    def stop(self) -> None:
        """End git when its answer is not wanted any more."""
        for process in self._processes.values():
            process.kill()
        self._processes = {}

    def _read(self, outcomes: Mapping[str, Outcome]) -> GitFacts | None:
        status = outcomes["status"]
        if status.exit_code != 0:
            # For one: the directory belongs to another user (safe.directory).
            self.problem = _text(status.stderr).strip() or f"git ended with {status.exit_code}"
            return None
        commit, branch, is_dirty = _parse_status(_text(status.stdout))
        short_commit, _, committed_at = _text(outcomes["log"].stdout).strip().partition(" ")
        all_tags = _text(outcomes["tags"].stdout)
        return GitFacts(
            root=self._root,
            commit=commit,
            short_commit=short_commit,
            committed_at=int(committed_at) if committed_at.isdecimal() else 0,
            branch=branch,
            tags=_tags_of(commit, all_tags),
            all_tags=all_tags,
            is_dirty=is_dirty,
            remote=_remote(_text(outcomes["remotes"].stdout)),
        )


def find_repository(directory: str) -> str | None:
    """Give the top directory of the work tree that *directory* is in; None where there is none."""
    # .git is a file in linked work trees and submodules.
    return next((place for place in parents(directory) if os.path.exists(os.path.join(place, ".git"))), None)


def start_git(directory: str, environ: Mapping[str, str]) -> PendingGit:
    """Start collecting the facts of the repository that *directory*, an absolute path, is in."""
    root = find_repository(directory)
    if root is None:
        return PendingGit("", {})
    executable = find_executable("git", environ.get("PATH", os.defpath))
    if executable is None:
        return PendingGit(root, {}, "there is a git repository but no git")
    base = [executable, "-C", root, *_CONFIGURATION]
    variables = {**environ, **_ENVIRONMENT}
    commands = {
        "status": ["status", "--porcelain=v2", "--branch", "-z"],
        "log": ["log", "-1", "--no-color", "--format=%h %ct"],
        "tags": ["for-each-ref", "--format=%(objectname) %(*objectname) %(refname:lstrip=2)", "refs/tags"],
        "remotes": ["config", "--null", "--get-regexp", r"^remote\..*\.url$"],
    }
    processes: dict[str, Process] = {}
    try:
        for name, arguments in commands.items():
            processes[name] = Process([*base, *arguments], variables)
    except BuildError as error:
        for process in processes.values():
            process.kill()
        return PendingGit(root, {}, error.message)
    return PendingGit(root, processes, commands={name: (*base, *arguments) for name, arguments in commands.items()})


def nearest_tag(facts: GitFacts, environ: Mapping[str, str]) -> str:
    """Give the tag that is reached first going back from the commit; "" where there is none."""
    executable = find_executable("git", environ.get("PATH", os.defpath))
    if executable is None or not facts.commit:
        return ""
    arguments = [executable, "-C", facts.root, *_CONFIGURATION, "describe", "--tags", "--abbrev=0", facts.commit]
    with suppress(BuildError):
        outcome = run(arguments, {**environ, **_ENVIRONMENT})
        return _text(outcome.stdout).strip() if outcome.exit_code == 0 else ""
    return ""


def repository_state(root: str, facts: GitFacts | None, environ: Mapping[str, str]) -> str:
    """Put into one line all of the repository at *root* that Go stamps into executables.

    Args:
        root: The top directory of its work tree.
        facts: Facts that are known already; git is asked if they are of another repository.
        environ: The environment of git.
    """
    if facts is None or facts.root != root:
        facts = start_git(root, environ).result()
    if facts is None:
        return "unknown"
    import hashlib

    # The version of the main module follows from all tags that lead to the commit.
    tags = hashlib.sha256(facts.all_tags.encode()).hexdigest()
    return f"{facts.commit} {facts.committed_at} {'dirty' if facts.is_dirty else 'clean'} {tags}"


def git_annotations(facts: GitFacts | None) -> dict[str, str]:
    """Say where an image's program comes from.

    The version is a tag of exactly the source that was built: none when files were changed since.
    """
    if facts is None or not facts.commit:
        return {}
    annotations = {"org.opencontainers.image.revision": facts.commit + ("-dirty" if facts.is_dirty else "")}
    if facts.remote:
        annotations["org.opencontainers.image.source"] = facts.remote
    if facts.tags and not facts.is_dirty:
        annotations["org.opencontainers.image.version"] = facts.tags[0]
    return annotations


def public_address(url: str) -> str:
    """Give *url* as an https address that can be shown: no user, no password, no port of ssh; "" for a local path."""
    address = ""
    if match := _URL_FORM.match(url):
        scheme, host, port, path = match.groups()
        address = f"{scheme}://{host}{port or ''}{path}" if scheme in {"http", "https"} else f"https://{host}{path}"
    elif "://" not in url and (match := _SCP_FORM.match(url)):
        address = f"https://{match[1]}/{match[2]}"
    # An @ that is left may end a password with a slash in it.
    return "" if "@" in address else address.removesuffix(".git")


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _parse_status(text: str) -> tuple[str, str, bool]:
    commit, branch, is_dirty = "", "", False
    for record in text.split("\0"):
        if record.startswith("# branch.oid "):
            commit = record[13:].replace("(initial)", "")
        elif record.startswith("# branch.head "):
            branch = record[14:].replace("(detached)", "")
        elif record and not record.startswith("#"):
            is_dirty = True
    return commit, branch, is_dirty


def _tags_of(commit: str, all_tags: str) -> tuple[str, ...]:
    found: list[str] = []
    for line in all_tags.splitlines():
        target, peeled, name = line.split(" ", 2)
        # An annotated tag is an object of its own that points at the commit.
        if commit and commit in {target, peeled}:
            found.append(name)
    return tuple(sorted(found, key=_version_key, reverse=True))


def _version_key(tag: str) -> tuple[bool, list[tuple[int, int, str]]]:
    """Order versions by number, and a release after its candidates."""
    release, is_candidate, candidate = tag.partition("-")
    del is_candidate
    parts = [
        (1, int(part), "") if part.isascii() and part.isdigit() else (0, 0, part)
        for part in _VERSION_PART.findall(release)
    ]
    return (bool(re.match(r"v?[0-9]", tag)), [*parts, (0, 0, candidate) if candidate else (1, -1, "")])


def _remote(text: str) -> str:
    """Choose ``origin``, else the first remote."""
    remotes: dict[str, str] = {}
    for record in text.split("\0"):
        key, _, url = record.partition("\n")
        if url:
            remotes.setdefault(key, url)
    url = remotes.get("remote.origin.url") or next(iter(remotes.values()), "")
    return public_address(url)
