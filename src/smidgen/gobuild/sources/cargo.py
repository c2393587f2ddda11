"""Rust: programs of a cargo project, linked statically for each platform.

cargo runs where the source is, with a target directory of our own, and decides itself what is to be compiled again. The
linker is the one that Rust's own toolchain brings, with the C library that comes with Rust's standard library for musl.

Source: The Cargo Book ("Profiles", "Environment Variables", ``cargo metadata``); The rustc Book ("Codegen Options").
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from smidgen.errors import BuildError, CompileError, InvalidPlatform, ToolchainNotFound, UsageError
from smidgen.gobuild.process import Command, find_executable, run
from smidgen.oci.platform import Platform

_RUST: Final = {
    "amd64": "x86_64-unknown-linux",
    "arm64": "aarch64-unknown-linux",
    "386": "i686-unknown-linux",
    "arm": "armv7-unknown-linux",
    "riscv64": "riscv64gc-unknown-linux",
    "ppc64le": "powerpc64le-unknown-linux",
    "loong64": "loongarch64-unknown-linux",
}
#: What makes a program smaller, and does nothing else but for the time to compile. Symbols are taken out later.
_PROFILE: Final = {"lto": "fat", "codegen-units": "1", "strip": "none", "debug": "false"}
_NO_CARGO: Final = "install Rust: rustup, or apt-get install cargo"


class _Target(msgspec.Struct, frozen=True):
    name: str
    kind: list[str]
    required_features: list[str] = msgspec.field(default_factory=list, name="required-features")


class _Package(msgspec.Struct, frozen=True):
    name: str
    id: str
    manifest_path: str
    targets: list[_Target]
    default_run: str | None = None


class _Metadata(msgspec.Struct, frozen=True):
    packages: list[_Package]
    workspace_root: str
    workspace_members: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crate:
    """A program of a cargo project.

    Attributes:
        package: The package that it is part of.
        name: Of the executable.
        root: Of the workspace.
        profile: What the workspace says about the release profile.
    """

    package: str
    name: str
    root: str
    profile: Mapping[str, Any]


def find_cargo(environ: Mapping[str, str]) -> str:
    """Find cargo.

    Raises:
        ToolchainNotFound: There is none.
    """
    found = find_executable("cargo", environ.get("PATH", os.defpath))
    if found is None:
        raise ToolchainNotFound("there is a Cargo.toml, and no `cargo` on PATH", hint=_NO_CARGO)
    return found


def find_crate(cargo: str, directory: str, wanted: str, target: str, environ: Mapping[str, str]) -> Crate:
    """Find the program that is meant by *directory*.

    Args:
        cargo: Asked for the packages.
        directory: Of a package or a workspace.
        wanted: Which executable, or empty for the only one.
        target: For messages.
        environ: The environment of cargo.

    Raises:
        BuildError: There is no program, or cargo cannot read the project.
        UsageError: There are several, or none of that name.
    """
    manifest = os.path.join(directory, "Cargo.toml")
    command = (cargo, "metadata", "--no-deps", "--format-version=1", f"--manifest-path={manifest}")
    outcome = run(command, environ)
    if outcome.exit_code != 0:
        said = outcome.stderr.decode(errors="replace")
        raise CompileError(f"cargo cannot read {target}", output=said)
    try:
        found = msgspec.json.decode(outcome.stdout, type=_Metadata)
        with open(os.path.join(found.workspace_root, "Cargo.toml"), "rb") as file:
            profiles = tomllib.load(file).get("profile", {})
    except (msgspec.DecodeError, OSError, tomllib.TOMLDecodeError) as error:
        raise BuildError(f"cannot read what cargo says of {target}: {error}") from error
    package, name = _program(_packages(found, manifest), wanted, target)
    release = profiles.get("release", {}) if isinstance(profiles, dict) else {}
    return Crate(package=package, name=name, root=found.workspace_root, profile=release)


def _packages(found: _Metadata, manifest: str) -> list[_Package]:
    """Give the package of *manifest*; of a workspace that is none itself, all its members."""
    own = [one for one in found.packages if os.path.realpath(one.manifest_path) == os.path.realpath(manifest)]
    return own or [one for one in found.packages if one.id in found.workspace_members]


def _program(packages: Sequence[_Package], wanted: str, target: str) -> tuple[str, str]:
    programs = [(package, one.name) for package in packages for one in package.targets if "bin" in one.kind]
    if wanted:
        programs = [pair for pair in programs if pair[1] == wanted] or programs
    default = [(package, name) for package, name in programs if package.default_run == name]
    chosen = programs if len(programs) == 1 else default
    names = sorted({name for _, name in programs})
    if not programs:
        raise BuildError(f"{target} has no program: its packages are libraries", hint="a program has src/main.rs")
    if wanted and wanted not in names:
        raise UsageError(f"{target} has no program {wanted}", hint=f"it has {', '.join(names)}")
    if len(chosen) != 1:
        raise UsageError(
            f"{target} has {len(names)} programs: {', '.join(names)}",
            hint=f"say which one with --bin {names[0]}, or with `bin:` in an entry of smidgen.yaml for each",
        )
    ((package, name),) = chosen
    return package.name, name


def rust_target(platform: Platform, *, libc: str) -> str:
    """Name *platform* as rustc does.

    Raises:
        InvalidPlatform: rustc has no such target.
    """
    start = _RUST.get(platform.architecture)
    if start is None:
        known = ", ".join(f"linux/{name}" for name in _RUST)
        raise InvalidPlatform(str(platform), "Rust is not built for it here", hint=f"Rust is built for {known}")
    if platform.architecture != "arm":
        return f"{start}-{'gnu' if libc else 'musl'}"
    is_old = platform.variant in {"v5", "v6"}
    start = "arm-unknown-linux" if is_old else start
    floats = "eabi" if platform.variant == "v5" else "eabihf"
    return f"{start}-{'gnu' if libc else 'musl'}{floats}"


def check_standard_library(cargo: str, triple: str, directory: str, environ: Mapping[str, str]) -> str:
    """Check that rustc has its standard library for *triple*, and give the directory of its toolchain.

    Raises:
        ToolchainNotFound: It does not; says how to get it.
    """
    # A file rust-toolchain.toml decides by the directory, and so does an override of rustup.
    shell = find_executable("sh", environ.get("PATH", os.defpath)) or "/bin/sh"
    rustc = environ.get("RUSTC") or "rustc"
    script = 'cd -- "$0" && exec "$1" --print sysroot --print target-libdir --target "$2"'
    outcome = run((shell, "-c", script, directory, rustc, triple), environ)
    if outcome.exit_code != 0:
        said = outcome.stderr.decode(errors="replace").strip()
        raise ToolchainNotFound(f"rustc does not know {triple}: {said}", hint=_NO_CARGO)
    sysroot, libraries = [*outcome.stdout.decode(errors="replace").splitlines(), "", ""][:2]
    if not os.path.isdir(libraries) or not any(name.startswith("libstd-") for name in os.listdir(libraries)):
        is_rustup = find_executable("rustup", os.path.dirname(cargo)) is not None
        hint = f"rustup target add {triple}"
        if not is_rustup:
            hint = f"install Rust by rustup and run `{hint}`: {os.path.dirname(libraries)} is where it is sought"
        raise ToolchainNotFound(f"Rust's standard library for {triple} is not installed", hint=hint)
    return sysroot


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How cargo is to build a program for one platform.

    Attributes:
        crate: The program.
        directory: Where its package is.
        triple: rustc's target.
        output: The target directory.
        sysroot: Of the toolchain.
        compilers: Variables that name compilers for C in crates; empty where there are none.
        flags: Further arguments.
        own: Variables that the user wants.
        strip: Whether symbols are taken out in the end.
    """

    crate: Crate
    directory: str
    triple: str
    output: str
    sysroot: str
    compilers: Mapping[str, str]
    flags: tuple[str, ...]
    own: Mapping[str, str]
    strip: bool


