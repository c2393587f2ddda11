"""URLs of the two schemes that registries speak, checked before anything is asked of them."""

import re
import urllib.parse
from dataclasses import dataclass, replace
from typing import Final, Self

_MOST: Final = 16 << 10
_PORTS: Final = {"http": 80, "https": 443}
# What is not allowed is named by what is: the other way round takes 5 ms to compile.
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
_HOST = re.compile(r"^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)\Z")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A server.

    Attributes:
        scheme: ``http`` or ``https``.
        host: Name or address in lower case, an IPv6 address without brackets.
        port: Always there.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and, where it is not that of the scheme, port; as the header ``Host`` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Render ``https://example.com:8443``."""
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Url:
    """What a request asks for.

    Attributes:
        origin: Of whom.
        target: Path and query; begins with a slash.
    """

    origin: Origin
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an absolute URL; a fragment is dropped, as it is never sent.

        Raises:
            ValueError: Another scheme, credentials in it, a strange host or port, control characters, over 16 KiB.
        """
        if len(text) > _MOST:
            raise ValueError(f"a URL of {len(text)} characters")
        text = _UNPRINTABLE.sub(lambda found: urllib.parse.quote(found[0]), text)
        parts = urllib.parse.urlsplit(text)
        if parts.scheme not in _PORTS:
            raise ValueError(f"the scheme {parts.scheme[:20]!r}, which is neither http nor https")
        if "@" in parts.netloc:
            raise ValueError("a URL with credentials in it")
        host = (parts.hostname or "").lower()
        if not _HOST.match(host):
            raise ValueError(f"the host {host[:80]!r}")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(Origin(parts.scheme, host, parts.port or _PORTS[parts.scheme]), target)

    def join(self, link: str) -> "Url":
        """Resolve *link*, which may be relative, as RFC 3986 section 5 says.

        Raises:
            ValueError: As ``parse``.
        """
        return Url.parse(urllib.parse.urljoin(str(self), link))

    def at(self, origin: Origin) -> "Url":
        """Ask another server for the same."""
        return replace(self, origin=origin)

    @property
    def shown(self) -> str:
        """The URL for people: without the query, which may hold a signature that grants access."""
        return f"{self.origin}{self.target.partition('?')[0]}"

    def __str__(self) -> str:
        """Render the URL whole."""
        return f"{self.origin}{self.target}"
