"""What the command line and the environment give, as layers."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from smidgen.config.fields import LISTS, MAPS, flag_place, split_text, split_uses
from smidgen.config.place import EnvironmentPlace, Given, Layer, Texts
from smidgen.config.settings import Flags
from smidgen.config.words import parse_assignment
from smidgen.errors import UsageError
from smidgen.oci.config import Healthcheck

GO_VARIABLE: Final = "SMIDGEN_GO"
#: ko's own variables count where ko's own file does, and beat it, as in ko.
_KO_TEXTS: Final = {"base": "KO_DEFAULTBASEIMAGE", "repository": "KO_DOCKER_REPO", "go": "KO_GO_PATH"}
_KO_LISTS: Final = {"platforms": "KO_DEFAULTPLATFORMS"}
#: Values of KO_DOCKER_REPO that mean a place to load into, not a name.
_KO_LOCAL: Final = ("ko.local", "kind.local")


def layer_of_flags(flags: Flags, *, directory: Path, environ: Mapping[str, str]) -> Layer:
    """Give what the command line says.

    Args:
        flags: As they were given.
        directory: What relative paths are relative to.
        environ: Where ``--env NAME`` without a value takes it from.

    Raises:
        UsageError: A flag is not of its form.
    """
    texts: dict[str, Given[str]] = {}
    lists: dict[str, Given[Texts]] = {}
    maps: dict[str, Mapping[str, Given[str]]] = {}
    switches: dict[str, Given[bool]] = {}
    healthcheck: Given[Healthcheck] | None = None
    for name in (field.name for field in fields(flags)):
        value = getattr(flags, name)
        if value is None or value == ():
            continue  # a flag that may be repeated was not used
        given = Given(value, flag_place(name), directory)
        if name == "healthcheck":
            from smidgen.config.healthcheck import parse_instruction

            healthcheck = given.moved(given.parsed(parse_instruction))
        elif isinstance(value, bool):
            switches[name] = given
        elif name in MAPS:
            maps[name] = _map(name, given, environ)
        elif name in LISTS:
            items = tuple(map(given.moved, value)) if isinstance(value, tuple) else split_text(name, given)
            lists[name] = given.moved(split_uses(name, items))
        else:
            texts[name] = given
    return Layer(texts=texts, lists=lists, maps=maps, switches=switches, healthcheck=healthcheck)


def _map(name: str, given: Given[tuple[str, ...]], environ: Mapping[str, str]) -> dict[str, Given[str]]:
    result: dict[str, Given[str]] = {}
    for text in given.value:
        if name == "env" and text and "=" not in text:
            if text not in environ:
                raise given.place.error(
                    UsageError(f"{text!r} is not set in the environment", hint=f"write {text}=VALUE, or set it")
                )
            result[text] = given.moved(environ[text])
        else:
            key, value = given.moved(text).parsed(parse_assignment)
            result[key] = given.moved(value)
    return result


def layer_of_environment(environ: Mapping[str, str], *, directory: Path) -> Layer:
    """Give what smidgen's own variables say."""
    value = environ.get(GO_VARIABLE)
    return Layer(texts={"go": Given(value, EnvironmentPlace(GO_VARIABLE), directory)} if value else {})


def layer_of_ko_environment(environ: Mapping[str, str], *, directory: Path) -> Layer:
    """Give what ko's variables say.

    Raises:
        UsageError: A list has an empty element.
    """
    texts = {
        field: Given(environ[variable], EnvironmentPlace(variable), directory)
        for field, variable in _KO_TEXTS.items()
        if environ.get(variable) and environ[variable] not in _KO_LOCAL
    }
    lists: dict[str, Given[Texts]] = {}
    for field, variable in _KO_LISTS.items():
        if environ.get(variable):
            given = Given(environ[variable], EnvironmentPlace(variable), directory)
            lists[field] = given.moved(split_text(field, given))
    return Layer(texts=texts, lists=lists)
