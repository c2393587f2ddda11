"""Templates in flags: ``-X main.version={{.Git.Tag}}``.

The parameters are those of ko, and of Go's ``text/template`` everything is there that a flag has use for: fields,
literals, pipelines, ``if``/``else``, and the functions and, eq, index, len, ne, not, or, print, printf. A key that is
not there is an error, never an empty text.

``.Date`` and ``.Timestamp`` are SOURCE_DATE_EPOCH where that is set. Where it is not they are the time of the
build, and then every build is another one: nothing can be kept, nothing can be reproduced.

Source: package ``text/template``; https://ko.build/configuration ("Templating support").
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from smidgen.errors import UsageError

_ACTION = re.compile(r"\{\{(-[ \t\r\n])?(.*?)([ \t\r\n]-)?\}\}", re.DOTALL)
_COMMENT = re.compile(r"\s*/\*.*\*/\s*\Z", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<field>\$?(?:\.[A-Za-z_][A-Za-z0-9_]*)+|\$?\.|\$)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
      | (?P<number>[+-]?[0-9]+)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<mark>[()|])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}
_VERB = re.compile(r"%[-+ #0]*[0-9]*(?:\.[0-9]+)?([a-zA-Z%])")
_BLOCK_WORDS = {"range", "with", "define", "template", "block", "break", "continue"}


def has_template(text: str) -> bool:
    """Tell whether *text* has anything to expand."""
    return "{{" in text


def expand(text: str, values: Mapping[str, Any]) -> str:
    """Expand *text* with *values*, nested mappings of texts, numbers and booleans.

    Raises:
        UsageError: It is no template, or names something that is not there; a caret shows where.
    """
    if not has_template(text):
        return text
    return _Template(text, values).render()


@dataclass(slots=True)
class _Template:
    text: str
    values: Mapping[str, Any]
    tokens: list[tuple[str, str, int]] = field(default_factory=list)
    at: int = 0

    def fail(self, position: int, reason: str, hint: str | None = None) -> NoReturn:
        """Point at *position* of the text."""
        line_start = self.text.rfind("\n", 0, position) + 1
        line = self.text[line_start:].split("\n", 1)[0]
        caret = " " * (position - line_start) + "^"
        raise UsageError(f"template: {reason}\n  {line}\n  {caret}", hint=hint)

    def render(self) -> str:
        pieces = list(self.pieces())
        output: list[str] = []
        # One entry an open `if`: [is written now, a branch was taken, else was seen, where it began].
        open_ifs: list[list[Any]] = []
        for kind, content, position in pieces:
            is_on = all(entry[0] for entry in open_ifs)
            if kind == "text":
                output += [content] if is_on else []
            else:
                self.action(content, position, open_ifs, output, is_on=is_on)
        if open_ifs:
            self.fail(open_ifs[-1][3], "`if` has no `end`")
        return "".join(output)

    def pieces(self) -> Iterator[tuple[str, str, int]]:
        """Cut the text into what is copied and what is an action, with the trimming that ``{{-`` asks for."""
        end = 0
        trim = False
        for match in _ACTION.finditer(self.text):
            text = self.text[end : match.start()]
            text = text.lstrip() if trim else text
            yield "text", text.rstrip() if match[1] else text, end
            if not _COMMENT.match(match[2]):
                yield "action", match[2], match.start(2)
            end, trim = match.end(), match[3] is not None
        rest = self.text[end:]
        if "{{" in rest:
            self.fail(end + rest.index("{{"), "an action has no `}}`")
        yield "text", rest.lstrip() if trim else rest, end

    def action(self, content: str, position: int, open_ifs: list[list[Any]], output: list[str], *, is_on: bool) -> None:
        self.tokens, self.at = list(self.tokenize(content, position)), 0
        word = self.tokens[0][1] if self.tokens and self.tokens[0][0] == "word" else ""
        if not self.tokens:
            self.fail(position, "an action is empty")
        if word in _BLOCK_WORDS:
            self.fail(self.tokens[0][2], f"`{word}` is not supported in flags")
        if word == "if":
            self.at = 1 if is_on else len(self.tokens)
            holds = is_on and _truth(self.pipeline())
            open_ifs.append([holds, holds or not is_on, False, position])
        elif word == "else":
            self.alternative(position, open_ifs)
        elif word == "end":
            self.at = 1
            if not open_ifs:
                self.fail(position, "`end` has no `if`")
            open_ifs.pop()
        elif is_on:
            output.append(_printed(self.pipeline()))
        else:
            self.at = len(self.tokens)
        if self.at < len(self.tokens):
            self.fail(self.tokens[self.at][2], f"unexpected {self.tokens[self.at][1]!r}")

    def alternative(self, position: int, open_ifs: list[list[Any]]) -> None:
        if not open_ifs or open_ifs[-1][2]:
            self.fail(position, "`else` has no `if`")
        entry = open_ifs[-1]
        self.at = 1
        if self.at < len(self.tokens) and self.tokens[self.at][1] == "if":
            self.at = 2
            is_wanted = not entry[1]
            entry[0] = is_wanted and _truth(self.pipeline())
            if not is_wanted:
                self.at = len(self.tokens)
            entry[1] = entry[1] or entry[0]
        else:
            entry[0], entry[1], entry[2] = not entry[1], True, True

    def tokenize(self, content: str, position: int) -> Iterator[tuple[str, str, int]]:
        at = 0
        while at < len(content.rstrip()):
            match = _TOKEN.match(content, at)
            if match is None or match.lastgroup is None:
                self.fail(position + at, "this is not understood")
            yield match.lastgroup, match[match.lastgroup], position + match.start(match.lastgroup)
            at = match.end()

    def pipeline(self) -> Any:  # noqa: ANN401
        value = self.command(())
        while self.at < len(self.tokens) and self.tokens[self.at][1] == "|":
            self.at += 1
            value = self.command((value,))
        return value

    def command(self, piped: tuple[Any, ...]) -> Any:  # noqa: ANN401
        """Evaluate a function with its operands, or one operand; what is piped in comes last."""
        if self.at >= len(self.tokens):
            self.fail(len(self.text), "a value is missing")
        kind, word, position = self.tokens[self.at]
        if kind == "word" and word in _FUNCTIONS:
            self.at += 1
            operands: list[Any] = []
            while self.at < len(self.tokens) and self.tokens[self.at][1] not in {"|", ")"}:
                operands.append(self.operand())
            try:
                return _FUNCTIONS[word](*operands, *piped)
            except (TypeError, ValueError, KeyError, IndexError) as error:
                self.fail(position, f"`{word}`: {error.args[0] if error.args else error}")
        value = self.operand()
        if piped:
            self.fail(position, "only a function can take a value from `|`")
        return value

    def operand(self) -> Any:  # noqa: ANN401
        kind, text, position = self.tokens[self.at]
        self.at += 1
        if kind == "field":
            return self.lookup(text, position)
        if kind == "string":
            return _unquoted(text)
        if kind == "number":
            return int(text)
        if text in {"true", "false"}:
            return text == "true"
        if text == "(":
            value = self.pipeline()
            if self.at >= len(self.tokens) or self.tokens[self.at][1] != ")":
                self.fail(position, "`(` has no `)`")
            self.at += 1
            return value
        return self.fail(position, f"there is no function {text!r}", f"there are {', '.join(sorted(_FUNCTIONS))}")

    def lookup(self, chain: str, position: int) -> Any:  # noqa: ANN401
        value: Any = self.values
        for name in filter(None, chain.lstrip("$").split(".")):
            if not isinstance(value, Mapping):
                self.fail(position, f"{chain}: there is nothing below a value that is not a group of values")
            if name not in value:
                known = ", ".join(f".{key}" for key in list(value)[:12]) if len(value) <= 12 else None
                self.fail(position, f"{chain} is not set", known and f"there are {known}")
            value = value[name]
        return value


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])


def _printed(value: Any) -> str:  # noqa: ANN401
    """Print as Go's ``fmt`` does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{_printed(value[key])}" for key in sorted(value)) + "]"
    return str(value)


def _truth(value: Any) -> bool:  # noqa: ANN401
    return bool(value)


def _and(*operands: Any) -> Any:  # noqa: ANN401
    if not operands:
        raise ValueError("expected an operand")
    return next((operand for operand in operands if not _truth(operand)), operands[-1])


def _or(*operands: Any) -> Any:  # noqa: ANN401
    if not operands:
        raise ValueError("expected an operand")
    return next((operand for operand in operands if _truth(operand)), operands[-1])


def _equal(first: Any, *others: Any) -> bool:  # noqa: ANN401
    if not others:
        raise ValueError("expected two operands")
    if any(type(other) is not type(first) for other in others):
        raise ValueError("the operands are of different kinds")
    return any(first == other for other in others)


def _index(value: Any, *keys: Any) -> Any:  # noqa: ANN401
    for key in keys:
        if not isinstance(value, Mapping):
            raise TypeError("there is nothing below a value that is not a group of values")
        if key not in value:
            raise KeyError(f"{key!r} is not set")
        value = value[key]
    return value


def _length(value: Any) -> int:  # noqa: ANN401
    return len(value.encode() if isinstance(value, str) else value)


def _not(value: Any) -> bool:  # noqa: ANN401
    return not _truth(value)


def _not_equal(first: Any, second: Any) -> bool:  # noqa: ANN401
    return not _equal(first, second)


def _print(*operands: Any) -> str:  # noqa: ANN401
    """Put a space between two operands when neither is a text, as ``fmt.Sprint`` does."""
    output = ""
    for number, operand in enumerate(operands):
        if number and not isinstance(operand, str) and not isinstance(operands[number - 1], str):
            output += " "
        output += _printed(operand)
    return output


def _printf(pattern: Any, *operands: Any) -> str:  # noqa: ANN401
    rest: Sequence[Any] = operands
    output: list[str] = []
    end = 0
    for match in _VERB.finditer(pattern):
        output.append(pattern[end : match.start()])
        end = match.end()
        if match[1] == "%":
            output.append("%")
            continue
        if not rest:
            raise ValueError(f"{match[0]} has no value")
        value, rest = rest[0], rest[1:]
        output.append(_formatted(match[0], match[1], value))
    if rest:
        raise ValueError("more values than verbs")
    return "".join([*output, pattern[end:]])


def _formatted(verb: str, kind: str, value: Any) -> str:  # noqa: ANN401
    if kind == "d" and isinstance(value, int) and not isinstance(value, bool):
        return verb % value
    if kind == "q" and isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if kind in {"s", "v"}:
        return (verb[:-1] + "s") % _printed(value)
    raise ValueError(f"{verb} cannot show {value!r}")


_FUNCTIONS = {
    "and": _and,
    "eq": _equal,
    "index": _index,
    "len": _length,
    "ne": _not_equal,
    "not": _not,
    "or": _or,
    "print": _print,
    "printf": _printf,
}
