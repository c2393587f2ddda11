"""Words of shell scripts, where they stand, and what go build is told by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.dockerfile.parse import parse
from smidgen.lint.go_commands import GoBuild
from smidgen.lint.shell import parse_script
from smidgen.lint.subject import Subject
from smidgen.lint.text import DockerfileText


@pytest.mark.parametrize(
    ("script", "commands"),
    [
        ("a b&&c||d;e|f", [["a", "b"], ["c"], ["d"], ["e"], ["f"]]),
        ("A=1 B='x y' c \"d e\"'f'", [["c", "d ef"]]),
        ("if a; then b; else c; fi", [["a"], ["b"], ["c"]]),
        ("a > out 2>&1 < in b", [["a", "b"]]),
        ("a $(b; c 'd)') e", [["a", "$(b; c d))", "e"]]),
        ('a "$(b "c d")" e', [["a", "$(b c d)", "e"]]),
        ("a # b\nc\\\n d", [["a"], ["c", "d"]]),
        ("(cd x && a) & b", [["cd", "x"], ["a"], ["b"]]),
        ("! a; { b; }", [["a"], ["b"]]),
        ("a `b c` d", [["a", "`b c`", "d"]]),
        ("'unfinished", [["unfinished"]]),
    ],
)
def test_commands(script: str, commands: list[list[str]]) -> None:
    assert [[word.plain for word in each.words] for each in parse_script(script) if each.words] == commands


@given(st.text(alphabet="ab $(){}'\"\\`;&|<>#\n=", max_size=60))
def test_words_stand_where_they_say(script: str) -> None:
    end = 0
    for command in parse_script(script):
        for word in (*command.assignments, *command.words):
            assert word.start >= end
            assert script[word.start : word.end] == word.raw
            end = word.end


def _builds(lines: str) -> list[GoBuild]:
    text = f"FROM golang:1.25.4\n{lines}\n"
    subject = Subject(parse(text, name="Dockerfile"), DockerfileText(text, "Dockerfile"))
    return [build for _, build in subject.builds]


@pytest.mark.parametrize(
    ("lines", "directory", "packages", "cgo", "ldflags"),
    [
        ("RUN go build", "/", (), None, ""),
        ("WORKDIR /a\nRUN cd b && CGO_ENABLED=0 go build -o x ./c", "/a/b", ("./c",), "0", ""),
        ("ENV CGO_ENABLED=0\nRUN go build -ldflags '-s -w' .", "/", (".",), "0", "-s -w"),
        ("ARG L='-s'\nRUN go build -ldflags=\"$L -w\" .", "/", (".",), None, "-s -w"),
        ("RUN export CGO_ENABLED=1; go -C /x build -v ./y", "/x", ("./y",), "1", ""),
        ("RUN env CGO_ENABLED=0 GOOS=linux /usr/local/go/bin/go install .", "/", (".",), "0", ""),
        ('ENV GOFLAGS="-ldflags=-s -tags=a,b"\nRUN go build', "/", (), None, "-s"),
        ('RUN ["go", "build", "-ldflags", "-s -w", "."]', "/", (".",), None, "-s -w"),
        ("RUN <<E\ncd /q\ngo build .\nE", "/q", (".",), None, ""),
    ],
)
def test_what_go_is_told(lines: str, directory: str, packages: tuple[str, ...], cgo: str | None, ldflags: str) -> None:
    (build,) = _builds(lines)
    assert (build.directory, build.packages, build.cgo, build.ldflags) == (directory, packages, cgo, ldflags)


def test_what_is_no_build() -> None:
    assert not _builds("RUN go test ./... && go vet && echo go build && go mod download")
    assert not _builds("RUN <<E cat > build.sh\ngo build\nE")
    assert not _builds("RUN <<E\n#!/usr/bin/python3\ngo build\nE")


def test_what_is_not_known_is_said() -> None:
    (build,) = _builds("ARG FLAGS\nRUN go build $FLAGS -o a .")
    assert not build.is_known
    assert build.packages == (".",)
