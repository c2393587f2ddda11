"""The files of docker and podman that keep credentials: ``config.json`` and ``auth.json``.

Source: docker's ``config.json`` (``auths``, ``credHelpers``, ``credsStore``) and containers-auth.json(5).
"""

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from smidgen.errors import CredentialsError
from smidgen.registry.credential_helper import CredentialHelper
from smidgen.registry.credentials import Credentials
from smidgen.registry.repository import HUB, HUB_ENDPOINT, HUB_INDEX, Repository

#: What docker calls its own registry in files and to helpers.
HUB_KEY: Final = f"https://{HUB_INDEX}/v1/"
_MOST: Final = 4 << 20


class _Entry(msgspec.Struct, frozen=True):
    auth: str = ""
    username: str = ""
    password: str = ""
    identity_token: str = msgspec.field(default="", name="identitytoken")
    registry_token: str = msgspec.field(default="", name="registrytoken")


class _File(msgspec.Struct, frozen=True):
    auths: dict[str, _Entry | None] | None = None
    helpers: dict[str, str] | None = msgspec.field(default=None, name="credHelpers")
    store: str | None = msgspec.field(default=None, name="credsStore")


@dataclass(frozen=True, slots=True)
class AuthFile:
    """One file, as it was read.

    Attributes:
        path: Where it is.
        environ: For the programs that it names.
    """

    path: Path
    environ: Mapping[str, str]
    _content: _File

    @classmethod
    def read(cls, path: Path, environ: Mapping[str, str]) -> "AuthFile | None":
        """Read the file at *path*; None where there is none.

        Raises:
            CredentialsError: It cannot be read, or is not JSON of that shape.
        """
        data = _read(path)
        if data is None:
            return None
        try:
            return cls(path, environ, msgspec.json.decode(data or b"{}", type=_File))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise CredentialsError(
                f"{path} is not a file of credentials: {error}", hint="correct it, or move it away and log in again"
            ) from None

    def helper(self, registry: str) -> CredentialHelper | None:
        """Give the helper that this file names for *registry*: one of its own, before the one for all."""
        for name in _host_keys(registry):
            if helper := (self._content.helpers or {}).get(name):
                return CredentialHelper(helper, str(self.path), self.environ)
        return CredentialHelper(self._content.store, str(self.path), self.environ) if self._content.store else None

    def has_own_helper(self, registry: str) -> bool:
        """Tell whether *registry* has a helper that is not the one for all."""
        return any((self._content.helpers or {}).get(name) for name in _host_keys(registry))

    def find(self, repository: Repository) -> Credentials | None:
        """Look among those that stand in the file itself: of the repository, of the paths above it, of the host.

        Raises:
            CredentialsError: They stand there, but cannot be read.
        """
        auths = self._content.auths or {}
        for key in _keys(repository):
            if (entry := auths.get(key)) and (found := self._credentials(key, entry)):
                return found
        # Keys may be URLs, as docker once wrote them: https://registry.example.com/v1/.
        hosts = {_host(key): key for key in auths if "://" in key}
        for name in _host_keys(repository.registry):
            key = hosts.get(name, "")
            if (entry := auths.get(key)) and (found := self._credentials(key, entry)):
                return found
        return None

    def keys(self, registry: str) -> list[str]:
        """Name the entries of the file that are for *registry* as a whole."""
        names = set(_host_keys(registry))
        return [key for key in self._content.auths or {} if key in names or ("://" in key and _host(key) in names)]

    def registries(self) -> tuple[str, ...]:
        """Name what the file itself has credentials for, sorted: registries, and repositories of some."""
        entries = (self._content.auths or {}).items()
        held = (key for key, entry in entries if entry is not None and entry != _Entry())
        return tuple(sorted({_host(key).rpartition("@")[2] if "://" in key else key for key in held}))

    def helpers(self) -> Iterator[tuple[CredentialHelper, tuple[str, ...]]]:
        """Give the helpers that the file names, each with its registries; the one for all has none."""
        named = self._content.helpers or {}
        for name in sorted(set(named.values())):
            registries = tuple(sorted(registry for registry, helper in named.items() if helper == name))
            yield CredentialHelper(name, str(self.path), self.environ), registries
        if self._content.store:
            yield CredentialHelper(self._content.store, str(self.path), self.environ), ()

    def _credentials(self, key: str, entry: _Entry) -> Credentials | None:
        username, password = entry.username, entry.password
        if entry.auth:
            try:
                text = base64.b64decode(entry.auth, validate=True).decode()
            except (binascii.Error, ValueError):
                raise self._fault(key, "`auth` is not base64") from None
            username, colon, password = text.partition(":")
            if not colon:
                raise self._fault(key, "`auth` is not USER:PASSWORD in base64")
            password = password.rstrip("\0")
        found = Credentials(username, password, entry.identity_token, entry.registry_token, source=str(self.path))
        return found if password or entry.identity_token or entry.registry_token else None

    def _fault(self, key: str, reason: str) -> CredentialsError:
        registry = key if "://" not in key else _host(key)
        return CredentialsError(f"{self.path}: {registry}: {reason}", hint=f"smidgen login {registry}")


