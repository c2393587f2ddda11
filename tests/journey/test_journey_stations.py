"""The Dockerfiles of the journey."""

import os
from pathlib import Path

import pytest

from smidgen.dockerfile.parse import parse
from smidgen.errors import UsageError
from smidgen.gobuild.target import MainPackage
from smidgen.gobuild.toolchain import find_toolchain
from smidgen.journey.stations import Names, Project
from smidgen.journey.travel import JourneyOptions, plan_journey
from smidgen.sandbox.prove import ProveOptions

_MAIN = "package main\n\nfunc main() {}\n"
# That of the Go here, which the module's own release is older than.
_RELEASE = ".".join(find_toolchain(None, os.environ).version.removeprefix("go").split(".")[:2])


def options(directory: Path, target: str = ".", **more: object) -> JourneyOptions:
    given = {"environ": os.environ, "prove": ProveOptions(), **more}
    return JourneyOptions(target=target, directory=directory, **given)  # type: ignore[arg-type]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "cmd/app").mkdir(parents=True)
    (tmp_path / "cmd/app/main.go").write_text(_MAIN)
    (tmp_path / "main.go").write_text(_MAIN)
    (tmp_path / "go.mod").write_text("module example.com/whole\n\ngo 1.24.3\n")
    return tmp_path


def test_seven_stations_that_parse(module: Path) -> None:
    name, project, found = plan_journey(options(module))
    assert name == "whole"
    assert project == Project(module, ".", ".", _RELEASE)
    assert [station.name for station in found] == [
        "toolchain",
        "alpine",
        "multi-stage",
        "stripped",
        "distroless",
        "scratch",
        "smidgen",
    ]
    for station in found[:-1]:
        dockerfile = parse(station.dockerfile, name="Dockerfile")
        assert len(dockerfile.stages) == (1 if station.name in {"toolchain", "alpine"} else 2)
    assert found[0].bases == (f"golang:{_RELEASE}",)
    assert found[4].bases == (f"golang:{_RELEASE}-alpine", "gcr.io/distroless/static-debian12:nonroot")
    assert "-s -w" not in found[2].dockerfile
    assert "-s -w" in found[3].dockerfile
    assert (found[-1].dockerfile, found[-1].bases) == ("", ())


def test_a_release_that_is_later_than_ours(module: Path) -> None:
    package = MainPackage(
        import_path="example.com/whole",
        name="whole",
        directory=str(module),
        root=str(module),
        module_root=str(module),
    )
    (module / "go.mod").write_text("module example.com/whole\n\ngo 1.999\n")
    assert Project.of(package, "go1.26.8").release == "1.999"
    assert Project.of(package, "devel").release == "1.999"


def test_a_package_below(module: Path) -> None:
    _, project, found = plan_journey(options(module, "./cmd/app", only=frozenset({"scratch"})))
    assert project.package == "./cmd/app"
    (station,) = found
    assert "-o /usr/local/bin/app ./cmd/app\n" in station.dockerfile
    assert "COPY go.mod go.su[m] ./" in station.dockerfile


def test_a_workspace(module: Path) -> None:
    """All its modules are in the context, and none is fetched ahead."""
    (module / "lib").mkdir()
    (module / "lib/go.mod").write_text("module example.com/lib\n\ngo 1.24\n")
    (module / "lib/lib.go").write_text("package lib\n")
    below = module / "cmd"
    (below / "go.mod").write_text("module example.com/cmd\n\ngo 1.24\n")
    (module / "go.work").write_text("go 1.24\n\nuse (\n\t./cmd\n\t./lib\n)\n")
    _, project, found = plan_journey(options(module, "./cmd/app"))
    assert (project.context, project.module, project.package) == (module, "cmd", "./app")
    assert "WORKDIR /src/cmd\n" in found[0].dockerfile
    assert "go mod download" not in found[0].dockerfile


def test_passwords_are_not_in_a_dockerfile(module: Path) -> None:
    environ = {**os.environ, "GOPROXY": "https://me:secret@proxy.example.com", "GOPRIVATE": ""}
    for station in plan_journey(options(module, environ=environ))[2]:
        assert "secret@" not in station.dockerfile
        assert "GOPRIVATE" not in station.dockerfile
        assert station.dockerfile.count("id=GOPROXY,env=GOPROXY ") == (2 if station.dockerfile else 0)


def test_other_base_images(module: Path) -> None:
    names = {"golang": "corp/go:1", "alpine": "corp/alpine:3", "distroless": "corp/static"}
    bases = {base for station in plan_journey(options(module, **names))[2] for base in station.bases}
    assert bases == {"corp/go:1", "corp/go:1-alpine", "corp/alpine:3", "corp/static"}
    assert Names.of("1.21").golang_alpine == "golang:1.21-alpine"


@pytest.mark.parametrize(
    ("target", "more", "words"),
    [
        ("./...", {}, "means 2 programs"),
        (".", {"only": frozenset({"moon"})}, "no station 'moon'"),
        ("./strange $(x)", {}, "characters"),
    ],
)
def test_what_cannot_be_meant(module: Path, target: str, more: dict[str, object], words: str) -> None:
    if "strange" in target:
        (module / "strange $(x)").mkdir()
        (module / "strange $(x)/main.go").write_text(_MAIN)
    with pytest.raises(UsageError, match=words):
        plan_journey(options(module, target, **more))
