"""Keys of steps: the same key means that doing the step again would give nothing new.

A key goes over what a step says and what it works on, and over nothing else: not the time, not where the context is,
no modification times, no proxies and no secrets.
"""

import hashlib
import stat
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from smidgen.dockerfile.execute.sources import Item, Match
from smidgen.layer.entry import Kind, encode_path

# Raised when what a step makes of the same things changes.
_FORMAT: Final = 1


def key(*parts: Any) -> str:  # noqa: ANN401 (anything that JSON can say)
    """Name *parts*, which may be nested tuples, beyond doubt."""
    return hashlib.sha256(msgspec.json.encode((_FORMAT, parts))).hexdigest()


def content_key(matches: Iterable[Match], digest: Callable[[Item], str], *, with_owners: bool) -> str:
    """Name the files of *matches*: names, modes, sizes, links, content, and with *with_owners* owners too.

    Source: the page "BuildKit's cache keys": modification times do not count.
    """
    total = hashlib.sha256()
    for match in matches:
        total.update(b"match\0%s\0%d\0" % (encode_path(match.name), len(match.parents)))
        for item in (*match.parents, *match.items):
            total.update(_line(item, digest, with_owners=with_owners))
    return total.hexdigest()


def _line(item: Item, digest: Callable[[Item], str], *, with_owners: bool) -> bytes:
    status, kind = item.status, item.kind
    owner = f"{status.st_uid}:{status.st_gid}" if with_owners else ""
    size, number, content = 0, 0, ""
    if kind is Kind.FILE:
        # The size of a directory is its file system's affair.
        size, content = status.st_size, digest(item)
    elif kind is Kind.CHARACTER_DEVICE or kind is Kind.BLOCK_DEVICE:
        number = status.st_rdev
    mode = stat.S_IMODE(status.st_mode)
    head = f"{kind.value}\0{mode:o}\0{owner}\0{size}\0{number}\0{content}\0{len(item.xattrs)}\0"
    xattrs = b"".join(b"%s\0%d\0%s" % (encode_path(name), len(value), value) for name, value in item.xattrs)
    return b"%s\0%s\0%s%s" % (encode_path(item.path), encode_path(item.link), head.encode(), xattrs)
