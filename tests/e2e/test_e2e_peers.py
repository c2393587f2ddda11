"""Other tools take what ``smidgen build`` writes, in every form, as it is."""

import json
import tarfile
from pathlib import Path

import pytest

from support.command import Smidgen, must, run
from support.examples import Examples
from support.layouts import Layout

pytestmark = pytest.mark.e2e

# Without it skopeo compresses layers that are not compressed, and changes the digest.
_COPY = ("skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests")
_NAME = "example.com/team/web:1.0"
_FORMS = [(), ("--single-layer",), ("--compression", "none"), ("--compression", "zstd:3"), ("--compression", "gzip:9")]
_PLATFORMS = ("--platform", "linux/amd64,linux/arm64")


def _layout(smidgen: Smidgen, program: Path, *options: str) -> Layout:
    target = smidgen.cwd / "layout"
    smidgen("build", program, "-t", _NAME, "--oci-layout", target, *options)
    return Layout(target)


def _tarball(smidgen: Smidgen, program: Path, *options: str) -> Path:
    target = smidgen.cwd / "image.tar"
    smidgen("build", program, "-t", _NAME, "--tarball", target, *options)
    return target


@pytest.mark.parametrize("options", [*_FORMS, _PLATFORMS], ids=" ".join)
def test_documents_obey_the_schemas_of_the_specification(
    smidgen: Smidgen, example: Examples, options: tuple[str, ...]
) -> None:
    layout = _layout(smidgen, example("https-client"), *options)
    layout.check()
    Layout(smidgen.store).check()


@pytest.mark.parametrize("options", [*_FORMS, _PLATFORMS], ids=" ".join)
def test_skopeo_copies_a_layout(smidgen: Smidgen, example: Examples, options: tuple[str, ...]) -> None:
    layout = _layout(smidgen, example("web"), *options)
    target = smidgen.cwd / "copy"
    must(*_COPY, f"oci:{layout.root}:{layout.names[0]}", f"oci:{target}:web")
    assert Layout(target).index["manifests"][0]["digest"] == layout.index["manifests"][0]["digest"]


@pytest.mark.parametrize("options", [*_FORMS, _PLATFORMS], ids=" ".join)
def test_skopeo_copies_the_store_itself(smidgen: Smidgen, example: Examples, options: tuple[str, ...]) -> None:
    smidgen("build", example("web"), "-t", _NAME, *options)
    name = Layout(smidgen.store).names[0]
    target = smidgen.cwd / "copy"
    must(*_COPY, f"oci:{smidgen.store}:{name}", f"oci:{target}:web")


@pytest.mark.parametrize("options", [*_FORMS, _PLATFORMS], ids=" ".join)
def test_skopeo_copies_a_tarball(smidgen: Smidgen, example: Examples, options: tuple[str, ...]) -> None:
    tarball = _tarball(smidgen, example("web"), *options)
    target = smidgen.cwd / "copy"
    must(*_COPY, f"oci-archive:{tarball}", f"dir:{target}")
    if "zstd:3" not in options:  # skopeo's reader of docker archives knows gzip and plain tar only
        must("skopeo", "--insecure-policy", "copy", f"docker-archive:{tarball}", f"dir:{target}-docker")


def test_skopeo_reads_the_configuration(smidgen: Smidgen, example: Examples) -> None:
    layout = _layout(smidgen, example("web"), "--env", "PORT=9090", "--expose", "9090", "--label", "team=blue")
    config = json.loads(must("skopeo", "inspect", "--config", f"oci:{layout.root}:{layout.names[0]}"))["config"]
    assert "PORT=9090" in config["Env"]
    assert config["ExposedPorts"] == {"9090/tcp": {}}
    assert config["Labels"]["team"] == "blue"
    assert config["User"] == "65534:65534"


@pytest.mark.parametrize("options", [form for form in _FORMS if "zstd:3" not in form], ids=" ".join)
def test_umoci_unpacks_a_layout(smidgen: Smidgen, example: Examples, options: tuple[str, ...]) -> None:
    layout = _layout(smidgen, example("https-client"), *options)
    bundle = smidgen.cwd / "bundle"
    must("umoci", "unpack", "--rootless", "--image", f"{layout.root}:{layout.names[0]}", bundle)
    certificates = bundle / "rootfs" / "etc" / "ssl" / "certs" / "ca-certificates.crt"
    assert certificates.read_text().count("BEGIN CERTIFICATE") > 50
    (entrypoint,) = next(layout.configs())["config"]["Entrypoint"]
    usage = run(bundle / "rootfs" / entrypoint.lstrip("/"))
    assert "usage: https-client URL" in usage.stderr


@pytest.mark.parametrize("options", [form for form in _FORMS if "zstd:3" not in form], ids=" ".join)
def test_crane_validates_a_tarball(smidgen: Smidgen, example: Examples, crane: Path, options: tuple[str, ...]) -> None:
    tarball = _tarball(smidgen, example("web"), *options)
    assert must(crane, "validate", "--tarball", tarball).startswith("PASS")


@pytest.mark.parametrize("options", [*_FORMS, _PLATFORMS], ids=" ".join)
def test_crane_pushes_and_validates_a_layout(
    smidgen: Smidgen, example: Examples, crane: Path, registry: str, options: tuple[str, ...]
) -> None:
    layout = _layout(smidgen, example("web"), *options)
    name = f"{registry}/web:1"
    pushed = must(crane, "push", "--index", layout.root, name)
    if not {"zstd:3", "none"} & set(options):  # crane takes every layer for gzip, and fails others wrongly
        must(crane, "validate", "--remote", name)
    assert "@sha256:" in pushed


def test_the_tarball_is_an_ordinary_tar(smidgen: Smidgen, example: Examples) -> None:
    with tarfile.open(_tarball(smidgen, example("web"), *_PLATFORMS)) as archive:
        names = archive.getnames()
    assert {"oci-layout", "index.json", "manifest.json"} <= set(names)
    assert len(names) == len(set(names))
