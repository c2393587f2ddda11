"""Chooses what a program stands on, and says why. A pure function."""

from collections.abc import Collection, Sequence
from typing import Final

from smidgen.needs.need import NeedKind
from smidgen.project.drivers import Driver, Library
from smidgen.project.program import Base

_BASES: Final = {Library.C: Base.C, Library.CXX: Base.CXX, Library.VENDOR: Base.FULL}
_ORDER: Final = (Base.C, Base.CXX, Base.FULL)
# What a Dockerfile has to make with commands, rather than to copy.
_MADE: Final = frozenset({NeedKind.PASSWD, NeedKind.TMP})
_WHAT: Final = {
    Base.C: "so the image needs a C library",
    Base.CXX: "so the image needs the libraries of C and C++",
    Base.FULL: "so the image needs a distribution to install it in",
}


def choose(
    drivers: Sequence[Driver], cgo: Collection[str], needs: Collection[NeedKind], *, by_hand: bool
) -> tuple[Base, tuple[str, ...]]:
    """Choose a base.

    Args:
        drivers: Of the program.
        cgo: Packages with C in them that it does not do without.
        needs: What it looks for at run time.
        by_hand: A Dockerfile has to put that in; `smidgen build` does it by itself.

    Returns:
        The base, and why, in sentences.
    """
    wanted = [_BASES[driver.library] for driver in drivers if driver.library is not Library.NONE]
    why = [f"{driver.path} {driver.why}" for driver in drivers]
    if cgo and not wanted:
        wanted.append(Base.C)
        why.append(f"it does not build without cgo, which {', '.join(sorted(cgo)[:3])} use")
    if wanted:
        base = max(wanted, key=_ORDER.index)
        return base, (*why, _WHAT[base])
    found = ", ".join(kind.label for kind in needs)
    if not by_hand:
        puts = f"; `smidgen build` puts in {found}" if found else ", and needs nothing beside itself"
        return Base.SCRATCH, (*why, f"it is static{puts}")
    if _MADE & set(needs):
        named = " and ".join(kind.label for kind in sorted(_MADE & set(needs)))
        return Base.STATIC, (*why, f"it is static, and looks for {named}, which the static base has")
    return Base.SCRATCH, (*why, f"it is static, and needs {f'only {found}' if found else 'nothing beside itself'}")
