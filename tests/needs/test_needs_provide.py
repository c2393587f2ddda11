"""The files for needs: what they say, and that no host changes them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry, Kind
from smidgen.needs.accounts import Account
from smidgen.needs.need import NeedKind
from smidgen.needs.provide import mime_types, provide, source_versions


def text(entries: tuple[Entry, ...], path: str) -> str:
    (source,) = (entry.source for entry in entries if entry.path == path)
    assert isinstance(source, bytes)
    return source.decode()


def test_nothing_for_nothing() -> None:
    assert provide(()) == ()


def test_all_in_the_order_of_kinds() -> None:
    entries = provide(tuple(reversed(NeedKind)), zones=("UTC",))
    assert [entry.path for entry in entries] == [
        "etc/ssl/certs/ca-certificates.crt",
        "usr/share/zoneinfo/UTC",
        "etc/group",
        "etc/passwd",
        "tmp",
        "etc/nsswitch.conf",
        "etc/mime.types",
    ]
    assert {entry.mtime for entry in entries} == {0}
    assert {(entry.uid, entry.gid) for entry in entries} == {(0, 0)}


def test_tmp_is_for_everyone() -> None:
    (entry,) = provide({NeedKind.TMP})
    assert (entry.kind, entry.mode) == (Kind.DIRECTORY, 0o1777)


@pytest.mark.parametrize(
    ("account", "passwd", "group", "home"),
    [
        (None, "nobody:x:65534:65534:nobody:/:/sbin/nologin\n", "nobody:x:65534:\n", None),
        (Account(uid=65532, gid=65532), "nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n", "nonroot:x:65532:\n", None),
        (Account(uid=1000, gid=0), "user:x:1000:0:user:/:/sbin/nologin\n", "", None),
        (
            Account(uid=1000, gid=1001, name="app"),
            "app:x:1000:1001:app:/home/app:/sbin/nologin\n",
            "app:x:1001:\n",
            ("home/app", 1000, 1001),
        ),
        (Account(uid=0, gid=0, name="root"), "", "", ("root", 0, 0)),
    ],
)
def test_accounts(account: Account | None, passwd: str, group: str, home: tuple[str, int, int] | None) -> None:
    entries = provide({NeedKind.PASSWD}, account=account)
    assert text(entries, "etc/passwd") == "root:x:0:0:root:/root:/sbin/nologin\n" + passwd
    assert text(entries, "etc/group") == "root:x:0:\n" + group
    homes = [(entry.path, entry.uid, entry.gid) for entry in entries if entry.kind is Kind.DIRECTORY]
    assert homes == ([home] if home else [])
    assert {entry.mode for entry in entries if entry.kind is Kind.DIRECTORY} <= {0o700}


def test_media_types_name_each_extension_once() -> None:
    extensions = [extension for line in mime_types().decode().splitlines() for extension in line.split()[1:]]
    assert len(extensions) == len(set(extensions))
    assert all(len(line.split()) > 1 and "/" in line.split()[0] for line in mime_types().decode().splitlines())
    assert b"text/javascript js mjs" in mime_types()


def test_versions_of_sources() -> None:
    assert set(source_versions()) == {"certifi", "tzdata"}


PRINT_DIGEST = """
import hashlib, sys
from smidgen.needs.need import NeedKind
from smidgen.needs.provide import provide
print(hashlib.sha256(repr(provide(list(NeedKind))).encode()).hexdigest())
"""


def test_same_entries_whatever_the_host(tmp_path: Path) -> None:
    """Another zone, locale, home, umask, directory, hash seed, and environment that points libraries elsewhere."""
    for name in ("passwd", "mime.types", "ca.pem"):
        (tmp_path / name).write_text("nonsense")
    surroundings = [
        {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1"},
        {
            "LC_ALL": "tr_TR.UTF-8",
            "TZ": "Asia/Kathmandu",
            "PYTHONHASHSEED": "2",
            "HOME": str(tmp_path),
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
            "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem"),
            "PYTHONTZPATH": str(tmp_path),
            "ZONEINFO": str(tmp_path),
        },
    ]
    digests = set()
    for own, mask in zip(surroundings, (0o000, 0o077), strict=True):
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)} | own
        command = (sys.executable, "-c", PRINT_DIGEST)
        outcome = subprocess.run(command, env=environment, cwd=tmp_path, umask=mask, capture_output=True, check=True)
        digests.add(json.dumps(outcome.stdout.decode()))
    assert len(digests) == 1
