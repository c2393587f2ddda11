"""Two Compose files, or two services, made one: the later says more, or something else.

Mappings get the keys of both, lists the items of both, and of two texts the later counts. Only what has to do with
builds is merged; of anything else the later is taken as a whole, as nobody looks at it.

Source: Compose Specification, "Merge"; compose-go's ``override`` for what may be a list or a mapping.
"""

from collections.abc import Callable, Iterable
from typing import Final

from smidgen.config.yaml_source import Entry, ListNode, MappingNode, Node, ScalarNode

_Merger = Callable[[Node, Node], Node]


def merge_files(base: MappingNode, over: MappingNode) -> MappingNode:
    """Give what *base* says, with what *over* says more or otherwise."""
    return _mapping(base, over, {"services": _services, "secrets": _whole_keys, "include": _lists})


def merge_services(base: MappingNode, over: MappingNode) -> MappingNode:
    """Give the service *base* with what *over* says more or otherwise."""
    return _mapping(base, over, {"build": _build, "profiles": _lists})


def _services(base: Node, over: Node) -> Node:
    if not isinstance(base, MappingNode) or not isinstance(over, MappingNode):
        return over
    return _mapping(base, over, {entry.key: _service for entry in over.entries})


def _service(base: Node, over: Node) -> Node:
    return merge_services(base, over) if isinstance(base, MappingNode) and isinstance(over, MappingNode) else over


def _whole_keys(base: Node, over: Node) -> Node:
    """Merge mappings of which each key is merged as one of texts."""
    if not isinstance(base, MappingNode) or not isinstance(over, MappingNode):
        return over
    return _mapping(base, over, {entry.key: _pairs for entry in over.entries})


def _build(base: Node, over: Node) -> Node:
    first, second = _section(base), _section(over)
    if not isinstance(first, MappingNode) or not isinstance(second, MappingNode):
        return over
    return _mapping(first, second, _BUILD)


def _section(node: Node) -> Node:
    """Take a text as a context alone, which it means."""
    if isinstance(node, ScalarNode) and node.text is not None:
        return MappingNode((Entry("context", node.mark, node),), node.mark)
    return node


def _pairs(base: Node, over: Node) -> Node:
    first, second = _as_mapping(base), _as_mapping(over)
    if not isinstance(first, MappingNode) or not isinstance(second, MappingNode):
        return over
    return _mapping(first, second, {})


def _as_mapping(node: Node) -> Node:
    """Take a list of ``NAME=VALUE`` as a mapping; what is no such list stays, and is refused where it is read."""
    if not isinstance(node, ListNode):
        return node
    entries: dict[str, Entry] = {}
    for item in node.items:
        if not isinstance(item, ScalarNode) or not item.text:
            return node
        name, equals, value = item.text.partition("=")
        entries[name] = Entry(name, item.mark, ScalarNode(value if equals else None, item.mark))
    return MappingNode(tuple(entries.values()), node.mark)


def _lists(base: Node, over: Node) -> Node:
    return ListNode((*_items(base), *_items(over)), over.mark)


def _items(node: Node) -> Iterable[Node]:
    return node.items if isinstance(node, ListNode) else (node,)


def _hosts(base: Node, over: Node) -> Node:
    """Merge lists of hosts, or mappings; a name that both have is the later's."""
    if isinstance(base, MappingNode) and isinstance(over, MappingNode):
        return _mapping(base, over, {})
    return ListNode((*_host_lines(base), *_host_lines(over)), over.mark)


def _host_lines(node: Node) -> Iterable[Node]:
    if not isinstance(node, MappingNode):
        return _items(node)
    return [
        ScalarNode(f"{entry.key}={item.text}", item.mark) if isinstance(item, ScalarNode) else item
        for entry in node.entries
        for item in _items(entry.value)
    ]


def _mapping(base: MappingNode, over: MappingNode, mergers: "dict[str, _Merger]") -> MappingNode:
    """Merge key by key; what *over* has without a value takes nothing away."""
    entries = {entry.key: entry for entry in base.entries}
    for entry in over.entries:
        before = entries.get(entry.key)
        is_nothing = isinstance(entry.value, ScalarNode) and entry.value.text is None
        if before is None or (isinstance(before.value, ScalarNode) and before.value.text is None):
            entries[entry.key] = entry
        elif not is_nothing:
            merger = mergers.get(entry.key, _later)
            entries[entry.key] = Entry(entry.key, entry.key_mark, merger(before.value, entry.value))
    return MappingNode(tuple(entries.values()), over.mark)


def _later(_base: Node, over: Node) -> Node:
    return over


_BUILD: Final[dict[str, _Merger]] = {
    **dict.fromkeys(("additional_contexts", "args", "labels", "ssh"), _pairs),
    **dict.fromkeys(("cache_from", "cache_to", "no_cache_filter", "platforms", "secrets", "tags"), _lists),
    "extra_hosts": _hosts,
}
