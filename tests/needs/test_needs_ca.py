"""CA certificates: certifi's, and the user's own."""

import base64
import ssl
from pathlib import Path

import certifi
import pytest

from smidgen.errors import InvalidContent, LimitExceeded, UsageError
from smidgen.needs.ca import PATH, ca_entries, parse_certificates, public_roots, read_bundles, render

ONE, TWO = public_roots()[:2]
KEY = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


def pem(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


def test_bundle_has_every_public_root_and_nothing_else() -> None:
    (entry,) = ca_entries()
    assert (entry.path, entry.mode, entry.uid, entry.gid) == (PATH, 0o644, 0, 0)
    assert isinstance(entry.source, bytes)
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ours.load_verify_locations(cadata=entry.source.decode())
    theirs.load_verify_locations(certifi.where())
    assert ours.get_ca_certs(binary_form=True) == theirs.get_ca_certs(binary_form=True)
    assert entry.source.count(b"BEGIN") == len(public_roots())
    assert b"#" not in entry.source


def test_lines_are_those_of_rfc_7468() -> None:
    for line in render([ONE, TWO]).splitlines():
        assert len(line) <= 64
    assert ssl.PEM_cert_to_DER_cert(render([ONE]).decode()) == ONE


def test_private_certificates_come_behind_and_once(tmp_path: Path) -> None:
    bundle = tmp_path / "corp.pem"
    bundle.write_bytes(b"# our own\r\n" + pem("CERTIFICATE", TWO).replace(b"\n", b"\r\n") + pem("CERTIFICATE", TWO))
    private = read_bundles([bundle, bundle])
    assert set(private) == {TWO}
    assert render([ONE, *private]) == render([ONE, TWO])
    (entry,) = ca_entries(private)
    (plain,) = ca_entries()
    assert entry == plain, "a root that is there already is not written twice"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no certificate in it"),
        (b"hello", "no certificate in it"),
        (ONE, "no certificate in it"),
        (pem("CERTIFICATE", ONE) + KEY, r"a private key \(PRIVATE KEY\) at line \d+"),
        (KEY.replace(b"PRIVATE", b"RSA PRIVATE"), r"a private key \(RSA PRIVATE KEY\) at line 1"),
        (KEY.replace(b"PRIVATE", b"ENCRYPTED PRIVATE"), "a private key"),
        (pem("X509 CRL", ONE), "a X509 CRL block at line 1, expected CERTIFICATE"),
        (pem("TRUSTED CERTIFICATE", ONE), "a TRUSTED CERTIFICATE block"),
        (pem("CERTIFICATE", ONE[:-1]), "not an X.509 certificate in DER"),
        (pem("CERTIFICATE", ONE + b"\0"), "not an X.509 certificate in DER"),
        (pem("CERTIFICATE", b"\x30\x80\0\0"), "not an X.509 certificate in DER"),
        (pem("CERTIFICATE", b""), "not an X.509 certificate in DER"),
        (b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "not base64"),
        (pem("CERTIFICATE", ONE)[:-20], "the block at line 1 does not end"),
        (pem("CERTIFICATE", ONE) + pem("CERTIFICATE", TWO)[:-40], r"the block at line \d+ does not end"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END X509 CRL-----\n", "begins as CERTIFICATE and ends as X509 CRL"),
    ],
)
def test_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidContent, match=reason):
        parse_certificates(data, what="CA bundle corp.pem")


def test_bundle_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_bundles([tmp_path / "none.pem"])


def test_bundle_without_end() -> None:
    with pytest.raises(LimitExceeded):
        read_bundles([Path("/dev/zero")])
