"""What people write by hand in articles about Go images, done with ``smidgen build`` and nothing else."""

from pathlib import Path

import pytest

from support.command import Smidgen
from support.examples import Examples
from support.layouts import Layout
from support.serving import fetch, free_port
from support.tiny_executable import tiny_executable

pytestmark = pytest.mark.e2e

_MAIN = """package main

import (
    "fmt"
    "net/http"
)

func main() {
    http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hello world!") })
    fmt.Println("Simple Helloworld server is running on port 8080")
    http.ListenAndServe(":8080", nil)
}
"""


def _config(smidgen: Smidgen) -> dict[str, object]:
    (config,) = Layout(smidgen.store).configs()
    return dict(config["config"])


def test_the_web_server_with_a_health_check(smidgen: Smidgen, example: Examples) -> None:
    built = smidgen("build", example("web"), "-t", "my-go-app", "--expose", "8080", "--json").json
    port = free_port()
    with smidgen.running("run", "-p", f"127.0.0.1:{port}:8080", "my-go-app"):
        assert fetch(port, "/healthz") == '{"ok":true}'
    # The articles come to 11.3 MB and to 6.1 MB for such a program.
    assert built["images"][0]["platforms"][0]["size"] < 6_100_000


def test_a_main_package_in_a_subdirectory_with_a_named_user(smidgen: Smidgen, example: Examples) -> None:
    reference = smidgen("build", "./app", "-t", "web-scratch", "--user", "appuser", cwd=example("user")).stdout
    assert reference.startswith("web-scratch:latest@sha256:")
    assert smidgen("run", "web-scratch").stdout.startswith("user: appuser (uid: ")
    passwd = smidgen("ls", "web-scratch:/etc").stdout
    assert "passwd" in passwd


def test_one_layer_that_holds_one_file(smidgen: Smidgen, tmp_path: Path) -> None:
    source = tmp_path / "helloworld"
    source.mkdir()
    (source / "main.go").write_text(_MAIN)
    (source / "go.mod").write_text("module helloworld\n\ngo 1.21\n")
    smidgen("build", source, "-t", "helloworld", "--single-layer", "--expose", "8080/tcp")
    (manifest,) = Layout(smidgen.store).manifests()
    assert len(manifest["layers"]) == 1
    assert smidgen("ls", "helloworld").stdout.count("\n") == 1
    assert _config(smidgen)["ExposedPorts"] == {"8080/tcp": {}}
    port = free_port()
    with smidgen.running("run", "-p", f"127.0.0.1:{port}:8080", "helloworld"):
        assert fetch(port) == "hello world!"


def test_the_smallest_program_of_all(smidgen: Smidgen, tmp_path: Path) -> None:
    binary = tmp_path / "helloworld"
    binary.write_bytes(tiny_executable(b"Hi World\n"))
    binary.chmod(0o755)
    smidgen("build", "--binary", binary, "-t", "helloworld:smallest")
    assert smidgen("run", "helloworld:smallest").stdout == "Hi World\n"
    assert binary.stat().st_size < 200


def test_arguments_by_default_and_a_health_check(smidgen: Smidgen, example: Examples) -> None:
    smidgen(
        "build",
        example("zones"),
        "-t",
        "zones",
        "--cmd",
        "Asia/Tokyo",
        "--healthcheck",
        "/zones UTC",
        "--tz",
        "Asia/Tokyo",
    )
    assert _config(smidgen)["Cmd"] == ["Asia/Tokyo"]
    assert _config(smidgen)["Healthcheck"]
    assert smidgen("run", "zones").stdout.split() == ["Asia/Tokyo", "21:00", "JST"]
    assert smidgen("run", "zones", "Asia/Tokyo", "Asia/Tokyo").stdout.count("JST") == 2


def test_a_program_that_people_know_without_a_checkout(smidgen: Smidgen) -> None:
    reference = smidgen("build", "filippo.io/mkcert@v1.4.4").stdout
    assert reference.startswith("mkcert:")
    assert smidgen("run", "mkcert", "--", "-version").stdout.strip() == "v1.4.4"
