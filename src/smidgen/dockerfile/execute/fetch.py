"""Files that ADD fetches by HTTP; what was fetched is kept, and asked for again only if it changed."""

import base64
import contextlib
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from smidgen._version import __version__
from smidgen.dockerfile.execute.gathered import FetchedFile
from smidgen.dockerfile.execute.keys import key
from smidgen.errors import BuildError, DigestMismatch, LimitExceeded

_TIMEOUT: Final = 60.0
_MOST: Final = 16 << 30
_READ: Final = 1 << 20
_NOT_MODIFIED: Final = 304


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file that was fetched before."""

    digest: str
    mtime: int
    etag: str
    last_modified: str


def fetch(url: str, *, checksum: str, directory: Path) -> FetchedFile:
    """Fetch *url*, unless it is there from an earlier build.

    Args:
        url: ``http://`` or ``https://``.
        checksum: What its digest must be, or empty. A file that has it is not asked for again.
        directory: Where files are kept.

    Raises:
        BuildError: The server cannot be reached, or does not give it.
        DigestMismatch: It is something else.
        LimitExceeded: It is too large.
    """
    name = key("url", url)
    path, facts = directory / name, directory / f"{name}.json"
    kept = _kept(path, facts)
    if kept is None or (checksum and kept.digest != checksum) or not checksum:
        kept = _download(url, path, facts, kept)
    if checksum and kept.digest != checksum:
        raise DigestMismatch(want=checksum, got=kept.digest, what=shown(url))
    return FetchedFile(str(path), kept.digest, kept.mtime)


def shown(url: str) -> str:
    """Give *url* without what may be secret: a password, and what follows a question mark."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _kept(path: Path, facts: Path) -> _Kept | None:
    try:
        kept = msgspec.json.decode(facts.read_bytes(), type=_Kept)
        with path.open("rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        os.utime(path)
        os.utime(facts)
    except (OSError, msgspec.DecodeError):
        return None
    return kept if digest == kept.digest else None


def _download(url: str, path: Path, facts: Path, kept: _Kept | None) -> _Kept:
    request = _request(url)
    if kept is not None and kept.etag:
        request.add_header("If-None-Match", kept.etag)
    elif kept is not None and kept.last_modified:
        request.add_header("If-Modified-Since", kept.last_modified)
    try:
        with _opener().open(request, timeout=_TIMEOUT) as response:
            return _save(response, url, path, facts)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == _NOT_MODIFIED and kept is not None:
                return kept
        raise BuildError(f"cannot fetch {shown(url)}: the server answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise BuildError(
            f"cannot fetch {shown(url)}: {reason}", hint="is there a network, or a proxy to set?"
        ) from error


def _request(url: str) -> urllib.request.Request:
    """Make a request; name and password in *url* go to that host, and to none that it redirects to."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    plain = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    request = urllib.request.Request(plain, headers={"User-Agent": f"smidgen/{__version__}"})  # noqa: S310 (see _opener)
    if at:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _opener() -> urllib.request.OpenerDirector:
    """Give an opener that knows HTTP only: no redirection leads to a file of this machine."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _save(response: http.client.HTTPResponse, url: str, path: Path, facts: Path) -> _Kept:
    sha256, size = hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            fresh.chmod(0o600)
            while data := response.read(_READ):
                size += len(data)
                if size > _MOST:
                    raise LimitExceeded(f"size of {shown(url)} in bytes", limit=_MOST)
                sha256.update(data)
                file.write(data)
        length = response.headers.get("Content-Length")
        if length is not None and length.isdecimal() and int(length) != size:
            raise BuildError(f"cannot fetch {shown(url)}: {size} of {length} bytes came")
        kept = _Kept(
            digest="sha256:" + sha256.hexdigest(),
            mtime=_time(response.headers.get("Last-Modified", "")),
            etag=response.headers.get("ETag", ""),
            last_modified=response.headers.get("Last-Modified", ""),
        )
        fresh.rename(path)
        facts.write_bytes(msgspec.json.encode(kept))
    finally:
        fresh.unlink(missing_ok=True)
    return kept


def _time(text: str) -> int:
    with contextlib.suppress(ValueError, TypeError):
        return max(0, int(parsedate_to_datetime(text).timestamp()))
    return 0
