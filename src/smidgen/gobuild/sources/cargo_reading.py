"""What a build by cargo read: source, other files that rustc and build scripts named, settings, compilers.

Source: The Cargo Book ("Build Cache": dep-info files; "Build Scripts": ``cargo::rerun-if-changed``; "Configuration");
the rustup book ("Overrides").
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from smidgen.gobuild.sources.cargo import Setting, cargo_home, executable_path
from smidgen.gobuild.sources.standing import Reading

_CHANGES: Final = ("cargo:rerun-if-changed=", "cargo::rerun-if-changed=")
# What counts for a project where it is in any directory above.
_ABOVE: Final = ("Cargo.toml", ".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain")
_LIMIT: Final = 16 << 20


def cargo_reading(cargo: str, wanted: Sequence[Setting], environ: Mapping[str, str]) -> Reading | None:
    """Say what builds read that just ended; None where that cannot be known.

    Args:
        cargo: The executable.
        wanted: A build for each platform.
        environ: The user's environment.
    """
    root, home = wanted[0].crate.root, cargo_home(environ)
    rustup = environ.get("RUSTUP_HOME") or os.path.join(environ.get("HOME", "/"), ".rustup")
    places = dict.fromkeys(above for one in wanted for start in (root, one.directory) for above in _above(start))
    files = dict.fromkeys(os.path.join(place, name) for place in places for name in _ABOVE)
    files |= dict.fromkeys(os.path.join(home, name) for name in ("config.toml", "config"))
    files[os.path.join(rustup, "settings.toml")] = None
    trees = {root: None}
    try:
        named = {path for one in wanted for path in (*_dependencies(one), *_scripts_read(one))}
    except (OSError, ValueError):
        return None
    for path in sorted(named):
        if not os.path.isabs(path):
            return None
        # What cargo downloaded does not change, and what was made follows from the rest.
        if _is_within(path, (home, *(one.output for one in wanted))):
            continue
        tree = path if os.path.isdir(path) else _package_of(path)
        if tree and not _is_within(tree, trees):
            trees[tree] = None
        files[path] = None
    return Reading(trees=tuple(trees), files=tuple(files), marks=tuple(dict.fromkeys(_compilers(cargo, wanted))))


def _above(place: str) -> Iterator[str]:
    while True:
        yield place
        if place == os.path.dirname(place):
            return
        place = os.path.dirname(place)


def _package_of(path: str) -> str:
    """Give the directory of the package that *path* is a file of; "" where it is of none."""
    return next((place for place in _above(os.path.dirname(path)) if os.path.isfile(f"{place}/Cargo.toml")), "")


def _is_within(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def _dependencies(setting: Setting) -> Iterator[str]:
    """Give the files that cargo says a program depends on, in the form of make.

    Raises:
        OSError: It says nothing.
        ValueError: It is no text.
    """
    text = _text(Path(f"{executable_path(setting)}.d"))
    for line in text.splitlines():
        _, _, names = line.partition(": ")
        for name in names.replace("\\ ", "\0").split():
            yield name.replace("\0", " ")


def _scripts_read(setting: Setting) -> Iterator[str]:
    """Give the files that build scripts said they had read; those of other packages' directories are relative."""
    for folder in (Path(setting.output, setting.triple), Path(setting.output)):
        for path in folder.glob("release/build/*/output"):
            for line in _text(path).splitlines():
                for start in _CHANGES:
                    if line.startswith(start) and os.path.isabs(name := line.removeprefix(start).strip()):
                        yield name


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise ValueError(str(path))
    return data.decode()


def _compilers(cargo: str, wanted: Sequence[Setting]) -> Iterator[str]:
    for one in wanted:
        yield from (os.path.realpath(cargo), os.path.join(one.sysroot, "bin", "rustc"))
        libraries = os.path.join(one.sysroot, "lib", "rustlib")
        yield from (libraries, os.path.join(libraries, one.triple, "lib"))
