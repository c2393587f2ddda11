"""All rules, in the order of their ids."""

from collections.abc import Iterable
from typing import Final

from smidgen.dockerfile.spelling import did_you_mean
from smidgen.errors import UsageError
from smidgen.lint import (
    rules_context,
    rules_go,
    rules_image,
    rules_needs,
    rules_order,
    rules_platform,
    rules_registry,
    rules_secrets,
    rules_start,
    rules_user,
)
from smidgen.lint.rule import Rule

_ROOMS: Final = (
    rules_image,
    rules_go,
    rules_order,
    rules_user,
    rules_needs,
    rules_platform,
    rules_registry,
    rules_secrets,
    rules_context,
    rules_start,
)
RULES: Final[tuple[Rule, ...]] = tuple(sorted((rule for room in _ROOMS for rule in room.RULES), key=lambda one: one.id))
#: The id of what cannot be read as a Dockerfile at all; it is no rule that could be left out.
SYNTAX: Final = "SM000"


def find_rule(name: str) -> Rule | None:
    """Give the rule with that id or name, or None."""
    return next((rule for rule in RULES if name.upper() == rule.id or name == rule.name), None)


def ids_of(names: Iterable[str]) -> frozenset[str]:
    """Give the ids that *names* mean: ids of ours and names of rules; what hadolint and BuildKit have is kept.

    Raises:
        UsageError: A name is nobody's.
    """
    found: set[str] = set()
    for name in names:
        rule = find_rule(name)
        if rule is None and (name.upper().startswith("SM") or "-" in name):
            close = did_you_mean(name, [*(one.id for one in RULES), *(one.name for one in RULES)])
            raise UsageError(f"there is no rule {name!r}", hint=close or "smidgen lint --list names them")
        found.add(rule.id if rule is not None else name)
    return frozenset(found)
