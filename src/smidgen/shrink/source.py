"""What only other source code would save: measured by building with other files in the place of some.

Go takes them by ``-overlay``, so that nothing is written beside the user's sources. What is built so is measured and
never kept: it does not do what the program does.
"""

import gzip
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from smidgen.analyze.binary.owners import package_of
from smidgen.analyze.why import Chain
from smidgen.elf.functab import read_function_table
from smidgen.elf.header import parse_elf
from smidgen.errors import CompileError, NotFound, SmidgenError
from smidgen.gobuild.environment import GoSettings, go_environment
from smidgen.gobuild.options import build_options
from smidgen.needs.examine import mapped
from smidgen.shrink.advice import Row, Standing
from smidgen.shrink.bench import Bench
from smidgen.shrink.imports import Package
from smidgen.shrink.subject import Subject

# Looking up a field instead has the same shape, so that it compiles, and does not keep methods.
_LOOKUPS: Final = ((re.compile(rb"\.MethodByName\("), b".FieldByName("), (re.compile(rb"\.Method\("), b".Field("))
_MAX_SOURCE: Final = 8 << 20
_MAX_ASSET: Final = 256 << 20
# Files that are not worth the code to unpack them.
_LEAST_ASSET: Final = 4096
_LEAST_GAIN: Final = 0.7


