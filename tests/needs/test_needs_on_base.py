"""What a base has of what a program needs: sought where Go looks, whatever the base says."""

from pathlib import Path

import msgspec
import pytest

from smidgen.errors import DynamicExecutable, InvalidContent
from smidgen.image.base import BaseImage
from smidgen.image.base_files import BaseFiles
from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.needs.accounts import Account
from smidgen.needs.examine import BinaryFacts
from smidgen.needs.linking import check_linking
from smidgen.needs.need import NeedKind, NeedsReport
from smidgen.needs.on_base import OnBase
from smidgen.store.content import ContentStore
from support.base_images import PASSWD, data_entries, system_entries
from support.small_images import put_image


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


def _base(store: ContentStore, *entries: Entry) -> BaseFiles:
    return BaseFiles(BaseImage.of(Image(store, put_image(store, entries)), name="base"))


def _on(store: ContentStore, *entries: Entry, user: str = "1000:1000", env: dict[str, str] | None = None) -> OnBase:
    return OnBase(files=_base(store, *entries), env=env or {}, user=user)


@pytest.mark.parametrize(
    ("path", "env", "place"),
    [
        ("etc/ssl/certs/ca-certificates.crt", {}, "/etc/ssl/certs/ca-certificates.crt"),
        ("etc/pki/tls/certs/ca-bundle.crt", {}, "/etc/pki/tls/certs/ca-bundle.crt"),
        ("etc/ssl/cert.pem", {}, "/etc/ssl/cert.pem"),
        ("opt/ca.pem", {}, ""),
        ("opt/ca.pem", {"SSL_CERT_FILE": "/opt/ca.pem"}, "/opt/ca.pem"),
        # The variable takes the place of the usual files.
        ("etc/ssl/cert.pem", {"SSL_CERT_FILE": "/opt/ca.pem"}, ""),
    ],
)
def test_certificates_are_sought_where_go_looks(
    store: ContentStore, path: str, env: dict[str, str], place: str
) -> None:
    assert _on(store, Entry.file(path, b"PEM"), env=env).place_of(NeedKind.CA) == place


def test_zones_are_there_only_if_all_that_count_are(store: ContentStore) -> None:
    on_base = _on(store, *data_entries())
    assert on_base.place_of(NeedKind.TZ) == "/usr/share/zoneinfo"
    assert on_base.place_of(NeedKind.TZ, zones=("Asia/Tokyo",)) == "/usr/share/zoneinfo"
    assert on_base.place_of(NeedKind.TZ, zones=("Asia/Tokyo", "Europe/Berlin")) == ""
    assert _on(store, Entry.file("usr/share/zoneinfo/UTC", b"TZif")).place_of(NeedKind.TZ) == ""


@pytest.mark.parametrize(
    ("entry", "user", "place"),
    [
        (Entry.directory("tmp", mode=0o1777), "1000:1000", "/tmp"),
        (Entry.directory("tmp", mode=0o755), "1000:1000", ""),
        (Entry.directory("tmp", mode=0o755), "0:0", "/tmp"),
        (Entry.directory("tmp", mode=0o700, uid=1000), "1000:1000", "/tmp"),
        (Entry.directory("tmp", mode=0o770, gid=1000), "5:1000", "/tmp"),
        (Entry.directory("tmp", mode=0o1776), "1000:1000", ""),
        (Entry.file("tmp", b""), "0:0", ""),
    ],
)
def test_a_temporary_directory_must_be_one_that_the_user_may_write_to(
    store: ContentStore, entry: Entry, user: str, place: str
) -> None:
    assert _on(store, entry, user=user).place_of(NeedKind.TMP) == place


def test_tmpdir_counts_if_it_can_be_written_to(store: ContentStore) -> None:
    entries = (Entry.directory("scratch", mode=0o777), Entry.directory("tmp", mode=0o755))
    assert _on(store, *entries, env={"TMPDIR": "/scratch"}).place_of(NeedKind.TMP) == "/scratch"
    assert _on(store, *entries, env={"TMPDIR": "/nowhere"}).place_of(NeedKind.TMP) == ""


@pytest.mark.parametrize(
    ("user", "account"),
    [
        ("1000:1001", Account(uid=1000, gid=1001)),
        ("101", Account(uid=101, gid=102)),
        ("4", Account(uid=4, gid=0)),
        ("web", Account(uid=101, gid=102)),
        ("web:nobody", Account(uid=101, gid=65534)),
        ("web:7", Account(uid=101, gid=7)),
        ("web:unknown", Account(uid=101, gid=0)),
    ],
)
def test_a_user_is_who_the_passwd_of_the_base_says(store: ContentStore, user: str, account: Account) -> None:
    assert _on(store, *system_entries(), user=user).account == account


@pytest.mark.parametrize("user", ["nobody-knows", "9" * 5000, "\u0663", "-1", "huge", "odd"])
def test_a_user_that_the_base_does_not_know_is_refused(store: ContentStore, user: str) -> None:
    hostile = b"huge:x:" + b"9" * 5000 + b":0:::\nodd:x:one:two:::\n\xff\xfe:x:::::\nshort:x\n"
    with pytest.raises(InvalidContent, match="which its /etc/passwd does not have"):
        _ = _on(store, Entry.file("etc/passwd", hostile), user=user).account


