"""CA certificates: the public roots of ``certifi``, and the user's own beside them.

Of certifi's file only the PEM blocks are kept: its comments are a quarter of it (234 kB to 177 kB, and 127.8 kB to
103.6 kB as gzip -6). Lines stay at 64 columns: one line a certificate would save four more kilobytes, but RFC 7468
asks for 64, and a program that is not Go may insist.

Source: RFC 7468 (PEM); X.690 (DER); RFC 5280, section 4.1 (Certificate); Go's ``crypto/x509/root_linux.go`` (the path).
"""

import base64
import binascii
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from smidgen.errors import InvalidContent, LimitExceeded, UsageError
from smidgen.layer.entry import Entry

# The first of the files where Go looks, and where Debian, Alpine's compatibility link and distroless have it.
PATH = "etc/ssl/certs/ca-certificates.crt"

# certifi's has 0.2 MB; a private bundle of this size is a mistake.
_LIMIT = 16 << 20
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END ([A-Z0-9 ]+)-----", re.DOTALL)
_CERTIFICATE = b"CERTIFICATE"
_SEQUENCE = 0x30
_BIT_STRING = 0x03


def ca_entries(private: Iterable[bytes] = ()) -> tuple[Entry, ...]:
    """Make the bundle of public roots, with the certificates *private* (DER) behind them."""
    return (Entry.file(PATH, render((*public_roots(), *private))),)


def read_bundles(paths: Iterable[Path]) -> tuple[bytes, ...]:
    """Read the user's own certificates, each as DER.

    Raises:
        InvalidContent: A bundle holds something else than certificates, or none.
        UsageError: A bundle cannot be read.
    """
    return tuple(
        certificate for path in paths for certificate in parse_certificates(_read(path), what=f"CA bundle {path}")
    )


def public_roots() -> list[bytes]:
    """Give certifi's certificates, each as DER.

    Raises:
        InvalidContent: This installation of certifi has no bundle of its own.
    """
    # Not certifi.where(): distributions patch it to give the host's file, and the digest would depend on the host.
    try:
        data = resources.files("certifi").joinpath("cacert.pem").read_bytes()
    except OSError as error:
        raise InvalidContent(
            "certifi",
            f"its cacert.pem cannot be read: {error.strerror}",
            hint="install certifi from PyPI; a distribution's package gives the host's certificates instead",
        ) from error
    return parse_certificates(data, what="certifi's cacert.pem")


def parse_certificates(data: bytes, *, what: str) -> list[bytes]:
    """Read the certificates of a PEM file, each as DER. Text between the blocks is a comment.

    Raises:
        InvalidContent: No certificate at all, a block of another kind, or one that is damaged. Private keys are
            named as such: an image is the last place for one.
    """
    found: list[bytes] = []
    end = 0
    for match in _BLOCK.finditer(data):
        label, body, closing = match.groups()
        line = data.count(b"\n", 0, match.start()) + 1
        _check_label(label, closing, what=what, line=line)
        found.append(_decode(body, what=what, line=line))
        end = match.end()
    if b"-----BEGIN " in data[end:]:
        line = data.count(b"\n", 0, data.index(b"-----BEGIN ", end)) + 1
        raise InvalidContent(what, f"the block at line {line} does not end", hint="the file is cut off")
    if not found:
        hint = "convert it: openssl x509 -inform DER -in FILE" if data[:1] == b"\x30" else None
        raise InvalidContent(what, "no certificate in it, expected PEM blocks '-----BEGIN CERTIFICATE-----'", hint=hint)
    return found


def render(certificates: Iterable[bytes]) -> bytes:
    """Write DER certificates as PEM, each once, in the order in which they first come."""
    parts: list[bytes] = []
    for certificate in dict.fromkeys(certificates):
        body = base64.b64encode(certificate)
        lines = b"\n".join(body[at : at + 64] for at in range(0, len(body), 64))
        parts.append(b"-----BEGIN CERTIFICATE-----\n" + lines + b"\n-----END CERTIFICATE-----\n")
    return b"".join(parts)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise UsageError(f"CA bundle {path}: {error.strerror}", hint="give a file of PEM certificates") from error
    if len(data) > _LIMIT:
        raise LimitExceeded(f"CA bundle {path} in bytes", limit=_LIMIT)
    return data


def _check_label(label: bytes, closing: bytes, *, what: str, line: int) -> None:
    text = label.decode()
    if text.endswith("PRIVATE KEY"):
        raise InvalidContent(
            what,
            f"a private key ({text}) at line {line}; whoever pulls the image would have it",
            hint="leave only CERTIFICATE blocks in the file, and replace that key if it was ever published",
        )
    if label != closing:
        raise InvalidContent(what, f"the block at line {line} begins as {text} and ends as {closing.decode()}")
    if label != _CERTIFICATE:
        raise InvalidContent(
            what, f"a {text} block at line {line}, expected CERTIFICATE", hint="leave only CERTIFICATE blocks in it"
        )


def _decode(body: bytes, *, what: str, line: int) -> bytes:
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise InvalidContent(what, f"the certificate at line {line} is not base64: {error}") from error
    if not _is_certificate(der):
        raise InvalidContent(
            what, f"the certificate at line {line} is not an X.509 certificate in DER", hint="the block is damaged"
        )
    return der


def _is_certificate(der: bytes) -> bool:
    """Say whether this is a SEQUENCE of a SEQUENCE, a SEQUENCE and a BIT STRING, with nothing around it."""
    whole = _element(der, 0, len(der))
    if whole is None or whole[0] != _SEQUENCE or whole[2] != len(der):
        return False
    at, end = whole[1], whole[2]
    for expected in (_SEQUENCE, _SEQUENCE, _BIT_STRING):
        part = _element(der, at, end)
        if part is None or part[0] != expected:
            return False
        at = part[2]
    return at == end


def _element(der: bytes, at: int, limit: int) -> tuple[int, int, int] | None:
    """Read the head of a DER element: its tag, where its content starts, where it ends; None if it does not fit."""
    if at + 2 > limit:
        return None
    tag, length, start = der[at], der[at + 1], at + 2
    if length >= 0x80:
        width = length & 0x7F
        # DER has no indefinite length (0x80), and four bytes hold any certificate.
        if not 1 <= width <= 4 or start + width > limit:
            return None
        length = int.from_bytes(der[start : start + width])
        start += width
    return (tag, start, start + length) if start + length <= limit else None
