"""What is built: Dockerfiles of articles, one of 25 steps, and two with very many files."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COLD: Final = "cold, bases in the store"
MANY: Final = "many files"
_ARTICLES: Final = Path(__file__).parents[1] / "tests/support/articles"
_CHANGED, _COPIED = 20_000, 50_000


@dataclass(frozen=True)
class Program:
    """A Dockerfile with what belongs to it.

    Attributes:
        name: What the table calls it.
        measure: What is measured with it when nothing may be kept.
        bases: Stand-ins; that of the commands first.
        write: Makes its directory.
        prepared: A Dockerfile for all that is there before the first command.
        directory: Of the commands.
        commands: Those of RUN; none where that is not what it is about.
        is_long: It takes half a minute.
        is_usual: It is measured unless others are asked for.
    """

    name: str
    measure: str
    bases: tuple[str, ...]
    write: Callable[[Path], None]
    prepared: str = ""
    directory: str = "/"
    commands: tuple[str, ...] = ()
    is_long: bool = False
    is_usual: bool = True


def _article(name: str) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        directory.mkdir()
        for source, target in (
            ("server.go", "main.go"),
            ("greeting.go", "greeting.go"),
            ("dockerignore", ".dockerignore"),
            (f"{name}.Dockerfile", "Dockerfile"),
        ):
            shutil.copyfile(_ARTICLES / source, directory / target)
        (directory / "go.mod").write_text("module example.com/app\n\ngo 1.23\n")
        (directory / "go.sum").write_text("")

    return write


# Work as real commands do it: files of some kilobytes, and some tenths of a second of the processor's time.
_WORK: Final = tuple(
    f"mkdir -p /opt/{number} && cd /opt/{number} && for i in $(seq 50); do echo $i > $i; done"
    f" && dd if=/dev/zero bs=1M count=128 2>/dev/null | sha256sum > sum"
    for number in range(10)
)


def _steps(directory: Path) -> None:
    """Make 25 instructions: FROM, ten RUN, seven COPY, and what only changes the config."""
    (directory / "src").mkdir(parents=True)
    lines = ["FROM alpine", "LABEL steps=25", "ENV MODE=release", "ARG VERSION=1", "WORKDIR /app"]
    for number in range(7):
        (directory / f"src/{number}").mkdir()
        for file in range(20):
            (directory / f"src/{number}/{file}.txt").write_text(f"{number} {file}\n" * 50)
        lines.append(f"COPY src/{number} /app/{number}")
    lines += [f"RUN {command}" for command in _WORK]
    lines += ["USER nobody", "EXPOSE 8080", 'CMD ["/bin/true"]']
    assert len(lines) == 25, len(lines)
    (directory / "Dockerfile").write_text("\n".join(lines) + "\n")


def _changing(directory: Path) -> None:
    directory.mkdir()
    # As a package manager does: directories with some files each.
    loop = f"for d in $(seq {_CHANGED // 100}); do mkdir -p /many/$d; cd /many/$d; seq 100 | xargs touch; done"
    (directory / "Dockerfile").write_text(f"FROM alpine\nRUN {loop}\n")


def _copying(directory: Path) -> None:
    directory.mkdir()
    (directory / "Dockerfile").write_text("FROM alpine\nCOPY files /files\n")
    for number in range(_COPIED // 100):
        place = directory / f"files/{number}"
        place.mkdir(parents=True)
        for file in range(100):
            (place / f"{file}.txt").write_text(f"{number} {file}\n" * 20)


_GO: Final = ("golang:1.23-alpine", "alpine")
_READY: Final = "FROM golang:1.23-alpine\nWORKDIR /app\nCOPY . .\n"
_BUILD: Final = "go build -o main ."

PROGRAMS: Final = (
    Program(
        "the article with two stages",
        COLD,
        _GO,
        _article("stages"),
        prepared=_READY,
        directory="/app",
        commands=("go mod download", _BUILD),
        is_long=True,
    ),
    Program(
        "the article with one stage",
        COLD,
        _GO,
        _article("alpine"),
        prepared=_READY,
        directory="/app",
        commands=(_BUILD,),
        is_long=True,
        is_usual=False,
    ),
    Program("25 steps", COLD, ("alpine",), _steps, prepared="FROM alpine\n", commands=_WORK),
    Program(f"RUN that changes {_CHANGED} files", MANY, ("alpine",), _changing),
    Program(f"COPY of {_COPIED} files", MANY, ("alpine",), _copying),
)
