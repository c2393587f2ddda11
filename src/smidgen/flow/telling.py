"""Tells of the steps of a Dockerfile under the label of the step of the flow that they belong to."""

import re
from dataclasses import dataclass, replace
from typing import Final

from smidgen.dockerfile.execute.report import StepName, Watcher

_UNNAMED: Final = re.compile(r"^stage-\d+\Z")


@dataclass(frozen=True, slots=True)
class LabelledWatcher:
    """Passes everything on.

    Attributes:
        label: Of the step of the flow.
        inner: Where it goes.
    """

    label: str
    inner: Watcher

    def started(self, step: StepName) -> None:
        """A step is being done."""
        self.inner.started(self._named(step))

    def wrote(self, step: StepName, text: str) -> None:
        """The command of a step has written a line."""
        self.inner.wrote(self._named(step), text)

    def finished(self, step: StepName, seconds: float) -> None:
        """A step is done."""
        self.inner.finished(self._named(step), seconds)

    def cached(self, step: StepName) -> None:
        """A step need not be done."""
        self.inner.cached(self._named(step))

    def note(self, text: str) -> None:
        """Something else that people may want to know."""
        self.inner.note(text)

    def warn(self, text: str) -> None:
        """Something that may hurt."""
        self.inner.warn(f"{self.label}: {text}")

    def _named(self, step: StepName) -> StepName:
        return replace(step, stage=self.label if _UNNAMED.match(step.stage) else f"{self.label}/{step.stage}")
