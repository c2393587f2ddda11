"""What ``RUN --mount=`` says.

Source: Dockerfile reference, "RUN --mount"; BuildKit's ``instructions/commands_runmount.go``.
"""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from smidgen.dockerfile.fields import split_fields
from smidgen.dockerfile.spelling import did_you_mean
from smidgen.errors import UsageError

Sharing: TypeAlias = Literal["shared", "private", "locked"]

_TYPES: Final = ("bind", "cache", "tmpfs", "secret", "ssh")
_SHARINGS: Final[dict[str, Sharing]] = {"shared": "shared", "private": "private", "locked": "locked"}
_ALIASES: Final = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}
# Which keys each type has. BuildKit takes and forgets some of the others; here they are errors.
_KEYS: Final = {
    "bind": {"target", "source", "from", "readonly", "readwrite"},
    "cache": {"id", "target", "source", "from", "sharing", "readonly", "readwrite", "mode", "uid", "gid"},
    "tmpfs": {"target", "size", "readonly", "readwrite"},
    "secret": {"id", "source", "target", "env", "required", "readonly", "readwrite", "mode", "uid", "gid"},
    "ssh": {"id", "source", "target", "required", "readonly", "readwrite", "mode", "uid", "gid"},
}
_TRUTHS: Final = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)
_FLAGS: Final = frozenset({"readonly", "readwrite", "required"})
_SIZE: Final = re.compile(r"^([0-9]{1,15})(?:\.([0-9]{1,6}))? ?([kmgtp]?)i?b?\Z", re.IGNORECASE)
_HAS_VARIABLE: Final = re.compile(r"\$.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    """Files of the context, of a stage or of an image; what is written to them is lost.

    Attributes:
        target: Where in the container; relative to the working directory.
        source: Where in *from_*; its root by default.
        from_: A stage, an image or a named context; empty for the context.
        read_only: Nothing can be written there.
    """

    target: str
    source: str = "/"
    from_: str = ""
    read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMount:
    """A directory that is kept from one build to the next.

    Attributes:
        target: Where in the container; relative to the working directory.
        id: Its name; mounts with the same name are one directory.
        sharing: Whether several commands use it at once, each has its own, or one waits for the other.
        from_: What it is filled with at first; empty for nothing.
        source: Where in *from_*.
        read_only: Nothing can be written there.
        mode: Of the directory when it is made.
        uid: Its owner when it is made.
        gid: Its group when it is made.
    """

    target: str
    id: str
    sharing: Sharing = "shared"
    from_: str = ""
    source: str = "/"
    read_only: bool = False
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfsMount:
    """An empty directory in memory.

    Attributes:
        target: Where in the container; relative to the working directory.
        size: The most that it holds, in bytes; 0 for the kernel's default.
    """

    target: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMount:
    """A secret, as a file, as a variable, or both.

    Attributes:
        id: Which.
        target: The file, or None for none; relative to the working directory.
        env: The variable, or None for none.
        required: It is an error when the user does not give the secret.
        mode: Of the file.
        uid: Its owner.
        gid: Its group.
    """

    id: str
    target: str | None
    env: str | None = None
    required: bool = False
    mode: int = 0o400
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SshMount:
    """The socket of an SSH agent.

    Attributes:
        id: Which.
        target: Where in the container, or None for one that the builder chooses.
        required: It is an error when the user does not give the agent.
        mode: Of the socket.
        uid: Its owner.
        gid: Its group.
    """

    id: str = "default"
    target: str | None = None
    required: bool = False
    mode: int = 0o600
    uid: int = 0
    gid: int = 0


Mount: TypeAlias = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount


def check_mount(text: str) -> None:
    """Check what can be checked before variables are expanded.

    Raises:
        UsageError: A key is unknown or stands twice, ``from`` has a variable, or, where there are no variables at
            all, anything that :func:`parse_mount` refuses.
    """
    if not _HAS_VARIABLE.search(text):
        parse_mount(text, str)
        return
    for key, value in _fields(text):
        if key == "from" and value is not None and _HAS_VARIABLE.search(value):
            raise UsageError(
                f"from={value} has a variable",
                hint="begin a stage with FROM and the variable, and name that stage here",
            )
        if key not in {*_ALIASES.values(), *(key for keys in _KEYS.values() for key in keys), "type"}:
            raise _unknown_key(key, {key for keys in _KEYS.values() for key in keys})


def from_of(text: str) -> str:
    """Give what ``from=`` says, which never has variables, or an empty text."""
    return next((value or "" for key, value in _fields(text) if key == "from"), "")


def parse_mount(text: str, expand: Callable[[str], str]) -> Mount:
    """Parse what a ``--mount`` says.

    Args:
        text: ``key=value`` with commas between.
        expand: Expands the variables of a value.

    Raises:
        UsageError: A key or value that the type does not have.
    """
    values: dict[str, str | None] = {}
    for key, value in _fields(text):
        values[key] = value if value is None or key == "from" else expand(value)
    kind = (values.pop("type", None) or "bind").lower()
    if kind not in _KEYS:
        raise UsageError(f"there is no mount of type {kind!r}", hint=f"expected {', '.join(_TYPES)}")
    for key, value in values.items():
        if key not in _KEYS[kind]:
            raise _unknown_key(key, _KEYS[kind], kind)
        if value is None and key not in _FLAGS:
            raise UsageError(f"{key} has no value", hint=f"write {key}=VALUE")
    return _BUILDERS[kind](_Values(values))


@dataclass(frozen=True, slots=True)
class _Values:
    given: dict[str, str | None] = field(default_factory=dict)

    def text(self, key: str) -> str:
        return self.given.get(key) or ""

    def truth(self, key: str, *, default: bool) -> bool:
        if key not in self.given:
            return default
        value = self.given[key]
        if value is None:
            return True
        if value not in _TRUTHS:
            raise UsageError(f"{key} is {value!r}", hint="expected true or false")
        return _TRUTHS[value]

    def read_only(self, *, default: bool) -> bool:
        return not self.truth("readwrite", default=not self.truth("readonly", default=default))

    def number(self, key: str, default: int, *, base: int = 10) -> int:
        value = self.text(key)
        if not value:
            return default
        try:
            number = int(value, base) if value.isascii() and value.isalnum() else -1
        except ValueError:
            number = -1
        if not 0 <= number < 2**32 or (base == 8 and number > 0o7777):
            raise UsageError(f"{key} is {value!r}", hint="expected an octal number" if base == 8 else "a number")
        return number


def _bind(values: _Values) -> Mount:
    return BindMount(
        target=values.text("target"),
        source=_source(values),
        from_=values.text("from"),
        read_only=values.read_only(default=True),
    )


def _cache(values: _Values) -> Mount:
    sharing = (values.text("sharing") or "shared").lower()
    if sharing not in _SHARINGS:
        raise UsageError(f"sharing is {sharing!r}", hint=f"expected {', '.join(_SHARINGS)}")
    return CacheMount(
        target=values.text("target"),
        id=values.text("id") or posixpath.normpath(values.text("target") or "/"),
        sharing=_SHARINGS[sharing],
        from_=values.text("from"),
        source=_source(values),
        read_only=values.read_only(default=False),
        mode=values.number("mode", 0o755, base=8),
        uid=values.number("uid", 0),
        gid=values.number("gid", 0),
    )


def _tmpfs(values: _Values) -> Mount:
    if values.read_only(default=False):
        raise UsageError("a tmpfs that nothing can be written to", hint="leave readonly out")
    text = values.text("size")
    match = _SIZE.match(text)
    if text and not match:
        raise UsageError(f"size is {text!r}", hint="expected a size such as 64m or 1g")
    size = 0
    if match:
        scale = 1024 ** " kmgtp".index(match[3].lower() or " ")
        size = int(match[1]) * scale + (int(match[2]) * scale // 10 ** len(match[2]) if match[2] else 0)
    return TmpfsMount(target=values.text("target"), size=size)


def _secret(values: _Values) -> Mount:
    target, env = values.text("target"), values.text("env")
    if values.text("id") and values.text("source"):
        raise UsageError("both id and source, which are the same", hint="keep id")
    name = values.text("id") or values.text("source") or posixpath.basename(target)
    if not name:
        raise UsageError("a secret without id", hint="write --mount=type=secret,id=NAME")
    if not target and not env:
        target = f"/run/secrets/{posixpath.basename(name)}"
    return SecretMount(
        id=name,
        target=target or None,
        env=env or None,
        required=values.truth("required", default=False),
        mode=values.number("mode", 0o400, base=8),
        uid=values.number("uid", 0),
        gid=values.number("gid", 0),
    )


def _ssh(values: _Values) -> Mount:
    if values.text("id") and values.text("source"):
        raise UsageError("both id and source, which are the same", hint="keep id")
    return SshMount(
        id=values.text("id") or values.text("source") or "default",
        target=values.text("target") or None,
        required=values.truth("required", default=False),
        mode=values.number("mode", 0o600, base=8),
        uid=values.number("uid", 0),
        gid=values.number("gid", 0),
    )


_BUILDERS: Final = {"bind": _bind, "cache": _cache, "tmpfs": _tmpfs, "secret": _secret, "ssh": _ssh}


def _source(values: _Values) -> str:
    return posixpath.normpath("/" + values.text("source")).replace("//", "/")


def _fields(text: str) -> list[tuple[str, str | None]]:
    found: dict[str, str | None] = {}
    for part in split_fields(text, flag="--mount"):
        key, equals, value = part.partition("=")
        key = _ALIASES.get(key.lower(), key.lower())
        if key in found:
            raise UsageError(f"the key {key!r} stands twice", hint="keep one")
        found[key] = value if equals else None
    return list(found.items())


def _unknown_key(key: str, keys: set[str], kind: str = "") -> UsageError:
    where = f"a mount of type {kind}" if kind else "a mount"
    return UsageError(
        f"{where} has no key {key!r}", hint=did_you_mean(key, keys) or f"it has {', '.join(sorted(keys))}"
    )
