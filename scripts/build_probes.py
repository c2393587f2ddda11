"""Hatch's hook that compiles the probe for health checks into a wheel, for every architecture.

An editable installation has none: there smidgen compiles it on first use, if zig is at hand.
"""

import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_COMPILER = "src/smidgen/needs/probe/compiler.py"
_INSIDE = "smidgen/needs/probe/built"


class ProbesHook(BuildHookInterface):  # type: ignore[type-arg] # hatchling's parameter is not there at run time
    """Puts ``probe-ARCHITECTURE`` beside the source of the probe."""

    PLUGIN_NAME = "smidgen-probes"

    _directory: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless the wheel only points to this directory."""
        if version == "editable":
            return
        self._directory = tempfile.TemporaryDirectory(prefix="smidgen-probes-")
        made = Path(self._directory.name)
        # By its path: smidgen itself need not be importable here.
        runpy.run_path(str(Path(self.root, _COMPILER)))["compile_all"](made)
        build_data["force_include"] |= {str(path): f"{_INSIDE}/{path.name}" for path in made.glob("probe-*")}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled, which is in the wheel now."""
        if self._directory is not None:
            self._directory.cleanup()
