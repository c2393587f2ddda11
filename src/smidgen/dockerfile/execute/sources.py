"""What COPY and ADD take: files of the context, of a stage or of an image, found and described."""

import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from smidgen.dockerfile.missing import near_miss
from smidgen.errors import InvalidArchive, LimitExceeded, NotFound
from smidgen.layer.entry import Kind
from smidgen.layer.merged import Merged, Node
from smidgen.layer.snapshot import Attributes, attributes

_KINDS: Final = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
}
_MOST_FILES: Final = 2_000_000


class Status(NamedTuple):
    """The part of ``os.stat_result`` that counts here; the whole takes four times the memory."""

    st_mode: int
    st_ino: int
    st_dev: int
    st_nlink: int
    st_uid: int
    st_gid: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_rdev: int

    @classmethod
    def of(cls, whole: os.stat_result) -> "Status":
        """Take it from the whole."""
        return cls(
            whole.st_mode,
            whole.st_ino,
            whole.st_dev,
            whole.st_nlink,
            whole.st_uid,
            whole.st_gid,
            whole.st_size,
            whole.st_mtime_ns,
            whole.st_ctime_ns,
            whole.st_rdev,
        )


@dataclass(frozen=True, slots=True)
class Item:
    """A file or directory to be copied.

    Attributes:
        path: Below what was matched; empty for that itself.
        kind: What it is.
        status: What ``lstat`` says.
        real: Where it is on this machine.
        link: Target of a symbolic link.
        xattrs: Extended attributes; none for files of a context.
    """

    path: str
    kind: Kind
    status: Status
    real: str
    link: str = ""
    xattrs: Attributes = ()


