"""Owners of symbols in programs that are not Go: the crate of a Rust symbol, C++'s standard library.

Source: The rustc Book, "Symbol Mangling" (v0), and rustc's legacy form: Itanium's with a last part of 17 characters.
"""

import re
from typing import Final

_LEGACY: Final = re.compile(r"^_ZN(?P<size>\d+)(?P<rest>.*17h[0-9a-f]{16}E)(?:\.|\Z)")
# ``_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$``: a type, or a trait where that has no crate.
_QUALIFIED: Final = re.compile(r"(?<![\w.])([a-z_][a-z0-9_]*)\.\.")
_ESCAPES: Final = re.compile(r"\$(?:[A-Z]{1,2}|u[0-9a-f]+)\$")
# A crate in a v0 path: C, a number that tells it from others of its name, and the name after its length.
_V0_CRATE: Final = re.compile(r"C(?:s[0-9a-zA-Z]*_)?(?P<size>\d+)_?(?P<rest>[A-Za-z_]\w*)")
_CXX: Final = re.compile(r"^_Z(?:T[VIST]|GV|Z)?N?K?St")
_CXX_NAME: Final = "C++ standard library"


def owner_of(symbol: str) -> str:
    """Give the crate of *symbol*, or "" where it has none, as C has not."""
    if symbol.startswith("_R"):
        match = _V0_CRATE.search(symbol, 2)
        return match["rest"][: int(match["size"])] if match else ""
    match = _LEGACY.match(symbol)
    if match is None:
        return _CXX_NAME if _CXX.match(symbol) else ""
    first = match["rest"][: int(match["size"])]
    if not first.startswith("_$"):
        return first
    found = _QUALIFIED.search(_ESCAPES.sub(" ", first.removeprefix("_")))
    return found[1] if found else ""
