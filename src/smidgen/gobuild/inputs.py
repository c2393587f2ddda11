"""What a build looked at, so that it can be told later whether any of it changed.

A file's content, the names in a directory, the absence of a path: each is noted while it is looked at, and
:mod:`smidgen.gobuild.signature` says how it was and whether it still is so. More than needed may be noted, which at
worst builds again for nothing; never less.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Inputs:
    """A growing set of things that a build's outcome depends on. All paths are absolute.

    Attributes:
        files: Read; each may also be absent.
        absent: Sought, and would have changed the outcome had they been there.
        sources: Directories of packages: the names that matter to Go count.
        folders: Directories walked for packages: names of directories and of what matters to Go count.
        listings: Directories of which every name counts.
        uncacheable: Why the outcome depends on more than can be seen; "" where it does not.
    """

    files: dict[str, None] = field(default_factory=dict)
    absent: dict[str, None] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    listings: dict[str, None] = field(default_factory=dict)
    uncacheable: str = ""
