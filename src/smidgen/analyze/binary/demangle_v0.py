"""Rust's own form of symbols: their paths, without arguments of generics.

Source: The rustc Book, "Symbol Mangling" (v0).
"""

from collections.abc import Callable
from typing import Final

_DEPTH: Final = 64
_STEPS: Final = 2000
_BASIC: Final = (
    {"a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize", "j": "usize"}
    | {"l": "i32", "m": "u32", "n": "i128", "o": "u128", "s": "i16", "t": "u16", "u": "()", "v": "...", "x": "i64"}
    | {"y": "u64", "z": "!", "p": "_"}
)
_UNNAMED: Final = {"C": "{closure}", "S": "{shim}"}
_WRAPPED: Final = {"R": "&", "Q": "&mut ", "P": "*const ", "O": "*mut ", "S": "[]"}


def v0_path(symbol: str) -> str:
    """Give the path of *symbol*.

    Raises:
        ValueError: It is none, or has what is not understood.
        IndexError: It ends too early.
    """
    return _Path(symbol).path()


class _Path:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 2
        self.depth = 0
        self.steps = 0

    def path(self) -> str:
        self.depth += 1
        self.steps += 1
        if self.depth > _DEPTH or self.steps > _STEPS:
            raise ValueError(self.text)
        try:
            return self._path()
        finally:
            self.depth -= 1

    def _path(self) -> str:
        kind = self._take()
        if kind == "C":
            return self._identifier()
        if kind == "N":
            space = self._take()
            start, name = self.path(), self._identifier()
            return f"{start}::{name or _UNNAMED.get(space, '{' + space + '}')}"
        if kind in "MX":
            self._disambiguator()
            self.path()
        if kind in "MXY":
            of = self._type()
            return f"<{of}>" if kind == "M" else f"<{of} as {self.path()}>"
        if kind == "I":
            start = self.path()
            while self._next() != "E":
                self._argument()
            self.at += 1
            return start
        if kind == "B":
            return self._again(self.path)
        raise ValueError(self.text)

    def _argument(self) -> None:
        if self._next() == "L":
            self.at += 1
            self._base62()
        elif self._next() == "K":
            # A constant: its type, and its digits.
            self.at += 1
            self._type()
            self.at = self.text.index("_", self.at) + 1
        else:
            self._type()

    def _type(self) -> str:
        letter = self._next()
        if letter in _BASIC:
            self.at += 1
            return _BASIC[letter]
        if letter in "CNMXYI":
            return self.path()
        self.at += 1
        if letter == "B":
            return self._again(self._type)
        if letter in "RQ" and self._next() == "L":
            self.at += 1
            self._base62()
        if letter in "RQPOS":
            return _WRAPPED[letter] + self._type()
        if letter == "T":
            parts = []
            while self._next() != "E":
                parts.append(self._type())
            self.at += 1
            return f"({', '.join(parts)})"
        raise ValueError(self.text)

    def _again(self, read: Callable[[], str]) -> str:
        start = self.at - 1
        there = self._base62() + 2
        if there >= start:
            raise ValueError(self.text)
        back, self.at = self.at, there
        try:
            return read()
        finally:
            self.at = back

    def _identifier(self) -> str:
        self._disambiguator()
        if self._next() == "u":
            raise ValueError(self.text)
        start = self.at
        while self._next().isdigit():
            self.at += 1
        size = int(self.text[start : self.at])
        if self._peek() == "_":
            self.at += 1
        name = self.text[self.at : self.at + size]
        if len(name) != size:
            raise ValueError(self.text)
        self.at += size
        return name

    def _disambiguator(self) -> None:
        if self._next() == "s":
            self.at += 1
            self._base62()

    def _base62(self) -> int:
        end = self.text.index("_", self.at)
        digits = self.text[self.at : end]
        self.at = end + 1
        value = 0
        for digit in digits:
            value = value * 62 + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".index(digit)
        return value + 1 if digits else 0

    def _take(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def _next(self) -> str:
        return self.text[self.at]

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]
