"""What a build tells while it goes on."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StepName:
    """Which step, for people.

    Attributes:
        stage: Name of the stage.
        number: From 1; FROM counts as the first.
        count: How many the stage has.
        title: The instruction in one line.
    """

    stage: str
    number: int
    count: int
    title: str

    def __str__(self) -> str:
        """Render it."""
        return f"[{self.stage} {self.number}/{self.count}] {self.title}"


class Watcher(Protocol):
    """Is told what happens; from several threads at once."""

    def started(self, step: StepName, /) -> None:
        """A step is being done."""

    def wrote(self, step: StepName, text: str, /) -> None:
        """The command of a step has written a line, without its end."""

    def finished(self, step: StepName, seconds: float, /) -> None:
        """A step is done."""

    def cached(self, step: StepName) -> None:
        """A step need not be done: what it gave is there."""

    def note(self, text: str) -> None:
        """Something else that people may want to know."""

    def warn(self, text: str) -> None:
        """Something that may hurt."""


class Silent:
    """Tells nobody."""

    def started(self, step: StepName) -> None:
        """Ignore it."""

    def wrote(self, step: StepName, text: str) -> None:
        """Ignore it."""

    def finished(self, step: StepName, seconds: float) -> None:
        """Ignore it."""

    def cached(self, step: StepName) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""

    def warn(self, text: str) -> None:
        """Ignore it."""
