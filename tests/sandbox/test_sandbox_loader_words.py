"""A loader that refuses to start a program is told from a program that ended so."""

import pytest

from smidgen.sandbox.loader_words import refusal


@pytest.mark.parametrize(
    ("exit_code", "line"),
    [
        (1, "/app: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /app)"),
        (127, "/app: error while loading shared libraries: libz.so.1: cannot open shared object file: No such file"),
        (127, "/app: symbol lookup error: /app: undefined symbol: qsort_r"),
        (127, "/app: relocation error: /app: symbol qsort_r version GLIBC_2.8 not defined in file libc.so.6"),
        (127, "Error relocating /app: qsort_r: symbol not found"),
        (127, "Error loading shared library libz.so.1: No such file or directory (needed by /app)"),
    ],
)
def test_words_of_loaders(exit_code: int, line: str) -> None:
    assert refusal(exit_code, f"{line}\n") == line
    assert refusal(exit_code, f"{line}\r\nmore\n") == line
    # Another program, which writes of what it did: it was started.
    assert refusal(0, line) == ""
    assert refusal(None, line) == ""
    assert refusal(exit_code, f"I read: {line}") == ""


@pytest.mark.parametrize("text", ["", "usage: app FILE\n", "Error loading config.yaml\n", "app: version 2 not found\n"])
def test_words_of_programs(text: str) -> None:
    assert refusal(1, text) == ""
    assert refusal(127, text) == ""
