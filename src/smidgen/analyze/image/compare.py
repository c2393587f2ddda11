"""Two images, two executables, or one of each, compared as a whole."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smidgen.analyze.image.diff import FileChange, ValueChange, compare_config, compare_files, new_to_pull
from smidgen.analyze.image.programs import (
    Program,
    ProgramChange,
    changed_nodes,
    compare_pair,
    compare_programs,
    program_node,
    read_program,
    read_programs,
)
from smidgen.analyze.image.walk import ImageContent, read_content
from smidgen.image.image import Image
from smidgen.needs.examine import mapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One of the two.

    Attributes:
        digest: Of the image's manifest, or of the executable.
        size: Bytes of the uncompressed layers, or of the executable.
        pull_size: Bytes of manifest, configuration and layers as they are stored; of an executable what it would take
            in a layer of smidgen's.
        layers: How many; 0 for an executable.
    """

    name: str
    kind: Literal["image", "executable"]
    digest: str
    platform: str
    size: int
    pull_size: int
    layers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What was found.

    Attributes:
        update_size: Bytes that whoever has the first fetches to have the second; None unless both are images.
        files: The most changed in size first; none unless both are images.
        programs: Executables that differ, the most changed in size first.
    """

    before: Subject
    after: Subject
    update_size: int | None = None
    files: tuple[FileChange, ...] = ()
    config: tuple[ValueChange, ...] = ()
    programs: tuple[ProgramChange, ...] = ()


def compare(before: Image | Path, after: Image | Path) -> Differences:
    """Compare two single images, or executables; with an executable, the other one is what the image starts.

    Raises:
        ContentError: Something is absent or damaged.
        UsageError: An executable is given, and the other one is an image that starts none.
        OSError: A file cannot be read.
    """
    if isinstance(before, Image) and isinstance(after, Image):
        return _images(before, after)
    with _program(before) as (one, one_subject), _program(after) as (other, other_subject):
        same = one_subject.digest == other_subject.digest
        changes = () if same else (compare_pair(one, other),)
        return Differences(before=one_subject, after=other_subject, programs=changes)


def _images(before: Image, after: Image) -> Differences:
    one = read_content(before)
    other = one if before.digest == after.digest else read_content(after)
    files = compare_files(one, other)
    with _directory() as directory:
        programs = compare_programs(
            read_programs(before, changed_nodes(files, one, after=False), directory),
            read_programs(after, changed_nodes(files, other, after=True), directory),
        )
    return Differences(
        before=_image_subject(before, one),
        after=_image_subject(after, other),
        update_size=new_to_pull(before, after),
        files=files,
        config=compare_config(before, after),
        programs=programs,
    )


def _image_subject(image: Image, content: ImageContent) -> Subject:
    return Subject(
        name=image.name,
        kind="image",
        digest=image.digest,
        platform=str(image.platform),
        size=sum(layer.size for layer in content.layers),
        pull_size=image.pull_size,
        layers=len(content.layers),
    )


@contextmanager
def _program(subject: Image | Path) -> Iterator[tuple[Program, Subject]]:
    if isinstance(subject, Path):
        with mapped(subject) as data:
            digest = hashlib.sha256(data).hexdigest()
        program = read_program(subject, str(subject))
        yield program, _program_subject(program, digest)
        return
    node = program_node(subject, read_content(subject))
    with _directory() as directory:
        (program,) = read_programs(subject, (node,), directory)
        digest = node.content.digest.hex() if node.content else ""
        yield program, _program_subject(program, digest)


def _program_subject(program: Program, digest: str) -> Subject:
    binary = program.binary
    return Subject(
        name=program.path,
        kind="executable",
        digest=f"sha256:{digest}",
        platform=f"linux/{binary.facts.architecture}" if binary else "unknown",
        size=program.size,
        pull_size=binary.pull if binary else program.size,
    )


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smidgen-diff-") as name:
        yield Path(name)