@dataclass(frozen=True, slots=True)
class SourceTrials:
    """Builds with other source files."""

    bench: Bench
    subject: Subject
    imports: Mapping[str, Package]

    def rows(self, wants: Callable[[str], bool]) -> Iterator[Row]:
        """Give what only a change of the source has, of what is wanted."""
        if wants("methods") and self.subject.explained.facts.keeps_methods:
            yield self._methods()
        if wants("assets") and (assets := self._assets()) is not None:
            yield assets

    def _methods(self) -> Row:
        culprits = [name for name in self.subject.graph.looking_up if not name.startswith("reflect.")]
        chains = sorted(self._chains(culprits), key=lambda chain: (len(chain.packages), len(chain.steps)))
        names = [chain.wanted for chain in chains] or culprits
        row = Row(
            name="methods",
            title="methods that nothing calls left out of the program, as the linker does it for others",
            how=f"do without lookups of methods by names that only the running program knows: {', '.join(names[:3])}",
            loses="what uses it",
            standing=Standing.SOURCE,
            chain=chains[0].packages if chains else (),
        )
        try:
            return self._without_lookups(row, names)
        except (SmidgenError, OSError) as error:
            return replace(row, fault=f"it cannot be built without them: {first_words(error)}")

    def _chains(self, names: Iterable[str]) -> Iterator[Chain]:
        for name in names:
            try:
                yield self.subject.graph.why(name)
            except NotFound:
                continue

    def _without_lookups(self, row: Row, names: Iterable[str]) -> Row:
        packages = dict.fromkeys(map(package_of, names))
        files = {package: self._without_names(package) for package in packages}
        if fixed := [package for package, found in files.items() if not found]:
            # Only all of them together make a difference.
            return replace(row, fault=f"{_NOT_AT_HAND} {', '.join(fixed[:3])}")
        binary = self._compiled({path: text for found in files.values() for path, text in found.items()})
        with mapped(binary) as data:
            table = read_function_table(parse_elf(data))
            is_off = table is not None and table.method_elimination_off
        if is_off:
            return replace(row, fault="something else looks methods up, too")
        return replace(row, figures=self.bench.make(self.subject.settings, binary).figures)

    def _without_names(self, package: str) -> dict[str, bytes]:
        """Give the files of a package that look methods up, written so that they look fields up; none out of reach."""
        directory = self._directory(package)
        if directory is None:
            return {}
        found = {}
        for path in sorted(directory.glob("*.go")):
            if path.name.endswith("_test.go") or path.stat().st_size > _MAX_SOURCE:
                continue
            before = after = path.read_bytes()
            for expression, instead in _LOOKUPS:
                after = expression.sub(instead, after)
            if after != before:
                found[str(path)] = after
        return found

    def _directory(self, package: str) -> Path | None:
        """Say where the files of a package are, if Go takes others in their place."""
        known = self.imports.get(package)
        place = Path(self.bench.variants.toolchain.goroot, "src", package)
        if known is not None and known.directory:
            place = Path(known.directory)
        return place if place.is_dir() and self._may_replace(place) else None

    def _may_replace(self, place: Path) -> bool:
        # Source: ``fsys.initFromJSON`` and ``modload`` of cmd/go: files of the module cache stay as they are.
        cache = self._go_settings().get("GOMODCACHE") or os.path.join(self._gopath(), "pkg", "mod")
        return not place.is_relative_to(os.path.realpath(cache)) and not place.is_relative_to(cache)

    def _gopath(self) -> str:
        settings = self._go_settings()
        return settings.get("GOPATH").split(os.pathsep)[0] or os.path.join(settings.get("HOME"), "go")

    def _go_settings(self) -> GoSettings:
        variants, settings = self.bench.variants, self.subject.settings
        environ = go_environment(variants.request.environ, build_options(settings), settings.platforms[0])
        return GoSettings(environ, variants.toolchain.goroot)

    def _assets(self) -> Row | None:
        files, places, passed = {}, [], 0
        for path in self._embedded():
            packed = _packed(path)
            if packed is None:
                continue
            if self._may_replace(path):
                files[str(path)] = packed
                places.append((path.stat().st_size, path))
            else:
                passed += 1
        if not files:
            return None
        largest, path = max(places)
        whole, left = sum(size for size, _ in places), sum(map(len, files.values()))
        row = Row(
            name="assets",
            title=f"embedded files compressed: {len(files)} of {whole:,} bytes would take {left:,}",
            how="embed FILE.gz, and send it as it is with Content-Encoding: gzip, or unpack it when it is asked for",
            loses="time and memory to unpack, where gzip is not what is wanted",
            standing=Standing.SOURCE,
            notes=(
                f"the largest is {path.name} of {largest:,} bytes",
                "on disk only: layers are compressed anyway, so that little changes for those who pull",
                *((f"{passed} more are of other modules",) if passed else ()),
            ),
        )
        try:
            made = self.bench.make(self.subject.settings, self._compiled(files))
        except (SmidgenError, OSError) as error:
            return replace(row, fault=f"it cannot be built with them: {first_words(error)}")
        return replace(row, figures=made.figures)

    def _embedded(self) -> Iterator[Path]:
        for package in self.imports.values():
            for name in package.embed_files:
                yield Path(package.directory, name)

    def _compiled(self, files: Mapping[str, bytes]) -> Path:
        """Compile the program with *files*, path → content, in the place of its own."""
        settings = self.subject.settings
        if self.subject.flags.has("overlay"):
            raise CompileError("flags have an -overlay already, and Go takes one", output="")
        directory = self.bench.fresh()
        replaced = {}
        for number, (path, content) in enumerate(files.items()):
            instead = directory / f"{number}{Path(path).suffix}"
            instead.write_bytes(content)
            replaced[path] = str(instead)
        overlay = directory / "overlay.json"
        overlay.write_text(json.dumps({"Replace": replaced}))
        flags = (*settings.flags, f"-overlay={overlay}")
        return self.bench.compile(msgspec.structs.replace(settings, flags=flags))


_NOT_AT_HAND: Final = "Go takes no other files in the place of those of the module cache, which has"


def _packed(path: Path) -> bytes | None:
    """Compress an embedded file; None where that is not worth the code to unpack it."""
    try:
        if not _LEAST_ASSET <= path.stat().st_size <= _MAX_ASSET:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    packed = gzip.compress(content, 9, mtime=0)
    return packed if len(packed) < len(content) * _LEAST_GAIN else None


def first_words(error: Exception) -> str:
    """Say in a few words why something could not be built: the first line that Go wrote, if it wrote any."""
    output = str(getattr(error, "output", "")).strip()
    lines = [line for line in output.splitlines() if line and not line.startswith(("#", "go: downloading"))]
    message = str(getattr(error, "message", error)).partition("\n")[0]
    return f"{message}: {lines[0]}" if lines else message
