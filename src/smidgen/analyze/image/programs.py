"""How the executables of two images, or two executables, differ: packages, modules, settings, needs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.analyze.explained import ExplainedBinary
from smidgen.analyze.image.diff import FileChange, ValueChange, compare_values
from smidgen.analyze.image.extract import extract
from smidgen.analyze.image.walk import ImageContent
from smidgen.analyze.walk_file import explain_file
from smidgen.elf.buildinfo import Module
from smidgen.errors import InvalidExecutable, NotFound, UsageError
from smidgen.image.filetree import Node
from smidgen.image.image import Image
from smidgen.oci.config import RunConfig

#: Executables of one image that are looked into, the largest first.
MOST: Final = 20
_LARGEST: Final = 1 << 30
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Program:
    """An executable that was looked into.

    Attributes:
        path: Where it is: below the image's root, or on this machine.
        size: In bytes.
        binary: What is inside, or None.
        problem: Why that cannot be told, or empty.
    """

    path: str
    size: int
    binary: ExplainedBinary | None
    problem: str = ""

    @property
    def main(self) -> str:
        """Import path of its main package, or empty."""
        build = self.binary.facts.build if self.binary else None
        return build.path if build else ""


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package that is not of the same size in both; sizes on disk, and to pull."""

    name: str
    before: int
    after: int
    pull_before: int
    pull_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramChange:
    """An executable that differs; one of the two may be None.

    Attributes:
        packages: Those that differ in size, the most first.
        modules: Versions that differ.
        build: The Go release and build settings that differ.
        needs: What it needs at run time, with how sure that is.
    """

    before: Program | None
    after: Program | None
    packages: tuple[PackageChange, ...]
    modules: tuple[ValueChange, ...]
    build: tuple[ValueChange, ...]
    needs: tuple[ValueChange, ...]

    @property
    def problem(self) -> str:
        """Why one of the two could not be read, or empty."""
        return " ".join(one.problem for one in (self.before, self.after) if one is not None and one.problem)


def read_program(path: Path, name: str) -> Program:
    """Look into the executable at *path*, which is called *name*.

    Raises:
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    if size > _LARGEST:
        return Program(name, size, None, f"{name} has more than {_LARGEST} bytes.")
    try:
        return Program(name, size, explain_file(path))
    except InvalidExecutable as error:
        return Program(name, size, None, error.reason)


def changed_nodes(changes: Iterable[FileChange], content: ImageContent, *, after: bool) -> tuple[Node, ...]:
    """Give the executables of one of the two images that the other has not at that place, the largest first."""
    nodes = (change.node_after if after else change.node_before for change in changes if is_other(change))
    found = [node for node in nodes if node and node.content and node.content.digest in content.executables]
    return tuple(sorted(found, key=lambda node: (-_size(node), node.entry.path))[:MOST])


def is_other(change: FileChange) -> bool:
    """Tell whether the content differs, and not only the mode or the owner."""
    return change.how != "changed" or bool({"content", "kind"} & set(change.what))


def program_node(image: Image, content: ImageContent) -> Node:
    """Give the executable that a container of *image* starts.

    Raises:
        UsageError: It starts nothing that is one.
    """
    run = image.config.run
    words = (*(run.entrypoint or ()), *(run.cmd or ()))
    for path in _places(words[0], run) if words else ():
        try:
            node = content.tree.find(path)
        except NotFound:
            continue
        if node.content is not None and node.content.digest in content.executables:
            return node
    raise UsageError(
        f"{image.name} starts {words[0]}, which is no executable in it" if words else f"{image.name} starts nothing",
        hint="compare an executable with an executable, or an image with an image",
    )


def _places(word: str, run: RunConfig) -> Sequence[str]:
    if word.startswith("/"):
        return (word,)
    if "/" in word:
        return (f"{run.working_dir}/{word}",)
    path = next((pair[5:] for pair in run.env or () if pair.startswith("PATH=")), _PATH)
    return [f"{directory}/{word}" for directory in path.split(":")]


def read_programs(image: Image, nodes: Sequence[Node], directory: Path) -> tuple[Program, ...]:
    """Look into executables of *image*, by way of files in *directory*."""
    places = extract(image, nodes, directory)
    return tuple(
        read_program(places[node.content.digest], f"/{node.entry.path}")
        for node in nodes
        if node.content is not None and node.content.digest in places
    )


def compare_programs(before: Sequence[Program], after: Sequence[Program]) -> tuple[ProgramChange, ...]:
    """Compare executables pair by pair: of the same path, else of the same main package, else the only ones left."""
    pairs: list[tuple[Program | None, Program | None]] = []
    one, other = list(before), list(after)
    for same in (_same_path, _same_main):
        for program in tuple(one):
            partner = next((found for found in other if same(program, found)), None)
            if partner is not None:
                pairs.append((program, partner))
                one.remove(program)
                other.remove(partner)
    if len(one) == len(other) == 1:
        pairs.append((one.pop(), other.pop()))
    pairs += [(program, None) for program in one] + [(None, program) for program in other]
    changes = (compare_pair(*pair) for pair in pairs)
    return tuple(sorted(changes, key=_weight, reverse=True))


def compare_pair(before: Program | None, after: Program | None) -> ProgramChange:
    """Compare two executables."""
    one, other = (program.binary if program else None for program in (before, after))
    return ProgramChange(
        before=before,
        after=after,
        packages=_packages(one, other),
        modules=compare_values(_modules(one), _modules(other)) if one and other else (),
        build=compare_values(_build(one), _build(other)) if one and other else (),
        needs=compare_values(_needs(one), _needs(other)),
    )


def package_sizes(binary: ExplainedBinary | None) -> dict[str, tuple[int, int]]:
    """Give for each package, and each other owner of bytes, its bytes on disk and to pull."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for section in binary.sections if binary else ():
        for package in section.packages:
            sums[package.name][0] += package.size
            sums[package.name][1] += package.pull
    return {name: (size, pull) for name, (size, pull) in sums.items()}


