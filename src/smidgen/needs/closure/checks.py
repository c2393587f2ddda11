"""Checks: whether the libraries of a closure define the versions and the symbols that are asked of them.

Source: glibc's ``elf/dl-version.c`` (``match_symbol``), ``elf/dl-lookup.c`` (``check_match``): a library without any
version satisfies all, with a warning.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from smidgen.needs.closure.closure import Fault
from smidgen.needs.closure.opened import Opened

_MAX_SYMBOLS: Final = 5


def check_versions(objects: Sequence[Opened], names: Mapping[str, Opened]) -> tuple[Fault, ...]:
    """Tell which versions the libraries do not define: the loader refuses to start then.

    Args:
        objects: The program and all its libraries.
        names: What each name means.
    """
    faults = []
    for one in objects:
        for wanted in one.needed_versions:
            library = names.get(wanted.library)
            if library is None or wanted.is_weak or not library.defined_versions:
                continue
            defined = {each.version for each in library.defined_versions}
            if wanted.version not in defined:
                newest = _newest(wanted.version, defined)
                faults.append(
                    Fault(
                        path=one.path,
                        message=f"{one.path} needs version {wanted.version} of {wanted.library}, which {library.path} "
                        f"does not define{f': its newest is {newest}' if newest else ''}",
                        advice=f"it was linked against a newer {wanted.library}: take the libraries of where it was "
                        "built, with --sysroot, or build it here",
                        is_fatal=True,
                    )
                )
    return tuple(faults)


def check_symbols(objects: Sequence[Opened], beside: Sequence[Opened] = ()) -> tuple[Fault, ...]:
    """Tell which symbols nobody defines, one fault an object.

    Args:
        objects: The program and all its libraries.
        beside: Libraries that are loaded with them, and not judged.
    """
    versioned: set[tuple[str, str]] = set()
    plain: set[str] = set()
    names: set[str] = set()
    for one in (*objects, *beside):
        defined = one.symbols.defined
        names.update(name for name, _ in defined)
        versioned |= defined
        # Of an object without versions, any symbol will do.
        plain.update(name for name, version in defined if not version)
    faults = []
    for one in objects:
        lacking = sorted(
            {
                f"{wanted.name}@{wanted.version}" if wanted.version else wanted.name
                for wanted in one.symbols.wanted
                if not wanted.is_weak
                and wanted.name not in plain
                and ((wanted.name, wanted.version) not in versioned if wanted.version else wanted.name not in names)
            }
        )
        if lacking:
            faults.append(_undefined(one, lacking))
    return tuple(faults)


def _undefined(one: Opened, lacking: list[str]) -> Fault:
    shown = ", ".join(lacking[:_MAX_SYMBOLS])
    more = f" and {len(lacking) - _MAX_SYMBOLS} more" if len(lacking) > _MAX_SYMBOLS else ""
    now = one.elf.dynamic.binds_now
    return Fault(
        path=one.path,
        message=f"{one.path} takes {shown}{more} from a library, and none of its libraries defines "
        f"{'it' if len(lacking) == 1 else 'them'}: it fails when it {'starts' if now else 'comes to use that'}",
        advice="link it with the library that defines this, or take the libraries that it was built with (--sysroot)",
        is_fatal=now,
    )


def _newest(like: str, defined: set[str]) -> str:
    """Give the newest of the versions that are called alike: ``GLIBC_2.36`` for ``GLIBC_2.38``."""
    prefix = like.rpartition("_")[0]

    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.removeprefix(f"{prefix}_").split(".") if part.isdecimal()]

    alike = [one for one in defined if prefix and one.rpartition("_")[0] == prefix and numbers(one)]
    return max(alike, key=numbers, default="")
