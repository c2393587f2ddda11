"""A program on a base: what follows for it from what is there already. Only images with a base need this."""

from collections.abc import Mapping
from typing import Final

from smidgen.config.settings import Settings
from smidgen.gobuild.inherit import environment_of, user_of
from smidgen.image.base import Base, BaseImage, base_annotations
from smidgen.image.base_files import BaseFiles
from smidgen.needs.examine import BinaryFacts
from smidgen.needs.need import FactKind
from smidgen.needs.on_base import OnBase

_ROOT: Final = frozenset({"0", "root"})


def stand_on(base: BaseImage, settings: Settings) -> OnBase:
    """Put a program with *settings* onto *base*; its files are read when they are first asked about."""
    return OnBase(
        files=BaseFiles(base),
        env=environment_of(settings, base.run),
        user=user_of(settings, base.run),
        name=settings.user.name,
    )


def index_annotations(base: Base) -> Mapping[str, str]:
    """Give what the index of several platforms says of its base."""
    return base_annotations(base.reference, base.image.digest)


def warnings_of(facts: BinaryFacts, settings: Settings, on_base: OnBase) -> tuple[str, ...]:
    """Say what the user must be told, in sentences."""
    base = on_base.files.base
    said = []
    if base.run.user.partition(":")[0] in _ROOT and settings.provenance["user"].kind == "default":
        said.append(f"the base {base.name} runs its programs as root: choose another user with --user, or say --user 0")
    for fact in facts.report.facts:
        if fact.kind is FactKind.STARTS_PROGRAMS and on_base.files.find("bin/sh") is not None:
            # There are programs to start; whether the right ones, nobody can tell.
            continue
        if fact.warning and fact.kind is not FactKind.DYNAMIC:
            said.append(fact.message)
    return tuple(said)
