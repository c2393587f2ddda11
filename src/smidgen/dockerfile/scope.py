"""What an instruction sees when it is resolved: its stage so far, and its variables.

Source: Dockerfile reference, "Environment replacement" and "ARG".
"""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from smidgen.dockerfile.expand import Expansion, expand
from smidgen.dockerfile.instruction import Doubt, Instruction
from smidgen.dockerfile.plan import Plan, PlannedStage
from smidgen.dockerfile.spelling import did_you_mean
from smidgen.dockerfile.state import StageState
from smidgen.errors import DockerfileError, UsageError

_T = TypeVar("_T")
# Nobody reads more, and to look for what is near costs more than all the rest.
_MOST_DOUBTS = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """One instruction and all that it can refer to.

    Attributes:
        plan: The whole.
        planned: The stage.
        state: What the stage is before this instruction.
        instruction: The instruction.
        doubts: Where doubtful places are put.
    """

    plan: Plan
    planned: PlannedStage
    state: StageState
    instruction: Instruction
    doubts: list[Doubt]

    @property
    def title(self) -> str:
        """The instruction in one line."""
        return " ".join([self.instruction.keyword, *self.instruction.location.code.split()[1:]])

    def expand(self, text: str) -> str:
        """Expand a value.

        Raises:
            DockerfileError: It cannot be.
        """
        return self._expansion(text, escape=self.plan.dockerfile.directives.escape).text

    def expand_words(self, text: str) -> tuple[str, ...]:
        """Expand a value that may become several words, or none.

        Raises:
            DockerfileError: It cannot be.
        """
        return self._expansion(text, escape=self.plan.dockerfile.directives.escape).words

    def expand_document(self, text: str) -> str:
        """Expand a document, in which quotes mean nothing and the escape character is always a backslash.

        Raises:
            DockerfileError: It cannot be.
        """
        return self._expansion(text, escape="\\", quotes=False).text

    def _expansion(self, text: str, *, escape: str, quotes: bool = True) -> Expansion:
        try:
            expansion = expand(text, self.state.variables, escape=escape, quotes=quotes)
        except UsageError as error:
            raise self.fault(error.message, at=text, hint=error.hint) from error
        for name in sorted(name for name in expansion.missing if name not in self.state.arguments):
            if len(self.doubts) >= _MOST_DOUBTS:
                break
            close = did_you_mean(name, self.state.variables)
            self.doubt("UndefinedVar", f"${name} is not set" + (f"; {close}" if close else ""))
        return expansion

    def argument(self, name: str, default: str | None) -> str | None:
        """Give the value of an ARG: what the user gives, else its default, else that before the first FROM.

        Raises:
            DockerfileError: The default cannot be expanded.
        """
        given = self.plan.options.build_args.get(name)
        if given is not None:
            return given
        if default is not None:
            return self.expand(default)
        return self.plan.arguments.get(name)

    def absolute(self, path: str) -> str:
        """Give *path* without ``.`` and ``..``, relative to the working directory where it is not absolute."""
        return posixpath.normpath("/" + posixpath.join(self.state.directory, path)).replace("//", "/")

    def checked(self, parse: Callable[[str], _T], text: str, *, at: str) -> _T:
        """Give what *parse* makes of *text*, which is written as *at*.

        Raises:
            DockerfileError: It refuses it.
        """
        try:
            return parse(text)
        except DockerfileError:
            raise
        except UsageError as error:
            raise self.fault(error.message, at=at, hint=error.hint) from error

    def fault(self, message: str, *, at: str | int = 0, hint: str | None = None) -> DockerfileError:
        """Give the error that shows this instruction."""
        return self.instruction.location.fault(message, at=at, hint=hint)

    def doubt(self, rule: str, message: str) -> None:
        """Note that this instruction is doubtful."""
        location = self.instruction.location
        self.doubts.append(Doubt(rule, message, location.file, location.line))
