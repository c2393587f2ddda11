"""A loader that refuses to start a program is told from a program that ended so."""

import pytest

from smidgen.sandbox.loader_words import refusal, unready


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


@pytest.mark.parametrize(
    ("exit_code", "line"),
    [
        (1, "Fatal Python error: init_fs_encoding: failed to get the Python codec of the filesystem encoding"),
        (1, "ModuleNotFoundError: No module named 'tzdata'"),
        (1, "ImportError: libsqlite3.so.0: cannot open shared object file: No such file or directory"),
        (255, "[PYI-1:ERROR] Failed to load Python shared library '/_internal/libpython3.11.so.1.0': libm.so.6"),
        (1, "could not load: libpcre.so(.3|.1|)"),
    ],
)
def test_words_of_languages(exit_code: int, line: str) -> None:
    assert unready(exit_code, f"Traceback (most recent call last):\n{line}\n") == line
    assert unready(0, line) == ""
    assert unready(None, line) == ""
    assert unready(exit_code, f"log: {line}") == ""
    assert unready(exit_code, "usage: app FILE\n") == ""
