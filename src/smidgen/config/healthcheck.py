"""Health checks: docker's durations, compose's mapping, the Dockerfile's instruction, addresses for the probe.

Source: Dockerfile reference, ``HEALTHCHECK``; Compose specification, ``healthcheck``; Go's ``time.ParseDuration``.
"""

import re
from collections.abc import Sequence
from typing import Final

from smidgen.config.words import split_words
from smidgen.errors import UsageError
from smidgen.needs.probe.address import SCHEMES, probe_words
from smidgen.oci.config import Healthcheck

_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5 and U+03BC, as Go has both
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(ns|us|µs|μs|ms|s|m|h)")
_OPTION = re.compile(r"^--([a-z-]+)=(\S*)(?:\s+|\Z)")
_MILLISECOND: Final = _UNITS["ms"]
_MAX: Final = 2**63 - 1
_DURATIONS: Final = {
    "interval": "interval",
    "timeout": "timeout",
    "start-period": "start_period",
    "start-interval": "start_interval",
}


def parse_duration(text: str) -> int:
    """Parse Go's form of a duration, such as ``30s`` or ``1m30s``, into nanoseconds.

    Raises:
        UsageError: Another form; or less than a millisecond, which engines refuse, unless it is 0.
    """
    if text == "0":
        return 0
    position = total = 0
    while match := _PART.match(text, position):
        whole, fraction, unit = match.groups()
        scale = _UNITS[unit]
        total += int(whole) * scale + (int(fraction) * scale // 10 ** len(fraction) if fraction else 0)
        position = match.end()
    if not text or position != len(text):
        raise UsageError(f"invalid duration {text!r}", hint="expected a number and a unit, such as 30s, 1m30s or 500ms")
    if not (total == 0 or _MILLISECOND <= total <= _MAX):
        raise UsageError(
            f"duration {text!r} is out of range", hint="expected 1ms or more, or 0 for the engine's default"
        )
    return total


def render_duration(nanoseconds: int) -> str:
    """Render a duration so that :func:`parse_duration` gives it back."""
    parts: list[str] = []
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, nanoseconds = divmod(nanoseconds, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_test(words: Sequence[str] | str, *, timeout: int = 0) -> tuple[str, ...]:
    """Parse what is run: ``CMD`` and words, ``NONE``, one text that is split into words, or an address to ask.

    Args:
        words: A text may be ``http://:8080/healthz`` and the like, or ``exec:/program arguments``.
        timeout: Of the check, in nanoseconds, where it has one.

    Returns:
        ``("CMD", word, ...)``, or ``("NONE",)``.

    Raises:
        UsageError: It is empty, needs a shell, begins with neither CMD nor NONE, or is a bad address.
    """
    if isinstance(words, str):
        words = _words(words.strip(), timeout)
    match tuple(words):
        case ("NONE",):
            return ("NONE",)
        case ("CMD", program, *_) if program.startswith(SCHEMES):
            raise UsageError(f"{program!r} is an address and no program", hint=f"leave CMD out: {program}")
        case ("CMD", program, *_) if program:
            return tuple(words)
        case ("CMD-SHELL", *_):
            raise UsageError(
                "CMD-SHELL needs a shell, and the image has none", hint="expected CMD and the words of a command"
            )
    raise UsageError(
        f"invalid health check {list(words)!r}",
        hint='expected [CMD, PROGRAM, ARGUMENT...] such as [CMD, /app, "-health"], or NONE',
    )


def _words(text: str, timeout: int) -> tuple[str, ...]:
    if text == "NONE":
        return ("NONE",)
    if text.startswith(SCHEMES):
        return ("CMD", *probe_words(text, timeout=timeout))
    # What the image itself has to ask; "exec:" is no more than what it is called beside the addresses.
    return ("CMD", *split_words(text.removeprefix("exec:")))


def parse_instruction(text: str) -> Healthcheck:
    """Parse the arguments of a Dockerfile's HEALTHCHECK: ``[--interval=30s ...] [CMD] COMMAND``, or ``NONE``.

    An address such as ``http://:8080/healthz`` may stand where the command does.

    Raises:
        UsageError: An unknown option, a bad value, or no command.
    """
    rest = text.strip()
    values: dict[str, int] = {}
    while rest.startswith("--") and (match := _OPTION.match(rest)):
        name, value = match.groups()
        rest = rest[match.end() :]
        if name == "retries":
            values["retries"] = parse_retries(value)
        elif name in _DURATIONS:
            values[_DURATIONS[name]] = parse_duration(value)
        else:
            raise UsageError(
                f"unknown option --{name} of a health check",
                hint=f"expected one of --{', --'.join([*_DURATIONS, 'retries'])}",
            )
    command = re.sub(r"^CMD(?:\s+|\Z)", "", rest)
    if command != rest and command.startswith(SCHEMES):
        parse_test(("CMD", command))
    return Healthcheck(test=parse_test(command, timeout=values.get("timeout", 0)), **values)


def parse_retries(text: str) -> int:
    """Parse the number of failures in a row that make a container unhealthy.

    Raises:
        UsageError: Not a number of 1 to 1000000.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > 7 or not 1 <= int(text) <= 1_000_000:
        raise UsageError(f"invalid number of retries {text!r}", hint="expected a whole number from 1")
    return int(text)
