"""Why a document is not of its shape: the node at fault, what was expected there, and the closest key.

msgspec's error names a JSON path. From it the node and the expected type are found again. Read on errors only.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import inspect

from smidgen.config.yaml_source import Document, Entry, ListNode, MappingNode, Node, ScalarNode, plain, shorten
from smidgen.errors import ConfigError

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+|\.\.\.)\]")
_ERROR = re.compile(r"^(?P<reason>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?\Z", re.DOTALL)
_FIELD = re.compile(r"^Object (contains unknown|missing required) field `(.*)`", re.DOTALL)
#: Words of docker, compose, ko and GoReleaser, and what they are here.
_OTHER_WORDS: Final = {
    "args": "cmd",
    "baseimage": "base",
    "command": "cmd",
    "defaultbaseimage": "base",
    "defaultenv": "build_env",
    "defaultflags": "flags",
    "defaultldflags": "ldflags",
    "defaultplatforms": "platforms",
    "builds": "targets",
    "environment": "env",
    "expose": "ports",
    "files": "add",
    "goflags": "flags",
    "main": "target",
    "platform": "platforms",
    "volume": "volumes",
    "working_dir": "workdir",
    "workingdir": "workdir",
}
#: What YAML 1.1 takes for true and false, and people write.
_OTHER_BOOLEANS: Final[Mapping[str, str]] = {
    "yes": "write true",
    "y": "write true",
    "on": "write true",
    "no": "write false",
    "n": "write false",
    "off": "write false",
}


def explain(document: Document, shape: type, message: str) -> ConfigError:
    """Make the error that shows what msgspec's *message* is about.

    Args:
        document: The file.
        shape: The Struct that it was to be.
        message: Text of the ``ValidationError``.
    """
    reason, steps = _parse_error(message)
    return _explained(document, shape, reason, _exact(plain(document.root), shape, steps, message))


def _parse_error(text: str) -> tuple[str, tuple[str, ...]]:
    match = _ERROR.match(text)
    path = (match and match["path"]) or ""
    return (match["reason"] if match else text), tuple(name or index for name, index in _STEP.findall(path))


def _exact(value: Any, shape: type, steps: Sequence[str], message: str) -> tuple[str, ...]:  # noqa: ANN401
    """Replace each ``...``, msgspec's word for a key of a mapping, by the first key that gives the same error."""
    for depth, step in enumerate(steps):
        if step != "...":
            continue
        mapping = _follow(value, steps[:depth])
        for key in mapping:
            alone = _replaced(value, steps[:depth], {key: mapping[key]})
            try:
                msgspec.convert(alone, shape, strict=False)
            except msgspec.ValidationError as error:
                if str(error) == message:
                    return _exact(value, shape, (*steps[:depth], key, *steps[depth + 1 :]), message)
    return tuple(steps)


def _follow(value: Any, steps: Iterable[str]) -> Any:  # noqa: ANN401
    for step in steps:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _replaced(value: Any, steps: Sequence[str], new: Any) -> Any:  # noqa: ANN401
    if not steps:
        return new
    if isinstance(value, list):
        at = int(steps[0])
        return [*value[:at], _replaced(value[at], steps[1:], new), *value[at + 1 :]]
    return {**value, steps[0]: _replaced(value[steps[0]], steps[1:], new)}


def _explained(document: Document, shape: type, reason: str, steps: tuple[str, ...]) -> ConfigError:
    entry, node, expected = _locate(document.root, shape, steps)
    if field := _FIELD.match(reason):
        kind, name = field.groups()
        if kind == "contains unknown" and isinstance(node, MappingNode):
            return _unknown_key(document, node, name, expected)
        # In a list the place is the item; the line shows what is there, the message what is not.
        return document.error(f"the key {name!r} is missing", node.mark, hint=f"write {name}: VALUE")
    key = f"{entry.key}: " if entry else ""
    # An empty value has its place behind the key, where nothing is to be seen.
    mark = entry.key_mark if entry and isinstance(node, ScalarNode) and node.text is None else node.mark
    return document.error(
        f"{key}expected {_describe(expected)}, got {got(node)}", mark, hint=_type_hint(expected, node)
    )


