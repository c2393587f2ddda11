"""Names that an image can be pushed under."""

from smidgen.errors import UsageError
from smidgen.oci.reference import DEFAULT_REGISTRY, Reference
from smidgen.oci.transport import parse_registry_name


def parse_pushable(text: str) -> Reference:
    """Parse ``[docker://][REGISTRY/]NAME[:TAG]`` to push to.

    A name with neither registry nor account means Docker's own images, to which nobody else can push: it was most
    likely meant for somewhere else, so it has to be written in full.

    Raises:
        InvalidReference: It is no reference.
        UsageError: It is such a name.
    """
    reference = parse_registry_name(text).with_default_tag()
    if f"{DEFAULT_REGISTRY}/" not in text:
        check_pushable(reference)
    return reference


def check_pushable(reference: Reference) -> None:
    """Refuse a name of Docker's own images.

    Raises:
        UsageError: It is one.
    """
    if reference.registry == DEFAULT_REGISTRY and reference.repository.startswith("library/"):
        name = reference.familiar
        raise UsageError(
            f"{name} names no registry: it means docker.io/library, where only Docker's own images are",
            hint=f"name a registry, as in ghcr.io/OWNER/{name}; on Docker Hub, name an account, as in USER/{name}",
        )
