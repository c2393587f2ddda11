"""What a user can say about how a main package is compiled."""

from dataclasses import dataclass

from smidgen.config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """Options of one main package, before templates are expanded.

    An option that is given replaces the same flag of GOFLAGS, as on the command line of ``go build``;
    what smidgen adds by itself never replaces anything of the user's.

    Attributes:
        ldflags: Texts for ``-ldflags``, joined with a space; each may begin with ``PATTERN=``.
        tags: Build tags; none leaves those of GOFLAGS.
        gcflags: Values of ``-gcflags``, each a flag of its own, so that patterns can differ.
        goflags: Further arguments of ``go build``, one each, unsplit.
        variables: ``-X`` values: (``IMPORTPATH.NAME``, value).
        env: Variables on top of the process's environment.
        strip: Leave symbols and debug information out (``-s -w``).
        trimpath: Leave directories of this machine out.
        disable_optimizations: Compile for a debugger (``-gcflags=all=-N -l``).
        libc: ``glibc`` to compile C too, with gcc, and link dynamically; "" for a static program without C.
        cgo: Compile C too, and link all of it statically.
        sysroot: A directory with headers and libraries for C, absolute; "" for none.
    """

    ldflags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    gcflags: tuple[str, ...] = ()
    goflags: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    strip: bool = True
    trimpath: bool = True
    disable_optimizations: bool = False
    libc: str = ""
    cgo: bool = False
    sysroot: str = ""


def build_options(settings: Settings) -> BuildOptions:
    """Give what the settings of a package say about compiling it."""
    return BuildOptions(
        ldflags=settings.ldflags,
        tags=settings.build_tags,
        gcflags=settings.gcflags,
        goflags=settings.flags,
        variables=tuple(settings.variables.items()),
        env=tuple(settings.build_env.items()),
        strip=settings.strip,
        disable_optimizations=settings.disable_optimizations,
        libc=settings.libc,
        cgo=settings.cgo,
        sysroot=settings.sysroot,
    )
