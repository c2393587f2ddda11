"""Docker's engine over its socket."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.errors import ContentError, NotFound, SandboxError
from smidgen.layer.entry import Entry
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.reference import Reference
from smidgen.store.archive import read_archive, write_archive_file
from smidgen.store.content import ContentStore
from smidgen.transfer.daemon import engine_address
from smidgen.transfer.engine import load_into, saved_by_docker
from support.docker_socket import DockerSocket, docker_socket
from support.small_images import put_image

_NAME = Reference.parse("app:1.0")


@pytest.fixture
def engine() -> Iterator[DockerSocket]:
    # A socket's path may have 108 characters, and pytest's directories are longer.
    with tempfile.TemporaryDirectory(prefix="docker-") as name, docker_socket(Path(name)) as serving:
        yield serving


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


@pytest.fixture
def image(store: ContentStore) -> Descriptor:
    return put_image(store, [Entry.file("data", bytes(range(256)) * 20_000)], compression="none")


def environ(engine: DockerSocket) -> dict[str, str]:
    return {"DOCKER_HOST": engine.host}


def test_load_sends_what_an_archive_has(
    engine: DockerSocket, store: ContentStore, image: Descriptor, tmp_path: Path
) -> None:
    assert load_into("docker", store, [(_NAME, image)], environ=environ(engine)) == "Loaded image: app:1.0"
    write_archive_file(store, [(_NAME, image)], tmp_path / "a.tar")
    assert engine.loaded == [(tmp_path / "a.tar").read_bytes()]


def test_save_gives_it_back(engine: DockerSocket, store: ContentStore, image: Descriptor, tmp_path: Path) -> None:
    write_archive_file(store, [(_NAME, image)], tmp_path / "a.tar")
    engine.archives["app:1.0"] = (tmp_path / "a.tar").read_bytes()
    other = ContentStore.open(tmp_path / "other")
    with saved_by_docker("app:1.0", environ=environ(engine)) as stream:
        assert read_archive(other, stream) == ((_NAME, image),)


def test_a_refusal_has_the_engines_words(engine: DockerSocket, store: ContentStore, image: Descriptor) -> None:
    engine.refusal = "no space left on device"
    with pytest.raises(SandboxError, match="no space left on device"):
        load_into("docker", store, [(_NAME, image)], environ=environ(engine))


def test_an_engine_that_stops_reading(engine: DockerSocket, store: ContentStore, image: Descriptor) -> None:
    engine.stops_after = 10_000
    with pytest.raises(SandboxError, match=r"did not load|ended the conversation"):
        load_into("docker", store, [(_NAME, image)], environ=environ(engine))


def test_an_archive_that_is_cut_short_is_no_image(
    engine: DockerSocket, store: ContentStore, image: Descriptor, tmp_path: Path
) -> None:
    write_archive_file(store, [(_NAME, image)], tmp_path / "a.tar")
    engine.archives["app:1.0"] = (tmp_path / "a.tar").read_bytes()
    engine.stops_after = 1_000_000
    other = ContentStore.open(tmp_path / "other")
    with (
        pytest.raises((ContentError, SandboxError)),
        saved_by_docker("app:1.0", environ=environ(engine)) as stream,
    ):
        read_archive(other, stream)


def test_no_such_image(engine: DockerSocket) -> None:
    with (
        pytest.raises(NotFound, match=r"'web:1\.0' in docker"),
        saved_by_docker("web:1.0", environ=environ(engine)),
    ):
        pass


def test_no_engine(tmp_path: Path, store: ContentStore, image: Descriptor) -> None:
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/none"}
    with pytest.raises(SandboxError, match="Cannot connect to the Docker daemon") as caught:
        load_into("docker", store, [(_NAME, image)], environ=nowhere)
    assert "DOCKER_HOST" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "unix:/var/run/docker.sock"),
        ({"DOCKER_HOST": "unix:///run/user/1/docker.sock"}, "unix:/run/user/1/docker.sock"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:2375"}, "tcp:127.0.0.1:2375"),
        ({"DOCKER_HOST": "tcp://localhost"}, "tcp:localhost:2375"),
        # What follows needs docker's own command line.
        ({"DOCKER_HOST": "tcp://10.0.0.1:2375"}, None),
        ({"DOCKER_HOST": "tcp://127.0.0.1:none"}, None),
        ({"DOCKER_HOST": "ssh://me@host"}, None),
        ({"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1"}, None),
        ({"DOCKER_CONTEXT": "remote"}, None),
        ({"DOCKER_CONTEXT": "default"}, "unix:/var/run/docker.sock"),
    ],
)
def test_where_the_engine_is(variables: dict[str, str], address: str | None, tmp_path: Path) -> None:
    assert engine_address({"HOME": str(tmp_path)} | variables) == address


def test_the_context_of_the_docker_command(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "colima"}')
    assert engine_address({"DOCKER_CONFIG": str(tmp_path)}) is None
    (tmp_path / "config.json").write_text("[")
    assert engine_address({"DOCKER_CONFIG": str(tmp_path)}) == "unix:/var/run/docker.sock"
