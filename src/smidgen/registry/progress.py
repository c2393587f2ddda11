"""What a transfer tells while it goes on."""

from typing import Final, Literal, Protocol, TypeAlias

from smidgen.oci.digest import Digest

#: How a blob or a document came to be where it is wanted.
Outcome: TypeAlias = Literal["fetched", "pushed", "mounted", "there"]


class Progress(Protocol):
    """Is told of blobs and documents by several threads at once; what it raises ends the transfer."""

    def started(self, digest: Digest, what: str, total: int | None) -> None:
        """Tell that work on *digest* begins.

        Args:
            digest: Which blob or document.
            what: ``blob`` or ``manifest``.
            total: Bytes, where known.
        """
        ...

    def advanced(self, digest: Digest, count: int) -> None:
        """Tell that *count* more bytes are done; negative where bytes turned out to be wrong."""
        ...

    def finished(self, digest: Digest, outcome: Outcome) -> None:
        """Tell that *digest* is where it is wanted."""
        ...


class _Silent:
    def started(self, digest: Digest, what: str, total: int | None) -> None:
        pass

    def advanced(self, digest: Digest, count: int) -> None:
        pass

    def finished(self, digest: Digest, outcome: Outcome) -> None:
        pass


#: Tells nobody.
SILENT: Final[Progress] = _Silent()
