"""Collects what a build depended on, once Go has said which packages it took.

Go itself is not asked again: ``go build -debug-actiongraph`` names every package that went into an executable, and
those that are directories here are looked at whole, whatever the platform. So a file for another system
counts too, which at worst builds once for nothing.

Source: Go Modules Reference, "Resolving a package to a module"; ``go help buildconstraint``, ``go help build``.
"""

import mmap
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from smidgen.elf.buildinfo import read_build_info
from smidgen.elf.header import parse_elf
from smidgen.errors import InvalidExecutable
from smidgen.gobuild.batch import Batch, Compiled
from smidgen.gobuild.environment import GoSettings, go_environment
from smidgen.gobuild.flags import FlagSet, split_quoted
from smidgen.gobuild.git import GitFacts, find_repository, repository_state
from smidgen.gobuild.inputs import Inputs
from smidgen.gobuild.look import look
from smidgen.gobuild.modfile import parents
from smidgen.gobuild.record import Record, Snapshot
from smidgen.gobuild.target import Resolution
from smidgen.gobuild.toolchain import Toolchain
from smidgen.gobuild.workspace import Workspace, find_workspace

# A version that names one content for ever. Source: Go Modules Reference, "Versions"; a branch or a query moves on.
_FIXED_VERSION = re.compile(r"^v[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]*)?\Z")
_RELEASE = re.compile(r"^(?:go)?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(.*)\Z")

# Flags whose effect is in files or programs that are not looked at.
_OPAQUE_FLAGS = ("overlay", "modfile", "a", "pkgdir", "compiler", "linkshared", "asmflags", "gccgoflags")
_OPAQUE_WORDS = re.compile(
    r"^(?:@.*|-{1,2}(?:linkmode|extld|extar|importcfg|embedcfg|pgoprofile|linkobj|symabis|I|L)(?:=.*)?)\Z"
)
# Where position-independent executables are linked without a C compiler. Source: ``InternalLinkPIESupported``.
_OWN_PIE = frozenset(("amd64", "arm64"))
_OTHER_REPOSITORIES = (".hg", ".svn", ".bzr", ".fslckout", "_FOSSIL_")


class _Action(msgspec.Struct):
    """A step of ``-debug-actiongraph``."""

    package: str = msgspec.field(name="Package", default="")


