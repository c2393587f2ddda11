"""References: the names of images.

Source: the grammar of ``distribution/reference`` (docker's), with docker's short names: ``web`` means
``docker.io/library/web``, and a first component is a registry when it has a dot, a colon or upper case, or is
``localhost``.
"""

import re
from typing import Self

import msgspec

from smidgen.errors import InvalidReference
from smidgen.oci.digest import Digest

_COMPONENT = re.compile(r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z")
_REGISTRY = re.compile(r"^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::[0-9]{1,5})?\Z")
_TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_DIGEST = re.compile(r"^sha256:[a-f0-9]{64}\Z")
_ONLY_HEX = re.compile(r"^[a-f0-9]{64}\Z")
_MAX_NAME = 255
DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"


class Reference(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A name of an image, whole: nothing is left to be guessed.

    Attributes:
        registry: Host and perhaps port, ``docker.io`` when the text named none.
        repository: Path, with ``library/`` for Docker's own short names.
        tag: Or empty.
        digest: Or None. With a digest, the tag is for humans only.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``[REGISTRY/]NAME[:TAG][@DIGEST]``; neither tag nor digest is invented.

        Raises:
            InvalidReference: Against the grammar; says which part.
        """
        name, at, digest = text.partition("@")
        if at and not _DIGEST.match(digest):
            raise InvalidReference(text, "the digest is not sha256:<64 lower-case hex digits>")
        head, slash, tail = name.rpartition("/")
        last, colon, tag = tail.partition(":")
        if colon and not _TAG.match(tag):
            raise InvalidReference(
                text, f"the tag {tag!r} has other characters than letters, digits, _ . -, or is over 128 long"
            )
        registry, repository = _split_registry(head + slash + last)
        if not _REGISTRY.match(registry):
            raise InvalidReference(text, f"{registry!r} is not a registry's host[:port]")
        for component in repository.split("/"):
            if not _COMPONENT.match(component):
                raise InvalidReference(text, _why_component(component))
        if len(registry) + 1 + len(repository) > _MAX_NAME:
            raise InvalidReference(text, f"the name has over {_MAX_NAME} characters")
        if not at and _ONLY_HEX.match(text):
            raise InvalidReference(text, "64 hex digits are an image's digest; write sha256: before them")
        return cls(registry=registry, repository=repository, tag=tag, digest=Digest(digest) if at else None)

    def with_default_tag(self) -> Self:
        """Give ``:latest`` to a reference that has neither tag nor digest, as docker does."""
        if self.tag or self.digest:
            return self
        return msgspec.structs.replace(self, tag=DEFAULT_TAG)

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar_name(self) -> str:
        """The name as docker shows it: without ``docker.io/`` and ``library/``."""
        if self.registry != DEFAULT_REGISTRY:
            return self.name
        return self.repository.removeprefix("library/")

    @property
    def familiar(self) -> str:
        """The whole reference as docker shows it."""
        return self.familiar_name + self._suffix()

    def pinned(self, digest: Digest) -> str:
        """Render ``NAME:TAG@DIGEST`` as docker shows it, which names one image for ever."""
        return msgspec.structs.replace(self, digest=digest).familiar

    def __str__(self) -> str:
        """Render the whole reference; ``parse`` gives it back."""
        return self.name + self._suffix()

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    has_registry = slash and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    registry, repository = (first, rest) if has_registry else (DEFAULT_REGISTRY, name)
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


def _why_component(component: str) -> str:
    if not component:
        return "a component of the name is empty"
    if component.lower() != component:
        return f"{component!r} has upper case; names are lower case"
    return f"{component!r} has other characters than letters, digits and single separators . _ __ - inside"
