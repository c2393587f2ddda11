"""Transports as skopeo writes them."""

from pathlib import Path

import pytest

from smidgen.errors import InvalidReference, UsageError
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.transfer.endpoint import (
    ArchiveFile,
    DaemonImage,
    Endpoint,
    LayoutDirectory,
    Remote,
    Stored,
    parse_endpoint,
)

_HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker://ghcr.io/me/app:1", Remote(Reference.parse("ghcr.io/me/app:1"))),
        ("docker://app", Remote(Reference.parse("docker.io/library/app:latest"))),
        ("docker:24", Stored("docker:24")),
        ("oci:dir", LayoutDirectory(Path("dir"))),
        ("oci:/a/b:1.0", LayoutDirectory(Path("/a/b"), "1.0")),
        ("oci:dir:ghcr.io/me/app:1", LayoutDirectory(Path("dir"), "ghcr.io/me/app:1")),
        (f"oci:dir@sha256:{_HEX}", LayoutDirectory(Path("dir"), digest=Digest(f"sha256:{_HEX}"))),
        ("oci-archive:a.tar", ArchiveFile("oci", Path("a.tar"))),
        ("oci-archive:a.tar:any name", ArchiveFile("oci", Path("a.tar"), "any name")),
        ("docker-archive:a.tar", ArchiveFile("docker", Path("a.tar"))),
        ("docker-archive:a.tar:app", ArchiveFile("docker", Path("a.tar"), "docker.io/library/app:latest")),
        ("docker-daemon:app", DaemonImage("app:latest")),
        (f"docker-daemon:{_HEX}", DaemonImage(f"sha256:{_HEX}")),
        ("app:1.0", Stored("app:1.0")),
        ("0123abcd", Stored("0123abcd")),
    ],
)
def test_parse(text: str, expected: Endpoint) -> None:
    found = parse_endpoint(text, default="store")
    assert found == expected
    assert parse_endpoint(str(found), default="store") == found


def test_a_name_alone_means_what_the_command_says() -> None:
    assert parse_endpoint("ghcr.io/me/app", default="registry") == Remote(Reference.parse("ghcr.io/me/app:latest"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("containers-storage:app", "transport containers-storage: is not supported"),
        ("dir:x", "transport dir: is not supported"),
        ("oci:", "no path"),
        ("oci:dir:", "no name after its last colon"),
        (f"oci:dir:x@sha256:{_HEX}", "a name and a digest"),
        ("docker-archive:a.tar:UPPER", "upper case"),
        ("docker://", "invalid reference"),
        ("docker://App", "upper case"),
        ("https://ghcr.io/me/app", "not a URL"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_endpoint(text, default="store")
    assert caught.value.hint


def test_no_scheme_is_taken_for_a_name() -> None:
    with pytest.raises(InvalidReference, match="not a URL"):
        parse_endpoint("http://localhost:5000/app", default="registry")
