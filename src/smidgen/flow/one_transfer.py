"""COPY and ADD of a step, where its context is that of the whole flow and artifacts are in stages."""

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from smidgen.dockerfile.ignore import load_ignore_rules
from smidgen.dockerfile.instruction import Add, Copy
from smidgen.dockerfile.patterns import compile_patterns
from smidgen.dockerfile.sources import LocalSource, parse_source
from smidgen.errors import UsageError
from smidgen.flow.dockerfiles import Place

_WILD: Final = re.compile(r"[*?\[]")
_ARCHIVE: Final = re.compile(r"\.(tar|tgz|tbz2?|txz|tar\.[a-z0-9]+)\Z")


@dataclass(frozen=True, slots=True)
class Available:
    """What a step finds in its context.

    Attributes:
        place: Where it is built.
        context: Its context, relative to that of the flow; empty for that itself.
        artifacts: Paths relative to the context of the flow, each with the stage and the path there.
    """

    place: Place
    context: str
    artifacts: Mapping[str, tuple[str, str]]

    @property
    def seen(self) -> Iterator[tuple[str, str, str]]:
        """Give the artifacts that are in the context: path in it, stage, path there."""
        rules = load_ignore_rules(self.place.context, self.place.dockerfile)
        for path, (stage, source) in self.artifacts.items():
            relative = posixpath.relpath(path, self.context or ".")
            if not relative.startswith("../") and not rules.hides(relative):
                yield relative, stage, source


def rewrite(transfer: Copy | Add, available: Available) -> list[str] | None:
    """Give the instructions that do what *transfer* does; None where it can stay as it is.

    Raises:
        UsageError: There are none.
    """
    seen = list(available.seen)
    kept: list[str] = []
    copies: list[str] = []
    for text in transfer.sources:
        source = parse_source(text)
        if not isinstance(source, LocalSource):
            kept.append(text)
            continue
        path = posixpath.normpath("/" + text)[1:]
        stays, found = _from_artifacts(path, seen, transfer)
        copies += found
        if stays:
            kept.append(posixpath.join(available.context, path) if available.context else text)
    if not copies and not available.context:
        return None
    if transfer.documents or transfer.parents:
        what = "a document" if transfer.documents else "--parents"
        raise UsageError(f"it has {what}, and its sources are somewhere else in one Dockerfile")
    first = [_line(transfer.keyword, _flags(transfer), kept, transfer.destination)] if kept else []
    return first + copies


def _from_artifacts(path: str, seen: Iterable[tuple[str, str, str]], transfer: Copy | Add) -> tuple[bool, list[str]]:
    """Give whether the source *path* is still in the context, and the copies of artifacts that it stands for."""
    stays, copies = True, list[str]()
    for relative, stage, source in seen:
        if _WILD.search(path):
            if compile_patterns([path]).match(relative):
                raise UsageError(f"the pattern {path} means the artifact {relative}, which is in a stage")
        elif path == relative or path.startswith(f"{relative}/"):
            stays = False
            copies.append(_copy(transfer, stage, source + path[len(relative) :], transfer.destination))
        elif not path or relative.startswith(f"{path}/"):
            below = relative[len(path) + 1 :] if path else relative
            destination = posixpath.join(transfer.destination, below)
            copies.append(_copy(transfer, stage, source, destination))
    return stays, copies


def _copy(transfer: Copy | Add, stage: str, source: str, destination: str) -> str:
    if isinstance(transfer, Add) and _ARCHIVE.search(source):
        raise UsageError(f"ADD unpacks {source}, which COPY --from cannot")
    # Files of a context belong to the superuser, and those of a stage to whom they belong there.
    flags = [f"--from={stage}", *_flags(transfer)]
    if not transfer.chown:
        flags.insert(1, "--chown=0:0")
    return _line("COPY", flags, [source], destination)


def _flags(transfer: Copy | Add) -> list[str]:
    flags = [f"--{name}={value}" for name in ("chown", "chmod") if (value := getattr(transfer, name))]
    flags += ["--link"] if transfer.link else []
    flags += [f"--exclude={pattern}" for pattern in transfer.exclude]
    if isinstance(transfer, Add):
        flags += [f"--checksum={transfer.checksum}"] if transfer.checksum else []
        if transfer.keep_git_dir is not None:
            flags.append(f"--keep-git-dir={str(transfer.keep_git_dir).lower()}")
        if transfer.unpack is not None:
            flags.append(f"--unpack={str(transfer.unpack).lower()}")
    return flags


def _line(keyword: str, flags: Iterable[str], sources: Iterable[str], destination: str) -> str:
    words = [*sources, destination]
    shown = json.dumps(words) if any(re.search(r"\s", word) for word in words) else " ".join(words)
    return " ".join([keyword, *flags, shown])
