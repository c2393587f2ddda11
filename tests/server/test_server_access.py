"""Who may ask, and over what."""

import base64
import ssl
import subprocess
from pathlib import Path

import pytest

from smidgen.errors import UsageError
from smidgen.server.listen import serving
from smidgen.server.options import Account, ServeOptions, is_loopback, parse_listen, read_password
from smidgen.store.content import ContentStore
from support.asking import Asker, image

ACCOUNT = Account("me", "pass:wörd")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_user_and_password(store: ContentStore) -> None:
    lines: list[str] = []
    with serving(store, ServeOptions(port=0, account=ACCOUNT), log=lines.append) as server:
        ask = Asker(server.address)
        wrong = [
            {},
            basic("me", "wrong"),
            basic("you", ACCOUNT.password),
            basic("", ""),
            {"Authorization": "Basic !"},
            {"Authorization": "Basic"},
            {"Authorization": "Bearer " + basic("me", ACCOUNT.password)["Authorization"][6:]},
        ]
        for headers in wrong:
            for method, path in (("GET", "/v2/"), ("POST", "/v2/app/blobs/uploads/"), ("GET", "/other")):
                reply = ask(method, path, headers=headers)
                assert (reply.status, reply.code) == (401, "UNAUTHORIZED")
                assert reply.headers["WWW-Authenticate"].startswith('Basic realm="smidgen"')
        right = Asker(server.address, basic("me", ACCOUNT.password))
        assert right("GET", "/v2/").status == 200
        right.push_image("1.0")
    assert len(lines) == 21 + 4
    assert not [line for line in lines if "w\u00f6rd" in line or "Basic" in line or "bWU6" in line]
    assert "w\u00f6rd" not in repr(ACCOUNT)


def test_read_only(store: ContentStore) -> None:
    with serving(store, ServeOptions(port=0)) as server:
        ask = Asker(server.address)
        descriptor = ask.push_image("1.0")
    with serving(store, ServeOptions(port=0, read_only=True)) as server:
        ask = Asker(server.address)
        assert ask("GET", "/v2/app/manifests/1.0").content == image()
        assert ask("HEAD", f"/v2/app/blobs/{descriptor.digest}").status == 200
        for method, path in (
            ("POST", "/v2/app/blobs/uploads/"),
            ("PUT", "/v2/app/manifests/2.0"),
            ("DELETE", "/v2/app/manifests/1.0"),
            ("DELETE", f"/v2/app/blobs/{descriptor.digest}"),
            ("PATCH", "/v2/app/blobs/uploads/x"),
        ):
            reply = ask(method, path, image())
            assert (reply.status, reply.code, reply.headers["Allow"]) == (405, "UNSUPPORTED", "GET, HEAD")
        # Collection need not wait for who only reads.
        store.gc(wait=0)


def test_a_store_that_is_not_there_can_be_read(tmp_path: Path) -> None:
    absent = ContentStore.open(tmp_path / "absent", create=False)
    with serving(absent, ServeOptions(port=0, read_only=True)) as server:
        ask = Asker(server.address)
        assert ask("GET", "/v2/_catalog").json == {"repositories": []}
        assert ask("GET", "/v2/app/manifests/1.0").status == 404
    assert not (tmp_path / "absent").exists()


def test_pages_in_browsers_cannot_push(ask: Asker) -> None:
    reply = ask("POST", "/v2/app/blobs/uploads/", headers={"Origin": "https://example.com"})
    assert (reply.status, reply.code) == (403, "DENIED")
    assert ask("GET", "/v2/", headers={"Origin": "https://example.com"}).headers["Access-Control-Allow-Origin"] is None


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *names, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def test_tls(store: ContentStore, certificate: tuple[Path, Path]) -> None:
    options = ServeOptions(port=0, certificate=certificate[0], key=certificate[1])
    with serving(store, options) as server:
        assert server.url == f"https://{server.address}"
        ask = Asker(server.address, tls=ssl.create_default_context(cafile=str(certificate[0])))
        ask.push_image("1.0")
        large = bytes(range(256)) * 20_000
        digest = ask.push_blob(large)
        assert ask("GET", f"/v2/app/blobs/{digest}").content == large
        assert ask("GET", f"/v2/app/blobs/{digest}", headers={"Range": "bytes=-300"}).content == large[-300:]
        # Plain text gets no answer, and disturbs nobody.
        assert Asker(server.address).raw(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")[:4] != b"HTTP"
        assert ask("GET", "/v2/").status == 200


def test_a_certificate_that_is_none(store: ContentStore, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    wrong = [
        (tmp_path / "empty", certificate[1]),
        (certificate[0], tmp_path / "none"),
        (certificate[0], certificate[0]),
    ]
    for cert, key in wrong:
        with (
            pytest.raises(UsageError, match="cannot use the certificate"),
            serving(store, ServeOptions(port=0, certificate=cert, key=key)),
        ):
            pass


def test_a_key_with_a_passphrase_asks_nobody(store: ContentStore, certificate: tuple[Path, Path]) -> None:
    secret = certificate[1].with_name("secret.pem")
    command = ["openssl", "ec", "-in", str(certificate[1]), "-aes128", "-passout", "pass:x", "-out", str(secret)]
    subprocess.run(command, check=True, capture_output=True)
    with (
        pytest.raises(UsageError, match="passphrase"),
        serving(store, ServeOptions(port=0, certificate=certificate[0], key=secret)),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:5000", "127.0.0.1", 5000),
        ("localhost:0", "localhost", 0),
        ("[::1]:80", "::1", 80),
        (":5000", "", 5000),
        ("registry.local:443", "registry.local", 443),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse_listen(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "5000", "localhost", "127.0.0.1:", "::1:5000", "[x]:1", "a:99999", "a:-1", "a:1/x"]
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="no address to listen on"):
        parse_listen(text)


def test_other_machines_only_when_asked_for(tmp_path: Path) -> None:
    files = tmp_path / "cert", tmp_path / "key"
    for host in ("", "0.0.0.0", "::", "192.0.2.1", "example.com"):
        assert not is_loopback(host)
        for options in (
            ServeOptions(host=host),
            ServeOptions(host=host, account=ACCOUNT),
            ServeOptions(host=host, certificate=files[0], key=files[1]),
        ):
            with pytest.raises(UsageError, match="lets other machines") as caught:
                options.check()
            assert "--allow-remote" in str(caught.value.hint)
        ServeOptions(host=host, allow_remote=True).check()
        ServeOptions(host=host, account=ACCOUNT, certificate=files[0], key=files[1]).check()
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        ServeOptions(host=host).check()
    with pytest.raises(UsageError, match="go together"):
        ServeOptions(certificate=files[0]).check()


def test_a_port_that_is_taken(store: ContentStore, ask: Asker) -> None:
    port = int(ask.address.partition(":")[2])
    with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1"), serving(store, ServeOptions(port=port)):
        pass
    with (
        pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1"),
        serving(store, ServeOptions(host="192.0.2.1", port=0, allow_remote=True)),
    ):
        pass


def test_passwords_in_files(tmp_path: Path) -> None:
    path = tmp_path / "password"
    for data, password in ((b"secret", "secret"), (b"secret\nmore", "secret"), (b" s \r\n", " s ")):
        path.write_bytes(data)
        assert read_password(path) == password
    for data in (b"", b"\nsecret", b"\xff", b"x" * 5000):
        path.write_bytes(data)
        with pytest.raises(UsageError):
            read_password(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_password(tmp_path / "none")
