"""Copies of ``examples/`` that a test may change."""

import shutil
from dataclasses import dataclass
from pathlib import Path

_EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@dataclass(frozen=True)
class Examples:
    """A directory for copies."""

    root: Path

    def __call__(self, name: str) -> Path:
        """Copy ``examples/NAME``, and give the copy."""
        return shutil.copytree(_EXAMPLES / name, self.root / name)
