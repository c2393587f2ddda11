"""Which files ``//go:embed`` patterns take, and where a new file would be taken too.

Source: package ``embed``; ``load.resolveEmbed`` in ``cmd/go``; ``path.Match``.
"""

import os
import re

from smidgen.gobuild.inputs import Inputs

_META = frozenset("*?[\\")
# Source: ``load.isBadEmbedName``.
_NEVER = frozenset(("", ".bzr", ".hg", ".git", ".svn"))


def note_embedded(directory: str, patterns: tuple[str, ...], inputs: Inputs) -> None:
    """Note in *inputs* what *patterns* of a package in *directory* take."""
    for pattern in patterns:
        takes_hidden = pattern.startswith("all:")
        elements = pattern.removeprefix("all:").split("/")
        # Go refuses such patterns; what looks like one here stands in a comment or a string.
        if any(element in {"", ".", ".."} for element in elements):
            continue
        for path in _matching(directory, elements, inputs):
            if os.path.isdir(path) and not os.path.islink(path):
                _note_tree(path, inputs, takes_hidden=takes_hidden)
            else:
                inputs.files[path] = None


def _matching(directory: str, elements: list[str], inputs: Inputs) -> list[str]:
    """Give the paths that the elements of a pattern match, and note where others could appear."""
    places = [directory]
    for number, element in enumerate(elements):
        is_last = number == len(elements) - 1
        if not _META.intersection(element):
            places = [os.path.join(place, element) for place in places]
        else:
            expression = _match_expression(element)
            found: list[str] = []
            for place in places:
                if not os.path.isdir(place):
                    continue
                inputs.listings[place] = None
                found += [os.path.join(place, name) for name in sorted(os.listdir(place)) if expression.match(name)]
            places = found
        if not is_last:
            # Nothing is taken out of another module or from behind a symbolic link.
            inputs.absent |= {os.path.join(place, "go.mod"): None for place in places}
            inputs.folders |= dict.fromkeys(places)
    return places


def _note_tree(top: str, inputs: Inputs, *, takes_hidden: bool) -> None:
    waiting = [top]
    while waiting:
        directory = waiting.pop()
        inputs.listings[directory] = None
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name in _NEVER or (not takes_hidden and entry.name.startswith((".", "_"))):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    inputs.files[entry.path] = None


def _match_expression(pattern: str) -> re.Pattern[str]:
    """Compile one element for ``path.Match``; a malformed one matches everything, to be on the safe side."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            parts.append(".*")
        elif character == "?":
            parts.append(".")
        elif character == "\\" and at < len(pattern):
            parts.append(re.escape(pattern[at]))
            at += 1
        elif character == "[":
            end = _class_end(pattern, at)
            if end < 0:
                return re.compile(".*", re.DOTALL)
            parts.append("[" + pattern[at:end].replace("[", r"\[") + "]")
            at = end + 1
        else:
            parts.append(re.escape(character))
    try:
        return re.compile("".join(parts) + r"\Z", re.DOTALL)
    except re.error:
        return re.compile(".*", re.DOTALL)


def _class_end(pattern: str, start: int) -> int:
    at = start
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "]":
            return at
        at += 1
    return -1
