"""Configuration files of tests, read and resolved as a build does it."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from smidgen.config.decode import decode_file
from smidgen.config.discover import load_config
from smidgen.config.file_layer import Config
from smidgen.config.resolve import resolve_settings
from smidgen.config.settings import Flags, Settings
from smidgen.config.yaml_source import parse_document
from smidgen.errors import UsageError

NOTHING: Mapping[str, str] = {}


def config_of(text: str, directory: Path = Path("/repo")) -> Config:
    """Give the configuration that *text* in a smidgen.yaml of *directory* is; nothing is read or written."""
    document = parse_document(text, path=directory / "smidgen.yaml", name="smidgen.yaml")
    return Config(document=document, file=decode_file(document), kind="smidgen", directory=directory)


def settings_of(
    text: str | None = None,
    *,
    target: str = "./cmd/app",
    flags: Flags | None = None,
    environ: Mapping[str, str] = NOTHING,
    import_path: str | None = "example.com/me/cmd/app",
    directory: Path = Path("/repo"),
) -> Settings:
    """Resolve *target* below *directory* with *text* as its smidgen.yaml, or with none."""
    return resolve_settings(
        target,
        directory=directory,
        flags=flags or Flags(),
        config=None if text is None else config_of(text, directory),
        environ=environ,
        import_path=import_path,
    )


def ko_settings(
    root: Path,
    text: str,
    *,
    target: str = "./foobar/foo",
    import_path: str | None = None,
    flags: Flags | None = None,
    environ: Mapping[str, str] = NOTHING,
) -> Settings:
    """Resolve *target* below *root* with *text* as the .ko.yaml there; the programs that tests speak of are there."""
    for name in (".git", "foobar/foo", "bar", "other"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / ".ko.yaml").write_text(textwrap.dedent(text))
    config = load_config(root, directory=root, environ=environ)
    return resolve_settings(
        target, directory=root, flags=flags or Flags(), config=config, environ=environ, import_path=import_path
    )


def fault(error: UsageError) -> str:
    """Give what people see of *error*: the message, and the hint if there is one."""
    return error.message + (f"\nhint: {error.hint}" if error.hint else "")


def block(text: str) -> str:
    """Give an expected text that is written indented in a test."""
    return textwrap.dedent(text).strip("\n")
