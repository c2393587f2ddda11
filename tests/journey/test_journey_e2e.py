"""The journey with a real compiler, in stand-ins of the images that people use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.store.content import ContentStore
from support import stand_ins
from support.command import Smidgen
from support.serving_process import serving_process

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not stand_ins.has_builder(), reason="stand-ins are made by root, with mmdebstrap"),
]

# Without a package of the standard library the compiler is done soon.
_MAIN = 'package main\n\nfunc main() { println("hello") }\n'


# There is one of this release only.
_GOLANG = ("--golang", "golang:1.23")


@pytest.fixture
def smidgen(tmp_path: Path) -> Iterator[Smidgen]:
    store = tmp_path / "store"
    stand_ins.share(("golang:1.23-alpine",), ContentStore.open(store))
    (tmp_path / "main.go").write_text(_MAIN)
    (tmp_path / "go.mod").write_text("module example.com/hello\n\ngo 1.23\n")
    with serving_process(stand_ins.store_of("alpine").root, "--read-only") as serving:
        settings = tmp_path / "registries.conf"
        settings.write_text(stand_ins.mirrors(serving.address))
        yield Smidgen(store, tmp_path, (("CONTAINERS_REGISTRIES_CONF", str(settings)),))


def test_from_alpine_to_the_smallest(smidgen: Smidgen) -> None:
    chosen = ("--only", "distroless,stripped,smidgen", *_GOLANG)
    report = smidgen("journey", ".", *chosen, "--distroless", "gcr.io/nobody/nothing", "--pulls", "10", "--json").json
    stripped, distroless, ours = report["stations"]
    assert (distroless["image"], distroless["run"]) == (None, None)
    assert "a base image cannot be had" in distroless["fault"]
    for station in (stripped, ours):
        image = station["image"]
        assert station["fault"] == ""
        assert image["name"] == f"hello-journey:{station['name']}"
        assert min(image["cold_seconds"], image["warm_seconds"]) > 0
        assert image["pull_seconds"] == pytest.approx(image["pull_size"] * 8 / 100e6, abs=0.001)
        assert image["month_cost"] == pytest.approx(image["pull_size"] / 1e9 * (0.1 + 10 * 0.09), abs=0.0001)
        assert smidgen("run", image["name"]).stderr == "hello\n"
    assert stripped["image"]["go"].startswith("go1.23.")
    assert ours["image"]["go"]
    assert stripped["image"]["shells"]
    assert stripped["image"]["user"] == "root"
    assert (ours["image"]["shells"], ours["image"]["packages"], ours["image"]["files"]) == ([], 0, 1)
    assert ours["image"]["user"] == "65534:65534"
    assert stripped["image"]["pull_size"] > ours["image"]["pull_size"]


def test_the_dockerfiles_alone(smidgen: Smidgen) -> None:
    written = smidgen("journey", "--dockerfiles", "out", *_GOLANG).lines
    assert len(written) == 6
    text = (smidgen.cwd / "out/Dockerfile.scratch").read_text()
    assert "FROM golang:1.23-alpine AS build" in text
    assert "FROM scratch\n" in text


def test_a_program_that_does_not_compile(smidgen: Smidgen) -> None:
    """Each station says so; smidgen's own has the compiler's words."""
    (smidgen.cwd / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    failed = smidgen("journey", "--only", "smidgen", fails=True)
    assert "undefined: nothing" in failed.stderr
    assert "Traceback" not in failed.stderr
