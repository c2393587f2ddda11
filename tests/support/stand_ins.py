"""Stand-ins for the base images that people's Dockerfiles name, so that those build where no registry can be reached.

They are made from Debian's packages (with the machine's own apt sources) and Go's releases, and kept between test
runs. What each is and is not stands in ``tests/support/stand_in_files/README.md``.
"""

import functools
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import certifi
import msgspec

from smidgen.needs.static_base import static_image
from smidgen.oci.config import History, ImageConfig, RootFS, RunConfig, encode_config
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID, Digest
from smidgen.oci.manifest import Manifest, encode
from smidgen.oci.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from smidgen.oci.platform import host_platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support import go_releases
from support.go_tools import cache_directory, go, locked

FILES: Final = Path(__file__).with_name("stand_in_files")
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHUNK: Final = 1 << 20
_CREATED: Final = "2025-01-01T00:00:00Z"
_EPOCH: Final = "1735689600"  # the first second of 2025, so that what is made twice is the same

_ALPINE_FILES: Final = {
    "etc/alpine-release": "3.22.0\n",
    "etc/os-release": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.0\nPRETTY_NAME="Stand-in for Alpine Linux"\n',
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:root\nnogroup:x:65533:\nnobody:x:65534:\n",
    "etc/shadow": "root:*::0:::::\nnobody:!::0:::::\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


#: Makes an image in a store.
Maker = Callable[[ContentStore], Descriptor]


def stand_ins() -> dict[str, Maker]:
    """Give what makes each stand-in, by the name that Dockerfiles call it."""
    alpine = RunConfig(env=(f"PATH={_PATH}",), cmd=("/bin/sh",))
    postgres = RunConfig(
        env=(f"PATH={_PATH}:/usr/lib/postgresql/17/bin", "PG_MAJOR=17", "PGDATA=/var/lib/postgresql/data"),
        entrypoint=("docker-entrypoint.sh",),
        cmd=("postgres",),
        exposed_ports={"5432/tcp": {}},
        volumes={"/var/lib/postgresql/data": {}},
        stop_signal="SIGINT",
    )
    return {
        "golang:1.23": _image_of(_go_run("1.23", "bash"), _debian_go, _go("1.23")),
        # A release of today that is told to work as those before modules did.
        "golang:1.8": _image_of(_go_run("1.23", "bash", "GO111MODULE=off"), _debian_go, _go("1.23")),
        "golang:1.23-alpine": _image_of(
            _go_run("1.23", "/bin/sh"), _alpine, _alpine_packages, _alpine_compiler, _go("1.23")
        ),
        "golang:1.25.4-alpine": _image_of(
            _go_run("1.25", "/bin/sh"), _alpine, _alpine_packages, _alpine_compiler, _go("1.25")
        ),
        "gcr.io/distroless/static-debian12": _static("0"),
        "gcr.io/distroless/static-debian12:nonroot": _static("65532"),
        "alpine": _image_of(alpine, _alpine, _alpine_packages),
        "postgres:17": _image_of(postgres, _postgres),
    }


def store_of(*names: str) -> ContentStore:
    """Give a content store with the stand-ins *names*, all of them by default; what is not there yet is made."""
    store = ContentStore.open(_place() / "store")
    known = stand_ins()
    for name in names or known:
        reference = Reference.parse(name).with_default_tag()
        with locked("stand-in-images"):
            if reference not in store.tags():
                with store.writing():
                    store.tag(reference, known[name](store))
    return store


def share(names: Iterable[str], store: ContentStore) -> None:
    """Put the stand-ins *names* into *store* without copying their bytes, where the file system has hard links."""
    kept = store_of(*names)
    with store.writing():
        for name in names:
            reference = Reference.parse(name).with_default_tag()
            descriptor = kept.resolve(reference)
            for blob in _blobs(kept, descriptor):
                target = store.blob_path(blob.digest)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    try:
                        os.link(kept.blob_path(blob.digest), target)
                    except OSError:
                        shutil.copyfile(kept.blob_path(blob.digest), target)
            store.tag(reference, descriptor)


def mirrors(address: str) -> str:
    """Render a registries.conf that finds the stand-ins at the registry at *address*, and nothing else."""
    text = 'unqualified-search-registries = ["docker.io"]\n'
    for registry, place in (("docker.io", address), ("gcr.io", f"{address}/gcr.io")):
        text += f'\n[[registry]]\nprefix = "{registry}"\nlocation = "{place}"\ninsecure = true\n'
    return text


def _blobs(store: ContentStore, descriptor: Descriptor) -> Iterator[Descriptor]:
    from smidgen.oci.manifest import decode_manifest

    manifest = decode_manifest(store.get(descriptor))
    yield from (*manifest.layers, manifest.config, descriptor)


# Images from tars


def _image_of(run: RunConfig, *layers: Callable[[], Path]) -> Maker:
    """Make an image of tars, bottom first."""

    def make(store: ContentStore) -> Descriptor:
        packed = [_packed(store, layer()) for layer in layers]
        config = ImageConfig(
            created=_CREATED,
            architecture=host_platform().architecture,
            os="linux",
            config=run,
            rootfs=RootFS(type="layers", diff_ids=tuple(diff_id for _, diff_id in packed)),
            history=tuple(History(created=_CREATED, created_by="stand-in") for _ in packed),
        )
        return _put(store, config, tuple(descriptor for descriptor, _ in packed))

    return make


def _static(user: str) -> Maker:
    """Make our own equivalent of distroless' static image, for *user*."""

    def make(store: ContentStore) -> Descriptor:
        image = static_image(store, (host_platform(),)).for_platform()
        run = msgspec.structs.replace(image.config.run, user=user)
        return _put(store, msgspec.structs.replace(image.config, config=run), image.manifest.layers)

    return make


def _put(store: ContentStore, config: ImageConfig, layers: tuple[Descriptor, ...]) -> Descriptor:
    described = store.put(encode_config(config), media_type=OCI_CONFIG)
    manifest = Manifest(schema_version=2, media_type=OCI_MANIFEST, config=described, layers=layers)
    return store.put(encode(manifest), media_type=OCI_MANIFEST)


def _packed(store: ContentStore, tar: Path) -> tuple[Descriptor, DiffID]:
    """Compress *tar* into *store*: fast, as nobody downloads it; once for all images that have it."""
    note = tar.with_suffix(".json")
    if note.exists():
        kept, diff_id = msgspec.json.decode(note.read_bytes(), type=tuple[Descriptor, str])
        return kept, DiffID(diff_id)
    plain, stored = hashlib.sha256(), hashlib.sha256()
    compressor = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    with tar.open("rb") as file, store.writer() as writer:

        def put(data: bytes) -> None:
            stored.update(data)
            writer.write(data)

        while chunk := file.read(_CHUNK):
            plain.update(chunk)
            put(compressor.compress(chunk))
        put(compressor.flush())
        digest = Digest(f"sha256:{stored.hexdigest()}")
        writer.commit(digest, writer.size)
    descriptor = Descriptor(media_type=OCI_LAYER_GZIP, digest=digest, size=writer.size)
    diff_id = DiffID(f"sha256:{plain.hexdigest()}")
    note.write_bytes(msgspec.json.encode((descriptor, diff_id)))
    return descriptor, diff_id


# Tars


def _place() -> Path:
    """Give the directory of everything made by this version of these files."""
    key = hashlib.sha256()
    for path in (Path(__file__), *sorted(path for path in FILES.iterdir() if path.is_file())):
        key.update(path.read_bytes())
    directory = cache_directory() / "stand-ins" / key.hexdigest()[:16]
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _made(name: str, make: Callable[[Path], None]) -> Path:
    target = _place() / f"{name}.tar"
    with locked(f"stand-in-{name}"):
        if not target.exists():
            fresh = target.with_suffix(".new.tar")
            fresh.unlink(missing_ok=True)
            make(fresh)
            fresh.rename(target)
    return target


def _debian(target: Path, suite: str, *packages: str, variant: str = "minbase", without: Iterable[str] = ()) -> None:
    """Put *packages* and all that they need into one tar, from where this machine gets its packages.

    *without* are files that packages make, and that are added in another form afterwards: docker refuses to load a
    layer that has a file twice.
    """
    sources = target.with_suffix(".sources")
    configured = next(Path("/etc/apt/sources.list.d").glob("debian.sources"), Path("/etc/apt/sources.list"))
    text = "".join(line for line in configured.read_text().splitlines(keepends=True) if not line.startswith("#"))
    sources.write_text(re.sub(r"\b(bookworm|trixie)(?=\s|-|$)", suite, text, flags=re.MULTILINE))
    command = ["mmdebstrap", "--quiet", f"--variant={variant}", "--aptopt=APT::Install-Recommends false"]
    command += [f'--customize-hook=rm "$1/{name}"' for name in without]
    command += [f"--include={','.join(packages)}", suite, str(target), str(sources)]
    subprocess.run(command, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": _EPOCH}, stdin=subprocess.DEVNULL)
    sources.unlink()


def _debian_go() -> Path:
    def make(target: Path) -> None:
        bundle = "etc/ssl/certs/ca-certificates.crt"
        _debian(target, "bookworm", "ca-certificates", "gcc", "git", "libc6-dev", "tzdata", without=[bundle])
        _append(target, _trusted(), {"go/src": 0o1777, "go/bin": 0o1777})

    return _made("debian-go", make)


def _go(minor: str) -> Callable[[], Path]:
    def make(target: Path) -> None:
        root = go_releases.toolchain(_release(minor))
        # Where modules come from is the machine's business, not a Dockerfile's.
        proxy = subprocess.run([go(), "env", "GOPROXY", "GONOSUMDB", "GOSUMDB"], check=True, capture_output=True)
        names = ("GOPROXY", "GONOSUMDB", "GOSUMDB")
        values = zip(names, proxy.stdout.decode().splitlines(), strict=True)
        settings = "usr/local/go/go.env"
        with tarfile.open(target, "w") as tar:
            # Its own would be there twice.
            tar.add(root, "usr/local/go", filter=lambda member: None if member.name == settings else _roots(member))
        _append(target, {settings: "".join(f"{name}={value}\n" for name, value in values if value)})

    return lambda: _made(f"go-{minor}", make)


def _release(minor: str) -> str:
    return next(one for one in go_releases.releases() if one.startswith(f"{minor}."))


def _go_run(minor: str, shell: str, *env: str) -> RunConfig:
    path = f"PATH=/go/bin:/usr/local/go/bin:{_PATH}"
    version = f"GOLANG_VERSION={_release(minor)}"
    return RunConfig(env=(path, version, "GOTOOLCHAIN=local", "GOPATH=/go", *env), cmd=(shell,), working_dir="/go")


def _alpine() -> Path:
    def make(target: Path) -> None:
        _debian(target, "bookworm", "busybox-static", "musl", variant="extract")
        with tarfile.open(target) as tar:
            # Debian keeps its programs below usr or not, as the release has it.
            kept = {name.removeprefix("./usr/").removeprefix("./"): name for name in tar.getnames()}
            busybox = _content(tar, kept["bin/busybox"])
            loader = next(name for name in kept.values() if re.search(r"/libc\.so$", name))
            libc = _content(tar, loader)
        with tarfile.open(target, "w") as tar:
            for name, mode in _ALPINE_DIRECTORIES.items():
                _add(tar, name, None, mode)
            _add(tar, "bin/busybox", busybox, 0o755)
            _add(tar, "lib/libc.musl.so.1", libc, 0o755)
            _link(tar, f"lib/ld-musl-{os.uname().machine}.so.1", "libc.musl.so.1")
            for applet in _applets(busybox):
                _link(tar, f"{'sbin' if applet in _SBIN else 'bin'}/{applet}", "/bin/busybox")
            for name, text in _ALPINE_FILES.items():
                _add(tar, name, text.encode(), 0o640 if name == "etc/shadow" else 0o644)
            for name in ("adduser", "addgroup"):
                _add(tar, f"usr/sbin/{name}", (FILES / name).read_bytes(), 0o755)
            _add(tar, "sbin/apk", (FILES / "apk").read_bytes(), 0o755)

    return _made("alpine", make)


_SBIN: Final = frozenset({"halt", "ifconfig", "init", "nologin", "poweroff", "reboot", "route", "sulogin", "sysctl"})
_ALPINE_DIRECTORIES: Final = {
    **dict.fromkeys(("bin", "dev", "etc", "home", "lib", "media", "mnt", "opt", "proc", "run", "sbin"), 0o755),
    **dict.fromkeys(("srv", "sys", "usr", "usr/bin", "usr/lib", "usr/local", "usr/local/bin", "usr/sbin"), 0o755),
    **dict.fromkeys(("usr/share", "var", "var/cache", "var/log", "var/run", "etc/ssl", "etc/ssl/certs"), 0o755),
    "root": 0o700,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
}


def _applets(busybox: bytes) -> list[str]:
    program = _place() / "busybox"
    program.write_bytes(busybox)
    program.chmod(0o755)
    listed = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    # Its dpkg would be taken for Debian's.
    return [name for name in listed if not name.startswith(("busybox", "dpkg", "rpm"))]


def _alpine_packages() -> Path:
    """Make the layer of what ``apk add`` of every stand-in can add, and of the certificates that Alpine has."""

    def make(target: Path) -> None:
        zones = target.with_name("zones.tar")
        _debian(zones, "bookworm", "tzdata", variant="extract")
        both = _trusted()
        with tarfile.open(target, "w") as tar:
            for name in ("ca-certificates", "ca-certificates-bundle"):
                _add(tar, f"usr/share/stand-in/{name}.tar", _small_tar(both), 0o644)
            _add(tar, "usr/share/stand-in/tzdata.tar", _filtered(zones, "./usr/share/zoneinfo/"), 0o644)
        _append(target, both)
        zones.unlink()

    return _made("alpine-packages", make)


def _alpine_compiler() -> Path:
    """Make the layer of the C compiler that ``apk add gcc musl-dev`` adds: Debian's, which makes programs for musl."""

    def make(target: Path) -> None:
        compiler = target.with_name("compiler.tar")
        _debian(compiler, "bookworm", "gcc", "musl-tools", variant="extract")
        # `gcc` is one for musl.
        wrapper = b'#!/bin/sh\nREALGCC=x86_64-linux-gnu-gcc exec musl-gcc "$@"\n'
        kept = _filtered(compiler, "./usr/", "./lib/", "./lib64/")
        with tarfile.open(fileobj=io.BytesIO(kept), mode="a") as tar:
            for name in ("gcc", "cc"):
                _add(tar, f"usr/local/bin/{name}", wrapper, 0o755)
            assert isinstance(tar.fileobj, io.BytesIO)
            kept = tar.fileobj.getvalue()
        with tarfile.open(target, "w") as tar:
            _add(tar, "usr/share/stand-in/gcc.tar", kept, 0o644)
            _link(tar, "usr/share/stand-in/musl-dev.tar", "gcc.tar")
        compiler.unlink()

    return _made("alpine-compiler", make)


def _filtered(source: Path, *below: str) -> bytes:
    """Give the files of the tar *source* below some directories, without documentation and without directories."""
    out = io.BytesIO()
    with tarfile.open(source) as tar, tarfile.open(fileobj=out, mode="w") as kept:
        for member in tar:
            if member.isdir() or not member.name.startswith(below):
                continue
            if not re.match(r"\./usr/share/(doc|man|locale|info|lintian|bash-completion|perl)/", member.name):
                kept.addfile(_roots(member), tar.extractfile(member) if member.isreg() else None)
    return out.getvalue()


def _postgres() -> Path:
    def make(target: Path) -> None:
        _debian(target, "trixie", "postgresql-17")
        entrypoint = (FILES / "postgres-entrypoint").read_text()
        _append(
            target,
            {"usr/local/bin/docker-entrypoint.sh": entrypoint},
            {"docker-entrypoint-initdb.d": 0o755},
            mode=0o755,
        )

    return _made("postgres", make)


def _trusted() -> dict[str, str]:
    """Give the certificates that this machine trusts: its way to packages may lead through a proxy of its own."""
    text = Path(certifi.where()).read_text()
    own = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    if os.path.exists(own):
        text += Path(own).read_text()
    return {"etc/ssl/certs/ca-certificates.crt": text, "etc/ssl/cert.pem": text}


def _append(
    tar_file: Path, files: dict[str, str], directories: dict[str, int] | None = None, mode: int = 0o644
) -> None:
    with tarfile.open(tar_file, "a") as tar:
        for name, permissions in (directories or {}).items():
            _add(tar, name, None, permissions)
        for name, text in files.items():
            _add(tar, name, text.encode(), mode)


def _small_tar(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            _add(tar, name, text.encode(), 0o644)
    return out.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes | None, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = mode, int(_EPOCH)
    if data is None:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    else:
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = tarfile.SYMTYPE, target, int(_EPOCH)
    tar.addfile(info)


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None, name
    return file.read()


def _roots(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


@functools.cache
def has_builder() -> bool:
    """Tell whether stand-ins can be made here: by the superuser, with mmdebstrap."""
    return os.geteuid() == 0 and shutil.which("mmdebstrap") is not None
