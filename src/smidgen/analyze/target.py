"""What a user wants to have explained: an executable, or an image wherever it is."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smidgen.errors import NotFound, SmidgenError, UsageError
from smidgen.image.image import Image
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore, is_layout
from smidgen.transfer.endpoint import ArchiveFile, LayoutDirectory, Remote, parse_endpoint
from smidgen.transfer.source import LocalSource, opened

_ELF: Final = b"\x7fELF"


def is_executable(target: str) -> bool:
    """Say whether *target* is a file that begins as an ELF executable does."""
    try:
        with open(target, "rb") as file:
            return file.read(len(_ELF)) == _ELF
    except OSError:
        return False


@contextmanager
def opened_image(
    target: str,
    *,
    store: Path | None = None,
    platform: Platform | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Image]:
    """Find the single image that *target* means, as long as the block takes; nothing is written to the store.

    Args:
        target: An archive, a directory with an OCI layout, ``oci:DIRECTORY[:NAME]`` and the like, or a name.
        store: This user's by default.
        platform: Which image, where there are several; this machine's by default.
        environ: Says where Docker's engine is.

    Raises:
        UsageError: It is in a registry, or could be one of several.
        NotFound: There is no such image.
        ContentError: It is damaged, or no image.
    """
    content = ContentStore.open(store, create=False)
    with opened(_source(target, content), content, keep=False, environ=environ) as found:
        yield Image(found.store, found.descriptor, found.reference).for_platform(platform)


def _source(target: str, store: ContentStore) -> LocalSource:
    if os.path.isfile(target):
        if not is_executable(target):
            return ArchiveFile("oci", Path(target))
        # The program that an image was made of often has its name, and stands where the user is.
        if not _is_stored(target, store):
            raise UsageError(f"{target} is an executable, not an image")
    if os.path.isdir(target) and is_layout(Path(target)):
        return LayoutDirectory(Path(target))
    if target.startswith(("./", "../", "/")) and os.path.exists(target):
        raise UsageError(
            f"{target} is neither a file nor an image layout", hint="expected an archive of images, or an executable"
        )
    if target.startswith(("./", "../", "/")):
        raise NotFound(f"file {target}", hint="expected an archive of images, or an executable")
    source = parse_endpoint(target, default="store")
    if isinstance(source, Remote):
        raise UsageError(
            f"{target} is in a registry", hint=f"fetch it first: smidgen pull {target.removeprefix('docker://')}"
        )
    return source


def _is_stored(target: str, store: ContentStore) -> bool:
    try:
        Image.resolve(store, target)
    except SmidgenError:
        return False
    return True


@contextmanager
def opened_subject(
    target: str, *, store: Path | None = None, platform: Platform | None = None
) -> Iterator[Image | Path]:
    """As ``opened_image``, but give the path of *target* where it is an executable.

    Raises:
        UsageError: It is in a registry, or could be one of several.
        NotFound: There is no such image.
        ContentError: It is damaged, or no image.
    """
    if is_executable(target):
        yield Path(target)
        return
    with opened_image(target, store=store, platform=platform) as image:
        yield image
