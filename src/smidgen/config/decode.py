"""Documents → the shape that the schema says, with errors that show the fault in its line."""

from typing import TypeVar

import msgspec

from smidgen.config.schema import File
from smidgen.config.yaml_source import Document, plain

_T = TypeVar("_T")


def decode_file(document: Document) -> File:
    """Give what *document* says in the shape of ``smidgen.yaml``.

    Raises:
        ConfigError: An unknown key, or a value of another kind than its key takes.
    """
    return decode(document, File)


def decode(document: Document, shape: type[_T]) -> _T:
    """Give what *document* says in *shape*, a Struct.

    Raises:
        ConfigError: As for :func:`decode_file`.
    """
    try:
        return msgspec.convert(plain(document.root), shape, strict=False)
    except msgspec.ValidationError as error:
        from smidgen.config.explain import explain  # most files are right

        raise explain(document, shape, str(error)) from error
