"""Adds keys to a configuration file, with its comments, its order and its way of writing left as they are.

Only what is simple is edited: lines are put between others, or an element behind the last of a list. The text is then
read again and compared: it has to say what it said before, and the keys.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from smidgen.config.yaml_source import Document, Entry, ListNode, MappingNode, Plain, ScalarNode, parse_document, plain
from smidgen.errors import ConfigError, UsageError

#: Key → its text, or the elements of its list.
Keys = Mapping[str, str | Sequence[str]]

_PLAIN: Final = re.compile(r"^[A-Za-z./_][A-Za-z0-9./_:-]*\Z")
# What YAML readers take for something else than a text.
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "."})


def render_keys(keys: Keys) -> list[str]:
    """Render *keys*, a line each."""
    return [f"{name}: {_value(value)}" for name, value in keys.items()]


def render_target(target: str, keys: Keys) -> list[str]:
    """Render an entry of ``targets``, without indentation."""
    return [f"- target: {_scalar(target)}", *(f"  {line}" for line in render_keys(keys))]


def _value(value: str | Sequence[str]) -> str:
    return _scalar(value) if isinstance(value, str) else f"[{', '.join(map(_scalar, value))}]"


def _scalar(text: str) -> str:
    is_plain = _PLAIN.match(text) and text.lower() not in _WORDS and not text.endswith(":")
    return text if is_plain else msgspec.json.encode(text).decode()


def with_keys(text: str, document: Document, keys: Keys, *, entry: int | None) -> str:
    """Give *text*, that of *document*, with *keys* in it.

    Args:
        text: The whole file.
        document: The same, parsed.
        keys: What to say; a list that is there gets the elements that it lacks.
        entry: Which element of ``targets`` it is said of; None for all targets.

    Raises:
        ConfigError: The file is written in a way that cannot be added to without risk.
    """
    lines = text.splitlines(keepends=True)
    node = document.root if entry is None else _targets(document).items[entry]
    assert isinstance(node, MappingNode)  # noqa: S101 (the schema says so)
    fresh = {}
    for name, value in keys.items():
        there = node.find(name)
        if there is None:
            fresh[name] = value
        else:
            _extend(lines, there, value)
    if fresh:
        _insert(lines, document, node, render_keys(fresh), is_root=entry is None)
    return _checked("".join(lines), document, keys, entry)


def with_target(text: str, document: Document, target: str, keys: Keys) -> str:
    """Give *text*, that of *document*, with an entry of ``targets`` behind all others.

    Raises:
        ConfigError: The file is written in a way that cannot be added to without risk.
    """
    lines = text.splitlines(keepends=True)
    end = _line_end(lines)
    found = document.root.find("targets")
    item = render_target(target, keys)
    if found is None:
        _append(lines, ["targets:", *(f"  {line}" for line in item)], end)
    else:
        items = _targets(document).items
        mark = items[-1].mark if items else found.value.mark
        line = lines[mark.line - 1]
        dash = line.rfind("-", 0, mark.column)
        following = [one.key_mark.line for one in document.root.entries if one.key_mark.line > mark.line]
        block = [f"{' ' * max(dash, 0)}{one}{end}" for one in item]
        if following:
            at = _above_comments(lines, min(following) - 1)
            lines[at:at] = block
        else:
            _append(lines, [one.removesuffix(end) for one in block], end)
    wanted = _plain_root(document)
    wanted.setdefault("targets", [])
    listed = wanted["targets"]
    if isinstance(listed, list):
        listed.append({"target": target, **_plain_keys(keys)})
    return _same("".join(lines), document, wanted, item)


def _targets(document: Document) -> ListNode:
    found = document.root.find("targets")
    if found is None or not isinstance(found.value, ListNode):
        raise _unsafe(document, ["targets:"])
    return found.value


def _extend(lines: list[str], there: Entry, value: str | Sequence[str]) -> None:
    """Add to a list, on one line or with a line for each element; what is written otherwise stays, and is found out."""
    node = there.value
    if isinstance(value, str) or not isinstance(node, ListNode) or not node.items:
        return
    known = {item.text for item in node.items if isinstance(item, ScalarNode)}
    missing = [_scalar(one) for one in value if one not in known]
    last = node.items[-1].mark
    line = lines[last.line - 1]
    first = lines[node.mark.line - 1][node.mark.column - 1 :]
    if first.startswith("["):
        at = line.find("]", last.column - 1)
        if at >= 0:
            lines[last.line - 1] = f"{line[:at].rstrip()}, {', '.join(missing)}{line[at:]}"
    else:
        before = line[: last.column - 1]
        end = _line_end(lines)
        if not line.endswith(end):
            lines[last.line - 1] = line + end
        lines[last.line : last.line] = [f"{before}{one}{end}" for one in missing]


def _insert(lines: list[str], document: Document, node: MappingNode, fresh: list[str], *, is_root: bool) -> None:
    end = _line_end(lines)
    if is_root:
        targets = document.root.find("targets")
        if targets is None:
            _append(lines, fresh, end)
        else:
            # What is for all stands above what is for some.
            at = _above_comments(lines, targets.key_mark.line - 1)
            lines[at:at] = [f"{one}{end}" for one in fresh]
        return
    first = node.entries[0]
    indent = " " * (first.key_mark.column - 1)
    at = first.key_mark.line
    if not lines[at - 1].endswith(end):
        lines[at - 1] += end
    lines[at:at] = [f"{indent}{one}{end}" for one in fresh]


def _append(lines: list[str], fresh: list[str], end: str) -> None:
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    lines += [f"{one}{end}" for one in fresh]


def _above_comments(lines: list[str], at: int) -> int:
    """Go up from a line over the comments and blank lines that belong to it."""
    while at > 0 and (not lines[at - 1].strip() or lines[at - 1].startswith("#")):
        at -= 1
    return at


def _line_end(lines: Sequence[str]) -> str:
    return "\r\n" if lines and lines[0].endswith("\r\n") else "\n"


def _checked(text: str, document: Document, keys: Keys, entry: int | None) -> str:
    wanted = _plain_root(document)
    place: Plain = wanted
    if entry is not None:
        listed = wanted["targets"]
        place = listed[entry] if isinstance(listed, list) else wanted
    if isinstance(place, dict):
        place |= _plain_keys(keys)
    return _same(text, document, wanted, render_keys(keys))


def _plain_root(document: Document) -> dict[str, Plain]:
    root = plain(document.root)
    return root if isinstance(root, dict) else {}


def _plain_keys(keys: Keys) -> dict[str, Plain]:
    return {name: value if isinstance(value, str) else list(value) for name, value in keys.items()}


def _same(text: str, document: Document, wanted: Mapping[str, Plain], said: Sequence[str]) -> str:
    """Give *text* if it says what is wanted and nothing else."""
    try:
        found = plain(parse_document(text.removeprefix("\ufeff"), path=document.path, name=document.name).root)
    except UsageError:
        found = None
    if found != wanted:
        raise _unsafe(document, said)
    return text


def _unsafe(document: Document, said: Sequence[str]) -> ConfigError:
    return ConfigError(
        "is written in a way that cannot be added to without risk",
        path=document.name,
        hint="add by hand: " + "; ".join(one.strip() for one in said),
    )
