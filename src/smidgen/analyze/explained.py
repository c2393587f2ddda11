"""What ``smidgen explain`` finds: values, from the image down to the function.

Everywhere ``size`` is in bytes on disk, uncompressed, and ``pull`` in bytes as stored and fetched: of a layer those
that it really has, of a file outside of an image those that smidgen would store. Parts add up to the whole, of both.
Source: none; the shapes are our own, ``smidgen.report.schema_explain`` has those for other programs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from smidgen.elf.buildinfo import BuildInfo
from smidgen.layer.entry import Kind
from smidgen.needs.need import NeedsReport
from smidgen.oci.digest import DiffID, Digest


class OwnerKind(StrEnum):
    """Who can own bytes of an executable.

    PACKAGE: a Go package.
    CODE: C, assembly or another language, as symbols name it.
    SHARED: several packages at once, such as a table that the linker wrote once for equal content.
    FORMAT: the executable format itself: headers, alignment, the symbol table's frame, build information.
    UNKNOWN: nobody could be named.
    """

    PACKAGE = "package"
    CODE = "code"
    SHARED = "shared"
    FORMAT = "format"
    UNKNOWN = "unknown"


class PartKind(StrEnum):
    """What bytes are.

    PADDING is alignment behind a function's code. TABLE is what the Go runtime knows about a function: its name,
    lines, stack maps.
    """

    CODE = "code"
    PADDING = "padding"
    TABLE = "table"
    TYPE = "type"
    DATA = "data"
    SYMBOL = "symbol"
    DEBUG = "debug"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Part:
    """A function, a type, a table: the smallest thing that is told apart.

    Attributes:
        name: The symbol, such as ``net/http.(*Client).Do``, or what it is in words.
        kind: What its bytes are.
        size: Bytes on disk.
        exact: Those of them whose owner is certain; the others are estimated.
        pull: Bytes to pull.
    """

    name: str
    kind: PartKind
    size: int
    exact: int
    pull: int


@dataclass(frozen=True, slots=True)
class PackageBytes:
    """What one owner has in one section.

    Attributes:
        name: Import path of a package, or what the owner is in words.
        kind: Which sort of owner.
        parts: Largest first.
    """

    name: str
    kind: OwnerKind
    size: int
    exact: int
    pull: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class SectionBytes:
    """A section of an executable, or a stretch between sections.

    Attributes:
        name: Such as ``.text``; of what is in no section what it is in words.
        offset: Where it starts in the file.
        size: Bytes on disk: 0 for ``.bss``, which has only memory.
        memory: Bytes when loaded; 0 for what is not.
        exact: Bytes whose owner is certain.
        attributed: Bytes that have an owner, certain or estimated.
        packages: Largest first.
    """

    name: str
    offset: int
    size: int
    memory: int
    exact: int
    attributed: int
    pull: int
    packages: tuple[PackageBytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFacts:
    """What an executable says of itself.

    Attributes:
        architecture: As GOARCH, or ``machine N``.
        bits: 32 or 64.
        interpreter: The dynamic loader, or "".
        libraries: Shared libraries that it names.
        stripped: There is no symbol table.
        debug: There is debugging information.
        pie: It can be loaded at any address.
        packed: UPX packed it, so that nothing inside can be read.
        go_version: Such as ``go1.26.8``; "" for what is no Go program.
        variant: The level of the machine that it needs, such as ``v3`` (GOAMD64); "" for the lowest, or not known.
        cgo: C code was linked in; None where that cannot be told.
        trimmed: No path of the machine that built it is left; None where that cannot be told.
        keeps_methods: The linker could not drop methods that nobody calls, as some are looked up by name.
        build: Modules and settings, or None.
        needs: What it needs at run time, with proof; None where that cannot be read.
    """

    architecture: str
    bits: int
    interpreter: str
    libraries: tuple[str, ...]
    stripped: bool
    debug: bool
    pie: bool
    packed: bool
    go_version: str
    variant: str
    cgo: bool | None
    trimmed: bool | None
    keeps_methods: bool
    build: BuildInfo | None
    needs: NeedsReport | None

    @property
    def static(self) -> bool:
        """It starts with no loader and no library beside it."""
        return not self.interpreter and not self.libraries


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedBinary:
    """An executable.

    Attributes:
        exact: Bytes whose owner is certain.
        attributed: Bytes that have an owner, certain or estimated.
        sections: In the order of the file; together they are the whole of it.
        problems: What could not be read, in sentences.
        has_twin: Data were named by the same program with its symbols kept.
    """

    facts: ProgramFacts
    size: int
    pull: int
    exact: int
    attributed: int
    sections: tuple[SectionBytes, ...]
    problems: tuple[str, ...] = ()
    has_twin: bool = False


@dataclass(frozen=True, slots=True)
class ExplainedFile:
    """An entry of a layer.

    Attributes:
        path: Without a leading slash; bytes that are no UTF-8 are surrogates.
        size: Length of the content; 0 for what has none.
        pull: Of the entry, its header included.
        link: What a link points to, else "".
        binary: What is inside, of an executable that was looked into; else None.
        problem: Why an executable could not be read, else "".
    """

    path: str
    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    pull: int
    link: str = ""
    binary: ExplainedBinary | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLayer:
    """A layer.

    Attributes:
        size: Length of the uncompressed tar: the files' contents and ``framing``.
        pull: Length as stored.
        framing: Bytes of the tar that are no content: headers and padding.
        created_by: What made it, as the image's history says.
        files: In the order of the layer, whiteouts included.
    """

    digest: Digest
    diff_id: DiffID
    media_type: str
    size: int
    pull: int
    framing: int
    created_by: str
    files: tuple[ExplainedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNeed:
    """Something that the image's program needs, and whether the image has it.

    Attributes:
        kind: ``ca``, ``tz``, ``passwd``, ``tmp``, ``resolver`` or ``mime``.
        label: The same for people.
        confidence: ``certain``, ``likely`` or ``possible``.
        proof: The linked function that shows it.
        reason: One sentence.
        callers: Functions of the program that lead to the proof, sorted; empty where they are not known.
        place: Where the image has it; "" where it has not.
    """

    kind: str
    label: str
    confidence: str
    proof: str
    reason: str
    callers: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedImage:
    """A single image.

    Attributes:
        user: As the configuration has it; "" means root.
        is_root: The program runs as root.
        program: Path of what it starts, through links; "" where it is not in the image.
        needs: Of that program.
        layers: Bottom first.
        size: Of all layers.
        pull: Of all layers, the manifest and the configuration.
    """

    name: str
    digest: Digest
    platform: str
    user: str
    is_root: bool
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    working_dir: str
    env: Mapping[str, str]
    ports: tuple[str, ...]
    labels: Mapping[str, str]
    program: str
    needs: tuple[ImageNeed, ...]
    layers: tuple[ExplainedLayer, ...]
    size: int
    pull: int

    @property
    def binaries(self) -> tuple[ExplainedFile, ...]:
        """The executables that were looked into, layer by layer."""
        return tuple(file for layer in self.layers for file in layer.files if file.binary is not None)
