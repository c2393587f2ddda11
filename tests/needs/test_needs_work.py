"""What is provided is what the program was missing: run with nothing beside it, and with the files."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from smidgen.layer.compression import Compression
from smidgen.layer.pack import pack
from smidgen.layer.unpack import unpack
from smidgen.needs.accounts import Account
from smidgen.needs.ca import public_roots
from smidgen.needs.need import NeedKind
from smidgen.needs.provide import provide
from support.needs_programs import STANDARD


def run(root: Path, program: str, *, zone: str = "Asia/Kathmandu") -> str:
    """Run a program with *root* as all that it sees."""
    shutil.copy(STANDARD.build() / program, root / "program")
    enter = ("chroot",) if os.geteuid() == 0 else ("unshare", "--map-root-user", "chroot")
    command = (*enter, str(root), "/program", ".epub")
    return subprocess.run(command, env=os.environ | {"ZONE": zone}, capture_output=True, text=True, check=True).stdout


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("kind", "program", "without", "with_files"),
    [
        (NeedKind.TZ, "zone", "unknown time zone Asia/Kathmandu", "+0545"),
        (NeedKind.PASSWD, "user_lookup", "open /etc/passwd: no such file", "&{1000 1001 app app /home/app} <nil>"),
        (NeedKind.PASSWD, "group_lookup", "open /etc/group: no such file", "&{1001 app} <nil>"),
        (NeedKind.TMP, "temporary_file", "no such file or directory", "<nil>"),
        (NeedKind.MIME, "media_type", "\n", "application/epub+zip"),
        (NeedKind.CA, "certificate_pool", "0 <nil>", f"{len(public_roots())} <nil>"),
    ],
)
def test_missing_and_there(tmp_path: Path, kind: NeedKind, program: str, without: str, with_files: str) -> None:
    assert without in run(tmp_path, program)
    tar = io.BytesIO()
    account = Account(uid=1000, gid=1001, name="app")
    pack(provide({kind}, account=account), tar.write, compression=Compression.parse("none"))
    tar.seek(0)
    unpack(tar, tmp_path, preserve_owners=False)
    assert with_files in run(tmp_path, program)


@pytest.mark.e2e
def test_every_zone_loads(tmp_path: Path) -> None:
    """Go's own reader takes each zone, links among them; a sample of names that are links."""
    tar = io.BytesIO()
    pack(provide({NeedKind.TZ}), tar.write, compression=Compression.parse("none"))
    tar.seek(0)
    unpack(tar, tmp_path, preserve_owners=False)
    for name in ("US/Eastern", "GB", "Etc/GMT+12", "America/Argentina/ComodRivadavia", "UCT", "Factory"):
        assert run(tmp_path, "zone", zone=name).endswith("<nil>\n"), name
