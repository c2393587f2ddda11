"""What a COPY or ADD takes, found and not yet looked at closely."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace

from smidgen.dockerfile.execute.sources import Match, Tree
from smidgen.dockerfile.sources import GitSource, LocalSource, UrlSource
from smidgen.dockerfile.steps import CopyStep, Document
from smidgen.errors import UsageError


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that was fetched.

    Attributes:
        path: Where it is on this machine.
        digest: ``sha256:`` and hex digits, of its content.
        mtime: Seconds since 1970, as the server says; 0 where it does not.
    """

    path: str
    digest: str
    mtime: int


@dataclass(frozen=True, slots=True)
class Sources:
    """All that a COPY or ADD takes.

    Attributes:
        matches: Of its paths and patterns, in order.
        fetched: Of its addresses, in order: names and files.
        documents: That stand in the Dockerfile.
    """

    matches: tuple[Match, ...]
    fetched: tuple[tuple[str, FetchedFile], ...]
    documents: tuple[Document, ...]

    @property
    def are_several(self) -> bool:
        """Whether the destination has to be a directory."""
        return len(self.matches) + len(self.fetched) + len(self.documents) > 1


def gather(
    step: CopyStep,
    tree: Tree | None,
    fetch: Callable[[UrlSource, str], FetchedFile],
    clone: Callable[[GitSource, CopyStep], Match],
) -> Sources:
    """Find what *step* takes.

    Args:
        step: A COPY or ADD.
        tree: Where its paths start; None where it has none.
        fetch: Gets what an address names.
        clone: Gets a repository.

    Raises:
        NotFound: A path leads nowhere.
        UsageError: There is no context to find a path in.
    """
    matches: list[Match] = []
    fetched: list[tuple[str, FetchedFile]] = []
    for source in step.sources:
        if isinstance(source, LocalSource):
            if tree is None:
                raise UsageError("there is no build context", hint="give a directory: smidgen build -f Dockerfile .")
            found = tree.match(source.path, deep=step.parents)
            matches += [_with_parents(source.path, match, tree) for match in found] if step.parents else found
        elif isinstance(source, UrlSource):
            fetched.append((source.name, fetch(source, step.checksum)))
        else:
            matches.append(clone(source, step))
    return Sources(tuple(matches), tuple(fetched), step.documents)


def _with_parents(source: str, match: Match, tree: Tree) -> Match:
    """Say which directories of *source* are kept: those after ``/./``, or all."""
    before, pivot, _ = source.partition("/./")
    above = posixpath.normpath(f"/{before}").strip("/") if pivot else ""
    return replace(match, parents=tree.directories(match.path, above))
