"""What a server is started with, checked before it listens."""

import hashlib
import hmac
import ipaddress
import re
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.errors import UsageError

#: Where registries listen, by custom.
DEFAULT_LISTEN: Final = "127.0.0.1:5000"
_ADDRESS: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})\Z")
_MAX_PORT: Final = 65535
_MAX_PASSWORD: Final = 4096


@dataclass(frozen=True, slots=True)
class Account:
    """The one user that may use the registry."""

    user: str
    password: str

    def admits(self, authorization: str) -> bool:
        """Check the value of an ``Authorization`` header; how long that takes tells nothing of the password."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = b64decode(value.strip(), validate=True)
        except ValueError:
            return False
        # Digests are as long whatever was given.
        return hmac.compare_digest(
            hashlib.sha256(given).digest(), hashlib.sha256(f"{self.user}:{self.password}".encode()).digest()
        )

    def __repr__(self) -> str:
        return f"Account({self.user!r})"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        host: An address of this machine, or a name of one.
        port: 0 takes a free one.
        read_only: Refuse everything that would change the store.
        certificate: PEM file with the chain; with *key*, TLS is spoken and nothing else.
        key: PEM file with the private key.
        account: Who may use it; None means everyone who reaches it.
        allow_remote: Let other machines reach it even without TLS and an account.
        max_blob: Bytes that a blob may have, None for no bound.
    """

    host: str = "127.0.0.1"
    port: int = 5000
    read_only: bool = False
    certificate: Path | None = None
    key: Path | None = None
    account: Account | None = None
    allow_remote: bool = False
    max_blob: int | None = None

    def check(self) -> None:
        """Check what belongs together.

        Raises:
            UsageError: Other machines would reach it unguarded, or one half of a pair is missing.
        """
        if (self.certificate is None) != (self.key is None):
            raise UsageError("a certificate and its key go together", hint="give both --tls-cert and --tls-key")
        if is_loopback(self.host) or self.allow_remote or (self.certificate and self.account):
            return
        lacking = [
            text
            for text, there in (("TLS", self.certificate is not None), ("a password", self.account is not None))
            if not there
        ]
        raise UsageError(
            f"listening on {self.host or 'all addresses'} lets other machines push and pull, "
            f"without {' and '.join(lacking)}",
            hint="listen on 127.0.0.1; or add --tls-cert, --tls-key, --user and --password-file; "
            "or say --allow-remote if your network guards it",
        )


def parse_listen(text: str) -> tuple[str, int]:
    """Parse ``HOST:PORT``, ``[IPV6]:PORT`` or ``:PORT``, which is all addresses.

    Raises:
        UsageError: It is none of these.
    """
    match = _ADDRESS.match(text)
    if match is None or int(match["port"]) > _MAX_PORT:
        raise UsageError(f"{text!r} is no address to listen on", hint=f"expected HOST:PORT, such as {DEFAULT_LISTEN}")
    return match["six"] or match["host"] or "", int(match["port"])


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_password(path: Path) -> str:
    """Read a password: the first line of a file.

    Raises:
        UsageError: There is no such file, or no password in it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_PASSWORD + 1)
        password = data.decode().partition("\n")[0].removesuffix("\r")
    except OSError as error:
        raise UsageError(f"cannot read the password in {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError(f"the password in {path} is not UTF-8") from None
    if not password or len(data) > _MAX_PASSWORD:
        raise UsageError(f"{path} has no password", hint=f"one line of up to {_MAX_PASSWORD} bytes is expected")
    return password
