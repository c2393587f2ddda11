"""Whether a closure is whole, and the error that says all that is missing."""

from collections.abc import Iterator

from smidgen.errors import DynamicExecutable
from smidgen.needs.closure.closure import Closure, Missing, Reason


def check_whole(closure: Closure) -> None:
    """Check that the program starts with its closure, as far as that can be told without starting it.

    Raises:
        DynamicExecutable: Libraries, versions or symbols are missing; says all of them, and what to do.
    """
    if closure.is_whole:
        return
    faults = [one for one in closure.faults if one.is_fatal]
    missing = [one for one in closure.missing if one.is_fatal]
    reasons = [*map(said_of, missing), *(one.message for one in faults)]
    hints = dict.fromkeys(one for one in (*_advice(missing), *(one.advice for one in faults)) if one)
    raise DynamicExecutable(
        f"{closure.program} cannot start: " + "\n  ".join(["", *reasons] if len(reasons) > 1 else reasons),
        interpreter=closure.interpreter,
        libraries=tuple(one.name for one in missing),
        hint="; ".join(hints) or None,
    )


def said_of(one: Missing) -> str:
    """Say in a sentence what is missing, who needs it, and where it was sought."""
    where = f" in {', '.join(one.sought)}" if one.sought else ""
    rejected = "".join(f"; {text}" for text in one.rejected)
    why = "--library asks for" if one.reason is Reason.ASKED else f"{', '.join(one.needed_by)} needs"
    return f"{one.name}, which {why}, was not found{where}{rejected}"


def _advice(missing: list[Missing]) -> Iterator[str]:
    """Join the packages of all that is missing in one command."""
    installs = [one.advice for one in missing if one.advice.startswith("apt-get install ")]
    if installs:
        packages = dict.fromkeys(one.removeprefix("apt-get install ") for one in installs)
        yield f"apt-get install {' '.join(packages)}"
    yield from (one.advice for one in missing if one.advice not in installs)
