"""Zig programs, by ``zig build``: the project's own build.zig for each platform, with zig's cache in ours.

Source: ``zig build --help``: ``--release``, ``-Dtarget`` and ``--prefix`` are the same from release 0.12 on.
"""

import hashlib
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.errors import BuildError, CompileError, SmidgenError, UsageError
from smidgen.gobuild.assembly import Part
from smidgen.gobuild.cgo.home import Home, cache_directory, zig_home
from smidgen.gobuild.cgo.target import c_target
from smidgen.gobuild.cgo.zig import find_zig
from smidgen.gobuild.environment import platform_variables
from smidgen.gobuild.process import Command, Outcome, available_cores, run_all
from smidgen.gobuild.sources.makers import Making
from smidgen.gobuild.sources.program import finished
from smidgen.gobuild.sources.standing import Reading, remember_standing
from smidgen.gobuild.sources.target import Source
from smidgen.gobuild.sources.tree import walked_files
from smidgen.oci.platform import Platform

_ADVICE: Final = "build.zig must take the target that it is told: `b.standardTargetOptions(.{})`"
# What leads out of a directory, or asks the machine.
_OUTSIDE: Final = re.compile(
    rb'"\.\.|"/|cwd_relative|[Aa]bsolute|findProgram|addSystemCommand|b\.run|[Ee]nviron|getEnv|graph\.env|openDir|cwd\(\)'
)


@dataclass(frozen=True, slots=True)
class ZigMaker:
    """Makes a program of a project with a build.zig."""

    source: Source

    @property
    def name(self) -> str:
        """Name the program; what build.zig calls it is known when it is built."""
        return self.source.settings.bin or os.path.basename(self.source.directory)

    def make(self, making: Making) -> tuple[str, tuple[Part, ...]]:
        """See ``Maker``."""
        source, settings = self.source, self.source.settings
        environ, began_ns = making.request.environ, time.time_ns()
        zig = zig_home(find_zig(environ), environ)
        zig.provide()
        place = making.stack.enter_context(tempfile.TemporaryDirectory(prefix="smidgen-zig-"))
        prefixes = [os.path.join(place, str(number)) for number in range(len(settings.platforms))]
        commands = [
            self._command(zig, platform, prefix, making)
            for platform, prefix in zip(settings.platforms, prefixes, strict=True)
        ]
        parts: dict[int, Part] = {}
        names: dict[int, str] = {}

        def ended(position: int, outcome: Outcome) -> None:
            platform = settings.platforms[position]
            if outcome.exit_code != 0:
                raise _refused(source.target, platform, outcome)
            path = _made(prefixes[position], settings.bin, source.target)
            names[position] = os.path.basename(path)
            into = os.path.join(prefixes[position], "finished")
            parts[position] = finished(
                path, names[position], platform, settings, into=into, target=source.target, advice=_ADVICE
            )
            making.progress(f"built {source.target} for {platform}")

        for platform in settings.platforms:
            making.progress(f"building {source.target} for {platform}")
        run_all(commands, at_once=max(1, available_cores() // 2), ended=ended)
        made = names[0], tuple(parts[position] for position in range(len(commands)))
        if _reads_nothing_else(source.directory):
            reading = Reading(trees=(source.directory,), marks=(zig.installed, zig.path))
            remember_standing(source, making, reading, made, began_ns=began_ns)
        return made

    def _command(self, zig: Home, platform: Platform, prefix: str, making: Making) -> Command:
        source, settings, environ = self.source, self.source.settings, making.request.environ
        target = c_target({"GOARCH": platform.architecture, **platform_variables(platform)})
        triple = target.triple.replace("musl", "gnu") if settings.libc else target.triple
        caches = cache_directory(environ)
        name = hashlib.sha256(source.directory.encode(errors="surrogateescape")).hexdigest()[:16]
        words = [zig.path, "build", "--build-file", os.path.join(source.directory, "build.zig")]
        words += ["--prefix", prefix, "--cache-dir", os.path.join(caches, "zig-build", name)]
        words += [f"-Dtarget={triple}", *([f"-Dcpu={target.cpu}"] if target.cpu else [])]
        flags = making.flags(source)
        if not any(flag.startswith(("--release", "-Doptimize")) for flag in flags):
            words.append("--release=small")
        own = {
            "SOURCE_DATE_EPOCH": str(making.created),
            "ZIG_GLOBAL_CACHE_DIR": zig.shared_cache,
        }
        library = {"ZIG_LIB_DIR": zig.library} if zig.library else {}
        return Command((*words, *flags), {**library, **environ, **own, **settings.build_env})


def _reads_nothing_else(directory: str) -> bool:
    """Tell whether a project is all in its directory, as far as its build.zig and its list of packages show it."""
    try:
        files = walked_files(directory, without=frozenset())
        named = [Path(directory, name) for name in files if name.endswith((".zon", "build.zig"))]
        return not any(_OUTSIDE.search(path.read_bytes()) for path in named)
    except (OSError, SmidgenError):
        return False


def _made(prefix: str, wanted: str, target: str) -> str:
    """Find the executable that was installed.

    Raises:
        BuildError: There is none.
        UsageError: There are several, or none of that name.
    """
    folder = Path(prefix, "bin")
    names = sorted(one.name for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []
    if not names:
        raise BuildError(f"{target} has no program", hint="build.zig installs one with `b.installArtifact(exe)`")
    if wanted and wanted not in names:
        raise UsageError(f"{target} has no program {wanted}", hint=f"it has {', '.join(names)}")
    if not wanted and len(names) > 1:
        raise UsageError(
            f"{target} has {len(names)} programs: {', '.join(names)}",
            hint=f"say which one with --bin {names[0]}, or with `bin:` in an entry of smidgen.yaml for each",
        )
    return str(folder / (wanted or names[0]))


def _refused(target: str, platform: Platform, outcome: Outcome) -> CompileError:
    said = outcome.stderr.decode(errors="replace")
    how = f"exit code {outcome.exit_code}" if outcome.exit_code > 0 else f"signal {-outcome.exit_code}"
    hint = None
    if "invalid option: -Dtarget" in said:
        hint = _ADVICE
    elif "invalid option: -Doptimize" in said:
        hint = "build.zig has no such option: leave it out of flags"
    return CompileError(f"cannot build {target} for {platform}: zig ended with {how}", output=said, hint=hint)
