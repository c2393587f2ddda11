"""Small Go programs that could be smaller, each for its own reason."""

from pathlib import Path

_SERVER = """package main

import "net/http"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) })
	http.ListenAndServe(":8080", nil)
}
"""
_HELLO = 'package main\n\nfunc main() { println("hello") }\n'


def write_program(directory: Path, source: str, **files: str) -> Path:
    """Write a module ``example.test/app`` with one main package; ``_`` of a file's name stands for a dot."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "go.mod").write_text("module example.test/app\n\ngo 1.21\n")
    (directory / "main.go").write_text(source)
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text)
    return directory


def write_server(directory: Path) -> Path:
    """Write a server of plain HTTP."""
    return write_program(directory, _SERVER)


def write_hello(directory: Path, **files: str) -> Path:
    """Write a program without a package of the standard library, which is compiled at once."""
    return write_program(directory, _HELLO, **files)
