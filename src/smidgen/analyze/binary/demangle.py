"""Names of symbols as their language writes them: Rust's paths and C++'s qualified names.

Arguments of types and functions are left out, so that a function is one row however often it was made from a template
or a generic. What is not understood stays as it is: a name is for reading, and nothing follows from it.

Source: the Itanium C++ ABI, 5.1 ("External Names"); rustc's legacy form of that; The rustc Book, "Symbol Mangling".
"""

import re
from typing import Final

from smidgen.analyze.binary.demangle_v0 import v0_path

_LIMIT: Final = 4096
_NUMBER: Final = re.compile(r"\d+")
_PART_OF_RUST: Final = re.compile(r"h[0-9a-f]{16}")
_ESCAPE: Final = re.compile(r"\$(?P<code>[A-Z]{1,2}|u[0-9a-f]{1,6})\$")
_ESCAPED: Final = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}
_SHORT: Final = {"t": "std", "a": "std::allocator", "b": "std::basic_string", "s": "std::string"} | {
    "i": "std::istream",
    "o": "std::ostream",
    "d": "std::iostream",
}
_TABLES: Final = {"TV": "vtable of ", "TI": "type of ", "TS": "type name of ", "TT": "VTT of ", "GV": "guard of "}
_QUALIFIERS: Final = "rVKRO"
# Letters after which a template's arguments end later: nested names, expressions, packs, function types.
_OPENING: Final = "INXJF"


def readable(symbol: str) -> str:
    """Give the path or qualified name that *symbol* stands for, without arguments; *symbol* itself for other names."""
    if not symbol.startswith(("_Z", "_R")) or len(symbol) > _LIMIT:
        return symbol
    try:
        if symbol.startswith("_R"):
            return v0_path(symbol) or symbol
        return _Name(symbol).read() or symbol
    except (ValueError, IndexError):
        return symbol


class _Name:
    """A name of C++, or of Rust in C++'s form, and how much of it was read.

    Reading raises ValueError or IndexError where it is none, or has what is not understood.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 2

    def read(self) -> str:
        start = _TABLES.get(self.text[2:4], "")
        if start:
            self.at = 4
        if self._next() != "N":
            return start + "::".join(self._unqualified())
        self.at += 1
        while self._next() in _QUALIFIERS:
            self.at += 1
        parts: list[str] = []
        while self._next() != "E":
            parts += self._part(parts)
        if len(parts) > 1 and _PART_OF_RUST.fullmatch(parts[-1]):
            return start + _unescaped("::".join(parts[:-1]))
        if not parts:
            raise ValueError(self.text)
        return start + "::".join(parts)

    def _next(self) -> str:
        return self.text[self.at]

    def _unqualified(self) -> list[str]:
        parts = self._part([])
        # ``St`` is a name's beginning, and the name follows.
        return [*parts, *self._part(parts)] if parts == ["std"] else parts

    def _part(self, before: list[str]) -> list[str]:
        """Read the next part of a name; arguments are none."""
        letter, second = self._next(), self.text[self.at + 1]
        if letter.isdigit():
            return [self._source_name()]
        if letter == "I":
            self._skip_arguments()
            return []
        if letter in "LB":
            # A name that only its file knows; a mark of the library's release.
            self.at += 1
            name = self._source_name()
            return [name] if letter == "L" else []
        self.at += 2
        if letter == "S" and second in _SHORT:
            return [_SHORT[second]]
        if letter in "CD" and second.isdigit() and before:
            return [("~" if letter == "D" else "") + before[-1].rpartition("::")[2]]
        if letter.islower() and second.isalpha() and letter + second != "cv":
            return ["operator"]
        raise ValueError(self.text)

    def _source_name(self) -> str:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            raise ValueError(self.text)
        size = int(match[0])
        name = self.text[match.end() : match.end() + size]
        if not size or len(name) != size:
            raise ValueError(self.text)
        self.at = match.end() + size
        return "(anonymous)" if name.startswith("_GLOBAL__N") else name

    def _skip_arguments(self) -> None:
        """Go to what follows the E that belongs to the I here."""
        depth = 0
        while True:
            letter = self._next()
            if letter.isdigit():
                self._source_name()
                continue
            self.at += 1
            if letter in "STA":
                self._skip_reference(letter)
            elif letter == "L":
                self._skip_literal()
            elif letter in _OPENING:
                depth += 1
            elif letter == "E":
                depth -= 1
                if not depth:
                    return

    def _skip_reference(self, letter: str) -> None:
        # So does the size of an array end.
        if letter == "S" and self._next() in _SHORT:
            self.at += 1
        else:
            self.at = self.text.index("_", self.at) + 1

    def _skip_literal(self) -> None:
        # Its type is a letter as a rule, and its value no length.
        if not self._next().islower():
            raise ValueError(self.text)
        self.at = self.text.index("E", self.at) + 1


def _unescaped(path: str) -> str:
    def written(match: re.Match[str]) -> str:
        code = match["code"]
        return chr(int(code[1:], 16)) if code[0] == "u" else _ESCAPED[code]

    try:
        text = _ESCAPE.sub(written, path)
    except (KeyError, ValueError, OverflowError):
        return path
    return text.replace("::_<", "::<").removeprefix("_").replace("..", "::")
