"""How options are spelt: which texts are lists, and what their flags are called."""

from collections.abc import Callable, Mapping
from typing import Final

from smidgen.config.place import FlagPlace, Given, Texts
from smidgen.config.words import split_commas, split_go_flags, split_words


def _whole(text: str) -> tuple[str, ...]:
    return (text,)


def _spaces(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Field → how one text that stands for the whole list is split.
LISTS: Final[Mapping[str, Callable[[str], tuple[str, ...]]]] = {
    "names": _whole,
    "tags": _whole,
    "platforms": split_commas,
    "entrypoint": split_words,
    "cmd": split_words,
    "ports": split_commas,
    "volumes": _whole,
    "add": _whole,
    "linux_capabilities": _spaces,
    "build": _whole,
    "flags": split_go_flags,
    "ldflags": _whole,
    "gcflags": _whole,
    "build_tags": split_commas,
    "needs_with": split_commas,
    "needs_without": split_commas,
    "zones": split_commas,
    "libraries": split_commas,
    "ca_bundles": _whole,
}
#: Lists whose flags take several at once, as in ``--platform linux/amd64,linux/arm64``.
_COMMAS: Final = ("platforms", "ports", "build_tags", "needs_with", "needs_without", "zones", "libraries")

MAPS: Final = ("variables", "build_env", "env", "labels", "annotations")

#: Field → flag, where the name of the flag is not that of the field.
_FLAGS: Final = {
    "names": "-t",
    "flags": "--goflags",
    "build_tags": "--tags",
    "variables": "-X",
    "platforms": "--platform",
    "ports": "--expose",
    "volumes": "--volume",
    "linux_capabilities": "--cap",
    "labels": "--label",
    "annotations": "--annotation",
    "needs_with": "--with",
    "needs_without": "--without",
    "zones": "--tz",
    "libraries": "--library",
    "ca_bundles": "--ca-bundle",
}


def flag_name(field: str) -> str:
    """Give the flag of *field* as users write it."""
    return _FLAGS.get(field, f"--{field.replace('_', '-')}")


def flag_place(field: str) -> FlagPlace:
    """Give the place of a value that the flag of *field* gave."""
    return FlagPlace(flag_name(field))


def is_local(target: str) -> bool:
    """Tell whether a target means a directory, by the rule of the go command."""
    return target in (".", "..") or target.startswith(("./", "../", "/"))


def split_text(field: str, given: Given[str]) -> Texts:
    """Split one text into the list that *field* takes.

    Raises:
        UsageError: It is not such a list, such as a command with a quote that does not end.
    """
    return tuple(given.moved(text) for text in given.parsed(LISTS[field]))


def split_uses(field: str, items: Texts) -> Texts:
    """Split what was given to each use of a flag, where it takes several at once.

    Raises:
        UsageError: There is nothing beside a comma.
    """
    if field not in _COMMAS:
        return items
    return tuple(item.moved(text) for item in items for text in item.parsed(split_commas))
