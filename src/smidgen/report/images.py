"""``smidgen images`` as a table, as users of docker know it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from smidgen.report.printable import printable
from smidgen.report.schema_store import StoredImage
from smidgen.report.text import columns, human_age, human_size

_MAX_PLATFORMS = 2


def render_images(
    images: Sequence[StoredImage], *, now: datetime, digests: bool = False, truncate: bool = True
) -> list[str]:
    """Render one line an image, below a header.

    Args:
        images: What to show, in order.
        now: When, for ages; with a time zone.
        digests: Add a column with whole digests.
        truncate: Shorten identifiers and long lists of platforms.
    """
    header = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "PLATFORMS", "SIZE", "PULL SIZE"]
    rows = [_row(image, now, truncate=truncate) for image in images]
    if digests:
        header.insert(2, "DIGEST")
        for row, image in zip(rows, images, strict=True):
            row.insert(2, image.digest)
    return columns([header, *rows], gap="   ")


def _row(image: StoredImage, now: datetime, *, truncate: bool) -> list[str]:
    return [
        printable(image.repository),
        printable(image.tag),
        identifier(image.digest, truncate=truncate),
        age(image.created, now),
        "damaged" if image.problem else _platforms([one.platform for one in image.platforms], truncate=truncate),
        size(image.size),
        human_size(image.pull_size),
    ]


def identifier(digest: str, *, truncate: bool) -> str:
    """Shorten a digest as docker does: its first twelve digits."""
    return digest.removeprefix("sha256:")[:12] if truncate else digest


def size(size: int | None) -> str:
    """Render a size that may be unknown."""
    return "?" if size is None else human_size(size)


def age(created: str | None, now: datetime) -> str:
    """Render how long ago an RFC 3339 time was; ``N/A`` where there is none."""
    try:
        then = datetime.fromisoformat(created or "")
    except ValueError:
        return "N/A"
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    # The year 1 is Go's "no time", which ko writes.
    if then.year == 1:
        return "N/A"
    return human_age((now - then).total_seconds())


def _platforms(platforms: Sequence[str], *, truncate: bool) -> str:
    if truncate and len(platforms) > _MAX_PLATFORMS:
        return f"{printable(platforms[0])} +{len(platforms) - 1}"
    return ",".join(printable(platform) for platform in platforms)
