"""Patterns that would make a regular expression try too much: all their possible states at once, a letter at a time.

The time is the length of the path times that of the pattern, whatever both are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a pattern.

    Attributes:
        kind: ``letter``, ``one`` (``?``), ``set``, ``any`` (``*``), ``directories`` (``**``) or ``rest`` (``**`` last).
        text: The letter, or the set as a regular expression.
    """

    kind: str
    text: str = ""


class SlowPattern:
    """A pattern whose match is sought without going back."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tuple(tokens)
        self._sets = {token.text: re.compile(token.text, re.DOTALL) for token in tokens if token.kind == "set"}

    def match(self, path: str) -> bool:
        """Say whether the pattern matches the whole of *path*."""
        states = self._closed({(0, False)})
        for letter in path:
            states = self._closed({after for state in states for after in self._after(state, letter)})
            if not states:
                return False
        return (len(self._tokens), False) in states

    # A state is how many tokens are done, and whether it is within the directories of a "**".

    def _closed(self, states: set[tuple[int, bool]]) -> set[tuple[int, bool]]:
        closed: set[tuple[int, bool]] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in closed:
                continue
            closed.add(state)
            done, inside = state
            kind = self._tokens[done].kind if done < len(self._tokens) else ""
            if kind in {"any", "rest", "directories"} and not inside:
                waiting.append((done + 1, False))
                if kind == "directories":
                    waiting.append((done, True))
        return closed

    def _after(self, state: tuple[int, bool], letter: str) -> list[tuple[int, bool]]:
        done, inside = state
        if inside:
            return [state, (done + 1, False)] if letter == "/" else [state]
        token = self._tokens[done] if done < len(self._tokens) else Token("end")
        match token.kind:
            case "any":
                stays = letter != "/"
            case "rest":
                stays = True
            case _:
                return [(done + 1, False)] if self._takes(token, letter) else []
        return [state] if stays else []

    def _takes(self, token: Token, letter: str) -> bool:
        match token.kind:
            case "letter":
                return letter == token.text
            case "one":
                return letter != "/"
            case "set":
                return self._sets[token.text].match(letter) is not None
        return False
