"""Bases to build on: like those that people use, but small and made here."""

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.platform import Platform
from smidgen.store.content import ContentStore
from support.small_images import AMD64, ARM64, put_image, put_index

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nweb:x:101:102:web:/srv:/sbin/nologin\nnobody:x:65534:65534::/:/bin/false"
GROUP = b"root:x:0:\nweb:x:102:\nnobody:x:65534:\n"
BUNDLE = b"-----BEGIN CERTIFICATE-----\nMAYwADAAAwA=\n-----END CERTIFICATE-----\n"
ZONES = ("America/New_York", "Asia/Tokyo", "Europe/London", "UTC")

#: What a container of the base is started with.
RUN = RunConfig(
    user="web",
    env=("PATH=/usr/bin:/bin", "LANG=C.UTF-8", "COLOUR=red"),
    entrypoint=("/bin/sh",),
    cmd=("-l",),
    working_dir="/srv",
    labels={"vendor": "them", "tier": "base"},
    exposed_ports={"80/tcp": {}},
    volumes={"/data": {}},
    stop_signal="SIGQUIT",
)


def system_entries(mark: bytes = b"1") -> list[Entry]:
    """Give the files of a small system with merged /usr, as Debian has it; *mark* tells releases apart."""
    return [
        Entry.symlink("bin", "usr/bin"),
        Entry.symlink("lib", "usr/lib"),
        *(Entry.directory(path) for path in ("etc", "run", "srv", "usr", "usr/bin", "usr/lib", "var")),
        Entry.directory("root", mode=0o700),
        Entry.directory("etc/private", mode=0o750, gid=102),
        Entry.directory("tmp", mode=0o1777),
        Entry.file("etc/group", GROUP),
        Entry.file("etc/os-release", b"ID=small\nVERSION=" + mark + b"\n"),
        Entry.file("etc/passwd", PASSWD),
        Entry.file("usr/bin/sh", b"#!", mode=0o755),
        Entry.symlink("var/run", "/run"),
    ]


def data_entries() -> list[Entry]:
    """Give certificates and time zones."""
    return [
        Entry.file("etc/ssl/certs/ca-certificates.crt", BUNDLE),
        Entry.symlink("etc/ssl/cert.pem", "certs/ca-certificates.crt"),
        *(Entry.file(f"usr/share/zoneinfo/{zone}", b"TZif" + zone.encode()) for zone in ZONES),
    ]


def put_base(
    store: ContentStore,
    *,
    platform: Platform = AMD64,
    run: RunConfig = RUN,
    mark: bytes = b"1",
    compression: str = "gzip",
    with_data: bool = True,
) -> Descriptor:
    """Put a base for one platform into *store*."""
    layers = [system_entries(mark), *([data_entries()] if with_data else [])]
    return put_image(store, *layers, platform=platform, run=run, compression=compression)


def put_base_index(store: ContentStore, *, mark: bytes = b"1", run: RunConfig = RUN) -> Descriptor:
    """Put a base for amd64 and arm64 into *store*."""
    return put_index(
        store, [(platform, put_base(store, platform=platform, mark=mark, run=run)) for platform in (AMD64, ARM64)]
    )
