"""What made a layer, as its Dockerfile said it."""

import re
from typing import Final

_SHELL: Final = "/bin/sh -c "
# With build arguments before the shell: how many, and each with its value.
_ARGUMENTS: Final = re.compile(r"^(?:RUN )?\|[0-9]{1,4} .*?/bin/sh -c ")
_MOST: Final = 100_000


def instruction(created_by: str) -> str:
    """Give what a Dockerfile said, of what builders make of it in an image's history: without white space in a row."""
    text = " ".join(created_by[:_MOST].split()).removesuffix(" # buildkit")
    if text.startswith(f"{_SHELL}#(nop) "):
        return text.removeprefix(f"{_SHELL}#(nop) ").strip()
    if text.startswith(_SHELL):
        return f"RUN {text.removeprefix(_SHELL)}"
    if (match := _ARGUMENTS.match(text)) is not None:
        return f"RUN {text[match.end() :]}"
    return text.replace(f"RUN {_SHELL}", "RUN ", 1)
