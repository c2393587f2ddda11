"""Every error that smidgen raises on purpose.

The tree::

    SmidgenError                     exit code 1
    ├── UsageError                   exit code 2: what was asked cannot be meant
    │   ├── ConfigError              a configuration file, with line and column
    │   │   └── DockerfileError      a Dockerfile or a file of ignore rules
    │   ├── InvalidReference         an image name
    │   └── InvalidPlatform          os/architecture[/variant]
    ├── ContentError                 bytes that are not what they should be
    │   ├── SizeMismatch
    │   ├── DigestMismatch
    │   ├── InvalidContent           JSON that breaks its schema
    │   ├── InvalidArchive           a tar that is damaged or hostile
    │   ├── InvalidExecutable        an ELF file that is damaged or hostile
    │   ├── LimitExceeded            more bytes or entries than the bound
    │   ├── NotFound                 no such image, blob or path
    │   └── StoreError               the content store cannot be read or written
    ├── RegistryError                carries the registry, the request and what was answered
    │   ├── RegistryUnreachable      no such host, refused, broken off, too slow
    │   ├── UntrustedRegistry        TLS could not be agreed on
    │   ├── AccessDenied             401 and 403
    │   ├── NotInRegistry            404
    │   ├── TooManyRequests          429
    │   ├── InvalidAnswer            what no registry may answer
    │   └── CredentialsError         a file or a program that keeps credentials
    ├── BuildError
    │   ├── ToolchainNotFound
    │   ├── CompileError             carries the compiler's own words
    │   ├── NotMainPackage
    │   ├── DynamicExecutable
    │   ├── WrongArchitecture
    │   ├── NotReproducible
    │   ├── SourceChanged            a file changed while it was being packed
    │   ├── StepFailed               a command of a Dockerfile, with the end of what it wrote
    │   └── StepTimeout              such a command took too long
    ├── SandboxError
    │   ├── RuntimeNotFound
    │   ├── ProgramNotFound          exit code 127, as shells and docker have it
    │   └── ProgramNotRunnable       exit code 126
    └── PolicyError                  a check that the user asked for did not hold

A message says what was got and what was expected; ``hint`` says what to do.
The data is also there as attributes, so that a caller never parses a message.
This module imports nothing of smidgen.
"""

from typing import ClassVar, Final

_SHOWN_WIDTH: Final = 120


class SmidgenError(Exception):
    """The root: catch this one to catch them all.

    Attributes:
        message: What was got and what was expected, in one sentence or a few lines.
        hint: What the user can do about it, or None.
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SmidgenError):
    """The request itself is wrong; nothing was tried."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file says something that cannot be meant.

    Attributes:
        path: The file.
        line: 1-based, or None where the whole file is meant.
        column: 1-based, or None.
        source_line: The text of that line, shown with a caret under *column*.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str,
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = path if line is None else f"{path}:{line}:{column}"
        text = f"{where}: {message}"
        if source_line is not None and column is not None:
            # Tabs are kept in the padding so that the caret stays under its column.
            shown = source_line[(start := _window_start(source_line, column)) :][:_SHOWN_WIDTH]
            padding = "".join("\t" if c == "\t" else " " for c in source_line[start : column - 1])
            text += f"\n  {shown}\n  {padding}^"
        super().__init__(text, hint=hint)
        self.reason = message
        self.path = path
        self.line = line
        self.column = column
        self.source_line = source_line


