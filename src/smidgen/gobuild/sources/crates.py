"""Rust programs, by cargo: which one is meant, and its executable for each platform."""

import hashlib
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smidgen.errors import CompileError, ToolchainNotFound
from smidgen.gobuild.assembly import Part
from smidgen.gobuild.cgo.home import cache_directory
from smidgen.gobuild.process import Outcome, available_cores, run_all
from smidgen.gobuild.sources.cargo import (
    Crate,
    Setting,
    cargo_command,
    check_standard_library,
    executable_path,
    find_cargo,
    find_crate,
    rust_target,
)
from smidgen.gobuild.sources.cargo_reading import cargo_reading
from smidgen.gobuild.sources.makers import Making
from smidgen.gobuild.sources.program import finished
from smidgen.gobuild.sources.standing import remember_standing
from smidgen.gobuild.sources.target import Source
from smidgen.gobuild.sources.tools import Tools, tools_for
from smidgen.oci.platform import Platform

_ADVICE: Final = "a linker or a target that .cargo/config.toml or the environment names is not what smidgen asks for"
_COMPILERS: Final = ("CC", "CXX", "AR", "RANLIB")


@dataclass(frozen=True, slots=True)
class CrateMaker:
    """Makes a program of a cargo project."""

    source: Source
    cargo: str
    crate: Crate

    @property
    def name(self) -> str:
        """Name the program."""
        return self.crate.name

    def make(self, making: Making) -> tuple[str, tuple[Part, ...]]:
        """See ``Maker``."""
        source, settings, environ = self.source, self.source.settings, making.request.environ
        began_ns = time.time_ns()
        wanted = [self._setting(platform, making) for platform in settings.platforms]
        commands = [cargo_command(self.cargo, one, environ) for one in wanted]
        place = making.stack.enter_context(tempfile.TemporaryDirectory(prefix="smidgen-cargo-"))
        parts: dict[int, Part] = {}

        def ended(position: int, outcome: Outcome) -> None:
            platform = settings.platforms[position]
            if outcome.exit_code != 0:
                raise _refused(source.target, platform, outcome)
            into = os.path.join(place, str(position))
            parts[position] = finished(
                executable_path(wanted[position]),
                self.name,
                platform,
                settings,
                into=into,
                target=source.target,
                advice=_ADVICE,
            )
            making.progress(f"built {source.target} for {platform}")

        def said(position: int, line: str) -> None:
            making.progress(f"{settings.platforms[position]}: {line.strip()}")

        for platform in settings.platforms:
            making.progress(f"building {source.target} for {platform}")
        # cargo works on all cores by itself; two of them would only wait for each other's downloads.
        run_all(commands, at_once=max(1, available_cores() // 2), ended=ended, said=said)
        made = self.name, tuple(parts[position] for position in range(len(commands)))
        if reading := cargo_reading(self.cargo, wanted, environ):
            remember_standing(source, making, reading, made, began_ns=began_ns)
        return made

    def _setting(self, platform: Platform, making: Making) -> Setting:
        environ, settings = making.request.environ, self.source.settings
        triple = rust_target(platform, libc=settings.libc)
        sysroot = check_standard_library(self.cargo, triple, self.source.directory, environ)
        tools = _c_tools(self.source, platform, environ)
        if tools is not None and tools.compiler is not None:
            tools.compiler.write()
        place = hashlib.sha256(self.crate.root.encode(errors="surrogateescape")).hexdigest()[:16]
        compilers = {name: tools.variables[name] for name in _COMPILERS} if tools is not None else {}
        own = {"SOURCE_DATE_EPOCH": str(making.created)}
        if tools is not None and tools.compiler is not None:
            own |= tools.compiler.home.caches()
        return Setting(
            crate=self.crate,
            directory=self.source.directory,
            triple=triple,
            output=os.path.join(cache_directory(environ), "cargo", place),
            sysroot=sysroot,
            compilers=compilers,
            flags=making.flags(self.source),
            own={**own, **settings.build_env},
            strip=settings.strip,
        )


def crate_maker(source: Source, environ: Mapping[str, str]) -> CrateMaker:
    """Find the program that *source* means.

    Raises:
        ToolchainNotFound: There is no cargo.
        BuildError: There is no program.
        UsageError: There are several, and it was not said which one.
    """
    cargo = find_cargo(environ)
    return CrateMaker(source, cargo, find_crate(cargo, source.directory, source.settings.bin, source.target, environ))


def _c_tools(source: Source, platform: Platform, environ: Mapping[str, str]) -> Tools | None:
    """Find a compiler for C in crates; most projects have none, so that it need not be there."""
    try:
        return tools_for(source.settings, platform, environ)
    except ToolchainNotFound:
        if source.settings.libc:
            # It links the program, too.
            raise
        return None


def _refused(target: str, platform: Platform, outcome: Outcome) -> CompileError:
    said = outcome.stderr.decode(errors="replace")
    how = f"exit code {outcome.exit_code}" if outcome.exit_code > 0 else f"signal {-outcome.exit_code}"
    hint = None
    if "--locked" in said and "lock file" in said:
        hint = "Cargo.lock is not what Cargo.toml asks for: run `cargo update --workspace` and commit it"
    elif "unable to find library -lstdc++" in said or "failed to find tool" in said or "ToolNotFound" in said:
        hint = "C in a crate takes a compiler: `pip install 'smidgen[cgo]'`; C++ in crates takes --libc glibc"
    return CompileError(f"cannot build {target} for {platform}: cargo ended with {how}", output=said, hint=hint)
