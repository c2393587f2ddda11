"""Links a program once more, to learn from the linker or from an executable that keeps its symbols.

Compiled packages come from Go's cache, so that it takes as long as linking does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from smidgen.config.search import ConfigSearch
from smidgen.config.settings import Flags
from smidgen.gobuild.pipeline import BuildRequest
from smidgen.gobuild.variants import Variants
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
        heard: Told each line that the linker writes; tells whether it has use for it.
    """

    target: str
    directory: Path
    environ: Mapping[str, str]
    config: Path | None = None
    platform: Platform | None = None
    ldflags: tuple[str, ...] = ()
    strip: bool = True
    progress: Callable[[str], None] = lambda _text: None
    heard: Callable[[str], bool] | None = None


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
    variants = Variants.of(asked, tell=request.progress)
    settings = variants.settings
    settings = msgspec.structs.replace(
        settings,
        platforms=(request.platform,) if request.platform is not None else settings.platforms,
        ldflags=(*settings.ldflags, *request.ldflags),
        strip=settings.strip and request.strip,
    )
    return variants.compile(settings, Path(output), heard=request.heard)
