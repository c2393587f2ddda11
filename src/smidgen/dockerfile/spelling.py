"""What was meant by a name that is not there."""

from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """Give ``did you mean NAME?`` for the closest of *names*, or None where none is close."""
    # Only an error asks, and the import costs more than reading most Dockerfiles.
    import difflib  # noqa: PLC0415

    by_lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[close[0]]}?" if close else None