def _packages(one: ExplainedBinary | None, other: ExplainedBinary | None) -> tuple[PackageChange, ...]:
    before, after = package_sizes(one), package_sizes(other)
    changes = []
    for name in dict.fromkeys((*before, *after)):
        (size, pull), (size_after, pull_after) = before.get(name, (0, 0)), after.get(name, (0, 0))
        if size != size_after:
            changes.append(PackageChange(name, size, size_after, pull, pull_after))
    return tuple(sorted(changes, key=lambda change: (-abs(change.after - change.before), change.name)))


def _modules(binary: ExplainedBinary) -> dict[str, str]:
    build = binary.facts.build
    if build is None:
        return {}
    modules = (*((build.main,) if build.main else ()), *build.dependencies)
    return {module.path: _version(module) for module in modules}


def _version(module: Module) -> str:
    if module.replace is None:
        return module.version or "(no version)"
    return f"{module.version} => {module.replace.path} {module.replace.version}".rstrip()


def _build(binary: ExplainedBinary) -> dict[str, str]:
    facts = binary.facts
    values = {"go": facts.go_version} if facts.go_version else {}
    if facts.build is not None:
        values |= {"main package": facts.build.path, **facts.build.settings}
    linking = "static" if facts.static else f"dynamic: {', '.join((facts.interpreter, *facts.libraries))}"
    return values | {"linking": linking, "symbols": "no" if facts.stripped else "yes"}


def _needs(binary: ExplainedBinary | None) -> dict[str, str]:
    report = binary.facts.needs if binary else None
    return {need.kind.label: f"{need.confidence}, {need.symbol}" for need in report.needs} if report else {}


def _same_path(one: Program, other: Program) -> bool:
    return one.path == other.path


def _same_main(one: Program, other: Program) -> bool:
    return one.main == other.main != ""


def _size(node: Node) -> int:
    return node.content.size if node.content else 0


def _weight(change: ProgramChange) -> int:
    before, after = (program.size if program else 0 for program in (change.before, change.after))
    return abs(after - before)
