"""Accounts: the passwd and group files that name the user an image runs as, and its home directory.

Source: passwd(5), group(5).
"""

from dataclasses import dataclass

from smidgen.layer.entry import Entry

_NOLOGIN = "/sbin/nologin"
# What a number is called where no name was asked for: 65534 everywhere, 65532 in distroless and Chainguard's images.
_USUAL_NAMES = {0: "root", 65534: "nobody", 65532: "nonroot"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user and its group, which has the same name.

    Attributes:
        uid: User number.
        gid: Group number.
        name: As asked for, checked by who asked; empty means a usual one for the number, and no home.
    """

    uid: int = 65534
    gid: int = 65534
    name: str = ""

    @property
    def login(self) -> str:
        """The name that passwd has."""
        return self.name or _USUAL_NAMES.get(self.uid, "user")

    @property
    def home(self) -> str:
        """Absolute path of the home directory; ``/`` means that it has none of its own."""
        if self.uid == 0:
            return "/root"
        return f"/home/{self.name}" if self.name else "/"


def account_entries(account: Account) -> tuple[Entry, ...]:
    """Make etc/group and etc/passwd with root and *account*, and its home directory."""
    root = Account(uid=0, gid=0)
    passwd = "".join(map(passwd_line, (root,) if account.uid == root.uid else (root, account)))
    group = "".join(map(group_line, (root,) if account.gid == root.gid else (root, account)))
    files = (Entry.file("etc/group", group.encode()), Entry.file("etc/passwd", passwd.encode()))
    return files + home_entries(account)


def home_entries(account: Account) -> tuple[Entry, ...]:
    """Make the home directory, which only its user may enter; none for ``/``."""
    if account.home == "/":
        return ()
    return (Entry.directory(account.home.removeprefix("/"), mode=0o700, uid=account.uid, gid=account.gid),)


def passwd_line(account: Account) -> str:
    """Give the line of passwd."""
    return f"{account.login}:x:{account.uid}:{account.gid}:{account.login}:{account.home}:{_NOLOGIN}\n"


def group_line(account: Account) -> str:
    """Give the line of group: the user's own group, of the same name."""
    return f"{account.login}:x:{account.gid}:\n"
