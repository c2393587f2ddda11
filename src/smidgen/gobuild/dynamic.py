"""Dynamic programs on scratch: the libraries that go into the image with them."""

from dataclasses import replace

import msgspec

from smidgen.config.resolve import SCRATCH
from smidgen.config.settings import Settings
from smidgen.errors import UsageError
from smidgen.gobuild.assembly import Part
from smidgen.gobuild.glibc import sysroot_of


def with_closure(part: Part, settings: Settings) -> Part:
    """Give *part* with the closure of its program, if it is dynamic and stands on nothing that has its libraries.

    Raises:
        DynamicExecutable: Something of the closure is missing; says where it was sought and what to do.
        InvalidExecutable: A library is damaged.
        UsageError: The sysroot is no directory.
    """
    if not part.facts.interpreter or settings.base != SCRATCH or part.path is None:
        return part
    from smidgen.needs.closure.resolve import resolve_closure  # few programs are linked like that
    from smidgen.needs.closure.whole import check_whole

    sysroot = sysroot_of(part.platform, settings.sysroot)
    if sysroot is not None and not sysroot.is_dir():
        raise UsageError(f"the sysroot {sysroot} is no directory", hint="name one that has lib or usr/lib in it")
    closure = resolve_closure(part.path, sysroot=sysroot, asked=settings.libraries)
    check_whole(closure)
    facts = msgspec.structs.replace(part.facts, report=closure.report)
    return replace(part, facts=facts, closure=closure)
