"""The JSON schema of SARIF 2.1.0, as OASIS publishes it (errata 01), out of a Go module that carries all of it."""

import functools
import json
from typing import Any, Final

import jsonschema

from support.go_tools import go_module

#: Public domain (Unlicense); the schema stands in one of its files as a text.
_MODULE: Final = "github.com/owenrumney/go-sarif/v3@v3.3.1"
_FILE: Final = "pkg/report/v210/sarif/schema.go"


@functools.cache
def _validator() -> jsonschema.Draft4Validator:
    text = (go_module(_MODULE) / _FILE).read_text(encoding="utf-8")
    schema = json.loads(text.partition("`")[2].rpartition("`")[0])
    assert schema["title"].startswith("Static Analysis Results Format (SARIF) Version 2.1.0")
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())


def obeys_sarif(log: Any) -> None:
    """Check *log* against the schema of the standard."""
    faults = sorted(_validator().iter_errors(log), key=lambda fault: list(map(str, fault.absolute_path)))
    assert not faults, "\n".join(f"{fault.json_path}: {fault.message[:300]}" for fault in faults[:5])
