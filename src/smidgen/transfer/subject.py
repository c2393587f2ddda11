"""What a person names to have it looked at: an image of the store, of an archive, of a layout, or an executable."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smidgen.errors import InvalidReference, NotFound, UsageError
from smidgen.image.image import Image
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore
from smidgen.store.faults import ELSEWHERE, reporting
from smidgen.transfer.endpoint import ArchiveFile, LayoutDirectory, Remote, Stored, parse_endpoint
from smidgen.transfer.source import LocalSource, opened

_ELF: Final = b"\x7fELF"
_LAYOUT: Final = "oci-layout"


@contextmanager
def opened_subject(name: str, store: ContentStore, *, platform: Platform | None = None) -> Iterator[Image | Path]:
    """Find what *name* means, as long as the block takes: a single image, or the path of an executable.

    A name of the store comes before a file; ``./`` in front of it means the file. Nothing is written to *store*, nor
    to a layout.

    Args:
        name: A reference, a path, or ``TRANSPORT:…`` as for ``smidgen copy``, registries excepted.
        store: The content store.
        platform: Which one of an index.

    Raises:
        NotFound: There is no such image, file or platform.
        UsageError: It could be one of several images, or is one of a registry.
        ContentError: It is damaged, or neither an image nor an executable.
    """
    source = _source(name, store)
    if isinstance(source, Path):
        yield source
        return
    with opened(source, store, keep=False) as found:
        image = Image(found.store, found.descriptor, found.reference)
        yield image.for_platform(platform)


@contextmanager
def opened_image(name: str, store: ContentStore, *, platform: Platform | None = None) -> Iterator[Image]:
    """As ``opened_subject``, for images alone.

    Raises:
        UsageError: It is an executable.
    """
    with opened_subject(name, store, platform=platform) as subject:
        if isinstance(subject, Path):
            raise UsageError(f"{name} is an executable, not an image", hint="`smidgen build --binary` makes one of it")
        yield subject


def _source(name: str, store: ContentStore) -> LocalSource | Path:
    path = Path(name)
    if name.startswith((".", "/")) and ":" not in name:
        return _at(path)
    endpoint = parse_endpoint(name, default="store") if not name.startswith((".", "/")) else Stored(name)
    if isinstance(endpoint, Remote):
        reference = endpoint.reference.familiar
        raise UsageError(f"{name} is in a registry", hint=f"fetch it first: smidgen pull {reference}")
    if isinstance(endpoint, Stored):
        try:
            Image.resolve(store, endpoint.name)
        except (InvalidReference, NotFound):
            if not path.exists():
                raise
            return _at(path)
    return endpoint


def _at(path: Path) -> LocalSource | Path:
    if path.is_dir():
        if not (path / _LAYOUT).is_file():
            raise UsageError(
                f"{path} is a directory without {_LAYOUT}", hint="expected an image, an archive, or an executable"
            )
        return LayoutDirectory(path)
    if not path.exists():
        raise NotFound(f"file {path}", hint="expected an archive of images, or an executable")
    with reporting("read", path, instead=ELSEWHERE), path.open("rb") as file:
        start = file.read(len(_ELF))
    return path if start == _ELF else ArchiveFile("docker", path)
