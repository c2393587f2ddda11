"""The built-in base ``static``: what ``gcr.io/distroless/static-debian12:nonroot`` has, without a registry.

A Go program without cgo needs no more of a system than these files. They come from the packages certifi and tzdata and
from this one, so that the same release of smidgen and of these gives the same digests everywhere.

Source: the files, users and environment of that image; ``docs/how-to/bases.md`` compares them.
"""

from importlib import resources
from typing import Final

from smidgen.image.assemble import LayerRecipe, Recipe, assemble, assemble_index
from smidgen.image.base import BaseImage
from smidgen.image.image import Image
from smidgen.layer.compression import DEFAULT
from smidgen.layer.entry import Entry, Kind
from smidgen.needs.accounts import Account
from smidgen.needs.ca import PATH as CERTIFICATES
from smidgen.needs.need import NeedKind
from smidgen.needs.provide import mime_types
from smidgen.needs.provision import provisions
from smidgen.oci.config import RunConfig
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore

NONROOT: Final = 65532
# How the lines of its layers' history begin: an image on it is known by them.
_MARK: Final = "static: "
_FIRST: Final = f"{_MARK}directories, users, tables"
_HOME: Final = "home/nonroot"
_DIRECTORIES: Final = (
    *("bin", "boot", "dev", "etc", "home", "lib", "proc", "run", "sbin", "srv", "sys"),
    *("usr", "usr/bin", "usr/lib", "usr/local", "usr/local/bin", "usr/sbin", "usr/share"),
    *("var", "var/cache", "var/lib", "var/log", "var/spool"),
)
_ACCOUNTS: Final = """\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
"""
_GROUPS: Final = """\
root:x:0:
tty:x:5:
staff:x:50:
nonroot:x:65532:
nobody:x:65534:
"""
_OS_RELEASE: Final = """\
ID=smidgen-static
NAME="smidgen static"
PRETTY_NAME="smidgen static"
"""

#: What a container of it is started with.
RUN: Final = RunConfig(
    user=str(NONROOT),
    env=(
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"SSL_CERT_FILE=/{CERTIFICATES}",
    ),
    working_dir=f"/{_HOME}",
)


def static_image(store: ContentStore, platforms: tuple[Platform, ...]) -> Image:
    """Make the base for each of *platforms* in *store*, or find it there: an index.

    It gets no tag, so hold ``store.writing()``.
    """
    layers = _layers()
    images = [
        assemble(
            store, Recipe(platform=one, layers=layers, run=RUN, annotations={}, created=0, compression=DEFAULT)
        ).image
        for one in platforms
    ]
    return assemble_index(store, images, annotations={})


def static_entries() -> tuple[Entry, ...]:
    """Make everything but the certificates and the time zones, parents before what is in them."""
    directories = tuple(Entry.directory(path) for path in _DIRECTORIES)
    return (
        *directories,
        Entry.directory("root", mode=0o700),
        Entry.directory(_HOME, mode=0o700, uid=NONROOT, gid=NONROOT),
        Entry.directory("tmp", mode=0o1777),
        Entry.directory("var/tmp", mode=0o1777),
        Entry.file("etc/group", _GROUPS.encode()),
        Entry.file("etc/host.conf", b"multi on\n"),
        Entry.file("etc/mime.types", mime_types()),
        Entry.file("etc/nsswitch.conf", b"hosts: files dns\n"),
        Entry.symlink("etc/os-release", "../usr/lib/os-release"),
        Entry.file("etc/passwd", _ACCOUNTS.encode()),
        Entry.file("etc/protocols", _table("protocols")),
        Entry.file("etc/services", _table("services")),
        Entry.file("usr/lib/os-release", _OS_RELEASE.encode()),
        Entry.symlink("var/lock", "/run/lock"),
        Entry.symlink("var/run", "/run"),
    )


def _layers() -> tuple[LayerRecipe, ...]:
    entries = static_entries()
    special = tuple(
        one for one in entries if one.kind is Kind.DIRECTORY and (one.mode, one.uid, one.gid) != (0o755, 0, 0)
    )
    rest = provisions({NeedKind.CA, NeedKind.TZ}, account=Account())
    return (
        LayerRecipe(entries=lambda: entries, created_by=_FIRST, key=None, directories=special),
        *(LayerRecipe(entries=one.entries, created_by=f"{_MARK}{one.description}", key=one.key) for one in rest),
    )


def _table(name: str) -> bytes:
    """Give a table of ours without its comments."""
    lines = resources.files("smidgen.needs").joinpath(name).read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"#"))


def static_part(image: Image) -> BaseImage | None:
    """Give the lowest layers of a single image as a base, where they are a static base of any release; else None."""
    history = image.config.history or ()
    if not history or history[0].created_by != _FIRST:
        return None
    lines = next((at for at, one in enumerate(history) if not one.created_by.startswith(_MARK)), len(history))
    return BaseImage(
        name="static",
        reference="",
        image=image,
        run=RUN,
        layers=image.layers[:lines],
        diff_ids=image.diff_ids[:lines],
        history=history[:lines],
    )
