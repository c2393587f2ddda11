"""``smidgen --version``."""

import pytest

from support.command import Smidgen


def test_one_line(smidgen: Smidgen) -> None:
    (line,) = smidgen("--version").lines
    assert line.startswith("smidgen ")


@pytest.mark.parametrize("arguments", [("--version", "-v"), ("-v", "--version")])
def test_what_decides_the_bytes_of_a_layer(smidgen: Smidgen, arguments: tuple[str, ...]) -> None:
    lines = smidgen(*arguments).lines
    assert [line.split()[0] for line in lines] == ["smidgen", "certifi", "deflate", "tzdata", "zstandard"]
    assert all(len(line.split()) == 2 for line in lines)
