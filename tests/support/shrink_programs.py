"""Small Go programs that could be smaller, each for its own reason."""

from pathlib import Path

_SERVER = """package main

import "net/http"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) })
	http.ListenAndServe(":8080", nil)
}
"""
_TEMPLATE = """package main

import (
	_ "embed"
	"os"
	"text/template"
)

//go:embed page.txt
var page string

func main() {
	template.Must(template.New("page").Parse(page)).Execute(os.Stdout, nil)
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


def write_template(directory: Path) -> Path:
    """Write a program that keeps all methods, by text/template, and embeds a text."""
    return write_program(directory, _TEMPLATE, page_txt="the same line over and over\n" * 4000)


def write_upx(directory: Path) -> Path:
    """Write a stand-in of UPX, which copies programs as they are; give its directory."""
    directory.mkdir()
    program = directory / "upx"
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1" = --version ] && { echo "upx 0.0 (stand-in)"; exit; }\n'
        'while [ "$1" != -o ]; do [ "$1" = --lzma ] && { echo "no LZMA here" >&2; exit 3; }; shift; done\n'
        'cp "$3" "$2"\n'
    )
    program.chmod(0o755)
    return directory
