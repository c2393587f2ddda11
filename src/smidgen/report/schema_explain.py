"""The shape of ``smidgen explain --json``: one object an image or an executable, stable within a ``schema`` value.

``size`` is in bytes on disk, ``pull`` in bytes as they are stored and fetched. Parts add up to the whole of both.
``exact`` counts the bytes whose owner is certain, ``attributed`` also those whose owner is an estimate.
"""

from typing import Literal

import msgspec


class ExplainBytes(msgspec.Struct, frozen=True, kw_only=True):
    """The sums. A file of an image that is no executable is exact as a whole.

    Attributes:
        total: Bytes on disk: of an image those of its uncompressed layers.
        exact: Those whose owner is certain.
        attributed: Those that have an owner.
        pull: Bytes to pull: of an image with its manifest and configuration.
    """

    total: int
    exact: int
    attributed: int
    pull: int


class ExplainedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A function, a type or a table.

    Attributes:
        name: The symbol, or what it is in words.
        kind: ``code``, ``padding``, ``table``, ``type``, ``data``, ``symbol``, ``debug`` or ``format``.
    """

    name: str
    kind: str
    size: int
    exact: int
    pull: int


class ExplainedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """What one owner has in one section.

    Attributes:
        name: Import path of a Go package, or what the owner is in words.
        kind: ``package``, ``code`` (not Go), ``shared`` (by several packages), ``format`` or ``unknown``.
        parts: Largest first; empty unless functions were asked for.
    """

    name: str
    kind: str
    size: int
    exact: int
    pull: int
    parts: tuple[ExplainedPart, ...]


class ExplainedSection(msgspec.Struct, frozen=True, kw_only=True):
    """A section of an executable, or what is between two.

    Attributes:
        offset: Where it starts in the file.
        memory: Bytes when it is loaded; 0 for what is not.
        packages: Largest first; empty unless packages were asked for.
    """

    name: str
    offset: int
    size: int
    memory: int
    exact: int
    attributed: int
    pull: int
    packages: tuple[ExplainedPackage, ...]


class ExplainedModule(msgspec.Struct, frozen=True, kw_only=True):
    """A Go module; ``replaced_by`` is what a replace directive put in its place, as ``PATH VERSION``, or null."""

    path: str
    version: str
    replaced_by: str | None


class ProgramNeed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a program looks for outside of itself.

    Attributes:
        kind: ``ca``, ``tz``, ``passwd``, ``tmp``, ``resolver`` or ``mime``.
        confidence: ``certain``, ``likely`` or ``possible``.
        proof: The linked function that shows it.
        callers: Functions of the program that lead there.
        place: Where the image has it; empty where it has not; null outside of an image.
    """

    kind: str
    confidence: str
    proof: str
    reason: str
    callers: tuple[str, ...]
    place: str | None


class ExplainedProgram(msgspec.Struct, frozen=True, kw_only=True):
    """An executable.

    Attributes:
        architecture: As GOARCH, or ``machine N``.
        variant: Level of the machine, such as ``v3`` (GOAMD64); empty for the lowest, or where it is not known.
        go_version: Empty for what is no Go program.
        static: It starts with no loader and no library beside it.
        interpreter: The dynamic loader, or empty.
        stripped: There is no symbol table.
        debug: There is debugging information.
        trimmed: No path of the machine that built it is left; null where that cannot be told.
        pie: It can be loaded at any address.
        packed: UPX packed it.
        cgo: C code was linked in; null where that cannot be told.
        keeps_methods: The linker could not drop methods that nobody calls.
        main: Import path of the main package, or empty.
        modules: The main module first.
        settings: Of the build, such as ``GOAMD64`` and ``vcs.revision``.
        facts: What else there is to know, in sentences.
        problems: What could not be read, in sentences.
        twin: Data were named by the same program with its symbols kept.
    """

    architecture: str
    variant: str
    go_version: str
    static: bool
    interpreter: str
    libraries: tuple[str, ...]
    stripped: bool
    debug: bool
    trimmed: bool | None
    pie: bool
    packed: bool
    cgo: bool | None
    keeps_methods: bool
    main: str
    modules: tuple[ExplainedModule, ...]
    settings: dict[str, str]
    needs: tuple[ProgramNeed, ...]
    facts: tuple[str, ...]
    problems: tuple[str, ...]
    twin: bool
    size: int
    exact: int
    attributed: int
    pull: int
    sections: tuple[ExplainedSection, ...]


class ExplainedEntry(msgspec.Struct, frozen=True, kw_only=True):
    r"""An entry of a layer.

    Attributes:
        path: Absolute; bytes that are no UTF-8 are ``\xNN``.
        kind: ``file``, ``directory``, ``symlink``, ``hardlink``, ``character device``, ``block device``, ``fifo``.
        mode: Permission bits in octal, such as ``0755``.
        pull: Of the entry, its header included.
        link: What a link points to, or null.
        binary: Of an executable, if sections were asked for; else null.
        problem: Why an executable could not be read, or empty.
    """

    path: str
    kind: str
    mode: str
    uid: int
    gid: int
    size: int
    pull: int
    link: str | None
    binary: ExplainedProgram | None
    problem: str


class ExplainedTar(msgspec.Struct, frozen=True, kw_only=True):
    """A layer.

    Attributes:
        framing: Bytes of the tar that are no content: headers and padding.
        created_by: What made it, as the image's history says.
        files: In the order of the layer; empty unless files were asked for.
    """

    digest: str
    diff_id: str
    media_type: str
    size: int
    pull: int
    framing: int
    created_by: str
    files: tuple[ExplainedEntry, ...]


class ExplainedContainer(msgspec.Struct, frozen=True, kw_only=True):
    """An image.

    Attributes:
        user: As the configuration has it; empty means root.
        root: The program runs as root.
        program: Path of what it starts; empty where that is not in the image.
        needs: Of that program.
        layers: Bottom first; empty unless layers were asked for.
    """

    digest: str
    platform: str
    user: str
    root: bool
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    working_dir: str
    env: dict[str, str]
    ports: tuple[str, ...]
    labels: dict[str, str]
    program: str
    needs: tuple[ProgramNeed, ...]
    layers: tuple[ExplainedTar, ...]


class ExplainReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document: of an image or of an executable, the other one is null."""

    schema: Literal["smidgen.explain/v1"] = "smidgen.explain/v1"
    name: str
    bytes: ExplainBytes
    image: ExplainedContainer | None = None
    binary: ExplainedProgram | None = None
