"""Challenges: what a registry wants to see before it answers.

Source: RFC 9110 section 11.3 and 11.6.1; docker's token authentication.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MOST: Final = 16 << 10
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a token of RFC 9110's grammar
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?=\s|,|\Z)[ \t]*")
_PARAMETER = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove who one is.

    Attributes:
        scheme: In lower case, such as ``bearer``.
        parameters: By name in lower case.
    """

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(values: list[str]) -> tuple[Challenge, ...]:
    """Parse the values of ``WWW-Authenticate``; each may hold several challenges. What cannot be parsed is left out."""
    found: list[Challenge] = []
    for value in values:
        text = value[:_MOST]
        at = 0
        while match := _SCHEME.match(text, at):
            at = match.end()
            parameters: dict[str, str] = {}
            while parameter := _PARAMETER.match(text, at):
                at = parameter.end()
                name, quoted, plain = parameter.groups()
                parameters[name.lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found.append(Challenge(match[1].lower(), parameters))
    return tuple(found)
