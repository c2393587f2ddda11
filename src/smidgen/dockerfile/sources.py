"""Sources of ADD and COPY: paths, addresses, git repositories.

Source: Dockerfile reference, "ADD"; BuildKit's ``util/gitutil`` for what is a repository.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from smidgen.errors import UsageError

_SCP: Final = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9.-]+:(?!//)[^\s]+\Z")
_GIT_PATH: Final = re.compile(r"\.git(?:[#?].*)?\Z")
_COMMIT: Final = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_TRUTHS: Final = {"": True, "1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A path or pattern below the origin; a leading ``/`` means the origin's root."""

    path: str


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file that is fetched.

    Attributes:
        url: ``http://`` or ``https://``.
        name: Of the file, where the destination is a directory.
    """

    url: str
    name: str


@dataclass(frozen=True, slots=True)
class GitSource:
    """A repository.

    Attributes:
        url: Without what says which part.
        ref: A branch, tag or commit, or empty for the default branch.
        directory: Below its root, or empty.
        checksum: The commit that *ref* must be, or empty.
        submodules: Fetch them too.
        keep_git_dir: What the address says, or None where it says nothing.
    """

    url: str
    ref: str = ""
    directory: str = ""
    checksum: str = ""
    submodules: bool = True
    keep_git_dir: bool | None = None


Source: TypeAlias = LocalSource | UrlSource | GitSource


def parse_source(text: str) -> Source:
    """Tell what *text*, a source that is expanded, means.

    Raises:
        UsageError: A repository's address has a part that is not known.
    """
    if _is_git(text):
        return _parse_git(text)
    if text.startswith(("http://", "https://")):
        path = text.partition("://")[2].partition("?")[0].partition("#")[0].partition("/")[2]
        name = path.rstrip("/").rpartition("/")[2]
        return UrlSource(text, name if name not in {"", ".", ".."} else "__unnamed__")
    return LocalSource(text)


def _is_git(text: str) -> bool:
    if text.startswith(("git://", "ssh://")):
        return True
    if text.startswith(("http://", "https://")):
        return bool(_GIT_PATH.search(text))
    return bool(_SCP.match(text))


def _parse_git(text: str) -> GitSource:
    address, _, fragment = text.partition("#")
    url, _, query = address.partition("?")
    ref, _, directory = fragment.partition(":")
    values = {"ref": ref, "subdir": directory, "checksum": "", "submodules": "", "keep-git-dir": ""}
    given: set[str] = set()
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        key = {"branch": "ref", "tag": "ref", "commit": "checksum"}.get(key, key)
        if key not in values:
            raise UsageError(
                f"the repository {url} has the query {key!r}", hint=f"it may have {', '.join(sorted(values))}"
            )
        values[key] = value
        given.add(key)
    checksum = values["checksum"]
    if checksum and not _COMMIT.match(checksum):
        raise UsageError(f"the checksum {checksum!r} is no commit", hint="expected 40 or 64 lower-case hex digits")
    return GitSource(
        url=url,
        ref=values["ref"],
        directory=_inside(values["subdir"]),
        checksum=checksum,
        submodules=_truth("submodules", values["submodules"]),
        keep_git_dir=_truth("keep-git-dir", values["keep-git-dir"]) if "keep-git-dir" in given else None,
    )


def _truth(key: str, value: str) -> bool:
    if value not in _TRUTHS:
        raise UsageError(f"{key} of the repository is {value!r}", hint="expected true or false")
    return _TRUTHS[value]


def _inside(directory: str) -> str:
    parts = [part for part in directory.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise UsageError(f"the directory {directory!r} leaves the repository", hint="write a path without ..")
    return "/".join(parts)
