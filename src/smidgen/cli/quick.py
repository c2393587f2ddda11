"""The answer to a build that was asked before, in the same words and with nothing changed since.

Most builds of a day change nothing. Then what takes time is Python importing a command line, a configuration
reader and a builder only to find that out. So a build whose outcome follows from things that ``stat`` and git can
vouch for leaves a note of them, and the next build in the same words checks the note before anything is
imported: this module uses what Python has loaded anyway.

A note holds for the same arguments, directory, environment and version of smidgen, which its name is a digest of
(an environment has secrets: nothing of it is written down). It lists files with the signatures of
``smidgen.gobuild.signature``, paths at which nothing may be, and git commands with what they answered. Whatever
does not hold leads to the ordinary build, which decides everything anew; a note can only save time.

Where source changed, the compiler is most likely to be started just as it was the last time. So a note
also has that command, and it is started at once: it works while Python imports. The ordinary build takes
it over if it comes to the very same command, and else ends it and starts its own.
"""

import os
import sys
import time

# Raised when the form of a note changes.
_FORMAT = "3"
# What a terminal or a shell sets for itself. No build depends on them; see ``quick_note`` for templates.
_PASSING = frozenset(
    {
        *("_", "SHLVL", "OLDPWD", "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "WINDOWID"),
        "SMIDGEN_IN_NAMESPACE",
        *("TMUX", "TMUX_PANE", "STY", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "SSH_AUTH_SOCK"),
    }
)
_MAX_NOTE = 16 << 20


class HeadStart:
    """A compiler that was started before it was known whether it is what is wanted.

    Attributes:
        arguments: Its command line, the first an absolute path.
        environment: Its environment, whole.
        output: The directory made for this build; the compiler writes into ``0`` below it.
        started_ns: When it was about to be started, in nanoseconds since 1970.
        pid: Its process, the leader of a process group of its own; None once somebody took it over.
        stdout: A pipe to read what it writes to standard output.
        stderr: Likewise for standard error.
    """

    def __init__(self, template: "list[str]", changes: "list[str]") -> None:
        """Start it.

        Raises:
            OSError: It cannot be started.
        """
        # As ``tempfile`` has it; the name cannot be foreseen, and mkdir fails if it was taken.
        parent = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
        self.output = f"{parent}/smidgen-build-{os.getpid()}-{time.monotonic_ns():x}"
        place = f"{self.output}/0"
        self.arguments = [word.replace("\1", place) for word in template]
        self.environment = dict(os.environ)
        for name, value in zip(changes[::2], changes[1::2], strict=True):
            self.environment[name] = value
        self.started_ns = time.time_ns()
        os.mkdir(self.output, 0o700)
        os.mkdir(place)
        self.stdout, out = os.pipe()
        self.stderr, error = os.pipe()
        try:
            self.pid: int | None = os.posix_spawn(
                self.arguments[0],
                self.arguments,
                self.environment,
                setpgroup=0,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, out, 1),
                    (os.POSIX_SPAWN_DUP2, error, 2),
                ],
            )
        except BaseException:
            self.pid = None
            os.close(self.stdout)
            os.close(self.stderr)
            self.end()
            raise
        finally:
            os.close(out)
            os.close(error)

    def end(self) -> None:
        """End it if nobody took it over, and remove what it left."""
        if self.pid is not None:
            os.killpg(self.pid, 9)
            os.waitpid(self.pid, 0)
            os.close(self.stdout)
            os.close(self.stderr)
            self.pid = None
        import shutil

        shutil.rmtree(self.output, ignore_errors=True)


#: What was started by ``answer``, until the ordinary build ends.
head_start: "HeadStart | None" = None


def answer(arguments: "list[str]") -> bool:
    """Print what the last build in these words printed, if that is still true; tells whether it is.

    If it is not, the compiler may have been started: see ``head_start``.

    Args:
        arguments: The command line, without the program's name.
    """
    path = note_path(arguments) if arguments[:1] == ["build"] else None
    if path is None:
        return False
    try:
        fields = _read(path)
        holds, is_edited = _holds(fields)
        command, changes = fields.take_list(), fields.take_list()
        result, plain, coloured = fields.take(), fields.take(), fields.take()
        if not holds:
            if command and is_edited:
                global head_start  # noqa: PLW0603 (the one thing that outlives this module's only call)
                head_start = HeadStart(command, changes)
            return False
    except (ValueError, IndexError, OSError):
        # There is none, or it is cut short or damaged, or a file cannot be looked at.
        return False
    sys.stderr.write(coloured if _colours() else plain)
    sys.stdout.write(result)
    return True


