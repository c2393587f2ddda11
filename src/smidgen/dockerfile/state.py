"""What a stage is at a point: its config so far, and the variables that the next instruction sees.

Source: BuildKit's ``dockerfile2llb`` (``dispatchState``).
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from smidgen.oci.config import History, ImageConfig, RunConfig
from smidgen.oci.platform import Platform

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL: Final = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """A stage at a point. Values are never changed; each instruction gives a new one.

    Attributes:
        config: What the image config's ``config`` is so far.
        author: Of the image.
        history: Entries of the base and of the instructions so far, without times.
        platform: What the stage is built for.
        variables: What expansion and RUN see: ENV and ARG, the later over the earlier.
        arguments: Names of the ARGs so far, in order, each with what its instruction gave it.
        pending: Expressions of ONBUILD instructions of this stage, for stages that are built on it.
        has_cmd: This stage has a CMD of its own, which ENTRYPOINT leaves alone.
        has_workdir: This stage, or one that it is based on, has a WORKDIR.
    """

    config: RunConfig
    platform: Platform
    author: str = ""
    history: tuple[History, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str | None] = field(default_factory=dict)
    pending: tuple[str, ...] = ()
    has_cmd: bool = False
    has_workdir: bool = False

    @property
    def directory(self) -> str:
        """The working directory, absolute and clean."""
        return posixpath.normpath(f"/{self.config.working_dir}").replace("//", "/")

    @property
    def shell(self) -> tuple[str, ...]:
        """What stands before the shell form."""
        return self.config.shell or DEFAULT_SHELL


def state_of_image(config: ImageConfig | None, platform: Platform) -> StageState:
    """Give the state with which a stage on an image begins.

    Args:
        config: Of the image; None for ``scratch`` and for directories.
        platform: What the stage is built for.
    """
    run = config.run if config else RunConfig(working_dir="/")
    variables = environment_of(run)
    if "PATH" not in variables:
        run = msgspec.structs.replace(run, env=(*(run.env or ()), f"PATH={DEFAULT_PATH}"))
        variables["PATH"] = DEFAULT_PATH
    return StageState(
        config=msgspec.structs.replace(run, on_build=None),
        platform=platform,
        author=config.author if config else "",
        history=(config.history or ()) if config else (),
        variables=variables,
        pending=run.on_build or (),
    )


def state_of_stage(base: StageState) -> StageState:
    """Give the state with which a stage on another stage begins: its ARGs go on too."""
    return StageState(
        config=msgspec.structs.replace(base.config, on_build=None),
        platform=base.platform,
        author=base.author,
        history=base.history,
        variables=base.variables,
        arguments=base.arguments,
        pending=base.config.on_build or (),
        has_workdir=base.has_workdir,
    )


def environment_of(config: RunConfig) -> dict[str, str]:
    """Give the variables of a config; a name without ``=`` is empty."""
    found: dict[str, str] = {}
    for text in config.env or ():
        name, _, value = text.partition("=")
        found[name] = value
    return found


def with_variables(variables: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Give *variables* with *pairs* set, at the end."""
    found = dict(variables)
    for name, value in pairs:
        found.pop(name, None)
        found[name] = value
    return found


def with_env(env: tuple[str, ...] | None, pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Give the ``env`` of a config with *pairs* set, each in its old place where it has one."""
    entries = list(env or ())
    places: dict[str, int] = {}
    for number, text in enumerate(entries):
        places.setdefault(text.partition("=")[0], number)
    for name, value in pairs:
        place = places.setdefault(name, len(entries))
        entries[place : place + 1] = [f"{name}={value}"]
    return tuple(entries)
