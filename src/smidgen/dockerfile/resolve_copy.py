"""COPY and ADD, expanded.

Source: BuildKit's ``dockerfile2llb/convert_copy.go``.
"""

import posixpath
import re
from typing import Final

from smidgen.dockerfile.chmod import parse_chmod
from smidgen.dockerfile.instruction import Add, Copy, Heredoc, Transfer
from smidgen.dockerfile.origins import MainContext, NamedContext, Origin
from smidgen.dockerfile.patterns import parse_pattern
from smidgen.dockerfile.scope import Scope
from smidgen.dockerfile.sources import GitSource, LocalSource, Source, UrlSource, parse_source
from smidgen.dockerfile.steps import CopyStep, Document

_SHA256: Final = re.compile(r"^sha256:[0-9a-f]{64}\Z")
_COMMIT: Final = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


def copy_step(scope: Scope, transfer: Transfer) -> CopyStep:
    """Resolve a COPY or an ADD.

    Raises:
        DockerfileError: A source is empty or outside the context, is remote in a COPY, or a flag's value is wrong.
    """
    origin: Origin = MainContext()
    if isinstance(transfer, Copy) and transfer.from_:
        origin = scope.plan.names.source(transfer.from_, scope.planned.stage, transfer.location)
    written = [scope.expand(text) for text in transfer.sources]
    sources = tuple(
        _source(scope, text, at, origin, is_add=isinstance(transfer, Add))
        for text, at in zip(written, transfer.sources, strict=True)
    )
    documents = tuple(_document(scope, heredoc) for heredoc in transfer.documents)
    destination = scope.expand(transfer.destination)
    chown, chmod = scope.expand(transfer.chown), scope.expand(transfer.chmod)
    if chmod:
        scope.checked(parse_chmod, chmod, at=transfer.chmod)
    checksum, keep_git_dir, unpack = _add_flags(scope, transfer, sources)
    flags = [
        *(["--parents"] if transfer.parents else []),
        *([f"--chown={chown}"] if chown else []),
        *([f"--chmod={chmod}"] if chmod else []),
    ]
    names = [*written, *(f"<<{document.name}" for document in documents)]
    created_by = " ".join([transfer.keyword, *flags, *names, destination, "# buildkit"])
    _check_destination(scope, transfer, sources, documents, destination)
    return CopyStep(
        location=transfer.location,
        title=scope.title,
        created_by=created_by,
        origin=origin,
        sources=sources,
        documents=documents,
        destination=_destination(scope, destination),
        chown=chown,
        chmod=chmod,
        link=transfer.link,
        parents=transfer.parents,
        exclude=tuple(_pattern(scope, pattern) for pattern in transfer.exclude),
        is_add=isinstance(transfer, Add),
        checksum=checksum,
        keep_git_dir=keep_git_dir,
        unpack=unpack,
    )


def _source(scope: Scope, text: str, at: str, origin: Origin, *, is_add: bool) -> Source:
    if not text:
        raise scope.fault(
            f"the source {at!r} is empty", at=at, hint="give the variable a value; write . for the whole context"
        )
    source = scope.checked(parse_source, text, at=at)
    if not isinstance(source, LocalSource):
        if not is_add:
            raise scope.fault(f"COPY cannot fetch {text!r}", at=at, hint="use ADD for what is elsewhere")
        return source
    # A stage has nothing above its root; a context has all the rest of this machine.
    if isinstance(origin, MainContext | NamedContext) and _leaves(source.path):
        raise scope.fault(f"the source {text!r} is outside the context", at=at, hint="build with a context that has it")
    return source


def _pattern(scope: Scope, text: str) -> str:
    pattern = scope.expand(text)
    scope.checked(parse_pattern, pattern, at="--exclude")
    return pattern


def _leaves(path: str) -> bool:
    return posixpath.normpath(path.lstrip("/") or ".").split("/")[0] == ".."


def _document(scope: Scope, heredoc: Heredoc) -> Document:
    if "/" in heredoc.name or heredoc.name in {".", ".."}:
        raise scope.fault(f"a file cannot be named {heredoc.name!r}", at="<<", hint="write a name without slashes")
    text = heredoc.text
    return Document(heredoc.name, scope.expand_document(text) if heredoc.expands else text)


def _destination(scope: Scope, text: str) -> str:
    path = scope.absolute(text)
    is_directory = text in {"", "."} or text.endswith(("/", "/.")) or path == "/"
    return path.rstrip("/") + "/" if is_directory else path


def _check_destination(
    scope: Scope,
    transfer: Transfer,
    sources: tuple[Source, ...],
    documents: tuple[Document, ...],
    destination: str,
) -> None:
    several = len(sources) + len(documents) > 1
    if several and not destination.endswith(("/", ".")):
        scope.doubt(
            "DestinationWithoutSlash", f"{transfer.keyword} of several sources; write the destination with a slash"
        )


def _add_flags(scope: Scope, transfer: Transfer, sources: tuple[Source, ...]) -> tuple[str, bool, bool | None]:
    if not isinstance(transfer, Add):
        return "", False, None
    checksum = scope.expand(transfer.checksum)
    keep = transfer.keep_git_dir
    for source in sources:
        if isinstance(source, GitSource):
            if None not in {keep, source.keep_git_dir} and keep != source.keep_git_dir:
                raise scope.fault("the flag and the address disagree about .git", at="--keep-git-dir", hint="keep one")
            keep = source.keep_git_dir if keep is None else keep
    if checksum:
        _check_checksum(scope, checksum, sources)
    return checksum, bool(keep), transfer.unpack


def _check_checksum(scope: Scope, checksum: str, sources: tuple[Source, ...]) -> None:
    if len(sources) != 1 or isinstance(sources[0], LocalSource):
        raise scope.fault(
            "--checksum without a remote source", at="--checksum", hint="the files of the context are known already"
        )
    if isinstance(sources[0], UrlSource) and not _SHA256.match(checksum):
        raise scope.fault(
            f"--checksum is {checksum!r}", at="--checksum", hint="expected sha256: and 64 lower-case hex digits"
        )
    if isinstance(sources[0], GitSource):
        if not _COMMIT.match(checksum):
            raise scope.fault(f"--checksum is {checksum!r}", at="--checksum", hint="expected the whole commit")
        if sources[0].checksum not in {"", checksum}:
            raise scope.fault("the flag and the address disagree about the commit", at="--checksum", hint="keep one")