class Fields:
    """The fields of a note, in turn."""

    def __init__(self, fields: "list[str]") -> None:
        self._fields = fields
        self._at = 0

    def take(self) -> str:
        """Give the next field."""
        self._at += 1
        return self._fields[self._at - 1]

    def take_list(self) -> "list[str]":
        """Give the next list: its length is a field before it."""
        count = int(self.take())
        found = self._fields[self._at : self._at + count]
        if len(found) != count:
            raise ValueError("cut short")
        self._at += count
        return found


def note_path(arguments: "list[str]") -> "str | None":
    """Name the note of a command line in this directory and environment; None where there is no place for notes."""
    # Beside the other things that the store can lose, wherever --store says that the image goes.
    root = os.environ.get("SMIDGEN_STORE", "")
    if not root:
        data = os.environ.get("XDG_DATA_HOME", "")
        home = os.environ.get("HOME", "")
        root = f"{data if data.startswith('/') else f'{home}/.local/share'}/smidgen/store"
    if not root.startswith("/"):
        return None
    from smidgen._version import __version__

    words = [_FORMAT, __version__, sys.executable, os.getcwd(), str(len(arguments)), *arguments]
    words += [f"{name}={value}" for name, value in sorted(os.environ.items()) if name not in _PASSING]
    return f"{root}/cache/quick/{_digest(chr(0).join(words).encode('utf-8', 'surrogateescape'))}"


def signature(path: str) -> str:
    """Render the signature of *path* as notes have it; "" where there is nothing. See ``gobuild.signature``."""
    try:
        own = os.lstat(path)
        numbers = [own.st_mode, own.st_size, own.st_mtime_ns, own.st_ctime_ns, own.st_ino]
        if own.st_mode & 0o170000 == 0o120000:
            target = os.stat(path)
            numbers += [target.st_mode, target.st_size, target.st_mtime_ns, target.st_ctime_ns, target.st_ino]
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return " ".join(map(str, numbers))


def _read(path: str) -> Fields:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():
            raise ValueError("somebody else's")
        return Fields(file.read(_MAX_NOTE).decode("utf-8", "surrogateescape").split("\0"))


def _holds(fields: Fields) -> "tuple[bool, bool]":
    """Tell whether everything is as it was, and whether a file that the compiler read surely has other content."""
    commands, signatures, absent = fields.take_list(), fields.take_list(), fields.take_list()
    # Git is asked first, so that it works while files are looked at.
    running = [_start(command.split("\n")) for command in commands[::2]]
    try:
        triples = zip(signatures[::3], signatures[1::3], signatures[2::3], strict=True)
        changed = [(path, content) for path, wanted, content in triples if signature(path) != wanted]
        same = not changed and not any(map(os.path.lexists, absent))
    finally:
        answers = [_finish(*process) for process in running]
    return same and answers == commands[1::2], any(_has_other_content(*pair) for pair in changed)


def _has_other_content(path: str, content: str) -> bool:
    """Tell whether the file at *path* has not the digest *content*, which is "" for what is no file."""
    try:
        with open(path, "rb") as file:
            return bool(content) and _digest(file.read()) != content
    except OSError:
        return False


def _start(arguments: "list[str]") -> "tuple[int, int]":
    reading, writing = os.pipe()
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, writing, 1)]
        actions += [(os.POSIX_SPAWN_DUP2, nothing, 2)]
        environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
        try:
            return os.posix_spawn(arguments[0], arguments, environment, file_actions=actions), reading
        finally:
            os.close(nothing)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)


def _finish(pid: int, reading: int) -> str:
    """Give a digest of what a command answered, or "" where it failed."""
    with open(reading, "rb") as file:
        said = file.read()
    _, status = os.waitpid(pid, 0)
    return _digest(said) if status == 0 else ""


def _digest(data: bytes) -> str:
    # hashlib would load OpenSSL, which takes longer than all else here. The module's name is CPython's own affair.
    name = "_sha256" if sys.version_info < (3, 12) else "_sha2"
    try:
        return str(__import__(name).sha256(data).hexdigest())
    except ImportError:
        import hashlib

        return hashlib.sha256(data).hexdigest()


def _colours() -> bool:
    # As ``Console.colours``, which is not loaded.
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stderr.isatty() and os.environ.get("TERM") != "dumb")
