"""Needs on a base: what it has of them, and what has to be joined with what it has.

A program looks in fixed places, some of which the environment moves. What it finds there in the base is not put in a
second time.

Source: Go's ``crypto/x509/root_linux.go`` and ``root_unix.go``, ``time/zoneinfo_unix.go``, ``mime/type_unix.go``,
``os/file_unix.go``; passwd(5), group(5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.errors import InvalidContent, UsageError
from smidgen.image.base_files import BaseFiles
from smidgen.layer.entry import Entry, Kind
from smidgen.needs.accounts import Account, group_line, home_entries, passwd_line
from smidgen.needs.ca import PATH as OUR_BUNDLE
from smidgen.needs.ca import read_bundles, render
from smidgen.needs.need import NeedKind

_CERTIFICATE_FILES: Final = (
    OUR_BUNDLE,
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/tls/cacert.pem",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/cert.pem",
)
_ZONE_ROOTS: Final = ("usr/share/zoneinfo", "usr/share/lib/zoneinfo", "usr/lib/locale/TZ", "etc/zoneinfo")
# A base that has these has them all.
_SOME_ZONES: Final = ("America/New_York", "Asia/Tokyo", "Europe/London", "UTC")
_MIME_FILES: Final = (
    "usr/local/share/mime/globs2",
    "usr/share/mime/globs2",
    "etc/mime.types",
    "etc/apache2/mime.types",
    "etc/apache/mime.types",
    "etc/httpd/conf/mime.types",
)
_PASSWD: Final = "etc/passwd"  # noqa: S105 (no password)
_GROUP: Final = "etc/group"
_MAX_DIGITS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBase:
    """A program on a base.

    Attributes:
        files: The base's.
        env: The environment of the program, what the base sets included.
        user: Who it runs as, as the image's configuration has it.
        name: What the user is to be called, or empty.
    """

    files: BaseFiles
    env: Mapping[str, str]
    user: str
    name: str = ""

    def place_of(self, kind: NeedKind, *, zones: Sequence[str] = ()) -> str:
        """Say where the base has what satisfies *kind*; "" where it has not.

        Args:
            kind: Which need.
            zones: The time zones that count; none means all.
        """
        match kind:
            case NeedKind.CA:
                return self._certificates()
            case NeedKind.TZ:
                return self._zones(zones)
            case NeedKind.PASSWD:
                return f"/{_PASSWD}" if self._has_account() else ""
            case NeedKind.TMP:
                return self._temporary()
            case NeedKind.RESOLVER:
                return self._first("etc/nsswitch.conf")
            case NeedKind.MIME:
                return self._first(*_MIME_FILES)

    @property
    def account(self) -> Account:
        """Who the program runs as, in numbers.

        Raises:
            InvalidContent: It is a name that the base does not know.
        """
        user, _, group = self.user.partition(":")
        known = _lines(self.files.read(_PASSWD))
        if _is_number(user):
            uid, gid = user, group or next((one[3] for one in known if one[2] == user), "0")
        else:
            found = next((one for one in known if one[0] == user), None)
            if found is None or not _is_number(found[2]):
                raise InvalidContent(
                    f"base {self.files.base.name}",
                    f"it runs as {user[:80]!r}, which its /etc/passwd does not have",
                    hint="choose another user with --user",
                )
            uid, gid = found[2], group or found[3]
        if not _is_number(gid):
            gid = next((one[2] for one in _lines(self.files.read(_GROUP)) if one[0] == gid), "0")
        return Account(uid=int(uid), gid=int(gid) if _is_number(gid) else 0, name=self.name)

    def account_entries(self) -> tuple[Entry, ...]:
        """Make the base's passwd and group with the program's user in them, and its home directory if it has a name.

        Raises:
            UsageError: The base has another user of that name.
        """
        account = self.account
        passwd, group = self.files.read(_PASSWD) or b"", self.files.read(_GROUP) or b""
        self._check_name(account, passwd)
        entries: tuple[Entry, ...] = ()
        if not any(one[2] == str(account.gid) for one in _lines(group)):
            entries += (self._joined(_GROUP, group, group_line(account)),)
        if not self._has_account():
            root = Account(uid=0, gid=0)
            added = passwd_line(account) if passwd or account.uid == 0 else passwd_line(root) + passwd_line(account)
            entries += (self._joined(_PASSWD, passwd, added), *home_entries(account))
        return entries

    def certificate_entries(self, bundles: Sequence[Path]) -> tuple[Entry, ...] | None:
        """Make the base's bundle of certificates with *bundles* behind it; None where it has none.

        Raises:
            UsageError: A bundle that cannot be read.
            InvalidContent: A bundle with anything but certificates.
        """
        place = self._certificates().lstrip("/")
        data = self.files.read(place) if place else None
        node = self.files.find(place) if place else None
        if data is None or node is None:
            return None
        joined = _ended(data) + render(read_bundles(bundles))
        return (Entry.file(node.entry.path, joined, mode=node.entry.mode, uid=node.entry.uid, gid=node.entry.gid),)

    def _certificates(self) -> str:
        if named := self.env.get("SSL_CERT_FILE"):
            return self._first(named)
        return self._first(*_CERTIFICATE_FILES)

    def _zones(self, zones: Sequence[str]) -> str:
        for root in _ZONE_ROOTS:
            if all(self.files.is_file(f"{root}/{zone}") for zone in zones or _SOME_ZONES):
                return f"/{root}"
        return ""

    def _temporary(self) -> str:
        for place in (self.env.get("TMPDIR", ""), "/tmp"):  # noqa: S108 (the image's)
            node = self.files.find(place) if place.startswith("/") else None
            if node is not None and node.entry.kind is Kind.DIRECTORY and self._may_write(node.entry):
                return place
        return ""

    def _may_write(self, entry: Entry) -> bool:
        # Writing into a directory takes w and x together.
        if entry.mode & 0o003 == 0o003:
            return True
        account = self.account
        return (
            account.uid == 0
            or (entry.uid == account.uid and entry.mode & 0o300 == 0o300)
            or (entry.gid == account.gid and entry.mode & 0o030 == 0o030)
        )

    def _has_account(self) -> bool:
        account = self.account
        return any(
            one[2] == str(account.uid) and account.name in {"", one[0]} for one in _lines(self.files.read(_PASSWD))
        )

    def _first(self, *paths: str) -> str:
        return next((f"/{path.lstrip('/')}" for path in paths if self.files.is_file(path)), "")

    def _check_name(self, account: Account, passwd: bytes) -> None:
        other = next((one for one in _lines(passwd) if account.name and one[0] == account.name), None)
        if other is not None and other[2] != str(account.uid):
            raise UsageError(
                f"the base {self.files.base.name} has a user {account.name!r} already, with number {other[2]}",
                hint=f"write --user {account.name}:{other[2]}:{other[3]}, or choose another name",
            )

    def _joined(self, path: str, there: bytes, added: str) -> Entry:
        node = self.files.find(path)
        mode = node.entry.mode if node is not None else 0o644
        return Entry.file(node.entry.path if node is not None else path, _ended(there) + added.encode(), mode=mode)


def _lines(data: bytes | None) -> list[list[str]]:
    """Give the fields of each line of passwd or group that has enough of them."""
    lines = ((data or b"").decode("utf-8", "replace")).splitlines()
    return [fields for fields in (line.split(":") for line in lines) if len(fields) >= 4]


def _is_number(text: str) -> bool:
    # Whatever a base says, it has to fit into the kernel's number.
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS


def _ended(data: bytes) -> bytes:
    return data if not data or data.endswith(b"\n") else data + b"\n"
