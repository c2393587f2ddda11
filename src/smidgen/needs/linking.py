"""What an executable is linked with at run time, and whether a base has it.

Source: ld.so(8), "DESCRIPTION" (where libraries are sought); musl's ``ldso/dynlink.c`` (libraries that the loader is).
"""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

from smidgen.elf.header import parse_elf
from smidgen.elf.versions import read_defined_versions
from smidgen.errors import DynamicExecutable, InvalidExecutable
from smidgen.image.base_files import BaseFiles
from smidgen.image.filetree import Node
from smidgen.layer.entry import Kind
from smidgen.needs.examine import BinaryFacts

_LIBRARY_ROOTS: Final = (
    "lib",
    "lib64",
    "lib32",
    "usr/lib",
    "usr/lib64",
    "usr/lib32",
    "usr/local/lib",
    "usr/local/lib64",
)
_OF_MUSL: Final = (
    "libc.",
    "libpthread.",
    "librt.",
    "libm.",
    "libdl.",
    "libutil.",
    "libxnet.",
    "libcrypt.",
    "libresolv.",
)


def check_linking(
    facts: BinaryFacts, program: str, base: BaseFiles | None, *, env: Mapping[str, str], has_added: bool
) -> None:
    """Check that the loader and the libraries of an executable are in the image.

    Only what the executable itself names is looked for, with the versions that it needs of that, not what these
    libraries need in turn.

    Args:
        facts: Of the executable.
        program: What to call it.
        base: What the image stands on, or None for the empty image.
        env: The environment of the program.
        has_added: The user puts files in: libraries may be among them, so that only the loader is looked for.

    Raises:
        DynamicExecutable: Something is missing, or too old.
    """
    wanted = [*([facts.interpreter] if facts.interpreter else []), *facts.libraries]
    if not wanted:
        return
    if base is None:
        raise DynamicExecutable(
            f"{program} is dynamically linked: it needs {', '.join(wanted)}, "
            "and an image from scratch has none of them",
            interpreter=facts.interpreter or None,
            libraries=facts.libraries,
            hint="build Go programs with CGO_ENABLED=0, C programs with -static, Rust programs for a musl target; "
            "put its libraries in with --libc glibc, or name a base that has them with --base",
        )
    missing = [one for one in _missing(facts, base, env) if one == facts.interpreter or not has_added]
    if missing:
        raise DynamicExecutable(
            f"{program} is dynamically linked: it needs {', '.join(wanted)}, and the base {base.base.name} "
            f"does not have {', '.join(missing)}",
            interpreter=facts.interpreter or None,
            libraries=facts.libraries,
            hint=_hint(facts, missing),
        )
    old = [] if has_added else list(_too_old(facts, base, env))
    if old:
        raise DynamicExecutable(
            f"{program} was linked against newer libraries than the base {base.base.name} has: {'; '.join(old)}",
            interpreter=facts.interpreter or None,
            libraries=facts.libraries,
            hint="choose a newer base, build the program on the release that the base is of, put its own libraries "
            "in with --libc glibc and no base, or link it statically",
        )


def _missing(facts: BinaryFacts, base: BaseFiles, env: Mapping[str, str]) -> Iterator[str]:
    if facts.interpreter and not base.is_file(facts.interpreter):
        yield facts.interpreter
    is_musl = "/ld-musl-" in facts.interpreter
    for library in facts.libraries:
        if not (is_musl and library.startswith(_OF_MUSL)) and not _place(library, facts, base, env):
            yield library


def _place(library: str, facts: BinaryFacts, base: BaseFiles, env: Mapping[str, str]) -> str:
    """Tell where the base has *library*; empty where it has not."""
    named = [*facts.library_paths, *env.get("LD_LIBRARY_PATH", "").split(":")]
    roots = [one.replace("$ORIGIN", "/").replace("${ORIGIN}", "/") for one in named if one]
    places = [library] if "/" in library else [f"{root}/{library}" for root in (*roots, *_roots(base))]
    return next(filter(base.is_file, places), "")


def _too_old(facts: BinaryFacts, base: BaseFiles, env: Mapping[str, str]) -> Iterator[str]:
    """Tell which versions the libraries of the base do not define: the loader would not start the program."""
    wanted: dict[str, list[str]] = {}
    for library, version in facts.versions:
        wanted.setdefault(library, []).append(version)
    for library, versions in wanted.items():
        place = _place(library, facts, base, env)
        defined = _defined_versions(base, place) if place else frozenset()
        # Of a library without any version all will do.
        lacking = [one for one in versions if one not in defined] if defined else []
        if lacking:
            yield f"/{place} does not define {', '.join(lacking)}"


def _defined_versions(base: BaseFiles, path: str) -> frozenset[str]:
    """Read which versions a library of the base defines; none where it cannot be read: it is not ours to judge."""
    content = base.read(path)
    if content is None:
        return frozenset()
    try:
        return frozenset(one.version for one in read_defined_versions(parse_elf(content)))
    except InvalidExecutable:
        return frozenset()


def _roots(base: BaseFiles) -> Iterator[str]:
    """Give the usual directories of libraries, and those below them for one architecture (Debian's multiarch)."""
    for root in _LIBRARY_ROOTS:
        yield root
        node: Node | None = base.find(root)
        for name, child in sorted(node.children.items()) if node is not None else ():
            if child.entry.kind is Kind.DIRECTORY and "linux" in name:
                yield posixpath.join(root, name)


def _hint(facts: BinaryFacts, missing: list[str]) -> str:
    if facts.interpreter in missing:
        libc = (
            "musl, such as alpine" if "/ld-musl-" in facts.interpreter else "glibc, such as debian or distroless/base"
        )
        return f"it was linked against another C library: choose a base with {libc}, or link it statically"
    return "choose a base that has them, put them in with --add, or link the program statically"
