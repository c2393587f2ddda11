"""Logging in and out: credentials are tried before they are kept, and kept where docker and others find them.

Source: ``docker login``, whose files and helpers these are.
"""

import base64
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from smidgen.errors import AccessDenied, CredentialsError, InvalidReference, UsageError
from smidgen.oci.reference import DEFAULT_REGISTRY, Reference
from smidgen.registry.auth_files import AuthFile, auth_paths, change_entry, docker_config, server_key
from smidgen.registry.credential_helper import CredentialHelper
from smidgen.registry.credentials import Credentials
from smidgen.registry.repository import HUB, HUB_ENDPOINT, HUB_INDEX, Repository
from smidgen.registry.session import Session


@dataclass(frozen=True, slots=True)
class Given:
    """Credentials that the user has just given; nobody else's are looked for."""

    credentials: Credentials

    def find(self, repository: Repository) -> Credentials | None:
        """Give them for the registry itself, and for nothing in it."""
        return None if repository.name else self.credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Where credentials were put.

    Attributes:
        registry: For whom.
        username: Whose.
        place: The file, or the helper's program.
        is_plain: Whether whoever can read the file can read the password.
        was_asked: Whether the registry wanted to see credentials at all.
    """

    registry: str
    username: str
    place: str
    is_plain: bool
    was_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """What was forgotten.

    Attributes:
        registry: For whom.
        places: Where credentials were taken out.
        remaining: Other files that still have some; they are not ours to change.
    """

    registry: str
    places: tuple[str, ...]
    remaining: tuple[str, ...]


def parse_registry(text: str) -> str:
    """Parse what people call a registry: a host, perhaps with a port; an address with https:// before it will do.

    Raises:
        UsageError: It is something else.
    """
    host = text.strip().removeprefix("https://").removeprefix("http://").rstrip("/")
    host = host.removesuffix("/v1").removesuffix("/v2").rstrip("/")
    if host in ("", HUB_INDEX, HUB_ENDPOINT, "hub.docker.com"):
        return HUB
    try:
        reference = Reference.parse(f"{host}/name")
    except InvalidReference:
        reference = None
    if reference is None or "/" in host or (reference.registry == DEFAULT_REGISTRY and host != HUB):
        raise UsageError(f"{text!r} is not a registry", hint="expected HOST[:PORT], such as ghcr.io")
    return reference.registry


def login(
    session: Session, registry: str, username: str, password: str, *, environ: Mapping[str, str] | None = None
) -> LoggedIn:
    """Try *password* at *registry*, and keep it if it is right.

    Args:
        session: Made with ``Given`` credentials.
        registry: As ``parse_registry`` gives it.
        username: Whose password it is.
        password: Or a token that the registry takes for one.
        environ: Says where files are; without it this process's own.

    Raises:
        AccessDenied: The registry does not take it. Nothing was changed.
        RegistryError: The registry does not answer.
        CredentialsError: The file or the helper cannot be written.
    """
    environ = os.environ if environ is None else environ
    was_asked = _verify(session, registry)
    path = docker_config(environ)
    helper = _helper(path, registry, environ)
    if helper is not None:
        helper.store(server_key(registry), username, password)
        change_entry(path, registry, "")
        return LoggedIn(registry=registry, username=username, place=helper.program, is_plain=False, was_asked=was_asked)
    change_entry(path, registry, base64.b64encode(f"{username}:{password}".encode()).decode())
    return LoggedIn(registry=registry, username=username, place=str(path), is_plain=True, was_asked=was_asked)


def logout(registry: str, *, environ: Mapping[str, str] | None = None) -> LoggedOut:
    """Forget the credentials of *registry* that ``login`` keeps.

    Raises:
        CredentialsError: The file or the helper cannot be written.
    """
    environ = os.environ if environ is None else environ
    path = docker_config(environ)
    places: list[str] = []
    helper = _helper(path, registry, environ)
    if helper is not None and helper.get(server_key(registry)) is not None and helper.erase(server_key(registry)):
        places.append(helper.program)
    if change_entry(path, registry, None):
        places.append(str(path))
    remaining = tuple(str(other) for other in auth_paths(environ) if other != path and _has(other, registry, environ))
    return LoggedOut(registry=registry, places=tuple(dict.fromkeys(places)), remaining=remaining)


def _verify(session: Session, registry: str) -> bool:
    """Ask the registry with and without the credentials; tells whether it wants any."""
    try:
        session.request("GET", registry, "/v2/").close()
    except AccessDenied as error:
        error.hint = "check the user name and the password; many registries want a token instead of a password"
        raise
    return session.is_challenged(registry)


def _helper(path: Path, registry: str, environ: Mapping[str, str]) -> CredentialHelper | None:
    file = AuthFile.read(path, environ)
    return file.helper(registry) if file is not None else None


def _has(path: Path, registry: str, environ: Mapping[str, str]) -> bool:
    with suppress(CredentialsError):
        file = AuthFile.read(path, environ)
        return file is not None and bool(file.keys(registry))
    return False
