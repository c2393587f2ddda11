"""Taking tags and images out of a registry."""

from dataclasses import dataclass
from typing import Literal

from smidgen.errors import UsageError
from smidgen.oci.digest import Digest
from smidgen.oci.reference import Reference
from smidgen.oci.transport import parse_registry_name
from smidgen.registry.client import Client
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is no longer there.

    Attributes:
        what: ``tag``, or ``image``, which went with all its tags.
        digest: Of what the tag named, or of the image.
    """

    reference: Reference
    what: Literal["tag", "image"]
    digest: Digest


def parse_target(text: str) -> Reference:
    """Parse what is to be deleted: ``NAME:TAG`` or ``NAME@DIGEST``, never a guess.

    Raises:
        InvalidReference: It is no reference.
        UsageError: It has neither tag nor digest, or both.
    """
    reference = parse_registry_name(text)
    if reference.tag and reference.digest:
        raise UsageError(f"{text} has a tag and a digest", hint="the tag deletes the tag, the digest the whole image")
    if not reference.tag and not reference.digest:
        raise UsageError(f"{text} has neither tag nor digest", hint=f"say what: {text}:TAG or {text}@sha256:DIGEST")
    return reference


def delete(session: Session, reference: Reference) -> Deleted:
    """Delete a tag, or with a digest an image and all its tags.

    Raises:
        NotInRegistry: There is none.
        RegistryError: The registry does not delete, or not for us.
    """
    client = Client(session, Repository.of(reference), actions=("pull", "delete"))
    if reference.digest is not None:
        client.delete_manifest(reference.digest)
        return Deleted(reference, "image", reference.digest)
    digest = client.resolve(reference.tag).digest
    client.delete_tag(reference.tag)
    return Deleted(reference, "tag", digest)
