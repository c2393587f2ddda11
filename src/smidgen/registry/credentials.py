"""Credentials, and where they are looked for."""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves to a registry who one is.

    Attributes:
        username: Or empty, where a token says it all.
        password: Of *username*, or empty.
        identity_token: A refresh token for the token server, or empty.
        registry_token: A bearer token for the registry itself, or empty.
        source: Where they were found, for messages: a file, or a program.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Keeper:
    """A place of credentials that the configuration names for all registries.

    Attributes:
        name: Of a credential helper, or ``FILES``.
        source: The file that names it, for messages.
    """

    FILES: ClassVar[str] = "containers-auth.json"

    name: str
    source: str = ""
