"""Lines: directives, continuations, comments, and where each part stands."""

import pytest

from smidgen.dockerfile.checks import judge
from smidgen.dockerfile.instruction import Directives, Doubt
from smidgen.dockerfile.lexer import MAX_SIZE, Lexer
from smidgen.dockerfile.parse import MAX_INSTRUCTIONS, decode_dockerfile, parse
from smidgen.errors import DockerfileError, LimitExceeded


def lines(text: str) -> list[tuple[int, int, str]]:
    lexer = Lexer(text, file="Dockerfile")
    found: list[tuple[int, int, str]] = []
    while (line := lexer.next()) is not None:
        found.append((line.location.line, line.location.last_line, line.location.code))
    return found


def test_blank_lines_and_comments_are_dropped() -> None:
    assert lines("\n  # a\n\n\tFROM x\n#b\nRUN y # not a comment\n") == [
        (4, 4, "FROM x"),
        (6, 6, "RUN y # not a comment"),
    ]


def test_continued_lines_are_joined_as_they_are() -> None:
    assert lines("RUN a \\\n  b\\\nc \\  \t\nd\n") == [(1, 4, "RUN a   bc d")]
    assert lines("RUN a \\\n# comment \\\n  \t# another\n\n  b\n") == [(1, 5, "RUN a   b")]
    assert lines("RUN a \\") == [(1, 1, "RUN a ")]
    assert lines("RUN a \\\n") == [(1, 2, "RUN a ")]
    assert lines("\\\nRUN a\n") == [(1, 2, "RUN a")]


def test_an_escaped_escape_does_not_continue() -> None:
    assert lines("RUN a\\\\\nRUN b") == [(1, 1, "RUN a\\\\"), (2, 2, "RUN b")]


def test_ends_of_lines_of_windows() -> None:
    assert lines("FROM a\r\nRUN b \\\r\n c\r\n") == [(1, 1, "FROM a"), (2, 3, "RUN b  c")]
    (run,) = parse("FROM a\r\nRUN <<X\r\nb\r\nX\r\n", name="D").stages[0].instructions
    assert run.location.last_line == 4


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert lines("\ufeffFROM a") == [(1, 1, "FROM a")]


def test_another_escape_character() -> None:
    text = "# escape=`\nRUN a `\n b \\\nRUN c"
    assert lines(text) == [(2, 3, "RUN a  b \\"), (4, 4, "RUN c")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# syntax=docker/dockerfile:1\n# escape=`\n", Directives(syntax="docker/dockerfile:1", escape="`")),
        ("#  SynTax =  docker/dockerfile:1  \r\n", Directives(syntax="docker/dockerfile:1")),
        ("#!/bin/x\n# syntax=docker/dockerfile:1\n# escape=`\n", Directives(syntax="docker/dockerfile:1")),
        ("\n# escape=`\n", Directives()),
        ("# a comment\n# escape=`\n", Directives()),
        ("# unknown=x\n# escape=`\n", Directives()),
        ("FROM a\n# escape=`\n", Directives()),
        ("# check=skip=A, b;error=true\n", Directives(skipped_checks=frozenset({"A", "b"}), doubts_are_errors=True)),
        ("# syntax=localhost:5000/docker/dockerfile:1.7-labs@sha256:ab\n", None),
    ],
)
def test_directives(text: str, expected: Directives | None) -> None:
    found = Lexer(text, file="D").directives
    assert found == (expected or found)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("# syntax=example.com/my/frontend:1\n", 1, 10, "the front end 'example.com/my/frontend:1' is not supported"),
        ("# escape=|\n", 1, 10, "the escape character"),
        ("# syntax=docker/dockerfile\n# check=skipp=x\n", 2, 9, "the option 'skipp=x' of check"),
        ("# escape=`\n# Escape=`\n", 2, 3, "stands twice"),
    ],
)
def test_directives_that_cannot_be(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        Lexer(text, file="D")
    assert (caught.value.line, caught.value.column) == (line, column)


def test_what_the_check_directive_says_of_doubts() -> None:
    doubts = (Doubt("StageNameCasing", "m", "D", 1), Doubt("UndefinedVar", "n", "D", 7))

    def judged(directive: str) -> list[str]:
        dockerfile = parse(f"{directive}\nFROM a", name="D")
        return [doubt.rule for doubt in judge(dockerfile, doubts)]

    assert judged("#") == ["StageNameCasing", "UndefinedVar"]
    assert judged("# check=skip=undefinedvar") == ["StageNameCasing"]
    assert judged("# check=skip=all;error=true") == []
    with pytest.raises(DockerfileError, match=r"D:1:1: m \(StageNameCasing\), and 1 more"):
        judged("# check=error=true")


def test_bytes_that_are_no_text_may_stand_in_comments_alone() -> None:
    assert parse(decode_dockerfile(b"# caf\xe9\nFROM a\n"), name="D").stages
    with pytest.raises(DockerfileError, match="no UTF-8") as caught:
        parse(decode_dockerfile(b"FROM a\nRUN caf\xe9\n"), name="D")
    assert (caught.value.line, caught.value.column) == (2, 8)


def test_columns_of_continued_lines() -> None:
    line = Lexer("  RUN a \\\n    b \\\n  c\n", file="D").next()
    assert line is not None
    places = []
    for word in ("a", "b", "c"):
        error = line.location.fault("x", at=word, hint=None)
        places.append((error.line, error.column))
    assert places == [(1, 7), (2, 5), (3, 3)]


def test_there_are_bounds() -> None:
    with pytest.raises(LimitExceeded):
        Lexer("#" * (MAX_SIZE + 1), file="D")
    with pytest.raises(DockerfileError, match="instructions"):
        parse("FROM a\n" * (MAX_INSTRUCTIONS + 1), name="D")