@dataclass(slots=True)
class _Collector:
    toolchain: Toolchain
    environ: Mapping[str, str]
    git: GitFacts | None
    inputs: Inputs
    environment: dict[str, str | None] = field(default_factory=dict)
    repositories: dict[str, str] = field(default_factory=dict)
    seen: dict[Workspace, set[str]] = field(default_factory=dict)
    uncacheable: str = ""

    def refuse(self, reason: str) -> None:
        self.uncacheable = self.uncacheable or reason

    def batch(self, batch: Batch) -> None:
        """Note what a command depended on."""
        variables = go_environment(self.environ, batch.options)
        settings = GoSettings(variables, self.toolchain.goroot)
        self.inputs.files |= dict.fromkeys(settings.files)
        flags = FlagSet(batch.options, settings.get("GOFLAGS"))
        self.flags(flags, batch)
        if batch.options.cgo:
            self.c_code(batch)
        elif variables["CGO_ENABLED"] != "0":
            self.refuse("cgo is on without --cgo, and what its C compiler reads is not known")
        if settings.get("GO111MODULE") == "off":
            self.refuse("GO111MODULE is off")
        if batch.version:
            if not _FIXED_VERSION.match(batch.version):
                self.refuse(f"{batch.packages[0].target} can mean another version tomorrow")
            self.releases((), settings.get("GOTOOLCHAIN"), is_known=False)
            return
        import_paths = self.imported(batch.graph)
        for package in batch.packages:
            workspace = find_workspace(package.directory or package.root, settings)
            if workspace is None:
                self.refuse(f"the module of {package.import_path} is gone")
                continue
            if workspace not in self.seen:
                self.seen[workspace] = set()
                self.inputs.files |= dict.fromkeys(workspace.files)
                self.inputs.absent |= dict.fromkeys(workspace.absent)
            self.packages(workspace, import_paths - self.seen[workspace])
            self.seen[workspace] |= import_paths
            self.releases(workspace.releases, settings.get("GOTOOLCHAIN"), is_known=True)
            if flags.value("buildvcs") != "false" and package.directory:
                self.repository(package.directory)

    def c_code(self, batch: Batch) -> None:
        """Note what C code read."""
        self.environment["PATH"] = self.environ.get("PATH")
        if batch.c is None:
            return
        self.inputs.files |= dict.fromkeys(batch.c.inputs.files)
        self.inputs.absent |= dict.fromkeys(batch.c.inputs.absent)
        self.inputs.listings |= dict.fromkeys(batch.c.inputs.listings)
        if batch.c.inputs.doubt:
            self.refuse(batch.c.inputs.doubt)

    def imported(self, graph: str) -> set[str]:
        """Give the import paths of all packages that went into the executables."""
        try:
            with open(graph, "rb") as file:
                actions = msgspec.json.decode(file.read(), type=list[_Action])
        except (OSError, msgspec.DecodeError):
            self.refuse("go build did not say which packages it took")
            return set()
        return {action.package for action in actions if action.package}

    def flags(self, flags: FlagSet, batch: Batch) -> None:
        """Note the files that flags name, and flags whose effect cannot be seen."""
        for name in _OPAQUE_FLAGS:
            if flags.has(name):
                self.refuse(f"-{name} is in use")
        if flags.has("buildmode") and batch.platform.architecture not in _OWN_PIE:
            self.refuse(f"-buildmode may need a C compiler for {batch.platform}")
        for name in ("ldflags", "gcflags"):
            for text in flags.values(name):
                words = split_quoted(text if text.lstrip().startswith("-") else text.partition("=")[2])
                if opaque := next(filter(_OPAQUE_WORDS.match, words), None):
                    self.refuse(f"{opaque} is among -{name}")
        profile = flags.value("pgo")
        if profile not in {"", "auto", "off"}:
            self.inputs.files[os.path.normpath(os.path.join(batch.root, profile))] = None

    def releases(self, releases: Iterable[str], setting: str, *, is_known: bool) -> None:
        """Note PATH where Go may start another toolchain, which it looks for there.

        Source: Go Toolchains, "Go toolchain selection".
        """
        if setting == "local":
            return
        own = _release_key(self.toolchain.version)
        if (
            not is_known
            or setting not in {"", "auto", "path", "local+auto", "local+path"}
            or any(_release_key(release) > own for release in releases if release != "default")
        ):
            self.environment["PATH"] = self.environ.get("PATH")

    def repository(self, directory: str) -> None:
        """Note the state that Go stamps into an executable."""
        root = find_repository(directory)
        for place in parents(directory):
            if place != root:
                self.inputs.absent[os.path.join(place, ".git")] = None
            for name in _OTHER_REPOSITORIES:
                path = os.path.join(place, name)
                if os.path.lexists(path):
                    self.refuse(f"{path} is a repository whose state is not known")
                self.inputs.absent[path] = None
            if place == root:
                break
        if root is not None and root not in self.repositories:
            self.repositories[root] = repository_state(root, self.git, self.environ)

    def stamps(self, compiled: Compiled) -> None:
        """Hold what Go stamped against the state that is recorded: they are read one after the other."""
        for binary in compiled.binaries:
            root = find_repository(binary.package.directory) if binary.package.directory else None
            if root is None or root not in self.repositories:
                continue
            settings = _stamped(binary.path)
            revision, modified = settings.get("vcs.revision"), settings.get("vcs.modified")
            commit, _, condition, *_ = (self.repositories[root] + "   ").split(" ")
            if revision is not None and (revision, modified) != (commit, str(condition == "dirty").lower()):
                self.refuse(f"the repository {root} changed during the build")

    def packages(self, workspace: Workspace, import_paths: Iterable[str]) -> None:
        """Note the directories in which packages are, or would be found before where they are."""
        is_vendored = os.path.isdir(workspace.vendor)
        for import_path in import_paths:
            for place in workspace.directories_of(import_path):
                if os.path.isdir(place):
                    self.inputs.sources[place] = None
                    self.boundaries(place, workspace)
                else:
                    self.inputs.absent[place] = None
            # Most are of the standard library, which nothing in a vendor directory can stand in for.
            if is_vendored and os.path.isdir(place := os.path.join(workspace.vendor, import_path)):
                self.inputs.sources[place] = None

    def boundaries(self, directory: str, workspace: Workspace) -> None:
        """Note that no module begins between *directory* and the root of its own."""
        module = workspace.module_of(directory)
        for place in parents(directory):
            if module is None or place == module.root:
                break
            self.inputs.absent[os.path.join(place, "go.mod")] = None


def _stamped(path: str) -> Mapping[str, str]:
    """Read the settings that Go wrote into the executable at *path*."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
        try:
            info = read_build_info(parse_elf(data))
        except InvalidExecutable:
            info = None
    return info.settings if info is not None else {}


def _release_key(text: str) -> tuple[int, int, int, str]:
    match = _RELEASE.match(text)
    if match is None:
        return (1 << 30, 0, 0, text)
    # A candidate (1.24rc1) has no third number and comes before 1.24.0; which is exact enough here.
    return (int(match[1]), int(match[2]), int(match[3] or 0), "")


def collect(
    resolution: Resolution,
    compiled: Compiled,
    *,
    toolchain: Toolchain,
    environ: Mapping[str, str],
    git: GitFacts | None,
    previous: Record | None = None,
) -> Snapshot:
    """Look at everything that a build depended on. To be called as soon as it is done.

    Args:
        resolution: What the targets were resolved to; its inputs may have been added to.
        compiled: What came of it, with its files in place.
        toolchain: With what it was compiled.
        environ: The user's environment.
        git: Facts of the repository, where they are known already.
        previous: An earlier record; what has not changed since is not read again.
    """
    collector = _Collector(toolchain, environ, git, resolution.inputs)
    if toolchain.is_wrapper:
        collector.refuse("the go found starts toolchains of its own choice")
    if toolchain.version.startswith("devel"):
        collector.refuse("the toolchain is no release")
    for batch in compiled.batches:
        collector.batch(batch)
    collector.stamps(compiled)
    seen = look(collector.inputs, min(resolution.started_ns, compiled.started_ns), previous)
    return Snapshot(
        environment=collector.environment,
        repositories=collector.repositories,
        files=seen.files,
        names=seen.names,
        absent=seen.absent,
        uncacheable=collector.uncacheable or seen.doubt,
    )
