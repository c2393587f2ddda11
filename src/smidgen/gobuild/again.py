"""A request built once more, from its own words: see ``smidgen.gobuild.reproducible``."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from smidgen.config.fields import flag_name
from smidgen.config.settings import Flags
from smidgen.errors import UsageError
from smidgen.gobuild.build import split_targets
from smidgen.gobuild.built import Built
from smidgen.gobuild.pipeline import BuildRequest, packages_of
from smidgen.gobuild.reproducible import source_directories, verify_reproducible
from smidgen.gobuild.toolchain import Toolchain


def build_again(request: BuildRequest, images: Sequence[Built]) -> tuple[str, ...]:
    """Build *request* again, elsewhere and otherwise, and compare with *images*; say what was different.

    Raises:
        UsageError: An executable that is ready is not built at all.
        NotReproducible: The images differ.
        BuildError: The second build failed.
    """
    if request.binary is not None:
        raise UsageError("--binary takes an executable as it is: there is nothing to build twice")
    go, others = split_targets(request)
    toolchain, of_go = _go_sources(replace(request, targets=go)) if go else (None, ())
    sources = (
        *of_go,
        *(one.directory for one in others),
        *map(os.path.dirname, request.configs.files()),
        # Relative files of the command line are sought there.
        *((str(request.directory),) if request.flags.add or request.flags.ca_bundles else ()),
    )
    done = verify_reproducible(
        [built.image for built in images],
        [
            *flag_arguments(request.flags),
            # The other store is given what this one has: the same bases, whatever became of their tags.
            "--offline",
            *(("--locked",) if request.locked else ()),
            *(("--config", str(request.configs.file)) if request.configs.file else ()),
            "--",
            *request.targets,
        ],
        directory=str(request.directory),
        sources=sources,
        toolchain=toolchain,
        environ=request.environ,
    )
    return done.varied


def _go_sources(request: BuildRequest) -> tuple[Toolchain, tuple[str, ...]]:
    packages, toolchain = packages_of(request)
    return toolchain, source_directories(packages, toolchain=toolchain, environ=request.environ)


def flag_arguments(flags: Flags) -> Iterator[str]:
    """Write *flags* as a command line has them."""
    for field in fields(flags):
        value = getattr(flags, field.name)
        name = flag_name(field.name)
        if value is True:
            yield name
        elif value is False:
            yield f"--no-{name.removeprefix('--')}"
        elif isinstance(value, str):
            yield from (name, value)
        elif value is not None:
            for one in value:
                yield from (name, one)