def _locate(root: Node, shape: type, steps: Iterable[str]) -> tuple[Entry | None, Node, Any]:
    """Find the node at *steps*, the last key on the way, and msgspec's description of what was expected there."""
    node, expected = root, _strip(inspect.type_info(shape))
    entry: Entry | None = None
    for step in steps:
        if isinstance(node, ListNode):
            node = node.items[int(step)]
            expected = _strip(_one(expected, inspect.ListType).item_type)
        elif isinstance(node, MappingNode) and (found := node.find(step)):
            entry, node = found, found.value
            if struct := _one(expected, inspect.StructType):
                expected = _strip(next(f.type for f in struct.fields if f.encode_name == step))
            else:
                expected = _strip(_one(expected, inspect.DictType).value_type)
    return entry, node, expected


def _one(expected: Any, kind: type) -> Any:  # noqa: ANN401 - msgspec.inspect's types have no common shape
    """Give the part of *expected* that is of *kind*."""
    parts = expected.types if isinstance(expected, inspect.UnionType) else (expected,)
    return next((part for part in parts if isinstance(part, kind)), None)


def _strip(expected: Any) -> Any:  # noqa: ANN401
    return _strip(expected.type) if isinstance(expected, inspect.Metadata) else expected


def _describe(expected: Any, *, several: bool = False) -> str:  # noqa: ANN401
    expected = _strip(expected)
    match expected:
        case inspect.UnionType():
            words = " or ".join(_describe(part) for part in expected.types)
        case inspect.StrType():
            words = "strings" if several else "a string"
        case inspect.BoolType():
            words = "true or false"
        case inspect.LiteralType():
            words = f"{'any' if several else 'one'} of {', '.join(map(str, expected.values))}"
        case inspect.ListType():
            words = f"a list of {_describe(expected.item_type, several=True)}"
        case inspect.DictType():
            words = f"a mapping of names to {_describe(expected.value_type, several=True)}"
        case _:
            words = "mappings" if several else "a mapping"
    return words


def got(node: Node) -> str:
    """Say what *node* is, for people."""
    match node:
        case ScalarNode(text=None):
            return "nothing"
        case ScalarNode(text=text):
            return repr(shorten(text or ""))
        case ListNode():
            return "a list"
        case MappingNode():
            return "a mapping"


def _type_hint(expected: Any, node: Node) -> str | None:  # noqa: ANN401
    if isinstance(node, ScalarNode) and node.text is None:
        return (
            'leave the key out, or write "" for an empty string'
            if _one(expected, inspect.StrType)
            else "leave the key out"
        )
    if isinstance(node, MappingNode) and len(node.entries) == 1 and _one(expected, inspect.StrType):
        return "put quotes around a string that has a colon and a space in it"
    if isinstance(node, ListNode) and _one(expected, inspect.DictType):
        return "write NAME: VALUE lines, without dashes"
    if _one(expected, inspect.BoolType) and isinstance(node, ScalarNode):
        return _OTHER_BOOLEANS.get((node.text or "").lower())
    if literal := _one(expected, inspect.LiteralType):
        return did_you_mean(node.text or "", literal.values) if isinstance(node, ScalarNode) else None
    return None


def _unknown_key(document: Document, node: MappingNode, name: str, expected: Any) -> ConfigError:  # noqa: ANN401
    known = [field.encode_name for field in _one(expected, inspect.StructType).fields]
    entry = node.find(name)
    other = _OTHER_WORDS.get(name.lower(), "")
    hint = (
        f"did you mean {other}?" if other in known else did_you_mean(name, known) or f"the keys are {', '.join(known)}"
    )
    return document.error(f"unknown key {shorten(name)!r}", entry.key_mark if entry else node.mark, hint=hint)


def did_you_mean(text: str, known: Iterable[str]) -> str | None:
    """Ask after the word of *known* that is closest to *text*, or give None where none is close."""
    close = difflib.get_close_matches(text.lower(), list(known), 1)
    return f"did you mean {close[0]}?" if close else None
