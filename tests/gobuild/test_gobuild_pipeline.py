"""Whole builds through the Python interface: what ends up in images, and what is refused."""

import os
from pathlib import Path
from typing import Any

import pytest

import smidgen
from smidgen.errors import CompileError, NotMainPackage, UsageError, WrongArchitecture
from smidgen.image.image import Image
from smidgen.layer.entry import Entry, Kind
from smidgen.layer.tar_reader import read_tar
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore

pytestmark = pytest.mark.e2e

_HELLO = 'package main\n\nfunc main() { println("hello") }\n'
_ZONES = (
    'package main\n\nimport "time"\n\nfunc main() { l, e := time.LoadLocation("Asia/Tokyo"); println(l.String(), e) }\n'
)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return smidgen.open_store(tmp_path / "store")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "src"
    _write(root, {"go.mod": "module example.com/m\n\ngo 1.21\n", "a/main.go": _HELLO, "b/main.go": _HELLO})
    _write(root, {"lib/lib.go": "package lib\n"})
    return root


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def _environ(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"GOFLAGS", "SOURCE_DATE_EPOCH"}}
    return kept | {"GOTOOLCHAIN": "local"} | more


def _build(source: Path, store: ContentStore, target: str = "./a", **flags: Any) -> Image:
    return smidgen.build(
        target,
        directory=source,
        store=store,
        environ=_environ(),
        flags=smidgen.Flags(**flags),
    )


def _entries(image: Image) -> dict[str, Entry]:
    """Everything in the one image of *image* but the directories above files."""
    found = {}
    for layer in image.images[0].layers:
        with image.images[0].open_layer(layer) as stream:
            for member in read_tar(stream):
                entry = member.entry
                if entry.kind is not Kind.DIRECTORY or (entry.mode, entry.uid) != (0o755, 0):
                    found[entry.path] = entry
    return dict(sorted(found.items()))


def _paths(image: Image) -> list[str]:
    return list(_entries(image))


def test_the_smallest_image_is_one_file(source: Path, store: ContentStore) -> None:
    image = _build(source, store)
    assert len(image.layers) == 1
    assert _paths(image) == ["a"]
    run = image.config.run
    assert (run.user, run.entrypoint, run.env, run.cmd) == ("65534:65534", ("/a",), None, None)
    assert image.config.created == "1970-01-01T00:00:00Z"
    assert store.resolve(Reference.parse("a:latest")).digest == image.digest


def test_every_option_of_the_image_arrives(source: Path, store: ContentStore) -> None:
    image = _build(
        source,
        store,
        names=("team/app:1", "team/app:2"),
        user="app:1000:1001",
        cmd="serve --fast",
        env=("A=1", "B="),
        ports=("8080", "53/udp"),
        workdir="/work",
        labels=("l=1",),
        annotations=("n=2",),
        volumes=("/data",),
        stop_signal="SIGINT",
        healthcheck="--interval=3s CMD /a health",
    )
    run = image.config.run
    assert run.user == "1000:1001"
    assert run.cmd == ("serve", "--fast")
    assert run.env == ("A=1", "B=")
    assert list(run.exposed_ports or ()) == ["53/udp", "8080/tcp"]
    assert (run.working_dir, run.stop_signal, run.labels) == ("/work", "SIGINT", {"l": "1"})
    assert list(run.volumes or ()) == ["/data"]
    assert run.healthcheck is not None
    assert run.healthcheck.interval == 3_000_000_000
    assert (image.manifest.annotations or {})["n"] == "2"
    assert {"etc/passwd", "etc/group", "home/app"} <= set(_paths(image))
    assert {str(name) for name in store.tags()} == {"docker.io/team/app:1", "docker.io/team/app:2"}


def test_zones_are_in_only_where_they_are_looked_up(source: Path, store: ContentStore) -> None:
    _write(source, {"z/main.go": _ZONES})
    assert not any(path.startswith("usr/share/zoneinfo") for path in _paths(_build(source, store)))
    paths = _paths(_build(source, store, "./z"))
    assert "usr/share/zoneinfo/Asia/Tokyo" in paths
    chosen = _paths(_build(source, store, "./z", zones=("Europe/Berlin",)))
    assert "usr/share/zoneinfo/Europe/Berlin" in chosen
    assert "usr/share/zoneinfo/Asia/Tokyo" not in chosen


def test_the_local_zone_of_the_environment_is_in(source: Path, store: ContentStore) -> None:
    paths = _paths(_build(source, store, env=("TZ=Europe/Berlin",)))
    assert paths == ["a", "usr/share/zoneinfo/Europe/Berlin"]
    assert _paths(_build(source, store, env=("TZ=UTC",))) == ["a"]
    _write(source, {"z/main.go": _ZONES})
    assert "usr/share/zoneinfo/Asia/Tokyo" in _paths(_build(source, store, "./z", env=("TZ=Europe/Berlin",)))


def test_one_line_changed_changes_one_layer(source: Path, store: ContentStore) -> None:
    _write(source, {"z/main.go": _ZONES})
    first = _build(source, store, "./z", needs_with=("tmp", "passwd", "ca"))
    _write(source, {"z/main.go": _ZONES.replace("Tokyo", "Seoul")})
    second = _build(source, store, "./z", needs_with=("tmp", "passwd", "ca"))
    assert len(first.layers) == 4
    assert first.layers[:-1] == second.layers[:-1]
    assert first.layers[-1] != second.layers[-1]


