"""Names of repositories in requests, and what they mean in the store.

A name in the path of a request means what it means on a command line: ``app`` and ``library/app`` and
``docker.io/library/app`` are one repository, whose images the store calls ``docker.io/library/app:TAG``, and
``ghcr.io/me/app`` is ``ghcr.io/me/app``. So ``docker push 127.0.0.1:5000/app`` makes what ``smidgen run app``
runs. The protocol's names have no colon: an image of the store whose registry has a port cannot be asked for.

Source: distribution-spec v1.1.1, "Pulling manifests" (the grammar of names).
"""

import re
from typing import Final

from smidgen.errors import InvalidContent, InvalidReference
from smidgen.oci.digest import Digest, parse_digest
from smidgen.oci.reference import Reference
from smidgen.server.refusal import digest_invalid, manifest_invalid, name_invalid

_MAX_NAME: Final = 255
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_OTHER_DIGEST: Final = re.compile(r"([a-z0-9]+(?:[.+_-][a-z0-9]+)*):[A-Za-z0-9=_-]+\Z")


def parse_repository(name: str) -> Reference:
    """Give the repository that the *name* of a request means, without a tag.

    Raises:
        Refusal: Against the grammar.
    """
    if len(name) > _MAX_NAME:
        raise name_invalid(name[:_MAX_NAME] + "…", f"it has over {_MAX_NAME} characters")
    try:
        found = Reference.parse(name)
    except InvalidReference as error:
        raise name_invalid(name, error.reason) from None
    if ":" in name or "@" in name:
        raise name_invalid(name, "a name has neither tag nor digest nor port")
    return found


def parse_tag(text: str) -> str:
    """Check a tag.

    Raises:
        Refusal: Against the grammar.
    """
    if not _TAG.match(text):
        raise manifest_invalid(f"{text!r} is neither a tag nor a digest")
    return text


def parse_content_digest(text: str) -> Digest:
    """Check a digest, which must be of the one algorithm that is stored here.

    Raises:
        Refusal: Malformed, or of another algorithm.
    """
    try:
        return parse_digest(text)
    except InvalidContent as error:
        other = _OTHER_DIGEST.match(text)
        if other and other[1] != "sha256":
            raise digest_invalid(f"digests of {other[1]} are not stored here: use sha256") from None
        raise digest_invalid(error.reason) from None


def served_name(reference: Reference) -> str | None:
    """Give the shortest name under which requests find the repository of *reference*, or None where none does."""
    return None if ":" in reference.registry else reference.familiar_name
