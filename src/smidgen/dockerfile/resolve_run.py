"""RUN, expanded: only its mounts have variables that are not the shell's.

Source: BuildKit's ``dockerfile2llb`` (``dispatchRun``, ``dispatchRunMounts``).
"""

import re
from dataclasses import replace
from functools import partial
from typing import Final

from smidgen.dockerfile import history
from smidgen.dockerfile.heredoc import parse_heredoc
from smidgen.dockerfile.instruction import Heredoc, Run
from smidgen.dockerfile.mounts import BindMount, CacheMount, SecretMount, SshMount, TmpfsMount, parse_mount
from smidgen.dockerfile.origins import MainContext, Origin, ScratchOrigin
from smidgen.dockerfile.scope import Scope
from smidgen.dockerfile.steps import RunStep, StepMount

SCRIPTS: Final = "/dev/pipes"
_FILE: Final = re.compile(r"^(?!\.\.?\Z)[A-Za-z0-9_.-]{1,100}\Z")


def run_step(scope: Scope, run: Run) -> RunStep:
    """Resolve a RUN.

    Raises:
        DockerfileError: A mount is wrong once it is expanded, or a script has a name that no file can have.
    """
    state = scope.state
    words, script = _command(scope, run)
    if run.command.is_shell:
        words = (*state.shell, " ".join(words))
    given = [(name, state.variables.get(name, value or "")) for name, value in state.arguments.items()]
    return RunStep(
        location=run.location,
        title=scope.title,
        created_by=history.run_text(words, given),
        arguments=words,
        environment=tuple(state.variables.items()),
        proxies=tuple((name, value) for name, value in scope.plan.proxies.items() if name not in state.variables),
        user=state.config.user,
        directory=state.directory,
        mounts=tuple(_mount(scope, text) for text in run.mounts),
        network=run.network,
        security=run.security,
        script=script,
    )


def _command(scope: Scope, run: Run) -> tuple[tuple[str, ...], tuple[str, str] | None]:
    command = run.command
    if not command.heredocs:
        return command.words, None
    (text,) = command.words
    if parse_heredoc(text) is None:
        # More than a document: the shell reads them itself.
        documents = (f"\n{heredoc.content}{heredoc.name}" for heredoc in command.heredocs)
        return (text + "".join(documents),), None
    heredoc = command.heredocs[0]
    if not heredoc.text.startswith("#!"):
        return (heredoc.text,), None
    return _script(scope, heredoc)


def _script(scope: Scope, heredoc: Heredoc) -> tuple[tuple[str, ...], tuple[str, str]]:
    if not _FILE.match(heredoc.name):
        raise scope.fault(f"a script cannot be named {heredoc.name!r}", at="<<", hint="use letters, digits, - _ . only")
    path = f"{SCRIPTS}/{heredoc.name}"
    return (path,), (path, heredoc.text)


def _mount(scope: Scope, text: str) -> StepMount:
    mount = scope.checked(partial(parse_mount, expand=scope.expand), text, at=text)
    target = mount.target
    if target is not None:
        target = scope.absolute(target)
        if target == "/":
            raise scope.fault("a mount over the root", at=text, hint="write target=DIRECTORY")
    match mount:
        case BindMount(from_=name):
            origin = _origin(scope, name, text) if name else MainContext()
            return StepMount(replace(mount, target=target or "/"), origin)
        case CacheMount(from_=name):
            origin = _origin(scope, name, text) if name else ScratchOrigin()
            return StepMount(replace(mount, target=target or "/"), origin)
        case TmpfsMount():
            return StepMount(replace(mount, target=target or "/"), None)
        case SecretMount() | SshMount():
            return StepMount(replace(mount, target=target), None)


def _origin(scope: Scope, name: str, text: str) -> Origin:
    return scope.checked(
        lambda each: scope.plan.names.source(each, scope.planned.stage, scope.instruction.location), name, at=text
    )
