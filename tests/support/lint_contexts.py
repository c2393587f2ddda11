"""Contexts for Dockerfiles that are linted: small Go programs, each with one need."""

from pathlib import Path
from typing import Final

_QUIET: Final = 'package main\n\nimport "os"\n\nfunc main() { os.Stdout.WriteString("hello\\n") }\n'
_CLIENT: Final = """package main

import "net/http"

func main() {
	answer, err := http.Get("https://example.com/")
	if err != nil {
		panic(err)
	}
	answer.Body.Close()
}
"""
_ZONES: Final = """package main

import "time"

func main() {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	println(time.Now().In(zone).String())
}
"""
_TEMPORARY: Final = """package main

import "os"

func main() {
	file, err := os.CreateTemp("", "x")
	if err != nil {
		panic(err)
	}
	file.Close()
}
"""
_STARTER: Final = """package main

import "os/exec"

func main() {
	if err := exec.Command("ls").Run(); err != nil {
		panic(err)
	}
}
"""
_MODULE: Final = "module example.com/app\n\ngo 1.21\n"
_BASE: Final = {
    "go.mod": _MODULE,
    "main.go": _QUIET,
    "cmd/app/main.go": _QUIET,
    "app/main.go": _QUIET,
    ".dockerignore": ".git\n",
}
_REQUIRES: Final = _BASE | {
    "go.mod": _MODULE + "\nrequire (\n\texample.org/some/thing v1.2.3\n\tgolang.org/x/sync v0.10.0 // indirect\n)\n",
    "go.sum": "",
}

#: Name → path → text. What has requirements is not to be compiled: they do not exist.
CONTEXTS: Final[dict[str, dict[str, str]]] = {
    "quiet": _BASE,
    "client": _BASE | {"main.go": _CLIENT},
    "zones": _BASE | {"main.go": _ZONES},
    "temporary": _BASE | {"main.go": _TEMPORARY},
    "starter": _BASE | {"main.go": _STARTER},
    "bare": {path: text for path, text in _BASE.items() if path != ".dockerignore"},
    "git": _BASE | {".dockerignore": "*.md\n"},
    "secrets": _BASE | {".env": "KEY=1\n", "id_rsa": "", ".env.example": "KEY=\n"},
    "newer": _BASE | {"go.mod": "module example.com/app\n\ngo 1.23.0\n"},
    "modules": _REQUIRES,
    "vendored": _REQUIRES | {"vendor/modules.txt": "# example.org/some/thing v1.2.3\n"},
    "sqlite": _REQUIRES | {"go.mod": _MODULE + "\nrequire github.com/mattn/go-sqlite3 v1.14.24\n"},
}
#: Those whose program cannot be compiled here.
NOT_COMPILED: Final = frozenset({"modules", "vendored", "sqlite", "newer"})


def write_context(name: str, directory: Path) -> Path:
    """Write the context of that name below *directory*, once; give its place."""
    place = directory / name
    if not place.exists():
        for path, text in CONTEXTS[name].items():
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return place