@dataclass(frozen=True, slots=True)
class Match:
    """What one source came to.

    Attributes:
        name: The last component of the path that was asked for.
        path: From the root of the tree, as it was asked for, without a slash in front.
        items: It and all below it, parents first, sorted by path.
        parents: Directories of the source that are kept below the destination, with ``--parents``, outermost first;
            their paths are below the destination.
        implied: Directories of an archive that has things in them and not themselves.
    """

    name: str
    path: str
    items: tuple[Item, ...]
    parents: tuple[Item, ...] = ()
    implied: frozenset[str] = frozenset()

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory, of which the content is meant."""
        return self.items[0].kind is Kind.DIRECTORY


Keep = Callable[[str, bool], bool]
# Components of a pattern; None is ``**``.
_Parts = tuple[Callable[[str], bool] | None, ...]


def _keep_all(_path: str, _is_directory: bool) -> bool:  # noqa: FBT001 (Keep has it so)
    return True


def _nothing(_path: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Tree:
    """Files to copy from; no path and no symbolic link leads out of it.

    Attributes:
        files: The root directory.
        keep: Says of a path, without a slash in front, and of whether it is a directory, if it can be seen.
        prune: Says of a directory that nothing in it can be seen.
        exclude: Says what is left out, of a path below the directory that is copied, or of a file's name.
        with_owners: Owners and extended attributes count.
        hint: What to say where a source is missing.
        looked: Is told of every path that was looked at, on this machine; None where nobody wants to know.
    """

    files: Merged
    keep: Keep = _keep_all
    prune: Callable[[str], bool] = _nothing
    exclude: Callable[[str], bool] = _nothing
    with_owners: bool = True
    hint: str = "sources are paths in the build context"
    looked: dict[str, Status | None] | None = None
    _count: list[int] = field(default_factory=lambda: [0])

    def match(self, pattern: str, *, deep: bool = False) -> list[Match]:
        """Find what *pattern* names: a path, or a pattern as Go's ``filepath.Match`` has it.

        Args:
            pattern: From the root.
            deep: A component ``**`` is any number of directories, none among them.

        Raises:
            NotFound: A path leads nowhere; a pattern may.
            InvalidArchive: Symbolic links run in circles.
        """
        path = posixpath.normpath("/" + pattern).lstrip("/")
        if not any(letter in path for letter in "*?[\\"):
            found = self._found(path)
        else:
            found = [match for one in dict.fromkeys(self._glob(path, deep=deep)) for match in self._found(one)]
        return found

    def directories(self, path: str, above: str) -> tuple[Item, ...]:
        """Describe the directories of *path* that are below *above*, and *path* itself where it is one."""
        found = []
        inside = path.removeprefix(above).lstrip("/").split("/")
        for depth in range(1, len(inside) + 1):
            name = "/".join(inside[:depth])
            node = self.files.resolve(posixpath.join(above, name)).node
            item = self._item(node, name) if node is not None and node.is_directory else None
            if item is not None and name:
                found.append(item)
        return tuple(found)

    def _found(self, path: str) -> list[Match]:
        try:
            resolved = self.files.resolve(path)
        except InvalidArchive as error:
            raise NotFound(f"/{path}", hint=error.reason) from error
        node = resolved.node
        if self.looked is not None:
            # Symbolic links on the way may come to lead elsewhere.
            self.looked[f"{self.files.layers[0]}/{path}"] = None
        if node is None or not self._is_visible(resolved.path, node):
            raise NotFound(f"/{path}", hint=near_miss(path, names=self._names, hides=self._hides) or self.hint)
        name = posixpath.basename(path)
        if not node.is_directory and self.exclude(name):
            return []
        return [Match(name, path, tuple(self._items(node)))]

    def _names(self, directory: str) -> list[str] | None:
        node = self.files.find(directory)
        return self.files.names(node) if node is not None and node.is_directory else None

    def _hides(self, path: str) -> bool:
        return not self.keep(path, False)

    def _is_visible(self, path: str, node: Node) -> bool:
        if not path or self.keep(path, node.is_directory):
            return True
        # What is in a hidden directory can be seen, if a later rule says so, and that directory with it.
        return node.is_directory and any(item.path for item in self._items(node))

    def _glob(self, pattern: str, *, deep: bool) -> Iterator[str]:
        from smidgen.dockerfile.execute.glob import compiled  # most sources are plain paths

        parts = [None if deep and part == "**" else compiled(part) for part in pattern.split("/")]
        # As the last component it is whatever is there.
        parts[-1] = parts[-1] or compiled("*")
        if self.files.root is not None:
            yield from self._below(self.files.root, "", tuple(parts), set())

    def _below(self, node: Node, prefix: str, parts: _Parts, seen: set[tuple[str, int]]) -> Iterator[str]:
        """Give what *parts* match in the directory *node*; what was *seen* with as many of them is done."""
        if (prefix, len(parts)) in seen:
            return
        seen.add((prefix, len(parts)))
        self._look(node)
        part = parts[0]
        if part is None:
            yield from self._below(node, prefix, parts[1:], seen)
        for child in self.files.children(node):
            name = posixpath.basename(child.path)
            path = f"{prefix}/{name}" if prefix else name
            if part is None:
                if child.is_directory:
                    yield from self._below(child, path, parts, seen)
            elif part(name):
                yield from self._matched(child, path, parts[1:], seen)

    def _matched(self, node: Node, path: str, parts: _Parts, seen: set[tuple[str, int]]) -> Iterator[str]:
        if not parts:
            if self._is_visible(path, node):
                yield path
            return
        inner = self.files.resolve(path).node if node.is_symlink else node
        if inner is not None and inner.is_directory:
            yield from self._below(inner, path, parts, seen)

    def _items(self, top: Node) -> Iterator[Item]:
        waiting = [(top, "")]
        hidden: list[tuple[Node, str]] = []
        while waiting:
            node, path = waiting.pop()
            while hidden and not path.startswith(f"{hidden[-1][1]}/"):
                hidden.pop()
            is_seen = not path or (self.keep(node.path, node.is_directory) and not self.exclude(path))
            if is_seen:
                # A directory that is hidden comes along with what can be seen in it.
                for place in (*hidden, (node, path)):
                    item = self._item(*place)
                    if item is not None:
                        yield item
                hidden.clear()
            else:
                self._look(node)
                if node.is_directory:
                    hidden.append((node, path))
            if node.is_directory and not (path and self.prune(node.path)):
                inner = [(child, posixpath.basename(child.path)) for child in self.files.children(node)]
                waiting += [(child, f"{path}/{name}" if path else name) for child, name in reversed(inner)]

    def _look(self, node: Node) -> Status:
        status = Status.of(node.status)
        if self.looked is not None:
            self.looked[node.source] = status
        return status

    def _item(self, node: Node, path: str) -> Item | None:
        self._count[0] += 1
        if self._count[0] > _MOST_FILES:
            raise LimitExceeded("number of files to copy", limit=_MOST_FILES)
        kind = _KINDS.get(stat.S_IFMT(node.status.st_mode))
        if kind is None:
            return None  # a socket is nothing without its program
        link = os.readlink(node.source) if kind is Kind.SYMLINK else ""
        xattrs = attributes(node.source) if self.with_owners else ()
        return Item(path, kind, self._look(node), node.source, link, xattrs)
