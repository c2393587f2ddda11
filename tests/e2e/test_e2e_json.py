"""What ``--json`` prints obeys the schemas that are published in docs/reference/."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.command import Smidgen
from support.examples import Examples

pytestmark = pytest.mark.e2e

_REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"


def _check(document: Any) -> None:
    name = document["schema"].removeprefix("smidgen.").replace("/", "-")
    schema = json.loads((_REFERENCE / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)


def test_results_obey_their_schemas(smidgen: Smidgen, example: Examples, tmp_path: Path) -> None:
    options = ("--platform", "linux/amd64,linux/arm64", "-t", "fetch", "-t", "fetch:2")
    _check(smidgen("build", example("https-client"), *options, "--json").json)
    for command in (
        ("images", "--json"),
        ("history", "fetch", "--json"),
        ("ls", "fetch:/etc", "--recursive", "--json"),
        ("prove", "fetch", "--json", "--", "no-url-at-all"),
        ("config", "show", "--json", str(tmp_path / "examples" / "https-client")),
        ("save", "fetch", "--json", "--output", str(tmp_path / "fetch.tar")),
        ("load", "--json", "--input", str(tmp_path / "fetch.tar")),
        ("rm", "fetch:2", "--json"),
        ("gc", "--json"),
    ):
        # The program ends with 1, as the argument is no URL: then prove fails, and says so.
        _check(smidgen(*command, fails=command[0] == "prove").json)


def test_the_result_of_a_build_tells_what_and_why(smidgen: Smidgen, example: Examples) -> None:
    (image,) = smidgen("build", example("https-client"), "-t", "fetch", "--json").json["images"]
    (platform,) = image["platforms"]
    (need,) = [need for need in platform["needs"] if need["kind"] == "ca"]
    assert need["included"]
    assert need["symbol"].startswith("net/http.")
    assert image["reference"] == f"fetch:latest@{image['digest']}"
    assert platform["pull_size"] < platform["size"]
    assert sum(layer["size"] for layer in platform["layers"]) >= platform["binary_size"]
