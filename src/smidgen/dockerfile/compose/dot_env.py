"""Files of variables, ``.env``.

Source: Docker Compose manual, "Set environment variables", "Syntax for environment files".
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from smidgen.dockerfile.compose.variables import Variables
from smidgen.errors import ConfigError, UsageError

_MAX_SIZE: Final = 1 << 20
_BLANK: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)+")
_KEY: Final = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(=[ \t]*)?")
_BARE: Final = re.compile(r"[^\n]*")
_COMMENT: Final = re.compile(r"(?:^|[ \t]+)#.*")
_SINGLE: Final = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_REST: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
#: A dollar sign that is escaped stays one when variables are put in.
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$$"}


def read_dot_env(path: Path, name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Read the file at *path*.

    Args:
        path: Of the file.
        name: How it is shown to people.
        environ: Variables that values may use, before those of the file.

    Raises:
        ConfigError: It cannot be read, or has a line that is no ``NAME=VALUE``. No value is shown: it may be secret.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=name) from error
    if len(data) > _MAX_SIZE:
        raise ConfigError(f"is larger than {_MAX_SIZE} bytes", path=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text", path=name) from error
    return _Lines(text.replace("\r\n", "\n"), name, environ).read()


class _Lines:
    def __init__(self, text: str, name: str, environ: Mapping[str, str]) -> None:
        self._text = text
        self._name = name
        self._environ = environ
        self._found: dict[str, str] = {}
        self._at = 0

    def read(self) -> dict[str, str]:
        while self._at < len(self._text):
            if blank := _BLANK.match(self._text, self._at):
                self._at = blank.end()
                continue
            if not self._text[self._at :].strip(" \t") or self._text[self._at :].lstrip(" \t").startswith("#"):
                break
            self._line()
        return self._found

    def _line(self) -> None:
        begun = self._at
        key = _KEY.match(self._text, self._at)
        if key is None:
            self._fail(begun, "expected NAME=VALUE")
        self._at = key.end()
        value = self._value(begun) if key[2] else None
        rest = _REST.match(self._text, self._at)
        if rest is None:
            self._fail(begun, "expected NAME=VALUE, with nothing behind a value in quotes")
        self._at = rest.end()
        # A name alone passes a variable of the environment on, which is known anyway.
        if value is not None:
            self._found[key[1]] = value

    def _value(self, begun: int) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote not in {"'", '"'}:
            match = _BARE.match(self._text, self._at)
            assert match is not None  # noqa: S101 (it matches nothing, too)
            self._at = match.end()
            return self._expanded(begun, _COMMENT.sub("", match[0]).strip())
        match = (_SINGLE if quote == "'" else _DOUBLE).match(self._text, self._at)
        if match is None:
            self._fail(begun, f"the quote {quote} is not closed")
        self._at = match.end()
        if quote == "'":
            return match[1].replace("\\'", "'")
        return self._expanded(begun, _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[0]), match[1]))

    def _expanded(self, begun: int, text: str) -> str:
        try:
            return Variables(self._found | dict(self._environ)).expand(text)
        except UsageError as error:
            self._fail(begun, "the variables of this value cannot be meant", cause=error)

    def _fail(self, begun: int, message: str, cause: Exception | None = None) -> NoReturn:
        line = self._text.count("\n", 0, begun) + 1
        raise ConfigError(f"line {line}: {message}", path=self._name) from cause