def test_accounts_are_made_where_the_base_has_none(store: ContentStore) -> None:
    made = {entry.path: entry.source for entry in _on(store, Entry.file("x", b"")).account_entries()}
    assert made == {
        "etc/group": b"user:x:1000:\n",
        "etc/passwd": b"root:x:0:0:root:/root:/sbin/nologin\nuser:x:1000:1000:user:/:/sbin/nologin\n",
    }
    (passwd,) = _on(store, *system_entries(), user="5:0").account_entries()
    assert passwd.source == PASSWD + b"\nuser:x:5:0:user:/:/sbin/nologin\n"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("etc/nsswitch.conf", NeedKind.RESOLVER),
        ("etc/apache2/mime.types", NeedKind.MIME),
        ("usr/share/mime/globs2", NeedKind.MIME),
    ],
)
def test_small_files(store: ContentStore, path: str, kind: NeedKind) -> None:
    assert _on(store, Entry.file(path, b"x")).place_of(kind) == f"/{path}"
    assert _on(store, Entry.file(path, b"")).place_of(kind) == ""


def _facts(
    *libraries: str, interpreter: str = "/lib64/ld-linux-x86-64.so.2", paths: tuple[str, ...] = ()
) -> BinaryFacts:
    return BinaryFacts(
        digest="0" * 64,
        size=1,
        go_version="",
        report=NeedsReport(),
        interpreter=interpreter,
        libraries=libraries,
        library_paths=paths,
    )


def _c_library() -> bytes:
    """Give this machine's own, which defines versions."""
    return next(Path("/usr/lib").glob("*-linux-gnu/libc.so.6")).read_bytes()


_LOADER = Entry.file("usr/lib64/ld-linux-x86-64.so.2", b"ELF", mode=0o755)
_LINK = Entry.symlink("lib64", "usr/lib64")


@pytest.mark.parametrize(
    ("place", "facts", "env"),
    [
        ("usr/lib/x86_64-linux-gnu/liba.so.1", _facts("liba.so.1"), {}),
        ("usr/local/lib/liba.so.1", _facts("liba.so.1"), {}),
        ("opt/lib/liba.so.1", _facts("liba.so.1", paths=("/opt/lib",)), {}),
        ("lib/liba.so.1", _facts("liba.so.1", paths=("$ORIGIN/lib",)), {}),
        ("opt/lib/liba.so.1", _facts("liba.so.1"), {"LD_LIBRARY_PATH": "/nowhere:/opt/lib"}),
        ("opt/lib/liba.so.1", _facts("/opt/lib/liba.so.1"), {}),
    ],
)
def test_libraries_are_found_where_the_loader_looks(
    store: ContentStore, place: str, facts: BinaryFacts, env: dict[str, str]
) -> None:
    check_linking(facts, "app", _base(store, _LOADER, _LINK, Entry.file(place, b"ELF")), env=env, has_added=False)


def test_what_is_missing_is_named(store: ContentStore) -> None:
    base = _base(store, _LOADER, _LINK)
    with pytest.raises(DynamicExecutable, match=r"the base base does not have liba\.so\.1$") as caught:
        check_linking(_facts("liba.so.1"), "app", base, env={}, has_added=False)
    assert caught.value.libraries == ("liba.so.1",)
    check_linking(_facts("liba.so.1"), "app", base, env={}, has_added=True)
    musl = _facts("libc.so", interpreter="/lib/ld-musl-x86_64.so.1")
    with pytest.raises(DynamicExecutable, match=r"does not have /lib/ld-musl-x86_64\.so\.1") as caught:
        check_linking(musl, "app", base, env={}, has_added=True)
    assert "musl, such as alpine" in (caught.value.hint or "")
    check_linking(musl, "app", _base(store, Entry.file("lib/ld-musl-x86_64.so.1", b"ELF")), env={}, has_added=False)


@pytest.mark.parametrize(
    ("versions", "lacking"),
    [
        ((("libc.so.6", "GLIBC_2.17"),), ""),
        ((("libc.so.6", "GLIBC_2.17"), ("libc.so.6", "GLIBC_9.1"), ("libc.so.6", "GLIBC_9.2")), "GLIBC_9.1, GLIBC_9.2"),
        # Of what the base does not have, another sentence speaks.
        ((("liba.so.1", "A_1"),), ""),
    ],
)
def test_versions_that_a_library_of_the_base_does_not_define(
    store: ContentStore, versions: tuple[tuple[str, str], ...], lacking: str
) -> None:
    base = _base(store, _LOADER, _LINK, Entry.file("usr/lib/libc.so.6", _c_library()))
    facts = msgspec.structs.replace(_facts("libc.so.6"), versions=versions)
    if lacking:
        with pytest.raises(DynamicExecutable, match=rf"/usr/lib/libc\.so\.6 does not define {lacking}$"):
            check_linking(facts, "app", base, env={}, has_added=False)
    check_linking(facts, "app", base, env={}, has_added=bool(lacking))


@pytest.mark.parametrize("content", [b"ELF", b"\x7fELF" + b"\xff" * 200])
def test_a_library_that_cannot_be_read_is_not_judged(store: ContentStore, content: bytes) -> None:
    base = _base(store, _LOADER, _LINK, Entry.file("lib/libc.so.6", content))
    facts = msgspec.structs.replace(_facts("libc.so.6"), versions=(("libc.so.6", "GLIBC_2.17"),))
    check_linking(facts, "app", base, env={}, has_added=False)
