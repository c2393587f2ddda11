"""What the history of an image says of an instruction, in BuildKit's words, so that tools that read them still do.

Source: BuildKit's ``dockerfile2llb/convert.go`` (``commitToHistory``) and Go's ``fmt`` for ``%v`` and ``%q``.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from smidgen.config.healthcheck import render_duration
from smidgen.oci.config import Healthcheck, History

COMMENT: Final = "buildkit.dockerfile.v0"
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def entry(created_by: str, *, makes_layer: bool) -> History:
    """Give the entry of an instruction; the engine adds when it was."""
    return History(created_by=created_by, comment=COMMENT, empty_layer=not makes_layer)


def run_text(arguments: Sequence[str], build_arguments: Iterable[tuple[str, str]]) -> str:
    """Describe a RUN, with the arguments of the build that it saw."""
    given = [f"{name}={value}" for name, value in build_arguments]
    words = [f"|{len(given)}", *given, *arguments] if given else arguments
    return f"RUN {' '.join(words)} # buildkit"


def pairs_text(keyword: str, pairs: Iterable[tuple[str, str | None]]) -> str:
    """Describe an ENV, a LABEL or an ARG."""
    return " ".join([keyword, *(name if value is None else f"{name}={value}" for name, value in pairs)])


def list_text(keyword: str, words: Sequence[str]) -> str:
    """Describe what Go writes with ``%v``: ``EXPOSE [80/tcp 53/udp]``."""
    return f"{keyword} [{' '.join(words)}]"


def quoted_text(keyword: str, words: Sequence[str]) -> str:
    """Describe what Go writes with ``%q``: ``CMD ["a" "b c"]``."""
    return f"{keyword} [{' '.join(map(_quoted, words))}]"


def healthcheck_text(check: Healthcheck) -> str:
    """Describe a HEALTHCHECK as Go writes that structure."""
    times = (
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    )
    parts = [f"Test:[{' '.join(check.test or ())}]"]
    parts += [f"{name}:{_duration(value)}" for name, value in times]
    return f"HEALTHCHECK {{{' '.join(parts)} Retries:{check.retries}}}"


def _duration(nanoseconds: int) -> str:
    """Render as Go does: ``1m30s``, ``1h0m0s``, ``1.5s``, ``500ms``."""
    if nanoseconds < 1_000_000_000:
        return render_duration(nanoseconds)
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1e9:.9f}".rstrip("0").rstrip(".")
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(letter) or _visible(letter) for letter in text) + '"'


def _visible(letter: str) -> str:
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
