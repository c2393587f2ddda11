"""Writes what is safe to ``smidgen.yaml``: into the file that is in force for the program, or into a new one."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET

from smidgen.config.discover import FILE_NAME
from smidgen.config.fields import is_local
from smidgen.config.file_layer import Config
from smidgen.config.rewrite import rewrite_file, write_new_file
from smidgen.config.yaml_edit import render_keys, render_target, with_keys, with_target
from smidgen.errors import ConfigError, SmidgenError
from smidgen.gobuild.target import MainPackage, resolve_targets
from smidgen.gobuild.variants import Variants
from smidgen.shrink.advice import Row

#: Key → its text, or the elements of its list.
Keys = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Applied:
    """What was written.

    Attributes:
        path: The file.
        name: The same, as it is shown to people.
        keys: What it says now of the program.
        rows: Names of the advice.
        is_new: There was none before.
    """

    path: Path
    name: str
    keys: Keys
    rows: tuple[str, ...]
    is_new: bool


def joined_keys(rows: Sequence[Row]) -> dict[str, str | tuple[str, ...]]:
    """Put together what several rows say of smidgen.yaml; lists are joined."""
    joined: dict[str, str | tuple[str, ...]] = {}
    for row in rows:
        for name, value in row.keys.items():
            before = joined.get(name, ())
            if isinstance(value, tuple) and isinstance(before, tuple):
                joined[name] = tuple(dict.fromkeys((*before, *value)))
            else:
                joined[name] = value
    return joined


def check_applicable(variants: Variants) -> None:
    """Refuse early what ``apply`` would refuse.

    Raises:
        ConfigError: The program's settings are ko's.
    """
    config = _config(variants)
    if config is not None and config.kind != "smidgen":
        raise ConfigError(
            "is ko's, and smidgen does not write to it",
            path=config.document.name,
            hint="`smidgen shrink` without --apply says what to write; a smidgen.yaml takes the place of this file",
        )


def apply(variants: Variants, rows: Sequence[Row]) -> Applied:
    """Write what *rows* say.

    Raises:
        ConfigError: The file cannot be edited without risk; the hint has what to write by hand.
        UsageError: It cannot be written.
        SourceChanged: It changed meanwhile.
    """
    check_applicable(variants)
    keys = joined_keys(rows)
    names = tuple(row.name for row in rows)
    config = _config(variants)
    if config is None:
        path, text = _new_file(variants, keys)
        write_new_file(path, text.encode())
        name = os.path.relpath(path, variants.request.directory)
        return Applied(path, name, keys, names, is_new=True)
    path = variants.request.directory / config.document.path
    before = path.read_bytes()
    after = _edited(variants, config, before.decode(), keys).encode()
    rewrite_file(path, before=before, after=after)
    return Applied(path, config.document.name, keys, names, is_new=False)


def _config(variants: Variants) -> Config | None:
    return variants.request.configs.config(variants.place)


def _new_file(variants: Variants, keys: Keys) -> tuple[Path, str]:
    package = variants.package
    directory = Path(package.module_root) if package.module_root else variants.request.directory
    if _is_alone(variants, directory):
        lines = render_keys(keys)
    else:
        lines = ["targets:", *(f"  {line}" for line in render_target(_target(package, directory), keys))]
    head = "# Written by `smidgen shrink --apply`. `smidgen config show` says what is in force."
    return directory / FILE_NAME, "\n".join([head, *lines, ""])


def _edited(variants: Variants, config: Config, text: str, keys: Keys) -> str:
    directory = variants.request.directory / config.directory
    found = _entry(config, variants.package, directory)
    if found is not None:
        return with_keys(text, config.document, keys, entry=found)
    if config.file.targets is UNSET and _is_alone(variants, directory):
        return with_keys(text, config.document, keys, entry=None)
    return with_target(text, config.document, _target(variants.package, directory), keys)


def _entry(config: Config, package: MainPackage, directory: Path) -> int | None:
    """Give the last entry of ``targets`` that means this program alone."""
    found = None
    for number, one in enumerate(() if config.file.targets is UNSET else config.file.targets):
        if "..." in one.target:
            # A pattern behind it would have the last word.
            found = None
        elif is_local(one.target):
            place = os.path.normpath(directory / one.target)
            found = number if package.directory and place == os.path.normpath(package.directory) else found
        elif one.target.partition("@")[0] == package.import_path:
            found = number
    return found


def _target(package: MainPackage, directory: Path) -> str:
    if not package.directory:
        return package.import_path
    inner = os.path.relpath(package.directory, directory)
    return inner if is_local(inner) else f"./{inner}"


def _is_alone(variants: Variants, directory: Path) -> bool:
    """Say whether there is no other program below *directory* that the same words would be said of."""
    if not variants.package.directory:
        return False
    try:
        found = resolve_targets(
            ("./...",), cwd=str(directory), toolchain=variants.toolchain, environ=variants.request.environ
        )
    except SmidgenError:
        return False
    return {one.directory for one in found.packages} == {variants.package.directory}