def cargo_command(cargo: str, setting: Setting, environ: Mapping[str, str]) -> Command:
    """Give the command that builds a program."""
    crate, triple = setting.crate, setting.triple
    variables = {**environ, **setting.own}
    variables |= {name: value for name, value in _own_variables(setting, variables).items() if name not in setting.own}
    words = [cargo, "build", "--release", f"--target={triple}", f"--manifest-path={setting.directory}/Cargo.toml"]
    words += [f"--package={crate.package}", f"--bin={crate.name}", "--color=never"]
    if os.path.exists(os.path.join(crate.root, "Cargo.lock")):
        words.append("--locked")
    return Command((*words, *setting.flags), variables)


def executable_path(setting: Setting) -> str:
    """Say where cargo puts the executable."""
    return os.path.join(setting.output, setting.triple, "release", setting.crate.name)


def _own_variables(setting: Setting, variables: Mapping[str, str]) -> dict[str, str]:
    crate, triple = setting.crate, setting.triple
    own = {"CARGO_TARGET_DIR": setting.output}
    for key, value in _PROFILE.items():
        name = f"CARGO_PROFILE_RELEASE_{key.upper().replace('-', '_')}"
        # What the project says counts, but for its symbols: they are read, and then taken out here.
        if (key not in crate.profile or (key == "strip" and setting.strip)) and name not in variables:
            own[name] = value
    upper = triple.upper().replace("-", "_")
    linker = f"CARGO_TARGET_{upper}_LINKER"
    if triple.endswith(("musl", "musleabi", "musleabihf")) and linker not in variables:
        own[linker] = "rust-lld"
    for name, value in setting.compilers.items():
        if f"{name}_{triple}" not in variables:
            own[f"{name}_{triple.replace('-', '_')}"] = value
    flags = _user_flags(variables, setting)
    own["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join([*flags, *_remapping(setting, variables)])
    return own


def _user_flags(variables: Mapping[str, str], setting: Setting) -> list[str]:
    """Give the flags of rustc that the user wants, as cargo takes them: of the first place that has any.

    Source: The Cargo Book, "Configuration", ``build.rustflags``.
    """
    encoded = variables.get("CARGO_ENCODED_RUSTFLAGS")
    if encoded is not None:
        return [word for word in encoded.split("\x1f") if word]
    if "RUSTFLAGS" in variables:
        return variables["RUSTFLAGS"].split()
    found: dict[str, list[str]] = {"target": [], "build": []}
    for place in _config_files(setting, variables):
        try:
            with open(place, "rb") as file:
                config = tomllib.load(file)
        except (OSError, tomllib.TOMLDecodeError):
            # It is not there, or cargo will say what is wrong with it.
            continue
        found["target"] += _words(config.get("target", {}), setting.triple)
        found["build"] += _words(config, "build")
    upper = setting.triple.upper().replace("-", "_")
    found["target"] += variables.get(f"CARGO_TARGET_{upper}_RUSTFLAGS", "").split()
    return found["target"] or found["build"]


def _config_files(setting: Setting, variables: Mapping[str, str]) -> list[str]:
    """Name the files of cargo's configuration for a project, the weakest first."""
    place, places = setting.directory, []
    while True:
        places.append(os.path.join(place, ".cargo", "config.toml"))
        if place == os.path.dirname(place):
            break
        place = os.path.dirname(place)
    return list(dict.fromkeys([os.path.join(cargo_home(variables), "config.toml"), *reversed(places)]))


def _words(config: object, table: str) -> list[str]:
    inner = config.get(table) if isinstance(config, dict) else None
    flags = inner.get("rustflags", []) if isinstance(inner, dict) else []
    return flags.split() if isinstance(flags, str) else [word for word in flags if isinstance(word, str)]


def cargo_home(variables: Mapping[str, str]) -> str:
    """Say where cargo has what it downloaded, and the user's configuration."""
    return variables.get("CARGO_HOME") or os.path.join(variables.get("HOME", "/"), ".cargo")


def _remapping(setting: Setting, variables: Mapping[str, str]) -> list[str]:
    """Leave directories of this machine out of texts for panics."""
    pairs = ((cargo_home(variables), "/cargo"), (setting.crate.root, "."), (setting.output, "/target"))
    rust = (os.path.join(setting.sysroot, "lib", "rustlib", "src", "rust"), "/rust")
    return [f"--remap-path-prefix={path}={short}" for path, short in (*pairs, rust)]
