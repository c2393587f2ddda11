"""Who the program runs as: an image's ``User`` looked up in the image's own passwd and group.

Source: OCI image-spec v1.1.1, ``config.md`` (``User``); docker's reading of it (``moby/sys/user``): a
number that passwd does not know is taken as it is, with group 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from smidgen.errors import SandboxError

_MAX_ID: Final = (1 << 31) - 1
_MAX_GROUPS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Ids of a process.

    Attributes:
        uid: User.
        gid: Primary group.
        groups: Supplementary groups, sorted; the primary one is among them, so that a program that changes its group
            stays in it, and files that are closed to that group stay closed.
        home: Home directory, ``/`` where passwd says none.
    """

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


def resolve_user(text: str, *, passwd: str, group: str) -> User:
    """Give the ids that *text* names: ``""``, ``name``, ``uid``, ``name:group``, ``uid:gid`` and their mixtures.

    Args:
        text: The image's ``User`` or the user's own choice.
        passwd: Content of the image's ``/etc/passwd``, empty where it has none.
        group: Content of the image's ``/etc/group``, empty where it has none.

    Raises:
        SandboxError: A name that the image does not know, or an id out of range.
    """
    user_text, colon, group_text = text.partition(":")
    entry = _find_user(user_text or "0", passwd)
    if entry is None:
        entry = ("", _identity(user_text or "0", "user", "/etc/passwd"), 0, "/")
    name, uid, gid, home = entry
    if colon:
        gid = _find_group(group_text, group)
        return User(uid=uid, gid=gid, groups=(gid,), home=home)
    groups = sorted({gid, *_memberships(name, group)})
    return User(uid=uid, gid=gid, groups=tuple(groups[:_MAX_GROUPS]), home=home)


def _find_user(wanted: str, passwd: str) -> tuple[str, int, int, str] | None:
    for fields in _rows(passwd, 6):
        if wanted in (fields[0], fields[2]) and fields[2].isdecimal() and fields[3].isdecimal():
            return fields[0], _bounded(fields[2], "user"), _bounded(fields[3], "group"), fields[5] or "/"
    return None


def _find_group(wanted: str, group: str) -> int:
    for fields in _rows(group, 3):
        if fields[0] == wanted and fields[2].isdecimal():
            return _bounded(fields[2], "group")
    return _identity(wanted, "group", "/etc/group")


def _memberships(name: str, group: str) -> Iterator[int]:
    for fields in _rows(group, 4):
        if name and name in fields[3].split(",") and fields[2].isdecimal():
            yield _bounded(fields[2], "group")


def _rows(text: str, least: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) >= least and not line.startswith("#"):
            yield fields


def _identity(text: str, what: str, file: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise SandboxError(
            f"{what} {text!r} is not in the image's {file}",
            hint=f"add the {what} to the image (build --user NAME does), or run with --user UID:GID in numbers",
        )
    return _bounded(text, what)


def _bounded(text: str, what: str) -> int:
    value = int(text) if len(text) <= 10 else _MAX_ID + 1
    if value > _MAX_ID:
        raise SandboxError(f"{what} id {text} is out of range, expected 0 to {_MAX_ID}")
    return value
