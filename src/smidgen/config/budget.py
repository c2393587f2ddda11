"""``budget`` in ``smidgen.yaml``: what an image may have, each limit with the line that says so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from msgspec import UNSET

from smidgen.config.file_layer import Config
from smidgen.config.yaml_source import Document, Entry, MappingNode

_SIZE: Final = re.compile(r"^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?\Z")
_PERCENT: Final = re.compile(r"^([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%\Z")
_COUNT: Final = re.compile(r"^[0-9]{1,9}\Z")
_UNITS: Final = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_SIZES: Final = ("size", "pull_size", "layer_size", "wasted")
_GROWTHS: Final = ("growth", "pull_growth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One line of a budget.

    Attributes:
        key: Such as ``pull_size``; every package has ``packages``.
        name: The package or pattern, else empty.
        text: The limit as it was written, or what it is in words.
        value: Bytes, or how many.
        percent: Instead of bytes a share of the other image, or None.
        allowed: Names of needs.
        file: The file, as it is shown to people.
        line: 1-based.
        column: 1-based.
    """

    key: str
    name: str = ""
    text: str
    value: int = 0
    percent: Decimal | None = None
    allowed: frozenset[str] = frozenset()
    file: str
    line: int
    column: int


def budget_limits(config: Config) -> tuple[Limit, ...]:
    """Give the limits of the file's budget, in the order of the file; none where it has no budget.

    Raises:
        ConfigError: A value is not of its form; with line and caret.
    """
    section = config.document.root.find("budget")
    if not config.file.budget or section is None or not isinstance(section.value, MappingNode):
        return ()
    return tuple(limit for entry in section.value.entries for limit in _limits(config, entry))


def _limits(config: Config, entry: Entry) -> Iterator[Limit]:
    document, key = config.document, entry.key
    value = getattr(config.file.budget, key)
    if value is UNSET or value is False:
        return
    if key == "packages" and isinstance(entry.value, MappingNode):
        for inner in entry.value.entries:
            text = value[inner.key]
            yield _limit(document, inner, "packages", text, name=inner.key, value=_size(document, inner, text))
    elif key == "needs":
        yield _limit(document, entry, key, ", ".join(value) or "none", allowed=frozenset(value))
    elif key in _SIZES:
        yield _limit(document, entry, key, value, value=_size(document, entry, value))
    elif key == "layers":
        if not _COUNT.match(value):
            raise document.error(f"{value!r} is no number of layers", entry.value.mark, hint="expected such as 5")
        yield _limit(document, entry, key, value, value=int(value))
    elif key in _GROWTHS and (match := _PERCENT.match(value)):
        yield _limit(document, entry, key, value, percent=Decimal(match[1]))
    elif key in _GROWTHS:
        yield _limit(document, entry, key, value, value=_size(document, entry, value, percent=True))
    else:
        yield _limit(document, entry, key, "yes")


def _limit(
    document: Document,
    entry: Entry,
    key: str,
    text: str,
    *,
    name: str = "",
    value: int = 0,
    percent: Decimal | None = None,
    allowed: frozenset[str] = frozenset(),
) -> Limit:
    return Limit(
        key=key,
        name=name,
        text=text,
        value=value,
        percent=percent,
        allowed=allowed,
        file=document.name,
        line=entry.key_mark.line,
        column=entry.key_mark.column,
    )


def _size(document: Document, entry: Entry, text: str, *, percent: bool = False) -> int:
    match = _SIZE.match(text.strip())
    if match is None:
        hint = "expected bytes, or a number with kB, MB, GB, KiB, MiB or GiB, such as 10MB"
        raise document.error(f"{text!r} is no size", entry.value.mark, hint=hint + (", or 5%" if percent else ""))
    return int(Decimal(match[1]) * _UNITS[match[2] or "B"])
