"""Which documents an instruction announces: ``<<NAME``, ``<<-NAME``, ``3<<NAME``, with the name quoted or not.

Source: BuildKit's ``frontend/dockerfile/parser`` (``heredocsFromLine``): a word is a document when it is as a whole
an optional number, ``<<``, an optional ``-``, perhaps white space, and a name.
"""

import re
from typing import Final

from smidgen.dockerfile.expand import expand
from smidgen.dockerfile.instruction import Heredoc
from smidgen.errors import UsageError

_HEREDOC: Final = re.compile(r"^([0-9]{0,9})<<(-?)\s*([^<]*)\Z")


def parse_heredoc(word: str) -> Heredoc | None:
    """Parse one word; None where it announces no document.

    Raises:
        UsageError: A quote in the name does not end.
    """
    match = _HEREDOC.match(word)
    if not match or not match[3]:
        return None
    names = expand(match[3], {}, keep_unset=True).words
    if len(names) != 1:
        return None
    quoted = expand(match[3], {}, keep_unset=True, keep_quotes=True).words[0]
    return Heredoc(
        name=names[0],
        content="",
        # A quote anywhere in the name means that the text is taken as it is.
        expands=_quotes(quoted) == _quotes(names[0]),
        strips_tabs=bool(match[2]),
        descriptor=int(match[1] or 0),
    )


def find_heredocs(code: str) -> tuple[Heredoc, ...]:
    """Give the documents that the logical line *code* announces, in order, without their text.

    A line whose quotes do not end has none: what is meant there is the shell's business.

    Raises:
        UsageError: A quote in a name does not end.
    """
    if "<<" not in code:
        return ()
    try:
        words = expand(code, {}, keep_unset=True, keep_quotes=True, keep_escapes=True).words
    except UsageError:
        return ()
    return tuple(heredoc for word in words if (heredoc := parse_heredoc(word)) is not None)


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')
