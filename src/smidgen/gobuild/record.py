"""What is remembered of a build: how everything was that it looked at, and what came of it."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from smidgen.gobuild.signature import Kind, Signature, identity, is_settled, names, signature
from smidgen.gobuild.source import embed_patterns, is_package_file

#: Raised whenever a record of before would be read wrongly, or was made by wrong rules.
FORMAT = 1


class FileState(msgspec.Struct, frozen=True, array_like=True):
    """How a file was.

    Attributes:
        path: Absolute.
        signature: What stat said.
        identity: Its kind and content; "" where there was none.
        patterns: What its ``//go:embed`` lines name, for a Go file.
    """

    path: str
    signature: Signature
    identity: str
    patterns: tuple[str, ...] = ()


class NamesState(msgspec.Struct, frozen=True, array_like=True):
    """Which names that count were in a directory; None when it was not there."""

    path: str
    kind: Kind
    signature: Signature
    names: tuple[str, ...] | None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A build.

    Attributes:
        format: :data:`FORMAT`.
        request: What was asked for, as (name, text), to say later what is different.
        environment: Variables that mattered by chance, and how they were; None for not set.
        repositories: Work trees whose state was stamped: root → state.
        files: Files that were read.
        names: Directories that were looked into.
        absent: Paths at which nothing was.
        result: What the caller wants back.
    """

    format: int
    request: dict[str, str]
    environment: dict[str, str | None]
    repositories: dict[str, str]
    files: list[FileState]
    names: list[NamesState]
    absent: list[str]
    result: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a build depended on, as it was when the build was done.

    Attributes:
        environment: See :class:`Record`.
        repositories: Likewise.
        files: Likewise.
        names: Likewise.
        absent: Likewise.
        uncacheable: Why the build cannot be remembered; "" when it can.
    """

    environment: Mapping[str, str | None]
    repositories: Mapping[str, str]
    files: tuple[FileState, ...]
    names: tuple[NamesState, ...]
    absent: tuple[str, ...]
    uncacheable: str


def take_file(path: str, known: FileState | None = None) -> FileState:
    """Look at a file; its content is read only if its signature is not that of *known*.

    Raises:
        OSError: It cannot be read, or it changed in the meantime.
    """
    before = signature(path)
    if known is not None and known.signature == before:
        return known
    what, data = identity(path)
    if signature(path) != before:
        raise OSError(None, "it changed while it was read", path)
    patterns = embed_patterns(data) if data is not None and is_package_file(os.path.basename(path)) else ()
    return FileState(path, before, what, patterns)


def take_names(path: str, kind: Kind, known: NamesState | None = None) -> NamesState:
    """Look into a directory; it is only read if its signature is not that of *known*, which is of the same kind.

    Raises:
        OSError: It cannot be read, or it changed in the meantime.
    """
    before = signature(path)
    if known is not None and known.signature == before:
        return known
    found = names(path, kind)
    if signature(path) != before:
        raise OSError(None, "it changed while it was read", path)
    return NamesState(path, kind, before, found)


def unsettled(states: Iterable[FileState | NamesState], before_ns: int) -> Iterator[str]:
    """Give the paths of what may have changed after *before_ns*."""
    return (state.path for state in states if not is_settled(state.signature, before_ns))


class Comparison:
    """A record held against the file system as it is now.

    Attributes:
        difference: The first that differs, in words; "" when nothing does.
        refreshed: The record with new signatures where files were touched and nothing else; None when none was.
    """

    def __init__(self, record: Record) -> None:
        self.refreshed: Record | None = None
        self._fresh_files: dict[int, FileState] = {}
        self._fresh_names: dict[int, NamesState] = {}
        try:
            self.difference = self._absent(record) or self._files(record) or self._names(record)
        except OSError as error:
            self.difference = f"{error.filename}: {error.strerror}"
        if not self.difference and (self._fresh_files or self._fresh_names):
            self.refreshed = msgspec.structs.replace(
                record,
                files=[self._fresh_files.get(at, state) for at, state in enumerate(record.files)],
                names=[self._fresh_names.get(at, state) for at, state in enumerate(record.names)],
            )

    @staticmethod
    def _absent(record: Record) -> str:
        return next((f"{path} appeared" for path in record.absent if os.path.lexists(path)), "")

    def _files(self, record: Record) -> str:
        for at, state in enumerate(record.files):
            if signature(state.path) == state.signature:
                continue
            now_ns = time.time_ns()
            now = take_file(state.path)
            if now.identity != state.identity:
                return f"{state.path} {_change(state.identity, now.identity)}"
            if is_settled(now.signature, now_ns):
                self._fresh_files[at] = now
        return ""

    def _names(self, record: Record) -> str:
        for at, state in enumerate(record.names):
            if signature(state.path) == state.signature:
                continue
            now_ns = time.time_ns()
            now = take_names(state.path, state.kind)
            # A directory that became a symbolic link, or stopped to be one, is another thing to Go.
            if now.names != state.names or len(now.signature) != len(state.signature):
                return f"{state.path} {_names_change(state.names or (), now.names or ())}"
            if is_settled(now.signature, now_ns):
                self._fresh_names[at] = now
        return ""


def _change(before: str, now: str) -> str:
    if not before:
        return "appeared"
    return "changed" if now else "is gone"


def _names_change(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    if appeared := sorted(set(now) - set(before)):
        return f"has a new {appeared[0][1:]}"
    if gone := sorted(set(before) - set(now)):
        return f"has no {gone[0][1:]} any more"
    return "is another directory"
