"""Rules: what is looked for, why, and what to write instead."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from smidgen.lint.finding import Found, Severity
from smidgen.lint.subject import Subject

Check = Callable[[Subject], Iterator[Found]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule.

    Attributes:
        id: Such as ``SM005``; never used again for another one.
        name: In words with dashes, for the documentation's headings.
        title: What is wrong, in one sentence without its end.
        reason: Why that is so, and what it costs.
        instead: What to do, in Dockerfile or in words.
        severity: How bad it is, mostly.
        check: Finds it.
        replaces: Rules of hadolint and BuildKit that say the same of the same line.
        fixes: What ``--fix`` does, or empty.
        is_fix_safe: ``--fix`` does it without ``--unsafe-fixes``.
    """

    id: str
    name: str
    title: str
    reason: str
    instead: str
    severity: Severity
    check: Check
    replaces: tuple[str, ...] = ()
    fixes: str = ""
    is_fix_safe: bool = True
