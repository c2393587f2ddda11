"""Images that lie: about sizes, about digests, about what is in a layer."""

import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from support.command import Smidgen
from support.registry import MANIFEST, Registry
from support.registry_images import published
from support.registry_wire import Server, serving

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_NAME = "team/liar"
_PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(code)
"""
_MEMORY = 100 << 20


def image(registry: Registry, *layers: tuple[str, bytes], **changes: Any) -> dict[str, Any]:
    """Put an image of any layers into a registry, with fields of its manifest as the test wants them."""
    diff_ids = [f"sha256:{at:064x}" for at in range(len(layers))]
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": registry.add_blob(_NAME, config), "size": len(config)},
        "layers": [
            {"mediaType": media_type, "digest": registry.add_blob(_NAME, data), "size": len(data)}
            for media_type, data in layers
        ],
        **changes,
    }
    registry.add_manifest(_NAME, json.dumps(manifest).encode(), "1")
    return manifest


def refused(smidgen: Smidgen, server: Server) -> str:
    outcome = smidgen("pull", f"{server.host}/{_NAME}:1", fails=True)
    assert "Traceback" not in outcome.stderr
    assert smidgen("images").lines[1:] == []
    return outcome.stderr


@pytest.mark.parametrize("size", [0, 1, 999, 1001, 1 << 40, (1 << 63) - 1])
@pytest.mark.parametrize("what", ["config", "layer"])
def test_a_size_that_is_wrong(smidgen: Smidgen, what: str, size: int) -> None:
    registry = Registry()
    manifest = image(registry, (_LAYER, b"x" * 1000))
    (manifest["config"] if what == "config" else manifest["layers"][0])["size"] = size
    registry.add_manifest(_NAME, json.dumps(manifest).encode(), "1")
    with serving(registry) as server:
        text = refused(smidgen, server)
        digest = (manifest["config"] if what == "config" else manifest["layers"][0])["digest"]
        assert digest in text
        assert str(size) in text


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:../../../../etc/passwd",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha512:" + "a" * 128,
        "md5:" + "a" * 32,
        "",
        "sha256:" + "a" * 64 + "\n",
    ],
)
def test_a_digest_that_is_none(smidgen: Smidgen, digest: str) -> None:
    registry = Registry()
    image(registry, layers=[{"mediaType": _LAYER, "digest": digest, "size": 10}])
    with serving(registry) as server:
        text = refused(smidgen, server)
        assert "digest" in text
        assert "layers[0]" in text or "$.layers" in text
        assert not server.asked("GET", "blobs")


@pytest.mark.parametrize(
    "manifest",
    [
        {"schemaVersion": 3},
        {"schemaVersion": "2"},
        {"config": None},
        {"config": []},
        {"layers": None},
        {"layers": {}},
        {"layers": [{}]},
        {"layers": [{"mediaType": _LAYER, "digest": f"sha256:{0:064}", "size": -1}]},
        {"layers": [{"mediaType": _LAYER, "digest": f"sha256:{0:064}", "size": 1e30}]},
        {"layers": [{"mediaType": _LAYER, "digest": f"sha256:{0:064}", "size": "10"}]},
        {"manifests": []},
        {"mediaType": "application/vnd.oci.image.index.v1+json"},
        {"annotations": {"x": 1}},
        {"layers": [{"mediaType": _LAYER, "digest": f"sha256:{at:064}", "size": 1} for at in range(20_000)]},
    ],
    ids=range(14),
)
def test_a_manifest_that_breaks_its_schema(smidgen: Smidgen, manifest: dict[str, object]) -> None:
    registry = Registry()
    image(registry, (_LAYER, b"x"), **manifest)
    with serving(registry) as server:
        text = refused(smidgen, server)
        assert server.host in text or "sha256:" in text
        assert len(text) < 2000
        assert len(server.log) < 40


def _zeros(size: int) -> bytes:
    """Compress a tar with a file of *size* zeros."""
    head = tarfile.TarInfo("zeros")
    head.size = size
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    piece = bytes(1 << 20)
    parts = [packer.compress(head.tobuf())]
    parts += [packer.compress(piece) for _ in range(size >> 20)]
    return b"".join([*parts, packer.compress(bytes(1024)), packer.flush()])


def test_a_bomb_of_zeros_takes_no_memory(smidgen: Smidgen) -> None:
    """A layer of some 30 kB that is 1 GB when it is unpacked."""
    registry = Registry()
    image(registry, (f"{_LAYER}+zstd", _zeros(1 << 30)))
    with serving(registry) as server:
        for arguments in (("pull", f"{server.host}/{_NAME}:1"), ("ls", f"{server.host}/{_NAME}:1")):
            outcome = smidgen.through([sys.executable, "-S", "-c", _PEAK], *arguments)
            assert outcome.exit_code == 0, outcome
            assert int(outcome.stdout.rpartition("peak ")[2]) < _MEMORY


def _hostile(outside: Path) -> list[bytes]:
    """Make layers that try to write to *outside*, each in another way."""
    up = "../" * 12

    def layer(*members: tuple[str, bytes, str]) -> bytes:
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            for name, kind, content in members:
                member = tarfile.TarInfo(name)
                member.type = kind
                if kind == tarfile.REGTYPE:
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content.encode()))
                else:
                    member.linkname = content
                    archive.addfile(member)
        return target.getvalue()

    return [
        layer((f"{up}{outside}/climbed", tarfile.REGTYPE, "x")),
        layer((f"{outside}/absolute", tarfile.REGTYPE, "x")),
        layer(("link", tarfile.SYMTYPE, str(outside)), ("link/through", tarfile.REGTYPE, "x")),
        layer(("link", tarfile.SYMTYPE, f"{up}{outside}"), ("link/through", tarfile.REGTYPE, "x")),
        layer(("hard", tarfile.LNKTYPE, f"{up}{outside}/victim"), ("hard", tarfile.REGTYPE, "overwritten")),
        layer(("link", tarfile.SYMTYPE, str(outside)), ("link/.wh.victim", tarfile.REGTYPE, "")),
        layer(("link", tarfile.SYMTYPE, str(outside)), ("link/.wh..wh..opq", tarfile.REGTYPE, "")),
    ]


@pytest.mark.e2e
@pytest.mark.parametrize("at", range(7))
def test_layers_never_write_outside_their_root(smidgen: Smidgen, tmp_path: Path, at: int) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("alive")
    registry = Registry()
    published(tmp_path / "published", registry)
    image(registry, (_LAYER, _hostile(outside)[at]), (_LAYER, _hostile(outside)[at]))
    with serving(registry) as server:
        name = f"{server.host}/{_NAME}:1"
        smidgen("pull", name)
        smidgen("run", name, "/nothing", fails=True)
    assert [path.name for path in outside.iterdir()] == ["victim"]
    assert (outside / "victim").read_text() == "alive"
