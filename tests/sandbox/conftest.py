"""A program that does what a test asks, images of it, and smidgen with several rights to run them."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.go_tools import go, locked
from support.sandbox_rights import Rights, library, public_python
from support.small_images import put_image

__all__ = ["library"]

_SOURCE = Path(__file__).parent / "programs" / "probe.go"

MakeImage = Callable[..., None]


@functools.cache
def _probe(architecture: str) -> Path:
    """Build the probe once, for all test runs with the same source and toolchain."""
    version = subprocess.run([go(), "version"], check=True, capture_output=True).stdout
    name = f"probe-{architecture}-{sha256(_SOURCE.read_bytes() + version).hexdigest()[:16]}"
    with locked("sandbox-probe") as root:
        target = root / "bin" / name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            fresh = target.with_name(f"{name}.new")
            command = [go(), "build", "-trimpath", "-ldflags=-s -w", "-o", str(fresh), _SOURCE.name]
            environment = os.environ | {"CGO_ENABLED": "0", "GOARCH": architecture, "GOFLAGS": "", "GO111MODULE": "off"}
            subprocess.run(command, check=True, env=environment, cwd=_SOURCE.parent)
            fresh.rename(target)
    return target


@pytest.fixture
def probe() -> Callable[[str], Path]:
    """The probe for a GOARCH."""
    return _probe


@pytest.fixture
def store() -> Iterator[ContentStore]:
    """A store that everybody can read, with the image ``probe`` in it."""
    root = Path(tempfile.mkdtemp(prefix="smidgen-store-"))
    try:
        made = ContentStore.open(root / "store")
        add_image(made, "probe", run=RunConfig(user="65534:65534", entrypoint=("/probe",)))
        yield made
    finally:
        shutil.rmtree(root)


@pytest.fixture
def image(store: ContentStore) -> MakeImage:
    """Put another image with the probe into the store: ``image(name, *entries, run=…, architecture=…)``."""
    return functools.partial(add_image, store)


def add_image(
    store: ContentStore, name: str, *entries: Entry, run: RunConfig | None = None, architecture: str = "amd64"
) -> None:
    """Tag an image with the probe and *entries*."""
    layer = [Entry.file("probe", _probe(architecture), mode=0o755), *entries]
    with store.writing():
        # Not compressed: that would take longer than most tests do.
        platform = Platform(os="linux", architecture=architecture)
        descriptor = put_image(store, layer, platform=platform, run=run, compression="none")
        store.tag(Reference.parse(name).with_default_tag(), descriptor)
    subprocess.run(["chmod", "-R", "a+rX", store.root.parent], check=True)


@pytest.fixture(scope="session")
def rights(library: Path) -> Callable[[str], Rights]:
    """Rights by the name that smidgen has for them."""
    python = public_python()
    return lambda name: Rights(name, library, python)
