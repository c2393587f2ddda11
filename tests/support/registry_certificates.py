"""A certificate authority of the tests' own, and what it signs."""

import base64
import json
import ssl
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

_DAYS = "2"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM."""

    certificate: Path
    key: Path

    def server(self, *, clients: Path | None = None) -> ssl.SSLContext:
        """Give the context of a server; with *clients*, only who has a certificate of that authority may talk to it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        return context


@dataclass(frozen=True)
class Authority:
    """Signs certificates.

    Attributes:
        directory: Where they are written.
    """

    directory: Path
    own: Pair

    @classmethod
    def create(cls, directory: Path) -> "Authority":
        """Make a new one in *directory*."""
        directory.mkdir(parents=True, exist_ok=True)
        own = Pair(directory / "ca.pem", directory / "ca.key")
        _openssl("req", "-x509", *_KEY, "-subj", "/CN=smidgen tests", "-days", _DAYS, *_files(own))
        return cls(directory, own)

    @property
    def bundle(self) -> Path:
        """The authority's own certificate, for those who trust it."""
        return self.own.certificate

    def sign(self, name: str, *, names: str = "IP:127.0.0.1,DNS:localhost", days: str = _DAYS) -> Pair:
        """Make a certificate for *names*, as openssl writes a subjectAltName."""
        pair = Pair(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        request = self.directory / f"{name}.csr"
        _openssl("req", *_KEY, "-subj", f"/CN={name}", "-keyout", pair.key, "-out", request)
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        by = ("-CA", self.own.certificate, "-CAkey", self.own.key, "-CAcreateserial", "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *by, "-days", days, "-out", pair.certificate)
        return pair


@dataclass(frozen=True)
class TokenSigner:
    """Signs tokens as Debian's registry demands them: a JSON web token with the certificate in its head.

    Source: distribution, "Token Authentication Implementation"; RFC 7515.

    Attributes:
        pair: A certificate of its own, which the registry has as ``rootcertbundle``.
    """

    pair: Pair
    issuer: str = "issuer.test"
    service: str = "registry.test"

    @classmethod
    def create(cls, directory: Path) -> "TokenSigner":
        """Make one with a key of its own."""
        pair = Pair(directory / "token.pem", directory / "token.key")
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=t", "-days", _DAYS, *_files(pair))
        return cls(pair)

    def __call__(self, grants: frozenset[tuple[str, str]]) -> str:
        """Make the token that grants these (repository, action) pairs."""
        now = int(time.time())
        head = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(self.pair.certificate.read_text().split("\n")[1:-2])]}
        access = [{"type": "repository", "name": name, "actions": [action]} for name, action in sorted(grants)]
        times = {"nbf": now - 60, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        claims = {"iss": self.issuer, "sub": "somebody", "aud": self.service, **times, "access": access}
        text = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        return f"{text}.{_base64(_openssl('dgst', '-sha256', '-sign', self.pair.key, data=text.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _files(pair: Pair) -> tuple[str | Path, ...]:
    return ("-keyout", pair.key, "-out", pair.certificate)


def _openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    ended = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout
