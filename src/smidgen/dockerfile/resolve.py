"""A stage's instructions, once the config of its base is known: steps to do, and the config that comes out.

::

    planned = plan(parse(text, name="Dockerfile"), options)
    for stage in planned.stages:
        if isinstance(stage.base, StageOrigin):
            begin = state_of_stage(results[stage.base.index].state)
        else:
            begin = state_of_image(config_of(stage.base), platform)
        resolved = resolve_stage(planned, stage, begin)
        …                                   # do resolved.steps; the rest is in resolved.state

Source: BuildKit's ``dockerfile2llb/convert.go``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from smidgen.dockerfile import history
from smidgen.dockerfile.checks import judge
from smidgen.dockerfile.instruction import (
    Arg,
    Cmd,
    CommandLine,
    Doubt,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Instruction,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    Transfer,
    User,
    Volume,
    Workdir,
)
from smidgen.dockerfile.origins import Origin
from smidgen.dockerfile.parse import parse_trigger
from smidgen.dockerfile.plan import Plan, PlannedStage, origins_of
from smidgen.dockerfile.ports import parse_ports
from smidgen.dockerfile.resolve_copy import copy_step
from smidgen.dockerfile.resolve_run import run_step
from smidgen.dockerfile.scope import Scope
from smidgen.dockerfile.signals import check_signal
from smidgen.dockerfile.state import StageState, with_env, with_variables
from smidgen.dockerfile.steps import ConfigStep, Step, WorkdirStep
from smidgen.oci import config as oci_config

# What variables, labels and the rest come to: an image config may not be larger than half of this.
MAX_HISTORY: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedStage:
    """A stage, ready to be done.

    Attributes:
        planned: What it was.
        steps: All its instructions, those of ONBUILD first.
        needs: Where the steps get files from, apart from the base and the context; those of ONBUILD too.
        state: What comes out, apart from files: ``state.config``, ``state.history`` (without times) and so on.
        warnings: Doubtful places that expansion found.
    """

    planned: PlannedStage
    steps: tuple[Step, ...]
    needs: tuple[Origin, ...]
    state: StageState
    warnings: tuple[Doubt, ...]

    @property
    def work(self) -> tuple[Step, ...]:
        """The steps that may make a layer."""
        return tuple(step for step in self.steps if not isinstance(step, ConfigStep))


def resolve_stage(plan: Plan, planned: PlannedStage, begin: StageState) -> ResolvedStage:
    """Expand the instructions of *planned*, one after the other, and fold what they say into the state.

    Args:
        plan: The whole.
        planned: The stage.
        begin: What its base gives: :func:`smidgen.dockerfile.state.state_of_image` or ``state_of_stage``.

    Raises:
        DockerfileError: A value cannot be expanded, or is not one that the instruction takes.
    """
    triggers = tuple(parse_trigger(text, planned.stage.from_.location) for text in begin.pending)
    state = replace(begin, pending=())
    steps: list[Step] = []
    needs: dict[Origin, None] = dict.fromkeys(planned.needs)
    doubts: list[Doubt] = []
    size = 0
    for number, instruction in enumerate((*triggers, *planned.stage.instructions)):
        for origin in origins_of(instruction, planned.stage, plan.names) if number < len(triggers) else ():
            needs.setdefault(origin)
        scope = Scope(plan, planned, state, instruction, doubts)
        step, state = _resolve(scope)
        size += len(step.created_by)
        if size > MAX_HISTORY:
            raise scope.fault(
                f"the stage says more than {MAX_HISTORY} characters so far", hint="a variable is too long: use a file"
            )
        steps.append(replace(step, from_onbuild=number < len(triggers)))
    return ResolvedStage(
        planned=planned,
        steps=tuple(steps),
        needs=tuple(needs),
        state=state,
        warnings=judge(plan.dockerfile, dict.fromkeys(doubts)),
    )


def _resolve(scope: Scope) -> tuple[Step, StageState]:
    instruction, state = scope.instruction, scope.state
    match instruction:
        case Run():
            return _layer(run_step(scope, instruction), state)
        case Transfer():
            return _layer(copy_step(scope, instruction), state)
        case Workdir():
            return _workdir(scope, instruction)
        case Onbuild():
            expressions = (*(state.config.on_build or ()), instruction.expression)
            return _config_step(scope, ""), _with(state, on_build=expressions)
    text, state = _FOLDS[type(instruction)](scope, instruction)
    return _config_step(scope, text), _noted(state, text, makes_layer=False)


def _noted(state: StageState, text: str, *, makes_layer: bool) -> StageState:
    return replace(state, history=(*state.history, history.entry(text, makes_layer=makes_layer)))


def _with(state: StageState, **changes: object) -> StageState:
    return replace(state, config=msgspec.structs.replace(state.config, **changes))


def _layer(step: Step, state: StageState) -> tuple[Step, StageState]:
    return step, _noted(state, step.created_by, makes_layer=True)


def _config_step(scope: Scope, created_by: str) -> ConfigStep:
    return ConfigStep(location=scope.instruction.location, title=scope.title, created_by=created_by)


def _workdir(scope: Scope, instruction: Workdir) -> tuple[Step, StageState]:
    written = scope.expand(instruction.path)
    if not scope.state.has_workdir and not written.startswith("/"):
        scope.doubt("WorkdirRelativePath", f"{instruction.path!r} is relative to what the base has")
    # An absolute path stays in the config as it is written, as in BuildKit; the directory is the same.
    path = scope.absolute(written)
    shown = written if written.startswith("/") else path
    text = f"WORKDIR {shown}"
    state = replace(_with(scope.state, working_dir=shown), has_workdir=True)
    if path == "/":
        return _config_step(scope, text), _noted(state, text, makes_layer=False)
    step = WorkdirStep(
        location=instruction.location, title=scope.title, created_by=text, path=path, user=state.config.user
    )
    return _layer(step, state)


def _env(scope: Scope, instruction: Env) -> tuple[str, StageState]:
    # One line is expanded against what was there before it.
    pairs = [(scope.expand(name), scope.expand(value)) for name, value in instruction.pairs]
    state = _with(scope.state, env=with_env(scope.state.config.env, pairs))
    return history.pairs_text("ENV", pairs), replace(state, variables=with_variables(state.variables, pairs))


def _arg(scope: Scope, instruction: Arg) -> tuple[str, StageState]:
    variables, arguments = dict(scope.state.variables), dict(scope.state.arguments)
    state = replace(scope.state, variables=variables, arguments=arguments)
    # Each one sees those before it.
    inner = replace(scope, state=state)
    values: list[tuple[str, str | None]] = []
    for name, default in instruction.variables:
        value = inner.argument(name, default)
        values.append((name, value))
        arguments[name] = value
        if value is not None:
            variables.pop(name, None)
            variables[name] = value
    return history.pairs_text("ARG", values), state


def _label(scope: Scope, instruction: Label) -> tuple[str, StageState]:
    pairs = [(scope.expand(name), scope.expand(value)) for name, value in instruction.pairs]
    labels = {**(scope.state.config.labels or {}), **dict(pairs)}
    return history.pairs_text("LABEL", pairs), _with(scope.state, labels=labels)


def _maintainer(scope: Scope, instruction: Maintainer) -> tuple[str, StageState]:
    return f"MAINTAINER {instruction.name}", replace(scope.state, author=instruction.name)


def _user(scope: Scope, instruction: User) -> tuple[str, StageState]:
    user = scope.expand(instruction.user)
    return f"USER {user}", _with(scope.state, user=user)


def _words(command: CommandLine, state: StageState) -> tuple[str, ...]:
    return (*state.shell, " ".join(command.words)) if command.is_shell else command.words


def _cmd(scope: Scope, instruction: Cmd) -> tuple[str, StageState]:
    words = _words(instruction.command, scope.state)
    return history.quoted_text("CMD", words), replace(_with(scope.state, cmd=words, args_escaped=True), has_cmd=True)


def _entrypoint(scope: Scope, instruction: Entrypoint) -> tuple[str, StageState]:
    words = _words(instruction.command, scope.state)
    # What the base's CMD gave as arguments was meant for another program.
    cmd = scope.state.config.cmd if scope.state.has_cmd else None
    return history.quoted_text("ENTRYPOINT", words), _with(scope.state, entrypoint=words, cmd=cmd)


def _expose(scope: Scope, instruction: Expose) -> tuple[str, StageState]:
    ports: list[str] = []
    for text in instruction.ports:
        for word in scope.expand_words(text):
            ports += scope.checked(parse_ports, word, at=text)
            if ":" in word:
                scope.doubt("ExposeInvalidFormat", f"{word!r} has what is about the host; only the last part counts")
            if word != word.lower():
                scope.doubt("ExposeProtoCasing", f"{word!r} counts in lower case")
    exposed = {**(scope.state.config.exposed_ports or {}), **{port: {} for port in ports}}
    return history.list_text("EXPOSE", ports), _with(scope.state, exposed_ports=exposed)


def _volume(scope: Scope, instruction: Volume) -> tuple[str, StageState]:
    paths = [scope.expand(path) for path in instruction.paths]
    if "" in paths:
        raise scope.fault("a path of VOLUME is empty", hint="give the variable a value, or leave it out")
    volumes = {**(scope.state.config.volumes or {}), **{path: {} for path in paths}}
    return history.list_text("VOLUME", paths), _with(scope.state, volumes=volumes)


def _stopsignal(scope: Scope, instruction: Stopsignal) -> tuple[str, StageState]:
    signal = scope.checked(check_signal, scope.expand(instruction.signal), at=instruction.signal)
    return f"STOPSIGNAL {signal}", _with(scope.state, stop_signal=signal)


def _healthcheck(scope: Scope, instruction: Healthcheck) -> tuple[str, StageState]:
    command = instruction.command
    kind = "CMD-SHELL" if command and command.is_shell else "CMD"
    check = oci_config.Healthcheck(
        test=("NONE",) if command is None else (kind, *command.words),
        interval=instruction.interval,
        timeout=instruction.timeout,
        start_period=instruction.start_period,
        start_interval=instruction.start_interval,
        retries=instruction.retries,
    )
    return history.healthcheck_text(check), _with(scope.state, healthcheck=check)


def _shell(scope: Scope, instruction: Shell) -> tuple[str, StageState]:
    return history.list_text("SHELL", instruction.words), _with(scope.state, shell=instruction.words)


# Each takes its own kind of instruction; the key says which.
_FOLDS: Final[Mapping[type[Instruction], Callable[[Scope, Any], tuple[str, StageState]]]] = {
    Arg: _arg,
    Cmd: _cmd,
    Entrypoint: _entrypoint,
    Env: _env,
    Expose: _expose,
    Healthcheck: _healthcheck,
    Label: _label,
    Maintainer: _maintainer,
    Shell: _shell,
    Stopsignal: _stopsignal,
    User: _user,
    Volume: _volume,
}
