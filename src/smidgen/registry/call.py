"""One request, and how its failures are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from smidgen.errors import InvalidAnswer, RegistryError
from smidgen.registry.body import Body
from smidgen.registry.host_rules import TRUSTED, Trust
from smidgen.registry.url import Url

_Leaf = TypeVar("_Leaf", bound=RegistryError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request on its way to some server.

    Attributes:
        method: Of HTTP.
        url: What is asked for.
        registry: For whom it is done, as the user calls it: the server may be its token service or its storage.
        headers: To be sent; may hold secrets.
        body: To be sent, or None.
        trust: How far the server is trusted.
        is_repeatable: Whether to send it again does no harm.
    """

    method: str
    url: Url
    registry: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = None
    trust: Trust = TRUSTED
    is_repeatable: bool = True

    @property
    def shown(self) -> str:
        """The request for people; no query and no secret."""
        return f"{self.method} {self.url.shown}"

    @property
    def place(self) -> str:
        """What a message about it begins with: the registry too, where the server has another name."""
        return self.shown if self.url.origin.authority == self.registry else f"{self.registry}: {self.shown}"

    def error(self, leaf: type[_Leaf], reason: str, *, hint: str | None = None) -> _Leaf:
        """Make an error of this request."""
        return leaf(f"{self.place}: {reason}", registry=self.registry, request=self.shown, hint=hint)

    def nonsense(self, reason: str, *, hint: str | None = None) -> InvalidAnswer:
        """Make the error for an answer that no registry may give."""
        return self.error(InvalidAnswer, reason, hint=hint)
