"""What Go sources say of ports, health, variables and files. Guesses, each with its place; nothing is run.

Source: The Go Programming Language Specification, "Comments" and "String literals".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

_Key = TypeVar("_Key", int, str)

_MOST_BYTES: Final = 1 << 20
_MOST_FILES: Final = 5000
# What is a text must not be taken for a comment, so all are matched together.
_TOKEN: Final = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|`[^`]*`|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
_NUMBER: Final = r"([1-9][0-9]{1,4})"
_PORTS: Final = (
    re.compile(rf'"(?:0\.0\.0\.0|\[::\])?:{_NUMBER}"'),
    re.compile(rf'(?i:port)\w*\s*:?=\s*"{_NUMBER}"'),
    re.compile(rf'(?i:env)\w*\(\s*"[A-Z_]*PORT"\s*,\s*"?{_NUMBER}"?\s*\)'),
    re.compile(rf'\.(?:Int|Uint)\w*\([^)\n]{{0,80}}"[a-z-]{{0,20}}port"\s*,\s*{_NUMBER}\b'),
)
_LOOPBACK: Final = re.compile(
    rf'(?:Listen\w*\(|Addr:)[^\n"]{{0,80}}(?:"tcp",\s*)?"(?:127\.0\.0\.1|localhost):{_NUMBER}"'
)
#: Paths that servers are asked at whether they are well, the best first.
_HEALTH_PATHS: Final = ("/healthz", "/livez", "/health", "/health/live", "/-/healthy", "/readyz", "/ready", "/ping")
_HEALTH: Final = re.compile(rf'"(?:GET )?({"|".join(map(re.escape, _HEALTH_PATHS))})/?(?:\{{\$\}})?"')
_SELF_FLAG: Final = re.compile(r'\.Bool(?:Var)?\([^)\n]{0,80}"(health|healthcheck|health-check)"')
_SELF_WORD: Final = re.compile(r'os\.Args\[1\]\s*==\s*"(health(?:-?check)?)"')
_VARIABLE: Final = re.compile(r'os\.(?:Getenv|LookupEnv)\(\s*"([A-Z][A-Z0-9_]{0,60})"\s*\)')
_FILE: Final = re.compile(
    r'(?:ParseFiles|ParseGlob|http\.Dir|os\.(?:Open|ReadFile|ReadDir|DirFS))\(\s*"(?:\./)?([A-Za-z0-9_][^"\\\n]{0,200})"'
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a source file, relative to the project's directory."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What was found, each with the first place where.

    Attributes:
        ports: That it listens on.
        loopback: Ports that it listens on for this machine only.
        health: The path to ask it at whether it is well; empty where there is none.
        self_check: Arguments with which the program asks itself; empty where there are none.
        variables: Of the environment.
        files: Relative paths that it opens while it runs; patterns are cut to their directory.
    """

    ports: dict[int, Place]
    loopback: dict[int, Place]
    health: str
    self_check: tuple[str, ...]
    variables: dict[str, Place]
    files: dict[str, Place]


def scan(files: Iterable[Path], root: Path) -> Scanned:
    """Read *files*, Go sources below *root*; what is too large or cannot be read is passed over."""
    ports: dict[int, Place] = {}
    loopback: dict[int, Place] = {}
    variables: dict[str, Place] = {}
    opened: dict[str, Place] = {}
    paths: set[str] = set()
    checks: list[tuple[str, ...]] = []
    for path, code in _sources(files):
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        for pattern in _PORTS:
            _note(ports, ((int(text), at) for text, at in _found(pattern, code, name) if int(text) <= 65535))
        _note(loopback, ((int(text), at) for text, at in _found(_LOOPBACK, code, name)))
        _note(variables, _found(_VARIABLE, code, name))
        _note(opened, ((_plain(text), at) for text, at in _found(_FILE, code, name)))
        paths |= {text for text, _ in _found(_HEALTH, code, name)}
        checks += [(f"-{text}",) for text, _ in _found(_SELF_FLAG, code, name)]
        checks += [(text,) for text, _ in _found(_SELF_WORD, code, name)]
    return Scanned(
        ports=dict(sorted(ports.items())),
        loopback=dict(sorted(loopback.items())),
        health=next((path for path in _HEALTH_PATHS if path in paths), ""),
        self_check=checks[0] if checks else (),
        variables=dict(sorted(variables.items())),
        files=dict(sorted(opened.items())),
    )


def _sources(files: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for path in sorted(files)[:_MOST_FILES]:
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError:
            continue
        if len(data) <= _MOST_BYTES:
            yield path, without_comments(data.decode("utf-8", "replace"))


def without_comments(text: str) -> str:
    """Blank the comments of Go source; lines stay where they are."""
    return _TOKEN.sub(
        lambda match: "\n" * match[0].count("\n") if match[0].startswith(("//", "/*")) else match[0], text
    )


def _found(pattern: re.Pattern[str], code: str, name: str) -> Iterator[tuple[str, Place]]:
    for match in pattern.finditer(code):
        yield match[1], Place(name, code.count("\n", 0, match.start(1)) + 1)


def _note(into: dict[_Key, Place], found: Iterable[tuple[_Key, Place]]) -> None:
    for key, place in found:
        into.setdefault(key, place)


def _plain(text: str) -> str:
    """Cut a pattern to the directory that it looks into."""
    parts = text.split("/")
    plain = next((count for count, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    return "/".join(parts[:plain]) or "."
