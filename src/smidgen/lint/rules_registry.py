"""Rules on where images come from; they ask only where the project says whom it trusts."""

from collections.abc import Iterator
from typing import Final

from smidgen.errors import InvalidReference
from smidgen.lint.finding import Found, Severity
from smidgen.lint.named_images import named_images
from smidgen.lint.rule import Rule
from smidgen.lint.subject import Subject
from smidgen.oci.reference import Reference


def _untrusted(subject: Subject) -> Iterator[Found]:
    if not subject.trusted:
        return
    for name, location, at in named_images(subject):
        if name == "scratch":
            continue
        try:
            reference = Reference.parse(name)
        except InvalidReference:
            continue
        if not any(_covers(place, reference) for place in subject.trusted):
            yield Found(
                location=location,
                message=f"{name} comes from {reference.registry}/{reference.repository}, which is not trusted here",
                at=at,
                length=len(name),
                hint=f"take an image of {', '.join(subject.trusted)}, or add it to lint.trusted_registries",
            )


def _covers(place: str, reference: Reference) -> bool:
    host, _, path = place.partition("/")
    if host.startswith("*."):
        if not reference.registry.partition(":")[0].endswith(host[1:]):
            return False
    elif reference.registry != host:
        return False
    return not path or reference.repository == path or reference.repository.startswith(f"{path}/")


RULES: Final = (
    Rule(
        id="SM042",
        name="untrusted-registry",
        title="An image comes from a registry that the project does not trust",
        reason="Whoever owns a base image owns every program on it. The rule asks only where lint.trusted_registries "
        "of smidgen.yaml names the places that images may come from.",
        instead="FROM registry.example.com/golang:1.25 AS build",
        severity=Severity.ERROR,
        check=_untrusted,
        replaces=("DL3026",),
    ),
)
