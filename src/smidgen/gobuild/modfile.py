"""Reads go.mod and go.work for where local modules are; Go itself is the judge of whether they are right.

Source: Go Modules Reference, "go.mod files" and "go.work files" (lexical elements, directives).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

# A word, an interpreted string, a raw string or a parenthesis; // begins a comment.
_TOKEN = re.compile(r"\s*(?://.*|(\"(?:[^\"\\]|\\.)*\"|`[^`]*`|=>|[(),]|[^\s\"`(),]+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFile:
    """What go.mod or go.work says about places.

    Attributes:
        module: The module's path; "" in go.work.
        go: The ``go`` line's release, such as ``1.24.0``, or "".
        toolchain: The ``toolchain`` line's name, or "".
        replaced: (module path, directory as written) of each ``replace`` by a directory.
        used: Directories of ``use`` as written.
        ignored: Directories of ``ignore`` as written.
    """

    module: str = ""
    go: str = ""
    toolchain: str = ""
    replaced: tuple[tuple[str, str], ...] = ()
    used: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def parse_module_file(text: str) -> ModuleFile:
    """Parse *text*; a line that cannot be understood is passed over."""
    single: dict[str, str] = {}
    replaced: list[tuple[str, str]] = []
    listed: dict[str, list[str]] = {"use": [], "ignore": []}
    for verb, words in _directives(text):
        if verb in {"module", "go", "toolchain"} and words:
            single[verb] = words[0]
        elif verb in listed and words:
            listed[verb].append(words[0])
        elif verb == "replace" and "=>" in words:
            target = words[words.index("=>") + 1 :]
            # A replacement without a version is a directory.
            if len(target) == 1:
                replaced.append((words[0], target[0]))
    return ModuleFile(
        module=single.get("module", ""),
        go=single.get("go", ""),
        toolchain=single.get("toolchain", ""),
        replaced=tuple(replaced),
        used=tuple(listed["use"]),
        ignored=tuple(listed["ignore"]),
    )


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    """Give (verb, words) of each line, with the verb of its block if it is in one."""
    block = ""
    for line in text.split("\n"):
        words = [_unquoted(match[1]) for match in _TOKEN.finditer(line) if match[1]]
        if not words:
            continue
        if block:
            if words[0] == ")":
                block = ""
            else:
                yield block, words
        elif words[1:2] == ["("]:
            # `use ()` opens and closes in one line.
            block = "" if words[-1] == ")" else words[0]
        else:
            yield words[0], words[1:]


def _unquoted(token: str) -> str:
    if token.startswith("`"):
        return token[1:-1]
    if token.startswith('"'):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def read_module_file(path: str) -> ModuleFile | None:
    """Read the file at *path*; None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse_module_file(file.read(16 << 20))
    except OSError:
        return None


def parents(directory: str) -> Iterator[str]:
    """Give *directory* and all directories above it."""
    while True:
        yield directory
        above = os.path.dirname(directory)
        if above == directory:
            return
        directory = above