def auth_paths(environ: Mapping[str, str]) -> Iterator[Path]:
    """Name the files that may have credentials, the first to be asked first."""
    yield docker_config(environ)
    if named := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"
    config = environ.get("XDG_CONFIG_HOME", "")
    yield (Path(config) if config.startswith("/") else _home(environ) / ".config") / "containers" / "auth.json"


def docker_config(environ: Mapping[str, str]) -> Path:
    """Where docker, and so smidgen, keeps what ``login`` learns."""
    return Path(environ.get("DOCKER_CONFIG") or _home(environ) / ".docker") / "config.json"


def server_key(registry: str) -> str:
    """What *registry* is called in files and to helpers."""
    return HUB_KEY if registry == HUB else registry


def change_entry(path: Path, registry: str, auth: str | None) -> bool:
    """Write the entry of *registry*, or take it out; everything else in the file stays as it is.

    The file is replaced whole, and only its owner can read it.

    Args:
        path: ``config.json``; it need not exist.
        registry: The host.
        auth: Base64 of USER:PASSWORD; empty for an entry whose secret a helper keeps; None to take it out.

    Returns:
        Whether anything changed.

    Raises:
        CredentialsError: The file cannot be read or written, or is not a JSON object.
    """
    try:
        document = json.loads(_read(path) or b"{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("auths", {}), dict | None):
        raise CredentialsError(f"{path} is not a JSON object", hint="correct it, or move it away")
    before = json.dumps(document)
    auths = {} if document.get("auths") is None else document["auths"]
    names = set(_host_keys(registry))
    for key in [key for key in auths if key in names or ("://" in key and _host(key) in names)]:
        del auths[key]
    if auth is not None:
        auths[server_key(registry)] = {"auth": auth} if auth else {}
    if auths or "auths" in document:
        document["auths"] = auths
    if json.dumps(document) == before:
        return False
    _replace(path, document)
    return True


def _replace(path: Path, document: dict[str, Any]) -> None:
    import tempfile  # for logging in and out

    # A link, as of people who keep their settings elsewhere, stays one.
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, fresh = tempfile.mkstemp(dir=target.parent, prefix=".config.json.")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(document, file, indent="\t", ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(fresh)
            raise
    except OSError as error:
        raise CredentialsError(
            f"{path} cannot be written: {error.strerror}", hint="DOCKER_CONFIG names another directory"
        ) from error


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CredentialsError(
            f"{path} cannot be read: {error.strerror}", hint="it may hold the credentials of a registry"
        ) from error
    if len(data) > _MOST:
        raise CredentialsError(f"{path} is larger than {_MOST} bytes, which no file of credentials is")
    return data


def _keys(repository: Repository) -> Iterator[str]:
    parts = repository.name.split("/") if repository.name else []
    for count in range(len(parts), 0, -1):
        yield "/".join((repository.registry, *parts[:count]))
    yield from _host_keys(repository.registry)


def _host_keys(registry: str) -> tuple[str, ...]:
    return (HUB_KEY, HUB, HUB_INDEX, HUB_ENDPOINT) if registry == HUB else (registry,)


def _host(key: str) -> str:
    host = key.partition("://")[2].partition("/")[0]
    return HUB if host in (HUB_INDEX, HUB_ENDPOINT) else host


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or os.path.expanduser("~"))
