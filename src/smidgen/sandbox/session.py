"""A cell seen from outside: started, spoken to, and gone without a trace.

The cell is a process of its own (see ``smidgen.sandbox.cell``); this is the starter's end of the socket
between them. When it is closed, for whatever reason, the cell ends all that it holds.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from smidgen.errors import SandboxError
from smidgen.sandbox.cell.job import Job
from smidgen.sandbox.identity import USER_NAMESPACE_HINT, Identity, map_ids

_BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from smidgen.sandbox.cell.main import main; main(int(sys.argv[2]), sys.argv[3])"
)
_PACKET: Final = 1 << 16
_LEAVE: Final = 10.0

Event = dict[str, Any]


class Session:
    """A running cell.

    Use as a context manager: leaving it ends everything inside.

    Args:
        job: What to do; written below its directory.
        identity: Whose rights to build on.
        stdin: The program's standard input; None passes this process's own.
        output: Where its standard output and error go; None passes this process's own.
        descriptors: Open files that the job names.
        foreground: Stay in this terminal's session, for a runtime that takes the terminal over.
    """

    def __init__(
        self,
        job: Job,
        identity: Identity,
        *,
        stdin: int | None = subprocess.DEVNULL,
        output: int | IO[bytes] | None = None,
        descriptors: tuple[int, ...] = (),
        foreground: bool = False,
    ) -> None:
        path = Path(job.directory) / "job.json"
        path.write_text(job.encode(), encoding="utf-8", errors="surrogateescape")
        self._identity = identity
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        package = str(Path(__file__).parents[2])
        with theirs:
            # Isolated and without site-packages: nothing of the user's Python can interfere, and it starts sooner.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _BOOT, package, str(theirs.fileno()), str(path)],
                stdin=stdin,
                stdout=output,
                stderr=output,
                pass_fds=(theirs.fileno(), *descriptors),
                start_new_session=not foreground,
                umask=0o022,  # as engines have it, whatever the user's own
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """Give the descriptor that is readable when an event has come."""
        return self._control.fileno()

    def receive(self) -> Event | None:
        """Wait for the next event; None when the cell has ended.

        Raises:
            SandboxError: The cell could not be set up.
        """
        while True:
            try:
                packet = self._control.recv(_PACKET)
            except ConnectionResetError:
                packet = b""
            if not packet:
                return None
            event: Event = json.loads(packet)
            if event["event"] == "failed":
                raise SandboxError(
                    f"cannot set up a container: {event['reason']}",
                    hint=event.get("hint") or (USER_NAMESPACE_HINT if self._identity.user_namespace else None),
                )
            if event["event"] != "unshared":
                return event
            map_ids(self._identity, self._process.pid)
            self.send({"mapped": True})

    def send(self, message: Event) -> None:
        """Tell the cell something; without effect when it has ended."""
        try:
            # The command line lets SIGPIPE end it, for the sake of `| head`; not for a cell that has just ended.
            self._control.send(json.dumps(message).encode(), socket.MSG_NOSIGNAL)
        except OSError:
            return

    def close(self) -> None:
        """End everything inside, and wait for it."""
        self._control.close()
        try:
            self._process.wait(_LEAVE)
        except subprocess.TimeoutExpired:
            # Process 1 of the cell dies with it, and with process 1 all the others.
            self._process.kill()
            self._process.wait()


def remove_inside(directory: Path, identity: Identity) -> None:
    """Remove *directory*, whose files belong to ids that only a cell can act for."""
    job = Job(directory=str(directory), user_namespace=identity.user_namespace)
    with Session(job, identity) as session:
        while session.receive() is not None:
            pass


def host_environment() -> list[str]:
    """Give the runtime's own environment: nothing that could change how it works, and nothing secret."""
    return [f"PATH={os.environ.get('PATH', os.defpath)}", "LC_ALL=C"]