def test_a_single_layer_has_the_same_files(source: Path, store: ContentStore) -> None:
    options: dict[str, Any] = {"needs_with": ("tmp", "passwd", "tz"), "zones": ("Europe/Berlin", "Europe/Oslo")}
    several, one = _build(source, store, **options), _build(source, store, single_layer=True, **options)
    assert (len(several.layers), len(one.layers)) == (3, 1)
    assert _paths(several) == _paths(one)


def test_several_platforms_make_an_index(source: Path, store: ContentStore) -> None:
    image = _build(source, store, platforms=("linux/amd64/v3,linux/arm64", "linux/arm/v7"))
    assert [str(platform) for platform in image.platforms] == ["linux/amd64/v3", "linux/arm64", "linux/arm/v7"]
    assert len({one.digest for one in image.images}) == 3


def test_targets_have_configurations_of_their_own(source: Path, store: ContentStore) -> None:
    _write(source, {"a/smidgen.yaml": "ports: [1001]\n", "b/smidgen.yaml": "ports: [1002]\nname: other\n"})
    asked = smidgen.request(["./..."], directory=source, environ=_environ())
    built = smidgen.build_all(asked, store=store)
    assert [one.names[0].familiar for one in built] == ["a:latest", "other:latest"]
    assert [list(one.image.config.run.exposed_ports or ()) for one in built] == [["1001/tcp"], ["1002/tcp"]]


def test_two_images_of_one_name_are_refused(source: Path, store: ContentStore) -> None:
    asked = smidgen.request(["./..."], directory=source, environ=_environ(), flags=smidgen.Flags(names=("same",)))
    with pytest.raises(UsageError, match="two images would be called same:latest"):
        smidgen.build_all(asked, store=store)
    assert store.tags() == {}


def test_data_of_ko_is_put_where_ko_puts_it(source: Path, store: ContentStore) -> None:
    _write(source, {"a/kodata/page.html": "<p>", "real.txt": "linked"})
    (source / "a" / "kodata" / "link.txt").symlink_to("../../real.txt")
    image = _build(source, store)
    assert image.config.run.env == ("KO_DATA_PATH=/var/run/ko",)
    nodes = _entries(image)
    assert nodes["var/run/ko/page.html"].mode == 0o644
    assert nodes["var/run/ko/link.txt"].size == len("linked")
    assert "var/run/ko/page.html" not in _paths(_build(source, store, kodata=False))


def test_a_ready_executable_needs_no_go(source: Path, store: ContentStore, tmp_path: Path) -> None:
    built = _build(source, store, platforms=("linux/arm64",))
    program = tmp_path / "program"
    with built.open_layer(built.layers[-1]) as stream:
        program.write_bytes(next(member.read() for member in read_tar(stream) if member.entry.path == "a"))
    image = smidgen.build(binary=program, directory=tmp_path, store=store, environ=_environ(PATH="/nowhere"))
    assert str(image.platform) == "linux/arm64"
    assert _paths(image) == ["program"]
    with pytest.raises(WrongArchitecture, match="arm64"):
        smidgen.build(binary=program, directory=tmp_path, store=store, flags=smidgen.Flags(platforms=("linux/amd64",)))


def test_what_cannot_be_built_is_said_and_leaves_the_store_alone(source: Path, store: ContentStore) -> None:
    with pytest.raises(NotMainPackage, match="package lib"):
        _build(source, store, "./lib")
    _write(source, {"a/main.go": "package main\n\nfunc main() { undefined() }\n"})
    with pytest.raises(CompileError, match=r"example\.com/m/a") as caught:
        _build(source, store)
    assert "a/main.go:3:15: undefined: undefined" in caught.value.output
    assert store.tags() == {}


def test_source_date_epoch_is_the_images_time(source: Path, store: ContentStore) -> None:
    image = smidgen.build("./a", directory=source, store=store, environ=_environ(SOURCE_DATE_EPOCH="1000000000"))
    assert image.config.created == "2001-09-09T01:46:40Z"
    assert (image.manifest.annotations or {})["org.opencontainers.image.created"] == "2001-09-09T01:46:40Z"
    assert image.layers == _build(source, store).layers


def test_an_image_is_tagged_and_saved(source: Path, store: ContentStore, tmp_path: Path) -> None:
    image = _build(source, store).tag("other:2")
    assert smidgen.find_image("other:2", store=store).digest == image.digest
    image.save(tmp_path / "image.tar")
    assert (tmp_path / "image.tar").stat().st_size > image.pull_size - 2000


def test_a_saved_image_is_loaded_and_proved(source: Path, store: ContentStore, tmp_path: Path) -> None:
    image = _build(source, store)
    image.save(tmp_path / "image.tar")
    (loaded,) = smidgen.load(tmp_path / "image.tar", store=smidgen.open_store(tmp_path / "other"))
    assert (loaded.name, loaded.digest) == ("a:latest", image.digest)
    proof = smidgen.prove(loaded)
    assert proof.passed
    assert smidgen.run(loaded) == 0