def _window_start(line: str, column: int) -> int:
    """Give where to begin showing *line*: of a very long one only what is around *column* is shown."""
    if len(line) <= _SHOWN_WIDTH:
        return 0
    return max(0, min(column - 1 - _SHOWN_WIDTH // 2, len(line) - _SHOWN_WIDTH))


class DockerfileError(ConfigError):
    """A Dockerfile, or a file of ignore rules, says something that cannot be meant or cannot be done."""


class InvalidReference(UsageError):
    """A text is not an image reference."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(
            f"invalid reference {text!r}: {reason}",
            hint="expected [REGISTRY/]NAME[:TAG][@sha256:DIGEST] in lower case, such as ghcr.io/me/app:1.0",
        )
        self.text = text
        self.reason = reason


class InvalidPlatform(UsageError):
    """A text is not a platform, or not one that can be built."""

    def __init__(self, text: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(
            f"invalid platform {text!r}: {reason}",
            hint=hint or "expected OS/ARCHITECTURE[/VARIANT], such as linux/amd64 or linux/arm/v7",
        )
        self.text = text
        self.reason = reason


class ContentError(SmidgenError):
    """Bytes that are not what they should be."""


class SizeMismatch(ContentError):
    """Content is longer or shorter than its descriptor says. Sizes are in bytes."""

    def __init__(self, *, want: int, got: int, what: str = "content") -> None:
        super().__init__(f"{what} has {got} bytes, its descriptor says {want}")
        self.want = want
        self.got = got


class DigestMismatch(ContentError):
    """Content of the right length that is not the content described."""

    def __init__(self, *, want: str, got: str, what: str = "content") -> None:
        super().__init__(
            f"{what} has digest {got}, its descriptor says {want}",
            hint="the bytes were damaged or replaced: fetch or build them again",
        )
        self.want = want
        self.got = got


class InvalidContent(ContentError):
    """JSON that is not what its media type says.

    Attributes:
        what: Which document.
        reason: The fault with its JSON path, such as ``$.layers[0].digest``.
    """

    def __init__(self, what: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"invalid {what}: {reason}", hint=hint)
        self.what = what
        self.reason = reason


class InvalidArchive(ContentError):
    """A tar archive that is damaged, or that tries to leave its root."""

    def __init__(self, reason: str, *, member: str | None = None, hint: str | None = None) -> None:
        where = f" at {member!r}" if member is not None else ""
        super().__init__(f"invalid archive{where}: {reason}", hint=hint)
        self.reason = reason
        self.member = member


class InvalidExecutable(ContentError):
    """A file that is not a well-formed ELF executable.

    Attributes:
        offset: Where in the file the fault is, in bytes, or None.
    """

    def __init__(self, reason: str, *, offset: int | None = None, hint: str | None = None) -> None:
        where = f" at offset {offset:#x}" if offset is not None else ""
        super().__init__(f"invalid executable{where}: {reason}", hint=hint)
        self.reason = reason
        self.offset = offset


class LimitExceeded(ContentError):
    """Input is larger than the bound that protects this machine."""

    def __init__(self, what: str, *, limit: int, got: int | None = None) -> None:
        size = f"is {got}" if got is not None else "is more"
        super().__init__(f"{what} {size}, the limit is {limit}")
        self.what = what
        self.limit = limit
        self.got = got


class NotFound(ContentError):
    """No such image, blob or path."""

    def __init__(self, what: str, *, hint: str | None = None) -> None:
        super().__init__(f"{what} not found", hint=hint)
        self.what = what


class StoreError(ContentError):
    """The content store cannot be read or written."""


class RegistryError(SmidgenError):
    """A registry did not answer, refused, or answered nonsense.

    Attributes:
        registry: Which one, as host[:port]; empty where none was asked.
        request: What it was asked, such as ``GET https://ghcr.io/v2/me/app/manifests/1.0``; never with a query.
        status: Of HTTP, or None if there was no answer.
        code: The registry's own code, such as ``MANIFEST_UNKNOWN``, or empty.
        is_final: Whether the request was sent again as often as makes sense already.
    """

    def __init__(
        self,
        message: str,
        *,
        registry: str = "",
        request: str = "",
        status: int | None = None,
        code: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.registry = registry
        self.request = request
        self.status = status
        self.code = code
        self.is_final = False


class RegistryUnreachable(RegistryError):
    """No such host, no connection, a connection that broke, or one that brings nothing any more."""


class UntrustedRegistry(RegistryError):
    """TLS could not be agreed on: a certificate that nobody vouches for, or no TLS at all."""


class AccessDenied(RegistryError):
    """The registry wants credentials, or other ones, or refuses whatever the credentials."""


class NotInRegistry(RegistryError):
    """The registry has no such repository, manifest, tag, blob or upload."""


class TooManyRequests(RegistryError):
    """The registry wants to be asked less often, and went on to say so until we gave up."""


class InvalidAnswer(RegistryError):
    """An answer that no registry may give: not HTTP, a loop, a redirect to where nothing may lead."""


class CredentialsError(RegistryError):
    """A file or a program that keeps credentials does not work."""


class BuildError(SmidgenError):
    """A build could not be done."""


class ToolchainNotFound(BuildError):
    """There is no compiler where one was sought."""


class CompileError(BuildError):
    """The compiler refused the program.

    Attributes:
        output: The compiler's own words, untouched.
    """

    def __init__(self, message: str, *, output: str, hint: str | None = None) -> None:
        super().__init__(f"{message}\n{output.rstrip()}" if output.strip() else message, hint=hint)
        self.output = output


class NotMainPackage(BuildError):
    """A target has no ``func main`` to start."""


class DynamicExecutable(BuildError):
    """An executable needs an interpreter or libraries that the image would not have.

    Attributes:
        interpreter: PT_INTERP, or None.
        libraries: DT_NEEDED, in order.
    """

    def __init__(
        self,
        message: str,
        *,
        interpreter: str | None = None,
        libraries: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.interpreter = interpreter
        self.libraries = libraries


class WrongArchitecture(BuildError):
    """An executable is for another machine than the image."""


class NotReproducible(BuildError):
    """Two builds of the same inputs gave different digests."""


class SourceChanged(BuildError):
    """A file was not, when it was read, what it was when it was looked at.

    Attributes:
        path: The file.
        want: Its size when it was looked at, in bytes.
        got: Its size when it was read, in bytes, or None where it is gone.
    """

    def __init__(self, path: str, *, want: int, got: int | None) -> None:
        now = "is gone" if got is None else f"has {got} bytes"
        super().__init__(
            f"{path} changed while it was being packed: it had {want} bytes and now {now}",
            hint="wait for what writes it to end, then build again",
        )
        self.path = path
        self.want = want
        self.got = got


class StepFailed(BuildError):
    """A command of a Dockerfile failed.

    Attributes:
        status: Its exit code, 128 + N where signal N ended it.
        output: The end of what it wrote.
    """

    def __init__(self, message: str, *, status: int, output: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.output = output


class StepTimeout(BuildError):
    """A command of a Dockerfile took too long.

    Attributes:
        seconds: What it was given.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the command took more than {seconds:g} seconds", hint="give it more with --timeout")
        self.seconds = seconds


class SandboxError(SmidgenError):
    """A container could not be set up or run."""


class RuntimeNotFound(SandboxError):
    """No OCI runtime and no bubblewrap on this machine."""


class ProgramNotFound(SandboxError):
    """The image does not have the program that it is to start."""

    exit_code = 127


class ProgramNotRunnable(SandboxError):
    """The program is there, but cannot be executed."""

    exit_code = 126


class PolicyError(SmidgenError):
    """A check that the user asked for did not hold."""
