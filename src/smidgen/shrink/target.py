"""The program that a user means: one main package, whose source is at hand."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import UNSET

from smidgen.analyze.target import is_executable
from smidgen.config.fields import is_local
from smidgen.config.search import ConfigSearch
from smidgen.config.settings import Flags
from smidgen.errors import UsageError
from smidgen.gobuild.pipeline import BuildRequest
from smidgen.gobuild.variants import Variants
from smidgen.oci.platform import Platform
from smidgen.store.content import is_layout

_HINT = "go to the directory of its source and name that: smidgen shrink ."


def find_program(
    target: str,
    *,
    directory: Path,
    environ: Mapping[str, str],
    config: Path | None = None,
    platform: Platform | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> Variants:
    """Find the program that *target* means, and how it is built.

    Args:
        target: A directory, an import path, ``PATH@VERSION``, or the name of a target in smidgen.yaml.
        directory: Where the command was started, absolute.
        environ: The environment.
        config: The configuration file; found from the target where None.
        platform: For which platform; the first of the settings where None.
        tell: Told in words what is going on.

    Raises:
        UsageError: It is several programs, or an executable or an image, which cannot be built.
        NotMainPackage: It is none.
        ToolchainNotFound: There is no Go.
    """
    _check_source(directory / target, target)
    configs = ConfigSearch(config, directory, environ)
    asked = BuildRequest(
        targets=(_named(target, configs, directory) or target,),
        directory=directory,
        flags=Flags() if platform is None else Flags(platforms=(str(platform),)),
        configs=configs,
        environ=environ,
    )
    return Variants.of(asked, tell=tell)


def _check_source(path: Path, target: str) -> None:
    if is_executable(str(path)):
        raise UsageError(f"{target} is an executable: what it was built from is needed", hint=_HINT)
    if path.is_file() and not target.endswith(".go"):
        raise UsageError(f"{target} is a file: expected the directory of a Go program", hint=_HINT)
    if (path.is_dir() and is_layout(path)) or target.startswith(("oci:", "docker:", "docker-archive:", "oci-archive:")):
        raise UsageError(f"{target} is an image: what it was built from is needed", hint=_HINT)


def _named(target: str, configs: ConfigSearch, directory: Path) -> str | None:
    """Give the target that is called *target* in the configuration; None where none is."""
    if is_local(target) or "/" in target or "@" in target or "..." in target:
        return None
    config = configs.config(None)
    if config is None or config.file.targets is UNSET:
        return None
    for one in config.file.targets:
        if one.name == target and "..." not in one.target:
            if not is_local(one.target):
                return one.target
            place = os.path.normpath(config.directory / one.target)
            return f"./{os.path.relpath(place, directory)}" if os.path.isabs(place) else place
    return None
