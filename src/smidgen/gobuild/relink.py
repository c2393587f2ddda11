"""Links a program once more, to learn from the linker or from an executable that keeps its symbols.

Compiled packages come from Go's cache, so that it takes as long as linking does.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from smidgen.config.search import ConfigSearch
from smidgen.config.settings import Flags
from smidgen.errors import UsageError
from smidgen.gobuild.compile import Job, compile_packages
from smidgen.gobuild.git import start_git
from smidgen.gobuild.pipeline import BuildRequest, build_options, package_settings, packages_of
from smidgen.gobuild.template_values import TemplateSource
from smidgen.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class RelinkRequest:
    """What is to be linked.

    Attributes:
        target: A main package: a directory, an import path, or ``PATH@VERSION``.
        directory: Where the command was started, absolute.
        config: The configuration file; found from the target where None.
        environ: The environment.
        platform: For which platform; the first of the settings where None.
        ldflags: Further flags of the linker.
        strip: Whether symbols are left out.
        progress: Told in words what is going on.
        heard: Told each line that the linker writes.
    """

    target: str
    directory: Path
    environ: Mapping[str, str]
    config: Path | None = None
    platform: Platform | None = None
    ldflags: tuple[str, ...] = ()
    strip: bool = True
    progress: Callable[[str], None] = lambda _text: None
    heard: Callable[[str], None] | None = None


def relink(request: RelinkRequest, output: str) -> Path:
    """Link the target below the empty directory *output*, and give the executable.

    Raises:
        UsageError: The target means several programs.
        NotMainPackage: It is none.
        CompileError: Go refused it.
    """
    asked = BuildRequest(
        targets=(request.target,),
        directory=request.directory,
        flags=Flags(),
        configs=ConfigSearch(request.config, request.directory, request.environ),
        environ=request.environ,
    )
    packages, toolchain = packages_of(asked)
    if len(packages) != 1:
        raise UsageError(f"{request.target} means {len(packages)} programs", hint="name one of them")
    settings = package_settings(asked, packages[0])
    options = build_options(settings)
    options = replace(options, ldflags=(*options.ldflags, *request.ldflags), strip=options.strip and request.strip)
    git = start_git(str(request.directory), request.environ)
    try:
        templates = TemplateSource(environ=request.environ, git=git.result(), now=int(time.time()))
    finally:
        git.stop()
    platforms = (request.platform,) if request.platform is not None else settings.platforms[:1]
    compiled = compile_packages(
        [Job(package=packages[0], options=options, platforms=platforms)],
        toolchain=toolchain,
        environ=request.environ,
        output=output,
        templates=templates,
        progress=request.progress,
        heard=request.heard,
    )
    return Path(compiled.binaries[0].path)
