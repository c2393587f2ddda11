"""The small languages of options: users, ports, durations, health checks, files to add.

Each ``parse_*`` function takes what a user wrote, on the command line or in a file, and gives a typed value.
They know nothing of where the text stood; :mod:`smidgen.config.place` adds that to their errors.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from smidgen.errors import InvalidPlatform, UsageError
from smidgen.needs.need import NeedKind
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference

NEEDS: Final = tuple(str(kind) for kind in NeedKind)
SUPPORTED_PLATFORMS: Final = (
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/riscv64",
    "linux/ppc64le",
    "linux/s390x",
)
_FLOATS: Final = ("hardfloat", "softfloat")
_POWERS: Final = ("power8", "power9", "power10")
#: What Go can compile for on linux, with the variants of each: a misspelt one is said where it stands, and before
#: anything is started. Which variable of Go a variant goes to is the business of ``smidgen.gobuild``.
ARCHITECTURES: Final[Mapping[str, tuple[str, ...]]] = {
    "386": ("sse2", "softfloat"),
    "amd64": ("v1", "v2", "v3", "v4"),
    "arm": ("v5", "v6", "v7", "v8"),
    "arm64": (*(f"v8.{minor}" for minor in range(10)), "v9", *(f"v9.{minor}" for minor in range(6))),
    "loong64": (),
    "mips": _FLOATS,
    "mips64": _FLOATS,
    "mips64le": _FLOATS,
    "mipsle": _FLOATS,
    "ppc64": _POWERS,
    "ppc64le": _POWERS,
    "riscv64": ("rva20u64", "rva22u64", "rva23u64"),
    "s390x": (),
}
#: Names of ``uname -m`` that are neither Go's nor those that every engine knows.
_MACHINES: Final = {"i586": "386", "loongarch64": "loong64"}
NOBODY: Final = 65534
_MAX_ID: Final = 2**32 - 2  # (uid_t) -1 means "leave it" to chown
_USER_NAME = re.compile(r"^[a-z_][a-z0-9_-]{0,31}\Z")
_ENV_NAME = re.compile(r"^[^=\0\s]+\Z")
_REALTIME = re.compile(r"^SIGRT(?:MIN\+|MAX-)(?:[12]?[0-9]|30)\Z")
_TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_PORTS = re.compile(r"^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([a-z]+))?\Z")
_ZONE = re.compile(r"^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}\Z")
_MODE = re.compile(r"^0?o?[0-7]{3,4}\Z")
_NAME = re.compile(r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Who the program runs as. The image's configuration always gets numbers, so that runAsNonRoot can be checked.

    Attributes:
        uid: The user's number.
        gid: The group's number.
        name: A name that the image's passwd and group must then have, or empty.
    """

    uid: int = NOBODY
    gid: int = NOBODY
    name: str = ""

    @property
    def text(self) -> str:
        """Give ``UID:GID``, as the image's configuration has it."""
        return f"{self.uid}:{self.gid}"

    def __str__(self) -> str:
        """Give the form that ``parse_user`` reads."""
        return f"{self.name}:{self.text}" if self.name else self.text


class Port(msgspec.Struct, frozen=True, order=True):
    """A port that the program listens on."""

    number: int
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"

    def __str__(self) -> str:
        """Give ``8080/tcp``, as the image's configuration has it."""
        return f"{self.number}/{self.protocol}"


class AddSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Files to put into the image.

    Attributes:
        source: A path or a glob (``*``, ``?``, ``[...]``, ``**``), as it was written.
        root: The directory that a relative *source* is relative to.
        destination: Absolute path in the image; with a final ``/`` it is a directory to put the files in.
        mode: Permission bits of the files, or None to take them from the files.
        uid: Owner's number.
        gid: Group's number.
    """

    source: str
    root: Path
    destination: str
    mode: int | None = None
    uid: int = 0
    gid: int = 0

    @property
    def pattern(self) -> Path:
        """Give the absolute path or glob."""
        return self.root / self.source

    def __str__(self) -> str:
        """Give the form that ``parse_add`` reads."""
        owner = f":{self.uid}:{self.gid}" if (self.uid, self.gid) != (0, 0) else ""
        mode = f":{self.mode:04o}" if self.mode is not None else ":" if owner else ""
        return f"{self.source}:{self.destination}{mode}{owner}"


def check_environment_name(name: str) -> None:
    """Refuse what cannot be a variable's name.

    Raises:
        UsageError: It is empty, or has ``=``, white space or NUL in it.
    """
    if not _ENV_NAME.match(name):
        raise UsageError(
            f"{name!r} cannot be the name of an environment variable",
            hint="expected letters, digits and _, such as LOG_LEVEL",
        )


def check_text(value: str) -> None:
    """Refuse NUL bytes, which no system call and no engine takes.

    Raises:
        UsageError: There is one.
    """
    if "\0" in value:
        raise UsageError(f"{value!r} has a NUL byte in it")


def parse_user(text: str) -> User:
    """Parse ``UID``, ``UID:GID``, ``NAME`` or ``NAME:UID:GID``.

    A UID alone is also the group, rather than root's group as engines have it. A NAME alone has number 0 for root,
    65532 for nonroot as distroless has it, else 65534.

    Raises:
        UsageError: Anything else.
    """
    parts = text.split(":")
    if len(parts) == 1 and parts[0].isdecimal():
        return User(uid=_number_id(text, text), gid=_number_id(text, text))
    if len(parts) == 2 and parts[0].isdecimal():
        return User(uid=_number_id(text, parts[0]), gid=_number_id(text, parts[1]))
    if len(parts) in (1, 3) and _USER_NAME.match(parts[0]):
        if len(parts) == 3:
            return User(name=parts[0], uid=_number_id(text, parts[1]), gid=_number_id(text, parts[2]))
        number = {"root": 0, "nonroot": 65532}.get(text, NOBODY)
        return User(name=text, uid=number, gid=number)
    raise UsageError(
        f"invalid user {text!r}",
        hint="expected UID, UID:GID, NAME or NAME:UID:GID, such as 65534:65534 or app:1000:1000",
    )


def _number_id(text: str, number: str) -> int:
    if not (number.isascii() and number.isdecimal()) or len(number) > 10 or int(number) > _MAX_ID:
        raise UsageError(f"invalid user {text!r}: {number!r} is not a number from 0 to {_MAX_ID}")
    return int(number)


def parse_ports(text: str) -> tuple[Port, ...]:
    """Parse ``8080``, ``8080/udp`` or ``8000-8010/tcp``.

    Raises:
        UsageError: Not a port of 1 to 65535 and tcp, udp or sctp; or both sides of a mapping were given.
    """
    if ":" in text:
        raise UsageError(
            f"invalid port {text!r}: an image says only what the program listens on",
            hint=f"write {text.rpartition(':')[2] or '8080'} here, and publish it with `smidgen run -p` or docker's -p",
        )
    match = _PORTS.match(text)
    hint = "expected a port of 1 to 65535, such as 8080, 8080/udp or 8000-8010"
    if not match:
        raise UsageError(f"invalid port {text!r}", hint=hint)
    first = int(match[1])
    last = int(match[2] or first)
    if not 1 <= first <= last <= 65535:
        raise UsageError(f"invalid port {text!r}", hint=hint)
    match match[3]:
        case None | "tcp":
            return tuple(Port(number) for number in range(first, last + 1))
        case "udp":
            return tuple(Port(number, "udp") for number in range(first, last + 1))
        case "sctp":
            return tuple(Port(number, "sctp") for number in range(first, last + 1))
        case other:
            raise UsageError(f"invalid port {text!r}: unknown protocol {other!r}", hint="expected tcp, udp or sctp")


def parse_platforms(text: str) -> tuple[Platform, ...]:
    """Parse one platform, or ``all``.

    Raises:
        UsageError: Not a platform of linux, or an architecture that Go does not know.
    """
    if text.lower() == "all":
        return tuple(Platform.parse(name) for name in SUPPORTED_PLATFORMS)
    platform = Platform.parse(text)
    if platform.os != "linux":
        raise InvalidPlatform(
            text, f"the operating system is {platform.os!r}", hint="images are built for linux, such as linux/amd64"
        )
    variants = ARCHITECTURES.get(platform.architecture)
    if variants is None:
        import difflib

        close = difflib.get_close_matches(platform.architecture, ARCHITECTURES, 1)
        hint = f"did you mean linux/{close[0]}?" if close else f"expected one of {', '.join(ARCHITECTURES)}"
        raise InvalidPlatform(text, f"unknown architecture {platform.architecture!r}", hint=hint)
    if platform.variant and platform.variant not in variants:
        hint = f"expected {', '.join(variants)}, or none" if variants else f"{platform.architecture} has no variants"
        raise InvalidPlatform(text, f"unknown variant {platform.variant!r} of {platform.architecture}", hint=hint)
    return (platform,)


def host_platform(machine: str) -> Platform:
    """Give the platform of a machine by the name that ``uname -m`` has for it; containers run linux everywhere."""
    if machine.startswith("armv") and machine[4:5].isdigit():
        return Platform.parse(f"linux/arm/v{min(int(machine[4]), 7)}")
    return Platform.parse(f"linux/{_MACHINES.get(machine, machine)}")


def parse_add(text: str, root: Path) -> AddSpec:
    """Parse ``SRC:DST[:MODE[:UID:GID]]``; an empty MODE takes the files' own.

    Raises:
        UsageError: Another form, or a destination that is not an absolute path without ``..``.
    """
    parts = text.split(":")
    hint = "expected SRC:DST[:MODE[:UID:GID]], such as static/*:/srv/www/:0644:0:0"
    if len(parts) not in (2, 3, 5) or not parts[0]:
        raise UsageError(f"invalid addition {text!r}", hint=hint)
    source, destination = parts[:2]
    check_text(source)
    path = parse_path(destination)
    if len(parts) > 2 and parts[2] and not _MODE.match(parts[2]):
        raise UsageError(f"invalid addition {text!r}: {parts[2]!r} is not an octal mode", hint=hint)
    mode = int(parts[2].removeprefix("0o"), 8) if len(parts) > 2 and parts[2] else None
    uid, gid = (_number_id(text, number) for number in parts[3:]) if len(parts) == 5 else (0, 0)
    slash = "/" if destination.endswith("/") and path != "/" else ""
    return AddSpec(source=source, root=root, destination=path + slash, mode=mode, uid=uid, gid=gid)


def parse_path(text: str) -> str:
    """Parse an absolute path in the image into its shortest form.

    Raises:
        UsageError: It is relative, or has ``..`` or NUL in it.
    """
    check_text(text)
    parts = text.split("/")
    if not text.startswith("/"):
        raise UsageError(
            f"{text!r} is not an absolute path in the image", hint=f"expected a path such as /{text or 'srv'}"
        )
    if ".." in parts:
        raise UsageError(f"{text!r} has .. in it", hint="write the path in the image as it is")
    return "/" + "/".join(part for part in parts if part not in ("", "."))


def parse_signal(text: str) -> str:
    """Parse a signal's name or number.

    Raises:
        UsageError: Linux has no such signal.
    """
    import signal

    if text.isascii() and text.isdecimal() and 1 <= int(text[:4]) <= 64:
        return text
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    if name in signal.Signals.__members__ or _REALTIME.match(name):
        return name
    raise UsageError(f"unknown signal {text!r}", hint="expected a name or number such as SIGTERM, INT or 15")


def parse_zone(text: str) -> str:
    """Check the form of a time zone's name.

    Raises:
        UsageError: It is not like ``Europe/Berlin``.
    """
    if not _ZONE.match(text):
        raise UsageError(f"invalid time zone {text!r}", hint="expected a name such as Europe/Berlin or UTC")
    return text


def parse_libc(text: str) -> str:
    """Check the name of a C library.

    Raises:
        UsageError: It is not one that programs can be linked against.
    """
    if text != "glibc":
        raise UsageError(f"invalid C library {text!r}", hint="expected glibc; without it, programs are static")
    return text


def parse_library(text: str) -> str:
    """Check the name of a library, or its absolute path.

    Raises:
        UsageError: It is neither.
    """
    check_text(text)
    parts = text.split("/")
    if not text or not parts[-1] or ".." in parts or ("/" in text and not text.startswith("/")):
        raise UsageError(f"invalid library {text!r}", hint="expected a name such as libz.so.1, or an absolute path")
    return text


def parse_need(text: str) -> str:
    """Check the name of something that a binary can need.

    Raises:
        UsageError: Not one of ``NEEDS``.
    """
    if text not in NEEDS:
        raise UsageError(f"unknown need {text!r}", hint=f"expected one of {', '.join(NEEDS)}")
    return text


def parse_repository(text: str) -> str:
    """Check what names of images begin with: a registry, a path, or both.

    Raises:
        UsageError: It has a tag or a digest, or breaks the grammar of image names.
    """
    if "@" in text or ("/" in text and ":" in text.rpartition("/")[2]):
        raise UsageError(
            f"invalid repository {text!r}: it has a tag or a digest", hint="tags have a key of their own: tags"
        )
    Reference.parse(f"{text}/app")
    return text


def parse_name(text: str) -> str:
    """Check the last part of an image's name.

    Raises:
        UsageError: It breaks the grammar of image names.
    """
    if not _NAME.match(text):
        raise UsageError(
            f"invalid name {text!r}",
            hint="expected lower-case letters and digits, with . _ __ - between them, such as web-app",
        )
    return text


def parse_tag(text: str) -> str:
    """Check a tag; one with a template in it is checked when that is expanded.

    Raises:
        UsageError: It has other characters than letters, digits, ``_ . -``, or is over 128 long.
    """
    if "{{" not in text and not _TAG.match(text):
        raise UsageError(
            f"invalid tag {text!r}", hint="expected up to 128 letters, digits, _ . - such as v1.2.0, or a template"
        )
    return text
