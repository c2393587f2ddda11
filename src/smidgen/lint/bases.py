"""What is known of the base images that Dockerfiles name. Of any other nothing is claimed.

Source: the images' own descriptions: Docker Official Images (golang, alpine, debian, ubuntu, busybox), distroless's
README, Chainguard's directory. None means that it depends on a version, or that it is not known.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Libc: TypeAlias = Literal["none", "musl", "glibc"]
_ALPINE: Final = re.compile(r"alpine")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFacts:
    """What an image has.

    Attributes:
        name: As it is written.
        kind: ``scratch``, ``golang``, ``alpine``, ``distribution``, ``distroless``, ``busybox`` or ``other``.
        has_shell: It has ``/bin/sh``.
        go: It has the Go toolchain.
        libc: Which C library programs on it can be linked with.
        certificates: It has CA certificates.
        zones: It has zone data.
        tmp: It has ``/tmp``.
        passwd: It has ``/etc/passwd``.
        is_root: Containers run as root unless something else is said.
    """

    name: str
    kind: str = "other"
    has_shell: bool | None = None
    go: bool | None = None
    libc: Libc | None = None
    certificates: bool | None = None
    zones: bool | None = None
    tmp: bool | None = None
    passwd: bool | None = None
    is_root: bool | None = None


_SCRATCH: Final = BaseFacts(
    name="scratch",
    kind="scratch",
    has_shell=False,
    go=False,
    libc="none",
    certificates=False,
    zones=False,
    tmp=False,
    passwd=False,
    is_root=True,
)
_SYSTEM: Final = replace(_SCRATCH, has_shell=True, tmp=True, passwd=True)
_ALPINE_LINUX: Final = replace(_SYSTEM, kind="alpine", libc="musl", certificates=True)
_DEBIAN: Final = replace(_SYSTEM, kind="distribution", libc="glibc", zones=None)
_FEDORA: Final = replace(_DEBIAN, certificates=True)
_GOLANG: Final = replace(_SYSTEM, kind="golang", go=True, libc="glibc", certificates=True, zones=None)
_DISTROLESS: Final = replace(
    _SCRATCH, kind="distroless", certificates=True, zones=True, tmp=True, passwd=True, has_shell=False
)
#: Last element of a name → what the image has.
_KNOWN: Final[dict[str, BaseFacts]] = {
    "golang": _GOLANG,
    "alpine": _ALPINE_LINUX,
    "busybox": replace(_SYSTEM, kind="busybox", libc=None),
    "debian": _DEBIAN,
    "ubuntu": replace(_DEBIAN, zones=False),
    "buildpack-deps": replace(_DEBIAN, certificates=None),
    "fedora": _FEDORA,
    "centos": _FEDORA,
    "rockylinux": _FEDORA,
    "almalinux": _FEDORA,
    "amazonlinux": _FEDORA,
    "archlinux": _FEDORA,
    "oraclelinux": _FEDORA,
    "ubi": _FEDORA,
    "ubi-minimal": _FEDORA,
}
_UBI: Final = re.compile(r"^ubi(?:[0-9]+)?(?:-minimal)?\Z")
_DISTROLESS_NAME: Final = re.compile(r"^(static|base|base-nossl|cc)(?:-debian[0-9]+)?\Z")


def repository(reference: str) -> str:
    """Give the name of an image without its tag and digest."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def tag(reference: str) -> str:
    """Give the tag that *reference* names, or an empty text."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[2]


def base_facts(reference: str) -> BaseFacts:
    """Tell what the image *reference*, as it is written, has."""
    if reference == "scratch":
        return _SCRATCH
    path, label = repository(reference), tag(reference)
    last = path.rpartition("/")[2]
    facts: BaseFacts | None = None
    if path.startswith("gcr.io/distroless/") and (match := _DISTROLESS_NAME.match(last)):
        facts = replace(_DISTROLESS, libc="none" if match[1] == "static" else "glibc")
        facts = replace(facts, has_shell=None if "debug" in label else False, is_root="nonroot" not in label)
    elif path in {"cgr.dev/chainguard/static", "chainguard/static"}:
        facts = replace(_DISTROLESS, libc="none", is_root=False)
    elif path in {"cgr.dev/chainguard/go", "chainguard/go"}:
        facts = replace(_GOLANG, libc=None, is_root=None)
    elif _UBI.match(last) and "." in path.partition("/")[0]:
        facts = _FEDORA
    elif _is_official(path, last):
        facts = _KNOWN.get(last)
    if facts is None:
        return BaseFacts(name=reference)
    if last == "golang" and _ALPINE.search(label):
        facts = replace(facts, libc="musl", zones=False)
    if "nonroot" in label:
        facts = replace(facts, is_root=False)
    return replace(facts, name=reference)


def _is_official(path: str, last: str) -> bool:
    """Tell whether *path* is a Docker Official Image, or golang of a mirror."""
    head = path.rpartition("/")[0]
    return head in {"", "library", "docker.io", "docker.io/library", "public.ecr.aws/docker/library"} or (
        last == "golang" and "." in head.partition("/")[0]
    )
