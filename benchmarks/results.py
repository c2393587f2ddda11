"""What was measured: raw figures, kept as JSON, from which the table is made."""

import statistics

import msgspec


class ProgramFigures(msgspec.Struct, kw_only=True):
    """One program.

    Attributes:
        seconds: Measure → contender → wall times, in the order they were taken.
        pull_size: Contender → bytes of manifest, configuration and layers.
        floor: Bytes of ``gzip -9`` of the binary plus those of what it needs at run time.
        binary: Bytes of the executable.
    """

    seconds: dict[str, dict[str, list[float]]] = {}
    pull_size: dict[str, int] = {}
    floor: int = 0
    binary: int = 0

    def median(self, measure: str, contender: str) -> float | None:
        """Give the median of a measure in seconds, or None where it was not taken."""
        values = self.seconds.get(measure, {}).get(contender)
        return statistics.median(values) if values else None


class Results(msgspec.Struct, kw_only=True):
    """One run of the benchmarks.

    Attributes:
        machine: What it ran on, and the versions of everything.
        programs: By name.
        version_seconds: Wall times of ``smidgen --version``.
        python_seconds: Wall times of ``python -c pass``.
        peak_memory: Bytes, of a build that adds a file of 1 GB.
        remarks: What could not be measured, and why.
    """

    machine: dict[str, str] = {}
    programs: dict[str, ProgramFigures] = {}
    version_seconds: list[float] = []
    python_seconds: list[float] = []
    peak_memory: int = 0
    remarks: list[str] = []


class Figures(msgspec.Struct, kw_only=True):
    """One run of the benchmarks of Dockerfiles, or of those of registries.

    Attributes:
        machine: What it ran on, and the versions of everything.
        seconds: Measure → tool → wall times of the whole process, in the order they were taken.
        memory: What smidgen did → its peak resident bytes.
    """

    machine: dict[str, str] = {}
    seconds: dict[str, dict[str, list[float]]] = {}
    memory: dict[str, int] = {}

    def median(self, measure: str, tool: str) -> float | None:
        """Give the median of a measure in seconds, or None where it was not taken."""
        values = self.seconds.get(measure, {}).get(tool)
        return statistics.median(values) if values else None
