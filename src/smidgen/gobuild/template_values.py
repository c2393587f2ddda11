"""The parameters of templates in flags, under ko's names.

Source: https://ko.build/configuration ("Templating support").
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from smidgen.errors import BuildError, UsageError
from smidgen.gobuild.git import GitFacts, nearest_tag
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.process import run
from smidgen.gobuild.template import expand, has_template

_ENV_NAME = re.compile(r"\.Env\.([A-Za-z_][A-Za-z0-9_]*)")
_LATEST_EPOCH = 253402300799  # the end of the year 9999, which RFC 3339 can write


class LazyMapping(Mapping[str, Any]):
    """A mapping that is made when it is first read: Go and git are asked only if a template wants to know."""

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self._make: Callable[[], Mapping[str, Any]] | None = make
        self._made: Mapping[str, Any] = {}

    def _all(self) -> Mapping[str, Any]:
        if self._make is not None:
            self._made, self._make = self._make(), None
        return self._made

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSource:
    """Where values come from, before it is known for which package and platform.

    Attributes:
        environ: The user's environment.
        git: The repository's facts, None where there is none: then its values are empty, as ko has it.
        now: The time of the build, in seconds since 1970.
    """

    environ: Mapping[str, str]
    git: GitFacts | None
    now: int

    @property
    def timestamp(self) -> int:
        """Give SOURCE_DATE_EPOCH, else the time of the build, in seconds since 1970.

        Raises:
            UsageError: SOURCE_DATE_EPOCH is not a number of seconds.
        """
        text = self.environ.get("SOURCE_DATE_EPOCH", "")
        if not text:
            return self.now
        if not (text.isascii() and text.isdigit() and int(text) <= _LATEST_EPOCH):
            raise UsageError(
                f"SOURCE_DATE_EPOCH is {text!r}, expected whole seconds since 1970",
                hint="for one, `git log -1 --format=%ct`",
            )
        return int(text)

    def values(self, variables: Mapping[str, str], go: str, directory: str) -> Mapping[str, Any]:
        """Give the values for one ``go`` command.

        Args:
            variables: Its environment.
            go: Its executable.
            directory: Where it runs.
        """
        return {
            "Env": {"LDFLAGS": "", **variables},
            "GoEnv": LazyMapping(lambda: _go_env(go, directory, variables)),
            "Git": LazyMapping(self._git_values),
            "Date": rfc3339(self.timestamp),
            "Timestamp": self.timestamp,
        }

    def _git_values(self) -> Mapping[str, Any]:
        git = self.git or GitFacts(root="", commit="")
        return {
            "Branch": git.branch or ("HEAD" if git.commit else ""),
            # What ko says where there is no tag.
            "Tag": (nearest_tag(git, self.environ) or "v0.0.0") if self.git else "",
            "ShortCommit": git.short_commit,
            "FullCommit": git.commit,
            "CommitDate": rfc3339(git.committed_at),
            "CommitTimestamp": git.committed_at,
            "IsDirty": git.is_dirty,
            "IsClean": not git.is_dirty,
            "TreeState": "dirty" if git.is_dirty else "clean",
        }


def _go_env(go: str, directory: str, variables: Mapping[str, str]) -> Mapping[str, Any]:
    """Ask ``go env``; the environment's own values beat it, as they do for ko."""
    import msgspec

    outcome = run([go, "env", "-C", directory, "-json"], variables)
    if outcome.exit_code != 0:
        raise BuildError(f"go env failed: {outcome.stderr.decode(errors='replace').strip()}")
    settings = msgspec.json.decode(outcome.stdout, type=dict[str, str])
    return {name: variables.get(name, value) for name, value in settings.items()}


def rfc3339(seconds: int) -> str:
    """Write a time as ``2026-01-31T12:00:00Z``."""
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def expand_options(options: BuildOptions, values: Mapping[str, Any]) -> BuildOptions:
    """Expand every template of *options*.

    Raises:
        UsageError: A template is wrong, or names what is not there.
    """
    if not any(map(has_template, templates_of(options))):
        return options

    def all_of(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(expand(text, values) for text in texts)

    return replace(
        options,
        ldflags=all_of(options.ldflags),
        tags=all_of(options.tags),
        gcflags=all_of(options.gcflags),
        goflags=all_of(options.goflags),
        variables=tuple((name, expand(value, values)) for name, value in options.variables),
    )


def templates_of(options: BuildOptions) -> tuple[str, ...]:
    """Give the texts of *options* that may be templates."""
    values = (value for _, value in options.variables)
    return (*options.ldflags, *options.tags, *options.gcflags, *options.goflags, *values)


def template_dependencies(texts: tuple[str, ...], source: TemplateSource) -> dict[str, str]:
    """Name everything that the templates in *texts* can depend on, with its value now.

    More than they do depend on may be named. What Go would answer is not: it follows from the toolchain and its
    settings, which every build depends on anyway.
    """
    templates = [text for text in texts if has_template(text)]
    joined = "\n".join(templates)
    if not templates:
        return {}
    dependencies: dict[str, str] = {}
    names = _ENV_NAME.findall(joined)
    if joined.count(".Env") - joined.count(".Environ") > len(names):
        # `index .Env "X"` and the like: every variable could be meant.
        names = [*names, *source.environ]
    dependencies |= {f"env {name}": source.environ.get(name, "\0") for name in names}
    if ".Git" in joined:
        dependencies["git"] = repr(source.git)
    if ".Date" in joined or ".Timestamp" in joined:
        dependencies["time"] = str(source.timestamp)
    return dependencies
