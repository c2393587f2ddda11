"""An answer of a registry, read as far as the caller wants and no further."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Protocol, Self

from smidgen.errors import LimitExceeded
from smidgen.registry.redact import Secrets
from smidgen.registry.url import Url


class Headers(Mapping[str, str]):
    """Headers by name, in whatever case; of a header that came several times, the values are joined with a comma."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def every(self, name: str) -> list[str]:
        """Give each value of a header that may come several times, as it came."""
        return [value for key, value in self._pairs if key.lower() == name.lower()]


class Content(Protocol):
    """The body of an answer, wherever it comes from."""

    def readinto(self, view: memoryview) -> int:
        """Fill *view* as far as there are bytes; 0 means the end.

        Raises:
            RegistryError: The connection broke, or the body is shorter than was said.
        """
        ...

    def close(self) -> None:
        """Give the connection back, or close it if there is more to come."""
        ...


class Response:
    """An answer whose body has not been read yet.

    Attributes:
        status: Of HTTP.
        headers: Whatever their case.
        url: Where the answer came from in the end.
    """

    def __init__(
        self,
        status: int,
        headers: Headers,
        url: Url,
        content: Content,
        *,
        bodiless: bool = False,
        secrets: Secrets | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.address = url
        self._content = content
        self._bodiless = bodiless
        self._secrets = secrets or Secrets()

    @property
    def url(self) -> str:
        """Where the answer came from, after all redirects. May hold a signature: never to be shown."""
        return str(self.address)

    @property
    def size(self) -> int | None:
        """Length of the body in bytes as the registry says it, or None."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None

    def link(self, text: str) -> str:
        """Make the address in a ``Location`` or ``Link`` absolute.

        Raises:
            ValueError: It is no URL of http or https.
        """
        return str(self.address.join(text))

    def readinto(self, view: memoryview) -> int:
        """Read into *view*, which a call fills unless the body ends; 0 means the end.

        Raises:
            RegistryError: The connection broke, stalled, or ended before all that was announced had come.
        """
        return self._content.readinto(view)

    def read(self, limit: int) -> bytes:
        """Read the whole body.

        Raises:
            LimitExceeded: There are more than *limit* bytes; no more than that were read.
            RegistryError: As ``readinto``.
        """
        size = 0 if self._bodiless else self.size
        if size is not None and size > limit:
            raise LimitExceeded(f"the answer of {self.address.shown}", limit=limit, got=size)
        pieces: list[bytes] = []
        piece = bytearray(min(64 << 10 if size is None else size + 1, limit + 1))
        total = 0
        while count := self.readinto(memoryview(piece)):
            total += count
            if total > limit:
                raise LimitExceeded(f"the answer of {self.address.shown}", limit=limit)
            pieces.append(bytes(memoryview(piece)[:count]))
        return b"".join(pieces)

    def hide(self, text: str) -> str:
        """Give *text*, which the registry wrote, without the secrets that it was sent."""
        return self._secrets.hide(text, target=self.address.target)

    def close(self) -> None:
        """Give the connection back; one with more to come is closed, as reading on could take for ever."""
        self._content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
