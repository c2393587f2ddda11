"""Builds again, elsewhere, and tells whether the outcome is the same to the byte."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smidgen.errors import BuildError, NotReproducible
from smidgen.gobuild.difference import differences
from smidgen.gobuild.elsewhere import Elsewhere, outermost
from smidgen.gobuild.environment import GoSettings, go_environment
from smidgen.gobuild.git import find_repository
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.target import MainPackage
from smidgen.gobuild.toolchain import Toolchain
from smidgen.gobuild.workspace import find_workspace
from smidgen.image.image import Image
from smidgen.store.content import ContentStore

_HINT = (
    "a template with .Date or .Timestamp needs SOURCE_DATE_EPOCH, and -trimpath keeps directories of this machine out"
)


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A proof.

    Attributes:
        digests: Of the images, the same both times.
        varied: What was different the second time, in words.
    """

    digests: tuple[str, ...]
    varied: tuple[str, ...]


def source_directories(
    packages: Iterable[MainPackage], *, toolchain: Toolchain, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Name the directories that a build of *packages* reads: repositories, workspaces, modules, replacements."""
    settings = GoSettings(go_environment(environ, BuildOptions()), toolchain.goroot)
    found: list[str] = []
    for package in packages:
        workspace = find_workspace(package.directory, settings) if package.directory else None
        if workspace is None:
            continue
        roots = [workspace.root, *(module.root for module in (*workspace.main, *workspace.replacements))]
        found += [find_repository(root) or root for root in roots if os.path.isdir(root)]
    return outermost(found)


def verify_reproducible(
    images: Sequence[Image],
    arguments: Sequence[str],
    *,
    directory: str,
    sources: Iterable[str],
    toolchain: Toolchain | None,
    environ: Mapping[str, str],
) -> Reproduced:
    """Build again in another place, as another user, on another host, and compare.

    Args:
        images: What the first build gave, in order.
        arguments: What followed ``smidgen build``: targets, and options that make the images what they are; none
            for outputs, nor the one that asks for this.
        directory: Where it was started, absolute.
        sources: Directories that it read, absolute: see :func:`source_directories`.
        toolchain: What compiled Go, if anything did.
        environ: The environment.

    Raises:
        NotReproducible: The images differ; the message says where.
        BuildError: The second build failed.
    """
    with tempfile.TemporaryDirectory(prefix="smidgen-elsewhere-") as root:
        elsewhere = Elsewhere(root=root, sources=outermost(sources), environ=environ, toolchain=toolchain)
        elsewhere.copy()
        store = os.path.join(root, "store")
        if images:
            _share_blobs(images[0].store, store)
        outcome, varied = elsewhere.build(arguments, directory=directory, store=store)
        if outcome.exit_code != 0:
            said = outcome.stderr.decode(errors="replace").strip()
            raise BuildError(f"the second build, elsewhere, failed with exit code {outcome.exit_code}\n{said}")
        references = outcome.stdout.decode().split()
        if len(references) != len(images):
            raise BuildError(f"the second build gave {len(references)} images, the first {len(images)}")
        _compare(images, references, ContentStore.open(Path(store)), varied)
        return Reproduced(tuple(image.digest for image in images), varied)


def _compare(images: Sequence[Image], references: Sequence[str], store: ContentStore, varied: Sequence[str]) -> None:
    told: list[str] = []
    for image, reference in zip(images, references, strict=True):
        digest = reference.rpartition("@")[2]
        if digest == image.digest:
            continue
        told.append(f"{image.name}: {image.digest}, then {digest}")
        told += [f"  {difference}" for difference in differences(image, Image.resolve(store, reference))]
    if told:
        where = ", ".join(varied)
        raise NotReproducible(
            "\n".join([f"the build is not reproducible; built again with another {where}:", *told]), hint=_HINT
        )


def _share_blobs(store: ContentStore, other: str) -> None:
    """Give another store the blobs and tags of *store*, for bases, but not what is remembered of builds."""
    root = str(store.root)
    os.mkdir(other)
    for name in ("oci-layout", "index.json"):
        shutil.copyfile(os.path.join(root, name), os.path.join(other, name))
    for place, _, files in os.walk(os.path.join(root, "blobs")):
        target = os.path.join(other, os.path.relpath(place, root))
        os.makedirs(target)
        for name in files:
            try:
                os.link(os.path.join(place, name), os.path.join(target, name))
            except OSError:
                # Another file system.
                shutil.copyfile(os.path.join(place, name), os.path.join(target, name))
