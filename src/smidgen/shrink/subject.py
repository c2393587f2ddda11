"""The program as it is built now: its executable, its image, and what both say of themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from smidgen.analyze.explained import ExplainedBinary
from smidgen.analyze.walk_file import explain_file
from smidgen.analyze.why import LinkGraph, add_calls_of
from smidgen.config.settings import Settings
from smidgen.elf.functab import FunctionTable, read_function_table
from smidgen.elf.header import parse_elf
from smidgen.errors import UsageError
from smidgen.gobuild.environment import GoSettings, go_environment
from smidgen.gobuild.flags import FlagSet
from smidgen.gobuild.options import build_options
from smidgen.needs.examine import mapped
from smidgen.shrink.bench import Bench, Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A program, built as it is.

    Attributes:
        settings: What it is built with.
        flags: What ``go build`` gets, from smidgen and from GOFLAGS.
        binary: The executable.
        made: The image.
        explained: Where its bytes are.
        graph: What uses what in it.
        functions: Names of functions that are linked, inlined ones too.
    """

    settings: Settings
    flags: FlagSet
    binary: Path
    made: Made
    explained: ExplainedBinary
    graph: LinkGraph
    functions: frozenset[str]

    def has(self, *names: str) -> bool:
        """Say whether one of the functions *names* is in the program."""
        return any(name in self.functions for name in names)

    def has_package(self, *names: str) -> bool:
        """Say whether a function of one of the packages *names* is in the program."""
        begins = tuple(f"{name}." for name in names)
        return any(name.startswith(begins) for name in self.functions)


def build_subject(bench: Bench, tell: Callable[[str], None]) -> Subject:
    """Build the program as it is, and read it.

    Raises:
        CompileError: Go refused it.
        SmidgenError: It can have no image.
    """
    variants, settings = bench.variants, bench.variants.settings
    binary = bench.compile(settings)
    # A link of its own: what the linker is asked for changes the build's identity, which is in the program.
    graph = LinkGraph()
    asked = msgspec.structs.replace(settings, ldflags=(*settings.ldflags, "-dumpdep"))
    bench.compile(asked, heard=graph.add_line).unlink()
    tell("reading the program")
    explained = explain_file(binary)
    if not explained.facts.go_version:
        raise UsageError(f"{variants.request.targets[0]} gave no Go program")
    add_calls_of(binary, graph)
    options = build_options(settings)
    environ = go_environment(variants.request.environ, options, settings.platforms[0])
    return Subject(
        settings=settings,
        flags=FlagSet(options, GoSettings(environ, variants.toolchain.goroot).get("GOFLAGS")),
        binary=binary,
        made=bench.make(settings, binary),
        explained=explained,
        graph=graph,
        functions=_functions(binary),
    )


def _functions(binary: Path) -> frozenset[str]:
    with mapped(binary) as data:
        table: FunctionTable | None = read_function_table(parse_elf(data))
        return frozenset(table.names()) if table is not None else frozenset()
