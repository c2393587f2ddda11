"""Tables and listings of the store's commands: pure functions, so compared with whole texts."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.report.history import render_history
from smidgen.report.images import age, render_images
from smidgen.report.listing import render_files
from smidgen.report.printable import encodable, printable
from smidgen.report.schema_store import HistoryReport, HistoryStep, ListedFile, StoredImage, StoredPlatform

NOW = datetime(2024, 5, 9, 7, 8, 9, tzinfo=UTC)
DIGEST = "sha256:" + "0123456789abcdef" * 4


def image(*platforms: str, tag: str = "1.0", **changes: object) -> StoredImage:
    single = [
        StoredPlatform(platform=one, digest=DIGEST, created="2024-05-06T07:08:09Z", size=3_000_000, pull_size=1_230_000)
        for one in platforms
    ]
    made = StoredImage(
        reference=f"docker.io/library/web:{tag}",
        repository="web",
        tag=tag,
        digest=DIGEST,
        media_type="application/vnd.oci.image.index.v1+json",
        created="2024-05-06T07:08:09Z",
        platforms=tuple(single),
        size=3_000_000,
        pull_size=1_230_000,
    )
    return msgspec.structs.replace(made, **changes)


def test_images() -> None:
    rows = [
        image("linux/amd64"),
        image("linux/amd64", "linux/arm64", "linux/arm/v7", tag="multi"),
        image(tag="broken", size=None, created=None, problem="gone"),
    ]
    assert render_images(rows, now=NOW) == [
        "REPOSITORY   TAG      IMAGE ID       CREATED      PLATFORMS        SIZE   PULL SIZE",
        "web          1.0      0123456789ab   3 days ago   linux/amd64      3MB    1.23MB",
        "web          multi    0123456789ab   3 days ago   linux/amd64 +2   3MB    1.23MB",
        "web          broken   0123456789ab   N/A          damaged          ?      1.23MB",
    ]
    wide = render_images(rows[1:2], now=NOW, digests=True, truncate=False)[1]
    assert wide.split() == [
        "web", "multi", DIGEST, DIGEST, "3", "days", "ago", "linux/amd64,linux/arm64,linux/arm/v7", "3MB", "1.23MB",
    ]  # fmt: skip
    assert len(render_images([], now=NOW)) == 1


def test_history() -> None:
    steps = (
        HistoryStep(created="2024-05-09T05:08:09+00:00", created_by="ENV A=\x1b[31m" + "b" * 60, comment="buildkit",
                    digest=None, diff_id=None, media_type=None, size=0, pull_size=0),
        HistoryStep(created=None, created_by="ADD web", comment="", digest=DIGEST, diff_id=DIGEST, media_type="x",
                    size=5_840_000, pull_size=2_000_000),
    )  # fmt: skip
    report = HistoryReport(name="web", digest=DIGEST, platform="linux/amd64", history=steps)
    assert render_history(report, now=NOW) == [
        "LAYER          CREATED       CREATED BY                                      SIZE     PULL SIZE   COMMENT",
        "<none>         2 hours ago   ENV A=\\x1b[31mbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…   0B       0B          buildkit",
        "0123456789ab   N/A           ADD web                                         5.84MB   2MB",
    ]
    whole = render_history(report, now=NOW, truncate=False)
    assert "b" * 60 in whole[1]
    assert DIGEST in whole[2]


def listed(path: str, kind: str = "file", mode: str = "0644", **more: object) -> ListedFile:
    made = ListedFile(path=path, kind=kind, mode=mode, uid=0, gid=0, size=0, mtime=0, link=None, layer=DIGEST)
    return msgspec.structs.replace(made, **more)


def test_files() -> None:
    files = [
        listed("/bin", "directory", "0755"),
        listed("/bin/su", mode="4755", size=12345, uid=65534, gid=65534, mtime=1714979289),
        listed("/bin/x", mode="6640"),
        listed("/sh", "symlink", "0777", link="bin/\x07sh"),
        listed("/su", "hardlink", "1777", link="/bin/su"),
        listed("/tmp/\u202eevil\udcff\n", "fifo", "1776", mtime=1 << 47),
    ]
    assert render_files(files, details=True, whole_paths=True) == [
        "drwxr-xr-x 0/0             0 1970-01-01 00:00 /bin",
        "-rwsr-xr-x 65534/65534 12345 2024-05-06 07:08 /bin/su",
        "-rwSr-S--- 0/0             0 1970-01-01 00:00 /bin/x",
        "lrwxrwxrwx 0/0             0 1970-01-01 00:00 /sh -> bin/\\x07sh",
        "hrwxrwxrwt 0/0             0 1970-01-01 00:00 /su link to /bin/su",
        "prwxrwxrwT 0/0             0 @140737488355328 /tmp/\\u202eevil\\xff\\n",
    ]
    assert render_files(files[:2]) == ["bin/", "su"]


@pytest.mark.parametrize("created", [None, "", "yesterday", "2024-13-01T00:00:00Z"])
def test_no_age_where_there_is_no_time(created: str | None) -> None:
    assert age(created, NOW) == "N/A"


@pytest.mark.parametrize(
    "created", ["2024-05-06T07:08:09", "2024-05-06T09:08:09+02:00", "2024-05-06T07:08:09.123456789Z"]
)
def test_ages_in_every_form_of_a_time(created: str) -> None:
    assert age(created, NOW) in {"3 days ago", "2 days ago"}


@given(st.binary(max_size=30))
def test_any_bytes_can_be_shown_and_encoded(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    assert msgspec.json.decode(msgspec.json.encode(encodable(text)), type=str) == encodable(text)
