"""The configuration of each target: every service of a repository may have a file of its own."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from smidgen.config.discover import load_config, watched_names

if TYPE_CHECKING:
    from smidgen.config.file_layer import Config


@dataclass(frozen=True, slots=True)
class ConfigSearch:
    """Finds the configuration of targets, and reads each file once.

    Attributes:
        file: What ``--config`` gave: then it is that of every target.
        directory: Where the command was started.
        environ: The environment.
    """

    file: Path | None
    directory: Path
    environ: Mapping[str, str]
    _found: "dict[str, Config | None]" = field(default_factory=dict, compare=False)

    def config(self, start: Path | None) -> "Config | None":
        """Give the configuration for a target in the directory *start*; None stands for a target elsewhere.

        Raises:
            ConfigError: The file cannot be read, or says what cannot be meant.
        """
        place = os.path.abspath(self.directory if start is None else start)
        if place not in self._found:
            self._found[place] = load_config(
                Path(place), file=self.file, directory=self.directory, environ=self.environ
            )
        return self._found[place]

    def files(self) -> Iterator[str]:
        """Name the files that were read."""
        return iter(dict.fromkeys(str(one.document.path) for one in self._found.values() if one is not None))

    def watched(self) -> Iterator[str]:
        """Name every path whose coming, going or change could give another configuration."""
        yield from self.files()
        for place in self._found:
            yield from watched_names(place)
