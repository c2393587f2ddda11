"""Fields of flags: ``key=value`` with commas between, quoted as in CSV where a value has commas itself.

Source: docker's command line reference (``--secret``, ``--output``, ``--cache-to``); BuildKit's ``RUN --mount``.
"""

from collections.abc import Mapping
from typing import Final

from smidgen.errors import UsageError

_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}


def split_fields(text: str, *, flag: str) -> list[str]:
    """Split what *flag* says into its fields.

    Raises:
        UsageError: A quote is not closed, or stands in the middle.
    """
    import csv  # few Dockerfiles and builds have such flags

    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise UsageError(f"{flag} {text!r}: {error}", hint="close the quote") from error


def parse_fields(text: str, *, flag: str) -> dict[str, str]:
    """Parse what *flag* says; keys are in lower case.

    Raises:
        UsageError: A field is not ``key=value``, or a key stands twice.
    """
    values: dict[str, str] = {}
    for part in split_fields(text, flag=flag):
        key, equals, value = part.partition("=")
        key = key.strip().lower()
        if not equals or key in values:
            raise UsageError(f"{flag} {text!r}: {part!r} is not KEY=VALUE, or stands twice")
        values[key] = value
    return values


def read_truth(values: Mapping[str, str], key: str, *, flag: str, default: bool) -> bool:
    """Give what *key* of *values* says, or *default* where it says nothing.

    Raises:
        UsageError: It is neither yes nor no.
    """
    value = values.get(key)
    if value is None:
        return default
    if value.lower() not in _TRUTHS:
        raise UsageError(f"{flag}: {key} is {value!r}", hint="expected true or false")
    return _TRUTHS[value.lower()]


def render_field(text: str) -> str:
    """Quote *text*, one field, where it needs that."""
    return '"' + text.replace('"', '""') + '"' if any(letter in text for letter in ',"\r\n') else text
