"""What refers to a manifest: signatures, lists of parts, provenance.

A registry either has the referrers API, or its clients keep a list as an index under a tag made of the digest.

Source: OCI distribution-spec v1.1.1, "Listing Referrers" and "Pushing Manifests with Subject"; image-spec v1.1.1,
``manifest.md`` ("artifactType").
"""

from typing import TYPE_CHECKING, Final

import msgspec

from smidgen.errors import InvalidContent, NotInRegistry, RegistryError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest, encoded
from smidgen.oci.manifest import MAX_DOCUMENT, Index, decode_index, encode
from smidgen.oci.media_types import OCI_INDEX
from smidgen.store.referrers import described

if TYPE_CHECKING:
    from smidgen.registry.client import Client

_MAX_REFERRERS: Final = 10_000
#: Times that the list is read, changed and written: others may change it at the same moment.
_TURNS: Final = 5
_CONFLICT: Final = frozenset({409, 412})
_EMPTY: Final = Index(schema_version=2, media_type=OCI_INDEX, manifests=())


def referrers(client: "Client", digest: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
    """Give what refers to the manifest *digest*, of one kind or of all.

    Raises:
        InvalidContent: The registry's list is none.
        RegistryError: The registry did not answer, or refused.
    """
    try:
        found = _from_api(client, digest)
    except NotInRegistry:
        found = _list(client, digest)[0].manifests
    distinct = {one.digest: one for one in found}
    return tuple(one for one in distinct.values() if artifact_type in {None, one.artifact_type})


def announce(client: "Client", data: bytes, media_type: str) -> None:
    """Enter a manifest that has just been stored into the list of its subject's referrers, if it has a subject.

    Raises:
        RegistryError: The list cannot be written.
    """
    known = described(data, media_type)
    if known is None:
        return
    subject, entry = known
    for _ in range(_TURNS):
        index, tag = _list(client, subject)
        if any(one.digest == entry.digest for one in index.manifests):
            return
        changed = msgspec.structs.replace(index, manifests=(*index.manifests, entry))
        headers = {"Content-Type": OCI_INDEX} | ({"If-Match": tag} if tag else {})
        try:
            client.request(
                "PUT",
                f"manifests/{fallback_tag(subject)}",
                headers=headers,
                body=encode(changed),
                expect=(200, 201, 202),
            ).close()
        except RegistryError as error:
            if error.status not in _CONFLICT:
                raise
        # Read again at the next turn: where nothing keeps two writers apart, the later may have undone the earlier.
    index, _ = _list(client, subject)
    if not any(one.digest == entry.digest for one in index.manifests):
        raise RegistryError(
            f"{client.repository}: the list of referrers of {subject} was changed by others each time",
            registry=client.repository.registry,
            hint="push it again",
        )


def fallback_tag(digest: Digest) -> str:
    """Name the tag of the list of referrers to *digest* in registries that have no such API.

    Source: OCI distribution-spec v1.1.1, "Referrers Tag Schema".
    """
    return f"sha256-{encoded(digest)}"


def _from_api(client: "Client", digest: Digest) -> tuple[Descriptor, ...]:
    found: list[Descriptor] = []
    for page in client.pages(f"referrers/{digest}", MAX_DOCUMENT):
        found += decode_index(page).manifests
        if len(found) > _MAX_REFERRERS:
            raise InvalidContent(f"list of referrers of {digest}", f"over {_MAX_REFERRERS} entries")
    return tuple(found)


def _list(client: "Client", subject: Digest) -> tuple[Index, str | None]:
    """Read the list under the tag, and what its version is called."""
    try:
        with client.get(f"manifests/{fallback_tag(subject)}", expect=(200,)) as response:
            data, version = response.read(MAX_DOCUMENT), response.headers.get("etag")
    except NotInRegistry:
        return _EMPTY, None
    return decode_index(data), version
