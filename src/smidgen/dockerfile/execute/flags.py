"""What docker's flags of a build say: ``--secret``, ``--ssh``, ``--output``, ``--build-arg`` and the like."""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from smidgen.dockerfile.fields import parse_fields, read_truth
from smidgen.errors import UsageError

_MAX_SECRET: Final = 500 * 1024  # as BuildKit has it

OutputType: TypeAlias = Literal["local", "tar", "oci", "docker", "image"]
_TYPES: Final[dict[str, OutputType]] = {
    "local": "local",
    "tar": "tar",
    "oci": "oci",
    "docker": "docker",
    "image": "image",
    "registry": "image",
}
_OUTPUT_KEYS: Final[dict[OutputType, frozenset[str]]] = {
    "local": frozenset({"dest"}),
    "tar": frozenset({"dest"}),
    "oci": frozenset({"dest", "name", "rewrite-timestamp", "compression", "compression-level"}),
    "docker": frozenset({"dest", "name", "rewrite-timestamp", "compression", "compression-level"}),
    "image": frozenset({"name", "push", "rewrite-timestamp", "compression", "compression-level"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFlag:
    """What one ``--output`` asks for.

    Attributes:
        type: ``registry`` is ``image`` with *push*.
        destination: A file or directory, ``-`` for standard output; empty for ``image`` and for docker's own daemon.
        names: More names of the image.
        push: Push it.
        keep_times: Layers keep modification times.
        compression: ``gzip:9`` and the like, or empty.
    """

    type: OutputType
    destination: str = ""
    names: tuple[str, ...] = ()
    push: bool = False
    keep_times: bool = False
    compression: str = ""


def parse_output(text: str) -> OutputFlag:
    """Parse ``DIRECTORY``, ``-`` or ``type=TYPE[,KEY=VALUE]…``.

    Raises:
        UsageError: A type or key that is not known.
    """
    if text == "-":
        return OutputFlag(type="tar", destination="-")
    if "=" not in text:
        return OutputFlag(type="local", destination=text)
    fields = parse_fields(text, flag="--output")
    name = fields.pop("type", "")
    if name not in _TYPES:
        raise UsageError(f"--output {text}: there is no type {name!r}", hint=f"expected {', '.join(_TYPES)}")
    kind = _TYPES[name]
    for key in fields:
        if key not in _OUTPUT_KEYS[kind]:
            known = ", ".join(sorted(_OUTPUT_KEYS[kind]))
            raise UsageError(f"--output {text}: type {name} has no key {key!r}", hint=f"it has {known}")
    destination = fields.get("dest", "")
    if kind in {"local", "tar", "oci"} and not destination:
        raise UsageError(f"--output {text} says nothing of where", hint=f"write type={name},dest=PATH")
    level = fields.get("compression-level", "")
    compression = fields.get("compression", "")
    names = tuple(one for one in fields.get("name", "").split(",") if one)
    return OutputFlag(
        type=kind,
        destination=destination,
        names=names,
        push=name == "registry" or read_truth(fields, "push", flag=f"--output {text}", default=False),
        keep_times=not read_truth(fields, "rewrite-timestamp", flag=f"--output {text}", default=True),
        compression=_compression(compression, level),
    )


def _compression(name: str, level: str) -> str:
    name = {"uncompressed": "none"}.get(name, name)
    if level:
        return f"{name or 'gzip'}:{level}"
    return name


def parse_build_args(texts: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Parse ``NAME=VALUE``, or ``NAME`` alone, which takes the value of *environ* or is left out.

    Raises:
        UsageError: No name.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise UsageError(f"--build-arg {text!r} has no name", hint="expected NAME=VALUE, or NAME to pass one on")
        if equals:
            found[name] = value
        elif name in environ:
            found[name] = environ[name]
    if "SOURCE_DATE_EPOCH" in environ:
        found.setdefault("SOURCE_DATE_EPOCH", environ["SOURCE_DATE_EPOCH"])
    return found


def parse_pairs(flag: str, texts: Iterable[str], *, value_needed: bool = False) -> dict[str, str]:
    """Parse ``NAME=VALUE`` of *flag*.

    Raises:
        UsageError: No name, or no value where one is needed.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or (value_needed and not equals):
            raise UsageError(f"{flag} {text!r} is not NAME=VALUE")
        found[name] = value
    return found


def parse_hosts(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Parse ``NAME:ADDRESS`` or ``NAME=ADDRESS``.

    Raises:
        UsageError: Another form, or no address.
    """
    import ipaddress

    found: list[tuple[str, str]] = []
    for text in texts:
        name, _, address = text.partition("=" if "=" in text else ":")
        address = address.removeprefix("[").removesuffix("]")
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise UsageError(f"--add-host {text!r}: {address!r} is no address", hint="expected NAME:ADDRESS") from None
        if not name or any(letter.isspace() for letter in name):
            raise UsageError(f"--add-host {text!r} has no name", hint="expected NAME:ADDRESS")
        found.append((name, address))
    return tuple(found)


def parse_secrets(texts: Iterable[str], environ: Mapping[str, str]) -> dict[str, bytes]:
    """Read the secrets that ``id=NAME[,src=FILE][,env=VARIABLE]`` name.

    Raises:
        UsageError: A form that is not known, a file that cannot be read, a variable that is not set.
    """
    found: dict[str, bytes] = {}
    for text in texts:
        fields = parse_fields(text, flag="--secret")
        values = {{"source": "src", "target": "id"}.get(key, key): value for key, value in fields.items()}
        kind = values.pop("type", "")
        name, file, variable = (values.pop(key, "") for key in ("id", "src", "env"))
        if values or kind not in {"", "file", "env"} or not name:
            raise UsageError(f"--secret {text!r} is not known", hint="expected id=NAME[,src=FILE][,env=VARIABLE]")
        if kind == "env" and not variable:
            variable, file = file or name, ""
        found[name] = _secret(name, file, variable, environ)
    return found


def _secret(name: str, file: str, variable: str, environ: Mapping[str, str]) -> bytes:
    if variable or (not file and name in environ):
        value = environ.get(variable or name)
        if value is None:
            raise UsageError(f"the secret {name!r} is to be the variable {variable}, which is not set")
        return os.fsencode(value)
    path = Path(file or name).expanduser()
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_SECRET + 1)
    except OSError as error:
        raise UsageError(f"the secret {name!r} cannot be read from {path}: {error.strerror}") from error
    if len(data) > _MAX_SECRET:
        raise UsageError(f"the secret {name!r} has more than {_MAX_SECRET} bytes")
    return data


def parse_agents(texts: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Find the sockets that ``default`` or ``NAME=SOCKET`` name.

    Raises:
        UsageError: There is none, or a key is named where a socket is expected.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, _, path = text.partition("=")
        path = path or environ.get("SSH_AUTH_SOCK", "")
        if not path:
            raise UsageError(f"--ssh {text}: SSH_AUTH_SOCK is not set", hint="start ssh-agent, or name its socket")
        try:
            is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
        except OSError as error:
            raise UsageError(f"--ssh {text}: {path}: {error.strerror}") from error
        if not is_socket:
            raise UsageError(
                f"--ssh {text}: {path} is no socket of an agent", hint="add the key to an agent with ssh-add"
            )
        found[name or "default"] = os.path.abspath(path)
    return found


def parse_duration(text: str) -> float:
    """Parse ``90``, ``90s``, ``15m`` or ``1h30m`` into seconds.

    Raises:
        UsageError: It is none.
    """
    import re

    match = re.match(r"^(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,3})?)s?)?\Z", text)
    if not text or match is None:
        raise UsageError(f"--timeout is {text!r}", hint="expected seconds, or a time such as 90s, 15m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise UsageError(f"--timeout is {text!r}", hint="expected more than nothing")
    return total
