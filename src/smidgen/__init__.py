"""smidgen: from a program to the smallest correct container image.

The names below are imported when they are first used, so that ``import smidgen`` costs nothing.
"""

from smidgen._version import __version__

# typing.TYPE_CHECKING without typing, whose import is a tenth of what our fastest command takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from smidgen.api import (
        Built,
        Flags,
        Image,
        build,
        build_all,
        closure,
        copy,
        delete,
        find_image,
        load,
        open_store,
        prove,
        pull,
        push,
        rebase,
        request,
        run,
        serve,
        tags,
        verify_reproducible,
    )
    from smidgen.errors import SmidgenError

__all__ = [
    "Built",
    "Flags",
    "Image",
    "SmidgenError",
    "__version__",
    "build",
    "build_all",
    "closure",
    "copy",
    "delete",
    "find_image",
    "load",
    "open_store",
    "prove",
    "pull",
    "push",
    "rebase",
    "request",
    "run",
    "serve",
    "tags",
    "verify_reproducible",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module("smidgen.errors" if name == "SmidgenError" else "smidgen.api")
    found: object = getattr(module, name)
    return found
