"""Values of a Compose file: nodes of YAML → text with its variables put in, lists, mappings, yes or no."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeVar

from smidgen.config.yaml_source import Entry, ListNode, MappingNode, Mark, Node, ScalarNode, shorten
from smidgen.dockerfile.compose.place import Place, Source
from smidgen.dockerfile.spelling import did_you_mean
from smidgen.errors import ConfigError, UsageError

_T = TypeVar("_T")
#: What YAML 1.2 and what older readers of Compose files take.
_TRUTHS: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "off", "0"), False),
}
_EXTENSION: Final = "x-"


@dataclass(frozen=True, slots=True)
class Values:
    """Reads values of files.

    Attributes:
        first: The file that others are merged into; a mark that knows no file is of it.
    """

    first: Source

    def source(self, mark: Mark) -> Source:
        """Give the file that *mark* is in."""
        return mark.source if isinstance(mark, Place) else self.first

    def error(self, message: str, mark: Mark, *, hint: str | None = None) -> ConfigError:
        """Make an error that shows the line at *mark*."""
        return self.source(mark).document.error(message, mark, hint=hint)

    def at(self, mark: Mark, read: Callable[[], _T]) -> _T:
        """Give what *read* gives; its error is shown at *mark*.

        Raises:
            ConfigError: Instead of a UsageError.
        """
        try:
            return read()
        except ConfigError:
            raise
        except UsageError as error:
            raise self.error(error.message, mark, hint=error.hint) from error

    def mapping(self, node: Node, what: str) -> MappingNode:
        """Take *node* as a mapping, which nothing at all is, too."""
        if isinstance(node, ScalarNode) and node.text is None:
            return MappingNode((), node.mark)
        if not isinstance(node, MappingNode):
            raise self.error(f"{what} has to be a mapping", node.mark)
        return node

    def text(self, node: Node, what: str) -> str:
        """Take *node* as a text that is not empty."""
        found = self.maybe_text(node, what)
        if not found:
            raise self.error(f"{what} is empty", node.mark)
        return found

    def maybe_text(self, node: Node, what: str) -> str | None:
        """Take *node* as a text, or None for nothing."""
        if not isinstance(node, ScalarNode):
            raise self.error(f"{what} has to be a text", node.mark)
        text = node.text
        if text is None:
            return None
        expanded = self.at(node.mark, lambda: self.source(node.mark).variables.expand(text))
        if "\0" in expanded:
            raise self.error(f"{what} has a NUL byte", node.mark)
        return expanded

    def truth(self, node: Node, what: str) -> bool:
        """Take *node* as yes or no."""
        text = self.maybe_text(node, what) or ""
        if text not in _TRUTHS:
            raise self.error(f"{what} is {shorten(text)!r}", node.mark, hint="expected true or false")
        return _TRUTHS[text]

    def texts(self, node: Node, what: str) -> tuple[tuple[str, Mark], ...]:
        """Take *node* as a list of texts, each with its place; a text is a list of one."""
        if isinstance(node, ScalarNode):
            return () if node.text is None else ((self.text(node, what), node.mark),)
        if not isinstance(node, ListNode):
            raise self.error(f"{what} has to be a list", node.mark)
        return tuple((self.text(item, f"an item of {what}"), item.mark) for item in node.items)

    def pairs(self, node: Node, what: str) -> dict[str, tuple[str | None, Mark]]:
        """Take *node* as a mapping of texts, or as a list of ``NAME=VALUE`` or ``NAME``, which has no value."""
        if isinstance(node, MappingNode):
            return {
                entry.key: (self.maybe_text(entry.value, f"{what} {shorten(entry.key)!r}"), entry.value.mark)
                for entry in node.entries
            }
        found: dict[str, tuple[str | None, Mark]] = {}
        for text, mark in self.texts(node, what):
            name, equals, value = text.partition("=")
            if not name or (isinstance(node, ScalarNode)):
                raise self.error(f"{what} has to be a mapping, or a list of NAME=VALUE", mark)
            found[name] = (value if equals else None, mark)
        return found

    def check_keys(self, node: MappingNode, known: Collection[str], what: str) -> None:
        """Refuse keys that mean nothing; those of extensions may.

        Raises:
            ConfigError: Names the key.
        """
        for entry in node.entries:
            if entry.key not in known and not entry.key.startswith(_EXTENSION):
                raise self.unknown(entry, known, what)

    def unknown(self, entry: Entry, known: Collection[str], what: str) -> ConfigError:
        """Make the error of a key that means nothing."""
        hint = did_you_mean(entry.key, known) or f"it has {', '.join(sorted(known))}"
        return self.error(f"{what} has no key {shorten(entry.key)!r}", entry.key_mark, hint=hint)
