"""How a container of an image is started: what the user said, over what the base says, over what is usual.

Source: the ``FROM`` of a Dockerfile, whose inheritance everybody knows; ko for entrypoint and arguments, which belong
to the program and are never the base's.
"""

from collections.abc import Iterable, Mapping

from smidgen.config.settings import Settings
from smidgen.oci.config import Healthcheck, RunConfig

#: Where ko puts ``kodata``, and the variable that tells the program so.
KODATA_PATH = "var/run/ko"
KODATA_VARIABLE = "KO_DATA_PATH"


def run_config(settings: Settings, program: str, *, has_kodata: bool, base: RunConfig | None = None) -> RunConfig:
    """Give what a container is started with.

    Args:
        settings: What the user said.
        program: Absolute path of the executable.
        has_kodata: Whether the image has ko's data directory.
        base: What the base is started with, or None for the empty image.
    """
    below = base or RunConfig()
    return RunConfig(
        user=user_of(settings, base),
        exposed_ports=_set((*(below.exposed_ports or ()), *map(str, settings.ports))),
        env=tuple(f"{name}={value}" for name, value in environment_of(settings, base, has_kodata=has_kodata).items())
        or None,
        entrypoint=settings.entrypoint if settings.entrypoint is not None else (program,),
        cmd=settings.cmd or None,
        volumes=_set((*(below.volumes or ()), *settings.volumes)),
        working_dir=settings.workdir or below.working_dir,
        labels={**(below.labels or {}), **settings.labels} or None,
        stop_signal=settings.stop_signal or below.stop_signal,
        healthcheck=_healthcheck(settings, below),
        shell=below.shell,
    )


def environment_of(settings: Settings, base: RunConfig | None, *, has_kodata: bool = False) -> Mapping[str, str]:
    """Give the environment of the program: the base's first, each name once."""
    pairs = (one.partition("=") for one in (base.env if base is not None else None) or ())
    env = {name: value for name, _, value in pairs} | dict(settings.env)
    if has_kodata:
        env.setdefault(KODATA_VARIABLE, f"/{KODATA_PATH}")
    return env


def user_of(settings: Settings, base: RunConfig | None) -> str:
    """Give who the program runs as: the base's user unless there is none, or the user said another."""
    if base is not None and base.user and settings.provenance["user"].kind == "default":
        return base.user
    return settings.user.text


def _healthcheck(settings: Settings, below: RunConfig) -> Healthcheck | None:
    # NONE, which takes a check away, was said by somebody; no word of it keeps the base's.
    if settings.healthcheck is None and settings.provenance["healthcheck"].kind == "default":
        return below.healthcheck
    return settings.healthcheck


def _set(names: Iterable[str]) -> dict[str, dict[str, str]] | None:
    return {name: {} for name in names} or None
