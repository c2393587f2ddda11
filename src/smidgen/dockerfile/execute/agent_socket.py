"""The socket of an SSH agent as a command sees it: with an owner and a mode of its own.

An agent answers its own user and the superuser only, whoever may write to its socket. So this process, which it
answers, takes the connections at another socket and passes on what is said.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from smidgen.dockerfile.mounts import SshMount
from smidgen.errors import UsageError
from smidgen.sandbox.cell.forward import Forwarder


@contextlib.contextmanager
def agent_socket(agent: str, path: Path, mount: SshMount) -> Iterator[None]:
    """Pass on what comes to the new socket *path* to that of *agent*, for as long as the block takes.

    Raises:
        UsageError: Nobody listens at *agent*.
    """
    _check(agent, mount.id)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
        directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, directory)
        # An address has room for 107 bytes, which a path may not fit into.
        listener.bind(f"/proc/self/fd/{directory}/{path.name}")
        try:
            os.chown(path, mount.uid, mount.gid)
            path.chmod(mount.mode)
        except OSError:
            # Ids that do not exist here; in the directory of the run nobody but the command finds it.
            path.chmod(0o666)
        listener.listen()
        ours, theirs = (stack.enter_context(one) for one in socket.socketpair())
        forwarder = Forwarder([(listener, agent)])
        thread = threading.Thread(target=forwarder.run, args=(theirs,), name="ssh-agent", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ours.send(b"x")
            thread.join()


def _check(agent: str, name: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.settimeout(5)
            probe.connect(agent)
        except OSError as error:
            raise UsageError(
                f"nobody listens at {agent}, the socket of the SSH agent {name!r}: {error.strerror or error}",
                hint="start ssh-agent, and give its socket in SSH_AUTH_SOCK or with --ssh ID=SOCKET",
            ) from error
