"""What a cell is asked to do, as the starter writes it and the cell reads it."""

import json
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A request to repeat until it is answered well.

    Attributes:
        timeout: In seconds from the start of the program.
        more: How many times to ask again after that, one after the other.
    """

    port: int
    path: str
    timeout: float
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Directories to be laid one over the other.

    Attributes:
        target: An empty directory to mount it on.
        lower: Those that are only read, the topmost first; at least one, and two where there is no *upper*.
        upper: Takes what is written; empty where nothing can be.
        work: An empty directory of the same file system as *upper*.
        user_xattr: This is not the first user namespace, where attributes have other names.
    """

    target: str
    lower: list[str]
    upper: str
    work: str
    user_xattr: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A file that exists in memory only.

    Attributes:
        descriptor: Where its content is read from, up to the end.
        name: In the directory ``secrets`` of the run.
        mode: Permission bits.
        uid: Owner.
        gid: Group.
    """

    descriptor: int
    name: str
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of one runtime.

    Attributes:
        directory: Holds everything of this run; removed when the starter has gone.
        root: The image's root file system, below *directory*.
        arguments: The runtime's command line; without one the cell only removes *directory*.
        environment: ``NAME=VALUE`` for the runtime, not for the program.
        user_namespace: Enter one first; the starter maps its ids.
        private_network: Own network namespace with loopback only.
        low_ports: In a private network, let everyone bind ports below 1024, as docker does.
        owners: JSON file of ``[path, uid, gid, mode]`` to apply below *root*, or empty.
        pid_file: Where the runtime writes the number of the program's process, or empty.
        info: The runtime takes the number of a descriptor for its state in place of ``{info}``.
        filter_path: File whose descriptor takes the place of ``{filter}``, or empty.
        stage: Directories and files that the runtime must reach as *drop_to*: ``{name: source}``,
            bound below a directory that takes the place of ``{stage}`` in *arguments*.
        drop_to: Ids to take before the runtime is started, or None.
        groups: Supplementary groups to take with *drop_to*.
        listeners: ``[descriptor, port]`` of each published port.
        watch: ``""``, ``"life"`` (start and end of the program) or ``"files"`` (what it looks for, too).
        probe: What to request, or None.
        overlays: What to mount, that of *root* among them.
        secrets: Files to make in memory.
        drafts: More directories that are removed when the starter has gone.
        most_processes: How many there may be at once, where the kernel can limit it; 0 for no limit.
    """

    directory: str
    root: str = ""
    arguments: list[str] = field(default_factory=list)
    environment: list[str] = field(default_factory=list)
    user_namespace: bool = False
    private_network: bool = False
    low_ports: bool = True
    owners: str = ""
    pid_file: str = ""
    info: bool = False
    filter_path: str = ""
    stage: dict[str, str] | None = None
    drop_to: list[int] | None = None
    groups: list[int] | None = None
    listeners: list[list[int]] = field(default_factory=list)
    watch: str = ""
    probe: Probe | None = None
    overlays: list[Overlay] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    most_processes: int = 0

    def encode(self) -> str:
        """Render for ``decode``."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what ``encode`` wrote; both ends are of the same version, so nothing is checked."""
        values = json.loads(text)
        if values["probe"] is not None:
            values["probe"] = Probe(**values["probe"])
        values["overlays"] = [Overlay(**one) for one in values["overlays"]]
        values["secrets"] = [Secret(**one) for one in values["secrets"]]
        return cls(**values)
