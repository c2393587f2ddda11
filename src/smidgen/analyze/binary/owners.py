"""Owners: the package that a symbol of the Go toolchain belongs to.

Source: Go's ``cmd/internal/objabi/path.go`` (escapes in the paths of packages) and ``cmd/internal/obj/sym.go``.
"""

import re
from functools import lru_cache
from typing import Final

from smidgen.analyze.binary.ledger import Owner
from smidgen.analyze.explained import OwnerKind, PartKind

FORMAT: Final = "executable format"
SHARED: Final = "shared by several packages"
C_CODE: Final = "C and assembly"
UNKNOWN: Final = "unknown"

_ESCAPE = re.compile(r"%([0-9a-f]{2})")
# What the compiler makes for a type: "type:.eq.[2]net/http.headerSorter".
# What the compiler makes for a type is called after it, as in "type:.eq.struct { a/b.c int; d e/f.G }".
_OF_TYPE = re.compile(r"^(?:type:|type\.|go:)(?:\.(?:eq|hash)\.)?(?:itab\.)?")
_QUALIFIED = re.compile(r"((?:[\w.%~-]+/)*[\w%~-]+)\.\w")


def package_of(symbol: str) -> str:
    """Give the import path of the package of *symbol*, or "" where it has none, as assembly and C may not."""
    if symbol.startswith(("type:", "type.", "go:")):
        match = _QUALIFIED.search(_OF_TYPE.sub("", symbol).replace("go.shape.", ""))
        return _unescaped(match[1]) if match else ""
    end = symbol.find("[")
    text = symbol if end < 0 else symbol[:end]
    # A name in brackets can have slashes; so can a type that a method is of, as in "a.(*struct { b/c.D }).E".
    end = text.find("(")
    text = text if end < 0 else text[:end]
    dot = text.find(".", text.rfind("/") + 1)
    return _unescaped(text[:dot]) if dot > 0 else ""


@lru_cache(maxsize=1 << 16)
def _unescaped(path: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), path) if "%" in path else path


def of_package(package: str, part: str, kind: PartKind) -> Owner:
    """Make the owner of what belongs to a Go package; without one it is code that is not Go."""
    if not package:
        return Owner(C_CODE, OwnerKind.CODE, part, kind)
    return Owner(package, OwnerKind.PACKAGE, part, kind)


def of_format(part: str) -> Owner:
    """Make the owner of what the executable format takes."""
    return Owner(FORMAT, OwnerKind.FORMAT, part, PartKind.FORMAT)


def shared(part: str, kind: PartKind) -> Owner:
    """Make the owner of what several packages have in common."""
    return Owner(SHARED, OwnerKind.SHARED, part, kind)
