"""What an executable is linked with at run time, and whether a base has it.

Source: ld.so(8), "DESCRIPTION" (where libraries are sought); musl's ``ldso/dynlink.c`` (libraries that the loader is).
"""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

from smidgen.errors import DynamicExecutable
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

    Only what the executable itself names is looked for, not what these libraries need in turn.

    Args:
        facts: Of the executable.
        program: What to call it.
        base: What the image stands on, or None for the empty image.
        env: The environment of the program.
        has_added: The user puts files in: libraries may be among them, so that only the loader is looked for.

    Raises:
        DynamicExecutable: Something is missing.
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


def _missing(facts: BinaryFacts, base: BaseFiles, env: Mapping[str, str]) -> Iterator[str]:
    if facts.interpreter and not base.is_file(facts.interpreter):
        yield facts.interpreter
    is_musl = "/ld-musl-" in facts.interpreter
    named = [*facts.library_paths, *env.get("LD_LIBRARY_PATH", "").split(":")]
    roots = [one.replace("$ORIGIN", "/").replace("${ORIGIN}", "/") for one in named if one]
    for library in facts.libraries:
        if is_musl and library.startswith(_OF_MUSL):
            continue
        places = [library] if "/" in library else [f"{root}/{library}" for root in (*roots, *_roots(base))]
        if not any(map(base.is_file, places)):
            yield library


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
