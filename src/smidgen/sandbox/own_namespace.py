"""The same command once more, as the superuser of a user namespace: for builds by ordinary users.

There files can be given to the ids of an image, and overlays mounted, with no privilege outside.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from smidgen.errors import SandboxError

if TYPE_CHECKING:
    from smidgen.sandbox.identity import Identity

if TYPE_CHECKING:
    import socket
    import subprocess

_CAP_SYS_ADMIN: Final = 21
_MARK: Final = "SMIDGEN_IN_NAMESPACE"
# Started without site-packages, so that entering the namespace comes before any import that could start a thread.
_BOOT: Final = (
    "import ctypes, os, socket, sys; "
    "libc = ctypes.CDLL(None, use_errno=True); "
    "control = socket.socket(fileno=int(sys.argv[1])); "
    "libc.prctl(1, 9, 0, 0, 0); "
    "failed = libc.unshare(0x10000000); "
    "control.send(b'%d' % (ctypes.get_errno() if failed else 0)); "
    "mapped = control.recv(1); control.close(); "
    "os.execv(sys.argv[2], sys.argv[2:]) if mapped and not failed else os._exit(125)"
)


def inside(arguments: Sequence[str]) -> int | None:
    """Run ``smidgen ARGUMENTS`` in a user namespace and give its exit code; None where this process has the rights.

    Raises:
        SandboxError: There can be no user namespace.
    """
    if os.environ.get(_MARK) == "1" or (os.geteuid() == 0 and _has_all_rights()):
        return None
    from smidgen.sandbox.identity import Rights, find_identity  # the superuser does without

    identity = find_identity()
    if identity.rights is Rights.ROOT:
        return None
    return _again(arguments, identity)


def _again(arguments: Sequence[str], identity: "Identity") -> int:
    import socket
    import subprocess

    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            again = [sys.executable, *_interpreter_options(), "-m", "smidgen", *arguments]
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _BOOT, str(theirs.fileno()), *again],
                pass_fds=(theirs.fileno(),),
                env={**os.environ, _MARK: "1"},
            )
        try:
            _let_go_on(ours, process, identity)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return _waited(process)


def _has_all_rights() -> bool:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return False


def _let_go_on(control: "socket.socket", process: "subprocess.Popen[bytes]", identity: "Identity") -> None:
    """Map the ids of the namespace that *process* has entered, and have it go on."""
    from smidgen.sandbox.identity import USER_NAMESPACE_HINT, map_ids

    failed = int(control.recv(16) or b"1")
    if failed:
        raise SandboxError(f"cannot make a user namespace: {os.strerror(failed)}", hint=USER_NAMESPACE_HINT)
    map_ids(identity, process.pid)
    control.send(b"1")


def _waited(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the end of it; what a terminal sends goes to both, and other signals are passed on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _frame: process.send_signal(got))
    code = process.wait()
    return 128 - code if code < 0 else code


def _interpreter_options() -> list[str]:
    """Give the options of Python with which this process was started, as far as they change what is imported."""
    return ["-I"] if sys.flags.isolated else []
