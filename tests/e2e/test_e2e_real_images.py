"""Images as Alpine and distroless published them are explained, and programs are put on them and run there."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from support.command import Smidgen
from support.dockerd import Docker
from support.examples import Examples
from support.real_images import ALPINE, DISTROLESS, real_image

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Known:
    """What is known of an image.

    Attributes:
        size: Bytes of its layers, not compressed.
        file: One that it has.
        needs: Need → where it has that for a user; none where ours is added.
    """

    size: int
    layers: int
    file: str
    needs: Mapping[str, str]


_KNOWN: Final = {
    ALPINE: Known(5_861_888, 1, "/etc/alpine-release", {"ca": "/etc/ssl/cert.pem", "passwd": "/etc/passwd", "tz": ""}),
    DISTROLESS: Known(
        18_503_680,
        2,
        "/etc/debian_version",
        {"ca": "/etc/ssl/certs/ca-certificates.crt", "passwd": "/etc/passwd", "tz": "/usr/share/zoneinfo"},
    ),
}
#: Example → its program, what it needs, and what it writes.
_EXAMPLES: Final = (
    ("user", "./app", "passwd", "user: nobody (uid: 65534)"),
    ("zones", ".", "tz", "Europe/Berlin"),
    ("https-client", ".", "ca", ""),
)


@pytest.mark.parametrize("name", _KNOWN)
def test_it_is_explained(smidgen: Smidgen, name: str) -> None:
    target, known = real_image(name), _KNOWN[name]
    report = smidgen("explain", target, "--json").json
    layers = report["image"]["layers"]
    assert report["bytes"]["total"] == sum(layer["size"] for layer in layers) == known.size
    assert len(layers) == known.layers
    paths = {file["path"] for layer in layers for file in layer["files"]}
    assert known.file in paths
    listed = smidgen("ls", f"{target}:/etc", "--json").json["files"]
    assert known.file in {file["path"] for file in listed}
    assert smidgen("waste", target, "--json").json["wasted"] == 0
    steps = smidgen("history", target, "--json").json["history"]
    assert sum(step["digest"] is not None for step in steps) == known.layers
    outcome = smidgen("why", target, "os", fails=True)
    assert "smidgen why . PACKAGE" in outcome.stderr


def test_a_library_is_called_one(smidgen: Smidgen) -> None:
    shown = smidgen("explain", "--depth", "section", real_image(DISTROLESS)).stdout
    assert "/usr/lib/x86_64-linux-gnu/libcrypto.so.1.1  ELF library, amd64" in shown
    assert "dynamic: libdl.so.2, " in shown


def test_two_are_compared(smidgen: Smidgen) -> None:
    report = smidgen("diff", real_image(ALPINE), real_image(DISTROLESS), "--json").json
    changed = {file["path"]: (file["before"], file["after"]) for file in report["files"]}
    assert changed["/lib/ld-musl-x86_64.so.1"][1] == 0
    assert changed["/usr/bin/openssl"][0] == 0


@pytest.mark.parametrize("name", _KNOWN)
def test_a_program_takes_from_it_what_it_needs(
    smidgen: Smidgen, example: Examples, docker: Docker, name: str, tmp_path: Path
) -> None:
    smidgen("load", "--input", real_image(name))
    for directory, program, need, said in _EXAMPLES:
        archive = tmp_path / f"{directory}.tar"
        built = smidgen(
            *("build", program, "--base", f"store:{name}", "-t", f"{directory}:1", "--tarball", archive, "--json"),
            cwd=example(directory),
        ).json["images"][0]["platforms"][0]
        (found,) = (one for one in built["needs"] if one["kind"] == need)
        place = _KNOWN[name].needs[need]
        assert found["origin"] == "base" if place else found["included"], found
        assert place in found["reason"]
        if said:
            docker("load", "--input", archive)
            assert said in docker.run(f"{directory}:1")
            assert said in smidgen("run", f"{directory}:1").stdout


def test_a_program_for_a_newer_c_library_is_refused(smidgen: Smidgen, tmp_path: Path) -> None:
    """What is compiled here needs versions of symbols that Debian 9's C library does not define."""
    smidgen("load", "--input", real_image(DISTROLESS))
    words = ("build", "--binary", "/bin/true", "--base", f"store:{DISTROLESS}", "-t", "true:1")
    outcome = smidgen(*words, cwd=tmp_path, fails=True)
    assert "/lib/x86_64-linux-gnu/libc.so.6 does not define GLIBC_2." in outcome.stderr
    assert "choose a newer base" in outcome.stderr


def test_a_program_that_its_loader_refuses_is_not_proved(smidgen: Smidgen, tmp_path: Path) -> None:
    """Versions tell nothing of musl, so it is the run that shows what a symbol too new does."""
    smidgen("load", "--input", real_image(ALPINE))
    source = "#define _GNU_SOURCE\n#include <stdlib.h>\nint main(void) { qsort_r(0, 0, 0, 0, 0); return 0; }\n"
    program = tmp_path / "newer"
    subprocess.run(["musl-gcc", "-o", program, "-xc", "-"], input=source, text=True, check=True)
    words = ("build", "--binary", program, "--base", f"store:{ALPINE}", "-t", "newer:1")
    outcome = smidgen(*words, cwd=tmp_path, fails=True)
    assert "the loader did not start it: Error relocating /newer: qsort_r: symbol not found" in outcome.stderr
