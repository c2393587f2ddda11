"""The built-in base: the files, users and environment of distroless's static image."""

from pathlib import Path

import pytest

from smidgen.image.filetree import FileTree
from smidgen.image.image import Image
from smidgen.layer.entry import Kind
from smidgen.layer.tar_reader import read_tar
from smidgen.needs.ca import public_roots
from smidgen.needs.static_base import static_entries, static_image, static_part
from smidgen.needs.zones import zone_names
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore
from support.layouts import Layout
from support.small_images import AMD64, ARM64

# Of gcr.io/distroless/static-debian12:nonroot, which tests cannot fetch: path → mode, owner.
_THEIRS = {
    "etc/group": (0o644, 0),
    "etc/host.conf": (0o644, 0),
    "etc/mime.types": (0o644, 0),
    "etc/nsswitch.conf": (0o644, 0),
    "etc/passwd": (0o644, 0),
    "etc/protocols": (0o644, 0),
    "etc/services": (0o644, 0),
    "etc/ssl/certs/ca-certificates.crt": (0o644, 0),
    "home/nonroot": (0o700, 65532),
    "root": (0o700, 0),
    "tmp": (0o1777, 0),
    "usr/lib/os-release": (0o644, 0),
    "usr/share/zoneinfo/Europe/Berlin": (0o644, 0),
    "var/tmp": (0o1777, 0),
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    store = ContentStore.open(tmp_path_factory.mktemp("static") / "store")
    return static_image(store, (AMD64, ARM64))


@pytest.fixture(scope="module")
def tree(image: Image) -> FileTree:
    return FileTree.of(image.images[0])


def _text(image: Image, path: str) -> str:
    for layer in image.images[0].layers:
        with image.open_layer(layer) as stream:
            for member in read_tar(stream):
                if member.entry.path == path:
                    return member.read().decode()
    raise AssertionError(path)


def test_it_has_the_files_of_distroless(tree: FileTree) -> None:
    found = {path: tree.find(path).entry for path in _THEIRS}
    assert {path: (entry.mode, entry.uid) for path, entry in found.items()} == _THEIRS
    assert tree.find("etc/os-release").entry.path == "usr/lib/os-release"
    assert tree.find("var/run", follow=False).entry.link == "/run"


def test_nothing_else_is_special() -> None:
    special = {entry.path for entry in static_entries() if (entry.uid, entry.gid) != (0, 0) or entry.mode & 0o7022}
    assert special - {entry.path for entry in static_entries() if entry.kind is Kind.SYMLINK} == {
        "home/nonroot",
        "tmp",
        "var/tmp",
    }


def test_it_runs_as_nonroot_with_the_environment_of_distroless(image: Image) -> None:
    run = image.images[0].config.run
    assert (run.user, run.working_dir, run.entrypoint, run.cmd) == ("65532", "/home/nonroot", None, None)
    assert run.env == (
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
    )


def test_users_and_groups_are_those_of_distroless(image: Image) -> None:
    users = [line.split(":") for line in _text(image, "etc/passwd").splitlines()]
    assert [(one[0], one[2], one[3], one[5]) for one in users] == [
        ("root", "0", "0", "/root"),
        ("nobody", "65534", "65534", "/nonexistent"),
        ("nonroot", "65532", "65532", "/home/nonroot"),
    ]
    groups = {line.split(":")[0]: line.split(":")[2] for line in _text(image, "etc/group").splitlines()}
    assert groups == {"root": "0", "nobody": "65534", "tty": "5", "staff": "50", "nonroot": "65532"}


def test_the_tables_are_ones_that_go_can_read(image: Image) -> None:
    services = dict(line.split()[:2] for line in _text(image, "etc/services").splitlines())
    assert {"https": "443/udp", "postgresql": "5432/tcp", "ssh": "22/tcp"}.items() <= services.items()
    protocols = dict(line.split()[:2] for line in _text(image, "etc/protocols").splitlines())
    assert {"tcp": "6", "udp": "17", "icmp": "1", "ipv6-icmp": "58"}.items() <= protocols.items()
    assert _text(image, "etc/nsswitch.conf") == "hosts: files dns\n"


def test_certificates_and_zones_are_all_there(image: Image, tree: FileTree) -> None:
    assert _text(image, "etc/ssl/certs/ca-certificates.crt").count("BEGIN CERTIFICATE") == len(public_roots())
    assert all(tree.find(f"usr/share/zoneinfo/{name}") for name in zone_names())


def test_it_is_the_same_everywhere_and_for_every_platform(image: Image, tmp_path: Path) -> None:
    assert image.platforms == (AMD64, ARM64)
    assert image.images[0].layers == image.images[1].layers
    again = static_image(ContentStore.open(tmp_path / "other"), (AMD64, ARM64))
    assert again.digest == image.digest


def test_its_documents_are_those_of_the_specification(image: Image) -> None:
    image.tag("static-base:1")
    Layout(image.store.root).check()


def test_an_image_on_it_is_known_by_its_history(image: Image) -> None:
    single = image.images[0]
    part = static_part(single)
    assert part is not None
    assert (part.name, part.diff_ids, part.run.user) == ("static", single.diff_ids, "65532")
    other = static_image(image.store, (Platform.parse("linux/riscv64"),)).images[0]
    assert static_part(other) is not None
