"""A static program for this machine that says hello, for images that are to be run."""

import subprocess

from support.go_tools import cache_directory, go, locked

_PROGRAM = """package main

import "os"

func main() {
	name, _ := os.ReadFile("/etc/name")
	os.Stdout.WriteString("hello from " + string(name))
}
"""


def hello_program() -> bytes:
    """Build it, if that was not done before, and read it."""
    target = cache_directory() / "bin" / "hello-name"
    with locked("hello-name") as cache:
        if not target.exists():
            source = cache / "hello-name.go"
            source.write_text(_PROGRAM)
            environment = {"GOOS": "linux", "CGO_ENABLED": "0", "GOFLAGS": ""}
            command = ["env", *(f"{key}={value}" for key, value in environment.items()), go(), "build"]
            subprocess.run([*command, "-trimpath", "-o", target, source], check=True, cwd=cache)
    return target.read_bytes()
