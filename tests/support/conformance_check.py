"""Holds what smidgen makes of a case against what the others make of it, and that against what is known to differ."""

import functools
import tomllib
from pathlib import Path
from typing import Final

from support.conformance_builders import Builder
from support.conformance_cases import CASES, Case
from support.conformance_images import differences

_DIFFERENCES: Final = CASES.parent / "differences.toml"


@functools.cache
def known() -> dict[tuple[str, str], frozenset[str]]:
    """Give what is known to differ, by case and peer.

    A table of the file has a reason, *peers*, and *cases* as ``NAME: WHAT``.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for one in tomllib.loads(_DIFFERENCES.read_text())["difference"]:
        assert one["why"], one
        for line in one["cases"]:
            name, _, what = line.partition(": ")
            for peer in one["peers"]:
                same = found.setdefault((name, peer), set())
                assert what not in same, f"{line} stands twice for {peer}"
                same.add(what)
    return {key: frozenset(value) for key, value in found.items()}


def reasons() -> list[str]:
    """Give why anything differs."""
    return [one["why"] for one in tomllib.loads(_DIFFERENCES.read_text())["difference"]]


def faults(case: Case, builders: dict[str, Builder], place: Path) -> list[str]:
    """Build *case* with smidgen and all peers that know it; give what differs and should not, or no longer does."""
    context = place / case.name
    case.write(context)
    ours, words = builders["smidgen"].build(case, context)
    found = []
    for peer in case.peers:
        if peer not in builders:
            continue
        theirs, theirs_words = builders[peer].build(case, context)
        expected = known().get((case.name, peer), frozenset())
        # The words of the history are BuildKit's of this version; other builders have their own.
        seen = dict(differences(ours, theirs, times=case.times, history=peer == "buildkit"))
        found += [f"{peer}: {case.name}: {what}: {how}" for what, how in seen.items() if what not in expected]
        found += [f"{peer}: {case.name}: {what}: no longer differs" for what in sorted(expected - set(seen))]
        if {"builds here", "fails here"} & set(seen) - expected:
            found += [f"  smidgen said: {words.strip()[-800:]}", f"  {peer} said: {theirs_words.strip()[-800:]}"]
    return found
