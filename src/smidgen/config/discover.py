"""Finds the configuration file.

The first of: ``--config FILE``; ``SMIDGEN_CONFIG``; ``smidgen.yaml`` in the target's directory or the nearest above it;
``KO_CONFIG_PATH``; ``.ko.yaml``, sought likewise. The search ends at the directory that holds ``.git``, the
repository's root, which is looked at too. Without a file this costs a few calls of stat and no YAML reader.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smidgen.errors import ConfigError

if TYPE_CHECKING:
    from smidgen.config.file_layer import Config

FILE_NAME: Final = "smidgen.yaml"
KO_FILE_NAME: Final = ".ko.yaml"
FILE_VARIABLE: Final = "SMIDGEN_CONFIG"
KO_FILE_VARIABLE: Final = "KO_CONFIG_PATH"
_WRONG_NAMES: Final = ("smidgen.yml", ".smidgen.yaml", ".smidgen.yml")
_ANYONE_WRITES: Final = 0o002


def load_config(
    start: Path, *, file: Path | None = None, directory: Path | None = None, environ: Mapping[str, str] = os.environ
) -> "Config | None":
    """Find and read the configuration for a target.

    Args:
        start: The target's directory; or, where it has none on this machine, the one the command was started in.
        file: What ``--config`` gave.
        directory: Where the command was started, what relative paths of variables are relative to; without it that of
            this process.
        environ: The environment.

    Returns:
        What the file says, or None where there is no file.

    Raises:
        ConfigError: The file cannot be read, or says what cannot be meant.
    """
    config = _find(start, file, directory or Path.cwd(), environ)
    if config is None or not (missing := config.missing_targets()):
        return config
    return replace(config, warnings=(*config.warnings, *missing))


def _find(start: Path, file: Path | None, directory: Path, environ: Mapping[str, str]) -> "Config | None":
    if file is None and environ.get(FILE_VARIABLE):
        file = Path(environ[FILE_VARIABLE])
    if file is not None:
        return _read(directory / file, directory, is_ko=file.name == KO_FILE_NAME)
    own, ko = _search(os.path.abspath(start), directory)
    override = environ.get(KO_FILE_VARIABLE)
    if own is not None:
        other = directory / override if override else ko
        config = _read(own, directory, is_ko=False)
        if other is None:
            return config
        note = f"{_shown(other, directory)} is not read, as there is {_shown(own, directory)}"
        return replace(config, warnings=(*config.warnings, note))
    if override:
        # Here, and here only, ko takes what the file says as relative to where ko was started.
        chosen = directory / override
        chosen = chosen / KO_FILE_NAME if chosen.is_dir() else chosen
        return replace(_read(chosen, directory, is_ko=True), directory=directory)
    return _read(ko, directory, is_ko=True) if ko is not None else None


def watched_names(start: str) -> Iterator[str]:
    """Name every path whose coming or going could change what ``load_config`` finds from *start*."""
    for place in _upwards(start):
        for name in (FILE_NAME, KO_FILE_NAME, *_WRONG_NAMES):
            yield f"{place}/{name}"


def _search(start: str, directory: Path) -> tuple[Path | None, Path | None]:
    """Find the nearest ``smidgen.yaml`` and the nearest ``.ko.yaml``."""
    ko: Path | None = None
    for place in _upwards(start):
        own = f"{place}/{FILE_NAME}"
        if os.path.isfile(own):
            if ko is None and os.path.isfile(f"{place}/{KO_FILE_NAME}"):
                ko = Path(place, KO_FILE_NAME)
            return Path(own), ko
        for name in _WRONG_NAMES:
            if os.path.isfile(f"{place}/{name}"):
                shown = _shown(Path(place, name), directory)
                raise ConfigError(
                    "is not the name of a configuration file", path=shown, hint=f"rename it to {FILE_NAME}"
                )
        if ko is None and os.path.isfile(f"{place}/{KO_FILE_NAME}"):
            ko = Path(place, KO_FILE_NAME)
    return None, ko


def _upwards(start: str) -> Iterator[str]:
    """Give *start* and the directories above it, up to the one that holds ``.git``.

    A directory above *start* that anyone may write to, such as /tmp, ends the search before it: what others put there
    must not change a build.
    """
    place = start
    while True:
        yield place
        if os.path.lexists(f"{place}/.git"):
            return
        above = os.path.dirname(place)
        try:
            if above == place or os.stat(above).st_mode & _ANYONE_WRITES:
                return
        except OSError:
            return
        place = above


def _read(path: Path, directory: Path, *, is_ko: bool) -> "Config":
    from smidgen.config.decode import decode_file  # the YAML reader is paid for by those who use it
    from smidgen.config.file_layer import Config
    from smidgen.config.yaml_source import read_document

    document = read_document(path, _shown(path, directory))
    relative_to = path.parent
    if not is_ko:
        return Config(document=document, file=decode_file(document), kind="smidgen", directory=relative_to)
    from smidgen.config.ko_yaml import ko_config

    return ko_config(document, directory=relative_to)


def _shown(path: Path, directory: Path) -> str:
    relative = os.path.relpath(path, directory)
    return min(relative, str(path), key=len)
