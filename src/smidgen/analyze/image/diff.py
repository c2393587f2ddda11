"""How two images differ: files, configuration, layers.

Times are not compared: they say when something was built, and not what it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from smidgen.analyze.image.walk import ImageContent
from smidgen.image.filetree import Node
from smidgen.image.image import Image
from smidgen.layer.entry import Kind
from smidgen.oci.config import RunConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A path that is not the same in both.

    Attributes:
        path: In the form of ``Entry.path``.
        how: ``changed`` where both have it.
        what: What differs of one that both have: ``content``, ``mode``, ``owner``, ``kind``, ``link``, ``device``,
            ``attributes``.
        before: Bytes of its content in the first image; 0 where it has none, and for a further hard link.
        after: The same in the second.
        pull_before: What these take as they are stored.
        pull_after: The same in the second.
        node_before: What the first has, or None.
        node_after: What the second has, or None.
    """

    path: str
    how: Literal["added", "removed", "changed"]
    what: tuple[str, ...]
    before: int
    after: int
    pull_before: int
    pull_after: int
    node_before: Node | None
    node_after: Node | None


@dataclass(frozen=True, slots=True)
class ValueChange:
    """Something with a name that has a value: an entry of the configuration, a module, a need.

    Attributes:
        name: Such as ``env PATH`` or ``golang.org/x/net``.
        before: Its value, or None where the first has no such thing.
        after: Or None where the second has not.
    """

    name: str
    before: str | None
    after: str | None


def compare_files(before: ImageContent, after: ImageContent) -> tuple[FileChange, ...]:
    """Compare the files that containers of two images see; sorted by how much the size changed, then by path."""
    changes = [
        _change(path, one, other, before, after) for path, one, other in _pairs(before.tree.root, after.tree.root)
    ]
    found = (change for change in changes if change is not None)
    return tuple(sorted(found, key=lambda one: (-abs(one.after - one.before), -one.after, one.path)))


def _pairs(before: Node, after: Node) -> Iterator[tuple[str, Node | None, Node | None]]:
    """Give every path of either tree, with what each has there."""
    waiting: list[tuple[str, Node | None, Node | None]] = [("", before, after)]
    while waiting:
        path, one, other = waiting.pop()
        if path:
            yield path, one, other
        names = {**(one.children if one else {}), **(other.children if other else {})}
        for name in names:
            below = f"{path}/{name}" if path else name
            waiting.append(
                (below, one.children.get(name) if one else None, other.children.get(name) if other else None)
            )


def _change(
    path: str, one: Node | None, other: Node | None, before: ImageContent, after: ImageContent
) -> FileChange | None:
    what = _differences(one, other) if one is not None and other is not None else ()
    if one is not None and other is not None and not what:
        return None
    (size_before, pull_before), (size_after, pull_after) = _sizes(one, before), _sizes(other, after)
    return FileChange(
        path=path,
        how="added" if one is None else "removed" if other is None else "changed",
        what=what,
        before=size_before,
        after=size_after,
        pull_before=pull_before,
        pull_after=pull_after,
        node_before=one,
        node_after=other,
    )


def _differences(one: Node, other: Node) -> tuple[str, ...]:
    a, b = one.entry, other.entry
    if _kind(a.kind) is not _kind(b.kind):
        return ("kind",)
    if one.layer is None or other.layer is None:
        # A directory that no layer has an entry of has no mode of its own.
        return ()
    link_counts = a.kind is Kind.SYMLINK
    found = {
        "content": _digest(one) != _digest(other),
        "mode": a.mode != b.mode,
        "owner": (a.uid, a.gid) != (b.uid, b.gid),
        "link": link_counts and a.link != b.link,
        "device": a.device != b.device,
        "attributes": a.xattrs != b.xattrs,
    }
    return tuple(name for name, differs in found.items() if differs)


def _kind(kind: Kind) -> Kind:
    # Which of several names of a file an archive calls the link is its writer's choice.
    return Kind.FILE if kind is Kind.HARDLINK else kind


def _digest(node: Node) -> bytes:
    return node.content.digest if node.content else b""


def _sizes(node: Node | None, content: ImageContent) -> tuple[int, int]:
    if node is None or node.entry.kind is not Kind.FILE or node.content is None:
        return 0, 0
    layer = content.layers[node.content.depth]
    return node.content.size, layer.pull_of(node.content.size)


def new_to_pull(before: Image, after: Image) -> int:
    """Give the bytes that a machine with the image *before* fetches to have *after*: what it does not have yet."""
    has = {layer.digest for layer in before.layers} | {before.manifest.config.digest, before.digest}
    manifest = after.manifest
    parts = {one.digest: one.size for one in (*manifest.layers, manifest.config, after.descriptor)}
    return sum(size for digest, size in parts.items() if digest not in has)


def compare_config(before: Image, after: Image) -> tuple[ValueChange, ...]:
    """Compare what containers of two images are started with, and what they are for."""
    one, other = ({"platform": str(image.platform), **config_values(image.config.run)} for image in (before, after))
    return compare_values(one, other)


def compare_values(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[ValueChange, ...]:
    """Give the names whose values differ, in the order of the first and then of the second."""
    names = dict.fromkeys((*before, *after))
    return tuple(
        ValueChange(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def config_values(run: RunConfig) -> dict[str, str]:
    """Give what a configuration sets as texts, by name; what it does not set is not there."""
    values: dict[str, str] = {}
    for name in ("entrypoint", "cmd", "shell", "on_build"):
        words = getattr(run, name)
        if words is not None:
            values[name] = msgspec.json.encode(words).decode()
    values |= {name: text for name in ("user", "working_dir", "stop_signal") if (text := getattr(run, name))}
    if run.healthcheck is not None:
        values["healthcheck"] = msgspec.json.encode(run.healthcheck).decode()
    for pair in run.env or ():
        name, _, value = pair.partition("=")
        values[f"env {name}"] = value
    values |= {f"port {port}": "exposed" for port in run.exposed_ports or ()}
    values |= {f"volume {path}": "yes" for path in run.volumes or ()}
    return values | {f"label {name}": value for name, value in (run.labels or {}).items()}
