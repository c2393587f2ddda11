"""Texts that are lists: with commas, words of a command, arguments of ``go build``, ``NAME=VALUE``."""

import re

from smidgen.errors import UsageError

_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.", re.DOTALL)
_SHELL = re.compile(r"[|&;<>()$`]")


def split_commas(text: str) -> tuple[str, ...]:
    """Split a list that is written with commas; white space around elements does not count.

    Raises:
        UsageError: An element is empty.
    """
    parts = tuple(part.strip() for part in text.split(","))
    if "" in parts:
        raise UsageError(f"{text!r} has an empty element", hint="expected a list such as a,b")
    return parts


def split_words(text: str) -> tuple[str, ...]:
    """Split a command into words: a JSON list as it stands, else as a shell does, without running one.

    Raises:
        UsageError: A quote does not end, or the text only makes sense to a shell.
    """
    if text.lstrip().startswith("["):
        return _json_words(text)
    if operator := _SHELL.search(_QUOTED.sub("", text)):
        raise UsageError(
            f"{text!r} has {operator[0]!r}, which only a shell understands, and the image has none",
            hint="write the program and its arguments, with quotes around characters that are meant as they are",
        )
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{text!r}: {str(error).lower()}", hint="close the quote, or write a list") from error


def _json_words(text: str) -> tuple[str, ...]:
    import msgspec

    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{text!r} is not a JSON list of strings: {error}", hint='expected a list such as ["/app", "-v"]'
        ) from error


def split_go_flags(text: str) -> tuple[str, ...]:
    """Split arguments of ``go build`` by white space; quotes keep words together, there are no escapes.

    Raises:
        UsageError: A quote does not end.
    """
    import shlex

    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.escape = ""
    lexer.commenters = ""
    try:
        return tuple(lexer)
    except ValueError as error:
        raise UsageError(f"{text!r}: {str(error).lower()}", hint="close the quote, or write a list") from error


def parse_assignment(text: str) -> tuple[str, str]:
    """Parse ``NAME=VALUE``; the value may be empty and may hold ``=``.

    Raises:
        UsageError: There is no ``=``, or nothing before it.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} is not NAME=VALUE", hint="expected a name, =, and a value that may be empty")
    return name, value
