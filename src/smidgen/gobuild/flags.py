"""The arguments of ``go build``: what the user said, what GOFLAGS says, and what smidgen adds.

On the command line of ``go build`` a flag hides the same flag of GOFLAGS. Adding ``-ldflags=-s -w`` blindly would so
lose the ``-ldflags`` of a user's GOFLAGS; here it is merged into it.

Source: ``go help build``, ``go help environment`` (GOFLAGS), ``cmd/internal/quoted``, ``load.PerPackageFlag``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from smidgen.errors import UsageError
from smidgen.gobuild.options import BuildOptions

_SPACE = " \t\n\r"

#: Flags of ``go build`` that take no value in the next argument.
_BOOLEAN = frozenset(
    {
        "a",
        "asan",
        "buildvcs",
        "cover",
        "json",
        "linkshared",
        "modcacherw",
        "msan",
        "n",
        "race",
        "trimpath",
        "v",
        "work",
        "x",
    }
)
_REFUSED = {
    "o": "where the executable goes is smidgen's to choose",
    "C": "name the package's directory as the target instead",
    "n": "it would build nothing",
    "toolexec": "it would run a program of the configuration's choice during the build",
}


def split_quoted(text: str) -> list[str]:
    """Split *text* as Go splits GOFLAGS: by spaces, with '' or "" around whole elements and no escapes.

    Raises:
        UsageError: A quote does not end.
    """
    fields: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
        elif text[at] in "\"'":
            end = text.find(text[at], at + 1)
            if end < 0:
                raise UsageError(f"flags {text!r}: the quote {text[at]} does not end")
            fields.append(text[at + 1 : end])
            at = end + 1
        else:
            end = next((i for i in range(at, len(text)) if text[i] in _SPACE), len(text))
            fields.append(text[at:end])
            at = end
    return fields


def join_quoted(fields: Sequence[str]) -> str:
    """Join *fields* so that :func:`split_quoted` gives them back.

    Raises:
        UsageError: A field has both kinds of quote, which Go has no way to write.
    """
    return " ".join(_quote(field) for field in fields)


def _quote(field: str) -> str:
    if field and not any(c in field for c in _SPACE) and field[0] not in "\"'":
        return field
    for quote in "'\"":
        if quote not in field:
            return f"{quote}{field}{quote}"
    raise UsageError(f"{field!r} has both ' and \", which a Go flag cannot hold")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: its name without dashes, its value (None for a bare boolean), and its arguments as written."""

    name: str
    value: str | None
    arguments: tuple[str, ...]


def parse_flags(arguments: Sequence[str]) -> tuple[Flag, ...]:
    """Split *arguments* into flags; ``-name=value``, ``-name value`` and ``--`` forms are known.

    Raises:
        UsageError: An argument is no flag, or a value is missing.
    """
    flags: list[Flag] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.removeprefix("-").removeprefix("-").partition("=")
        if not argument.startswith("-") or not name:
            raise UsageError(f"{argument!r} is not a flag of go build", hint="write -NAME=VALUE, one flag an argument")
        if equals:
            flags.append(Flag(name, value, (argument,)))
        elif name in _BOOLEAN:
            flags.append(Flag(name, None, (argument,)))
        else:
            following = next(rest, None)
            if following is None:
                raise UsageError(f"the flag {argument} has no value", hint=f"write {argument}=VALUE")
            flags.append(Flag(name, following, (argument, following)))
    return tuple(flags)


class FlagSet:
    """The flags that a build ends up with: the options', else the raw arguments', else those of GOFLAGS."""

    def __init__(self, options: BuildOptions, goflags_setting: str) -> None:
        self._options = options
        self.raw = parse_flags(options.goflags)
        for flag in self.raw:
            if flag.name in _REFUSED:
                raise UsageError(f"-{flag.name} cannot be passed to go build: {_REFUSED[flag.name]}")
        # As Go does, elements of GOFLAGS are whole flags; a value in the next element is not possible there.
        self.inherited = tuple(_inherited(element) for element in split_quoted(goflags_setting))

    def values(self, name: str) -> tuple[str, ...]:
        """Give the values of the flag *name*, by the rules of precedence."""
        own = {
            "ldflags": (" ".join(self._options.ldflags),) if self._options.ldflags else (),
            "gcflags": self._options.gcflags,
            "tags": (",".join(self._options.tags),) if self._options.tags else (),
        }.get(name, ())
        return (
            own
            or tuple(flag.value or "" for flag in self.raw if flag.name == name)
            or tuple(flag.value or "" for flag in self.inherited if flag.name == name)
        )

    def has(self, name: str) -> bool:
        """Tell whether the flag *name* is given anywhere."""
        return any(flag.name == name for flag in (*self.raw, *self.inherited)) or bool(self.values(name))

    def value(self, name: str) -> str:
        """Give the last value of the flag *name*: "true" for a bare boolean, "" where it is not given."""
        for flags in (self.raw, self.inherited):
            for flag in reversed(flags):
                if flag.name == name:
                    return "true" if flag.value is None else flag.value
        return ""

    def arguments(self) -> tuple[str, ...]:
        """Render the arguments that go after ``go build``."""
        merged = {"ldflags", "gcflags"}
        if self._options.tags:
            merged.add("tags")
        arguments: list[str] = []
        if self._options.trimpath and not self.has("trimpath"):
            arguments.append("-trimpath")
        arguments += [f"-ldflags={text}" for text in self._ldflags()]
        gcflags = list(self.values("gcflags"))
        if self._options.disable_optimizations:
            gcflags.insert(0, "all=-N -l")
        arguments += [f"-gcflags={text}" for text in gcflags]
        arguments += [f"-tags={text}" for text in self.values("tags") if self._options.tags]
        arguments += [argument for flag in self.raw if flag.name not in merged for argument in flag.arguments]
        return tuple(arguments)

    def _ldflags(self) -> list[str]:
        """Put ``-s -w`` before and ``-X`` after each of the user's texts, as the last matching one is in force."""
        strip = "-s -w" if self._options.strip else ""
        sets = [part for name, value in self._options.variables for part in ("-X", f"{name}={value}")]
        variables = join_quoted(sets)
        linking = self._static_linking() if self._options.cgo else ""
        texts: list[tuple[str, str]] = []
        for text in self.values("ldflags"):
            stripped = text.strip()
            pattern = ""
            if stripped and not stripped.startswith("-") and "=" in stripped:
                pattern, _, stripped = stripped.partition("=")
                pattern += "="
            texts.append((pattern, stripped))
        if all(pattern for pattern, _ in texts):
            texts.insert(0, ("", ""))
        rendered = ((pattern, " ".join(filter(None, (strip, text, variables, linking)))) for pattern, text in texts)
        return [pattern + text for pattern, text in rendered if text]

    def _static_linking(self) -> str:
        """Have the C compiler link everything into one file; the last of equal flags is in force, so it has all."""
        words = [word for text in self.values("ldflags") for word in split_quoted(text.strip())]
        wanted = ""
        for word, following in pairwise((*words, "")):
            name, equals, value = word.lstrip("-").partition("=")
            if word.startswith("-") and name == "extldflags":
                wanted = value if equals else following
        # Go's name for a build follows from the path of the C compiler, which differs from one machine to the next.
        return join_quoted(["-linkmode=external", f"-extldflags={f'{wanted} -static'.strip()}", "-buildid="])


def _inherited(element: str) -> Flag:
    name, equals, value = element.removeprefix("-").removeprefix("-").partition("=")
    return Flag(name, value if equals else None, (element,))
