"""What is found about a machine, without starting anything."""

import json
from pathlib import Path

import pytest

from smidgen.doctor.building import building_findings
from smidgen.doctor.engines import engine_findings
from smidgen.doctor.finding import Area, Finding, State
from smidgen.doctor.places import place
from smidgen.doctor.registries import registry_findings
from support.docker_socket import docker_socket

_SECRET = "bWU6c2VjcmV0LXRva2Vu"


def _credentials(home: Path, **content: object) -> tuple[Finding, ...]:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text(json.dumps(content))
    return tuple(registry_findings({"HOME": str(home), "PATH": ""}))


def test_registries_are_named_and_nothing_else(tmp_path: Path) -> None:
    found = _credentials(
        tmp_path,
        auths={
            "ghcr.io": {"auth": _SECRET},
            "https://me:secret@old.example/v1/": {"auth": _SECRET},
            "https://index.docker.io/v1/": {"identitytoken": "secret"},
            "empty.example": {},
        },
    )
    (one,) = found
    assert one.state is State.GOOD
    assert one.said.startswith("for docker.io, ghcr.io, old.example; in ")
    assert "secret" not in repr(found)
    assert _SECRET not in repr(found)


def test_a_helper_that_is_not_there(tmp_path: Path) -> None:
    (one,) = _credentials(tmp_path, credHelpers={"gcr.io": "x\x1b[31m", "eu.gcr.io": "x\x1b[31m"})
    assert one.state is State.BAD
    assert "eu.gcr.io, gcr.io, is not installed" in one.said
    assert "\x1b" not in one.said + one.advice


def test_many_registries(tmp_path: Path) -> None:
    (one,) = _credentials(tmp_path, auths={f"r{number:03}.example": {"auth": _SECRET} for number in range(500)})
    assert "and 492 more" in one.said


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": 7}', "\xff"])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_bytes(text.encode("latin-1"))
    (one,) = registry_findings({"HOME": str(tmp_path)})
    assert one.state is State.BAD
    assert "not a file of credentials" in one.said


def test_no_credentials(tmp_path: Path) -> None:
    (one,) = registry_findings({"HOME": str(tmp_path)})
    assert one.state is State.ABSENT
    assert "smidgen login" in one.advice


class TestPlaces:
    def test_one_that_need_not_be_there(self, tmp_path: Path) -> None:
        found = place(Area.STORE, "images", tmp_path / "a/b", advice="x")
        assert found.state is State.GOOD
        assert "free" in found.said
        assert not (tmp_path / "a").exists()

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("")
        found = place(Area.STORE, "images", tmp_path / "a/b", advice="x")
        assert found.state is State.BAD
        assert f"{tmp_path / 'a'} is no directory" in found.said
        assert found.advice == "x"

    def test_no_room(self) -> None:
        # A file system that has no room for anything.
        found = place(Area.STORE, "images", Path("/proc/self"), advice="x")
        assert found.state is State.BAD


class TestEngines:
    def test_an_engine_is_asked_what_it_is(self, tmp_path: Path) -> None:
        with docker_socket(tmp_path) as engine:
            docker, _ = engine_findings({"DOCKER_HOST": engine.host, "PATH": ""})
        assert docker.state is State.GOOD
        assert docker.said.startswith("20.10.24 at unix:")

    def test_nobody_listens(self, tmp_path: Path) -> None:
        docker, podman = engine_findings({"DOCKER_HOST": f"unix://{tmp_path}/none", "PATH": ""})
        assert (docker.state, podman.state) == (State.ABSENT, State.ABSENT)
        assert "Cannot connect" in docker.said

    def test_a_way_that_only_docker_knows(self) -> None:
        docker, _ = engine_findings({"DOCKER_HOST": "ssh://somewhere", "PATH": ""})
        assert docker.said == "the docker command does not reach an engine"


def test_a_cache_needs_a_place(tmp_path: Path) -> None:
    found = {one.name: one for one in building_findings({"PATH": "", "GOCACHE": ""})}
    assert found["git"].state is State.ABSENT
    # Where there is a toolchain among Python's packages, it has no place for its cache.
    assert found["go"].state is State.BAD or found["go cache"].state is State.BAD
    assert found["C compiler"].state is State.ABSENT
    assert found["cargo"].state is State.ABSENT
    assert "Rust" in found["cargo"].advice
    # Where it is among Python's packages, it is found without PATH.
    assert found["zig"].state is State.GOOD or "smidgen[cgo]" in found["zig"].advice
