"""Programs that keep credentials: ``docker-credential-NAME``.

Source: the protocol of docker's credential helpers: a verb as the one argument, the server or a JSON document on
standard input, JSON on standard output; errors are text on standard output with an exit code that is not 0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from smidgen.errors import CredentialsError
from smidgen.registry.answers import harmless
from smidgen.registry.credentials import Credentials

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SECONDS: Final = 60.0
_MOST: Final = 256 << 10
#: What a helper says when it has nothing; the second is that of older ones.
_NOT_FOUND: Final = ("credentials not found", "no credentials")
#: A user name that says that the secret is an identity token.
_TOKEN_USER: Final = "<token>"  # noqa: S105 - the protocol's word, no secret


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    username: str = ""
    secret: str = ""


class _Entry(msgspec.Struct, frozen=True):
    server: str = msgspec.field(name="ServerURL")
    username: str = msgspec.field(name="Username")
    secret: str = msgspec.field(name="Secret")


@dataclass(frozen=True, slots=True)
class CredentialHelper:
    """A program that keeps credentials.

    Attributes:
        name: What comes after ``docker-credential-``.
        named_by: The file that names it, for messages.
        environ: The environment; its PATH is searched.
        seconds: How long the program may take.
    """

    name: str
    named_by: str
    environ: Mapping[str, str]
    seconds: float = _SECONDS

    @property
    def program(self) -> str:
        """Its name as a program."""
        return f"docker-credential-{self.name}"

    def is_installed(self) -> bool:
        """Tell whether the program is there."""
        return bool(_NAME.match(self.name)) and self._path() is not None

    def get(self, server: str) -> Credentials | None:
        """Ask for the credentials of *server*; None where it has none.

        Raises:
            CredentialsError: The program is not there, fails, takes too long, or answers nonsense.
        """
        output = self._run("get", server)
        if output is None:
            return None
        try:
            answer = msgspec.json.decode(output, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # The error of the decoder may quote what it read, which is a secret.
            raise self._error("its answer is not what the protocol says") from None
        source = f"the credential helper {self.program}"
        if answer.username == _TOKEN_USER:
            return Credentials(identity_token=answer.secret, source=source)
        if not answer.username and not answer.secret:
            return None
        return Credentials(answer.username, answer.secret, source=source)

    def store(self, server: str, username: str, secret: str) -> None:
        """Have *secret* kept.

        Raises:
            CredentialsError: As ``get``.
        """
        self._run("store", msgspec.json.encode(_Entry(server, username, secret)).decode())

    def erase(self, server: str) -> bool:
        """Have the credentials of *server* forgotten; False where there were none.

        Raises:
            CredentialsError: As ``get``.
        """
        return self._run("erase", server) is not None

    def _path(self) -> str | None:
        import shutil  # as below: most have no helper

        return shutil.which(self.program, path=self.environ.get("PATH", ""))

    def _run(self, verb: Literal["get", "store", "erase"], text: str) -> bytes | None:
        """Run the program; None where it says that it has no such credentials."""
        import subprocess

        if not _NAME.match(self.name):
            raise self._error("that is not the name of a program")
        if (path := self._path()) is None:
            raise self._error("it is not installed")
        try:
            ended = subprocess.run(
                [path, verb],
                input=text.encode(),
                capture_output=True,
                env=dict(self.environ),
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._error(f"it did not answer within {self.seconds:.0f} seconds") from None
        except OSError as error:
            raise self._error(f"it cannot be started: {error.strerror}") from error
        if ended.returncode == 0 and len(ended.stdout) <= _MOST:
            return ended.stdout
        if ended.returncode == 0:
            raise self._error("its answer is too long")
        said = (ended.stdout[:_MOST].strip() or ended.stderr[:_MOST].strip()).decode("utf-8", "replace")
        if any(said.lower().startswith(words) for words in _NOT_FOUND):
            return None
        raise self._error(f"{verb} ended with exit code {ended.returncode}: {harmless(said)}")

    def _error(self, reason: str) -> CredentialsError:
        return CredentialsError(
            f"the credential helper {harmless(self.program, 90)}, which {self.named_by} names: {reason}",
            hint=f"install or repair it, or take it out of {self.named_by}",
        )
