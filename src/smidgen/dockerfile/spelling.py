"""What was meant by a name that is not there."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

# To compare with more would take longer than anybody waits for a hint; longer names are no slips of the hand.
_MOST_NAMES: Final = 500
_LONGEST: Final = 100


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """Give ``did you mean NAME?`` for the closest of *names*, or None where none is close."""
    if len(name) > _LONGEST:
        return None
    # Only an error asks, and the import costs more than reading most Dockerfiles.
    import difflib

    by_lower = {each.lower(): each for each in islice(names, _MOST_NAMES)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[close[0]]}?" if close else None
