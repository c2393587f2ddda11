"""Building again elsewhere, and telling what is different."""

import io
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from smidgen.errors import BuildError, NotReproducible
from smidgen.gobuild.difference import differences
from smidgen.gobuild.elsewhere import Elsewhere, outermost
from smidgen.gobuild.reproducible import source_directories, verify_reproducible
from smidgen.gobuild.target import resolve_targets
from smidgen.gobuild.toolchain import Toolchain
from smidgen.image.image import Image
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry
from smidgen.layer.pack import pack
from smidgen.oci.config import ImageConfig, RootFS, RunConfig, encode_config
from smidgen.oci.manifest import Manifest, encode
from smidgen.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from smidgen.store.content import ContentStore
from support.command import Smidgen

PRINTER = 'package main\n\nfunc main() { println("hello") }\n'
Write = Callable[[dict[str, str]], Path]


def image(store: ContentStore, *entries: Entry, compression: str = "gzip", user: str = "1") -> Image:
    data = io.BytesIO()
    layer = pack(entries, data.write, compression=Compression.parse(compression))
    with store.writer() as writer:
        writer.write(data.getvalue())
        writer.commit(layer.descriptor.digest, layer.descriptor.size)
    config = ImageConfig(
        architecture="amd64",
        os="linux",
        config=RunConfig(user=user),
        rootfs=RootFS(type="layers", diff_ids=(layer.diff_id,)),
    )
    described = store.put(encode_config(config), media_type=OCI_CONFIG)
    manifest = Manifest(schema_version=2, media_type=OCI_MANIFEST, config=described, layers=(layer.descriptor,))
    return Image(store, store.put(encode(manifest), media_type=OCI_MANIFEST))


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


def told(one: Image, other: Image) -> list[str]:
    return [str(difference) for difference in differences(one, other)]


def test_equal_images(store: ContentStore) -> None:
    assert told(image(store, Entry.file("a", b"1")), image(store, Entry.file("a", b"1"))) == []


def test_the_first_byte_that_differs(store: ContentStore) -> None:
    one = image(store, Entry.file("a", b"same"), Entry.file("app", b"x" * 300_000 + b"1 end"))
    other = image(store, Entry.file("a", b"same"), Entry.file("app", b"x" * 300_000 + b"2 end"))
    (line,) = told(one, other)
    assert line.startswith("linux/amd64 layer 0 /app: first different byte at 0x493e0: b'xxx")
    assert line.endswith("2 end'")


def test_attributes_names_and_numbers_of_files(store: ContentStore) -> None:
    one = image(store, Entry.file("a", b"1"), Entry.file("b", b"1"))
    mode = image(store, Entry.file("a", b"1", mode=0o600), Entry.file("b", b"1"))
    assert told(one, mode) == ["linux/amd64 layer 0 /a: mode 644 and 600"]
    named = image(store, Entry.file("a", b"1"), Entry.file("c", b"1"))
    assert told(one, named) == ["linux/amd64 layer 0 /b: in its place the other layer has /c"]
    fewer = image(store, Entry.file("a", b"1"))
    assert told(one, fewer) == ["linux/amd64 layer 0 /b: only one of the layers has it"]
    longer = image(store, Entry.file("a", b"12"), Entry.file("b", b"1"))
    assert told(one, longer) == [
        "linux/amd64 layer 0 /a: size 1 and 2",
        "linux/amd64 layer 0 /a: first different byte at 0x1: b'1' and b'12'",
    ]


def test_compression_and_configuration(store: ContentStore) -> None:
    one = image(store, Entry.file("a", b"1" * 5000))
    fast = image(store, Entry.file("a", b"1" * 5000), compression="gzip:1")
    assert told(one, fast) == ["linux/amd64 layer 0: the same files, compressed or put into an archive differently"]
    user = image(store, Entry.file("a", b"1" * 5000), user="2")
    assert told(one, user) == ['linux/amd64 configuration config User: "1" and "2"']


def test_outermost() -> None:
    assert outermost(["/a/b", "/a", "/ab", "/c/d", "/c/d/e"]) == ("/a", "/ab", "/c/d")


def test_a_copy_is_the_same_and_yet_different(write: Write, tmp_path: Path, toolchain: Toolchain) -> None:
    source = write({"a": "1", "d/run": "2", "d/e/c": "3"})
    (source / "d/run").chmod(0o755)
    (source / "link").symlink_to("d/run")
    (tmp_path / "here").mkdir()
    elsewhere = Elsewhere(root=str(tmp_path / "here"), sources=(str(source),), environ={}, toolchain=toolchain)
    elsewhere.copy()
    copy = Path(elsewhere.place(str(source)))
    assert copy != source
    assert [(copy / name).read_text() for name in ("a", "d/run", "d/e/c", "link")] == ["1", "2", "3", "2"]
    assert [(copy / name).stat().st_mode & 0o777 for name in ("a", "d/run", "d")] == [0o600, 0o700, 0o700]
    assert (copy / "a").stat().st_mtime == 1_000_000_000
    assert os.readlink(copy / "link") == "d/run"
    assert elsewhere.place("/other") == "/other"
    assert elsewhere.argument(f"--config={source}/a") == f"--config={copy}/a"
    assert elsewhere.argument(f"{source}/d:/d") == f"{copy}/d:/d"


def test_sources_are_repositories_and_replacements(write: Write, toolchain: Toolchain, environ: dict[str, str]) -> None:
    root = write(
        {
            "repository/app/go.mod": "module app.test\n\nreplace lib.test => ../../lib\n",
            "repository/app/main.go": PRINTER,
            "lib/go.mod": "module lib.test\n",
            "unrelated/x": "",
        }
    )
    subprocess.run(["git", "init", "-q", str(root / "repository")], check=True)
    packages = resolve_targets((".",), cwd=str(root / "repository/app"), toolchain=toolchain, environ=environ).packages
    found = source_directories(packages, toolchain=toolchain, environ=environ)
    assert found == (str(root / "lib"), str(root / "repository"))


@pytest.mark.e2e
def test_a_build_is_the_same_elsewhere(
    write: Write, toolchain: Toolchain, environ: dict[str, str], tmp_path: Path
) -> None:
    root = write({"go.mod": "module app.test\n\ngo 1.21\n", "main.go": PRINTER})
    # With the state of git stamped into the program.
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "x"], ["tag", "v1.2.3"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    variables = environ | {"SMIDGEN_GO": toolchain.path, "GOFLAGS": ""}
    smidgen = Smidgen(tmp_path / "store", root, tuple(variables.items()))

    def verify(*arguments: str) -> tuple[str, ...]:
        reference = smidgen("build", *arguments).lines[0]
        first = Image.resolve(ContentStore.open(tmp_path / "store"), reference)
        return verify_reproducible(
            [first],
            arguments,
            directory=str(root),
            sources=[str(root)],
            toolchain=toolchain,
            environ=variables | {"SMIDGEN_STORE": str(tmp_path / "store")},
        ).varied

    assert {"directory", "umask", "build cache", "time zone"} <= set(verify())
    with pytest.raises(NotReproducible, match=r"layer 0 /\S+: first different byte at 0x") as caught:
        verify("--goflags=-trimpath=false")
    assert "-trimpath" in (caught.value.hint or "")
    with pytest.raises(BuildError, match="failed with exit code"):
        verify_reproducible(
            [],
            ["./nowhere"],
            directory=str(root),
            sources=[str(root)],
            toolchain=replace(toolchain),
            environ=variables,
        )
