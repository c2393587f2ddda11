"""Targets: what the user names, and the main packages that are meant.

A target is a directory, an import path, a pattern with ``...``, or ``PATH@VERSION``. Go is asked only about what
cannot be told from the source files at once, as its answer takes longer than a small link.

Source: ``go help packages``; ``load.Package.DefaultExecName`` in ``cmd/go``.
"""

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smidgen.errors import BuildError, NotMainPackage, UsageError
from smidgen.gobuild.environment import GoSettings, go_environment, host_platform
from smidgen.gobuild.inputs import Inputs
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.packages import PackageFinder, pattern_expression
from smidgen.gobuild.process import run
from smidgen.gobuild.toolchain import Toolchain
from smidgen.gobuild.workspace import Workspace

if TYPE_CHECKING:
    from smidgen.gobuild.answers import Answers

_NEAR_LIMIT = 2000  # directories looked into for a hint
_NEAR_SHOWN = 5
_MAJOR_VERSION = re.compile(r"^v(?:[2-9]|[1-9][0-9]+)\Z")
_IMPORT_PATH = re.compile(r"^[A-Za-z0-9_.~+-]+(?:/[A-Za-z0-9_.~+-]+)*\Z")
_VERSION = re.compile(r"^[A-Za-z0-9_.+/-]+\Z")
_LIST_FORMAT = (
    "{{.ImportPath}}\x1f{{.Name}}\x1f{{.Dir}}\x1f{{with .Module}}{{.Dir}}{{end}}\x1f{{with .Error}}{{.Err}}{{end}}\x1e"
)
_MAIN_HINT = "a main package has `package main` and `func main()`"


@dataclass(frozen=True, slots=True, kw_only=True)
class MainPackage:
    """A package that can be built into an executable.

    Attributes:
        import_path: Such as ``example.com/app/cmd/server``.
        name: What ``go build`` calls the executable.
        directory: Where its source is; "" when it is not a directory of ours.
        root: Where ``go`` is to run: a module's root or that of a workspace; "" for ``PATH@VERSION``.
        module_root: The root of the module it is part of; "" when it is not a directory of ours.
        version: What follows ``@``; "" for source that is at hand.
        target: What the user wrote.
    """

    import_path: str
    name: str
    directory: str = ""
    root: str = ""
    module_root: str = ""
    version: str = ""
    target: str = "."


@dataclass(frozen=True, slots=True)
class Resolution:
    """The main packages that targets mean.

    Attributes:
        packages: In the order named, without doubles.
        inputs: What was looked at to find them.
        started_ns: When that began, in nanoseconds since 1970: what changed later may have been seen either way.
    """

    packages: tuple[MainPackage, ...]
    inputs: Inputs
    started_ns: int


def executable_name(import_path: str) -> str:
    """Name the executable as ``go build`` does: the last element, or the one before a major version."""
    elements = import_path.split("/")
    if len(elements) > 1 and _MAJOR_VERSION.match(elements[-1]):
        elements.pop()
    return elements[-1]


def resolve_targets(
    targets: Sequence[str],
    *,
    cwd: str,
    toolchain: Toolchain,
    environ: Mapping[str, str],
    options: BuildOptions | None = None,
    answers: "Answers | None" = None,
) -> Resolution:
    """Find the main packages that *targets* mean; none means ``.``.

    Args:
        targets: As the user wrote them.
        cwd: What they are relative to.
        toolchain: Asked where the source does not say at once.
        environ: The environment of the build.
        options: For tags, where build constraints decide.
        answers: Where what Go says is remembered.

    Raises:
        NotMainPackage: A target is no main package, or holds none.
        UsageError: A target cannot be meant.
        BuildError: There is no module.
    """
    started_ns = time.time_ns()
    finder = PackageFinder(GoSettings(environ, toolchain.goroot), Inputs())
    resolver = _Resolver(os.path.realpath(cwd), toolchain, environ, options or BuildOptions(), finder, answers)
    packages: dict[tuple[str, str], MainPackage] = {}
    for target in targets or (".",):
        for package in resolver.resolve(target):
            packages.setdefault((package.import_path, package.root), package)
    return Resolution(tuple(packages.values()), finder.inputs, started_ns)


@dataclass(slots=True)
class _Resolver:
    cwd: str
    toolchain: Toolchain
    environ: Mapping[str, str]
    options: BuildOptions
    finder: PackageFinder
    answers: "Answers | None"

    def resolve(self, target: str) -> list[MainPackage]:
        if "@" in target and not os.path.exists(os.path.join(self.cwd, target)):
            return [_at_version(target)]
        if target.endswith(".go"):
            raise UsageError(f"target {target!r} is a file", hint="name the directory of the main package instead")
        if "..." in target:
            return self._pattern(target)
        if _is_path(target):
            return [self._directory(self._absolute(target), target)]
        return [self._plain(target)]

    def _absolute(self, target: str) -> str:
        return os.path.normpath(os.path.join(self.cwd, target))

    def _plain(self, target: str) -> MainPackage:
        """Resolve a target that could be a directory as well as an import path."""
        directory = self._absolute(target)
        workspace = self.finder.workspace(self.cwd)
        named = workspace.directories_of(target) if workspace else ()
        places = [place for place in dict.fromkeys((directory, *named)) if os.path.isdir(place)]
        if len(places) > 1 and directory in places:
            raise UsageError(
                f"target {target!r} is ambiguous: the directory {directory} or the package in {places[1]}",
                hint=f"write ./{os.path.normpath(target)} for the directory",
            )
        if places:
            return self._directory(places[0], target)
        if workspace is None or not _IMPORT_PATH.match(target):
            raise UsageError(
                f"target {target!r} is neither a directory nor an import path of a module in {self.cwd}",
                hint="expected a directory such as ./cmd/app, an import path, or MODULE/PATH@VERSION",
            )
        return self._from_go(target, workspace, target)

    def _directory(self, directory: str, target: str) -> MainPackage:
        if not os.path.isdir(directory):
            raise UsageError(f"target {target!r}: there is no directory {directory}")
        names = self.finder.names(directory)
        if names is None or names == {"main"}:
            return self._described(directory, names, target)
        what = f"is package {min(names)}" if names else "has no Go files"
        raise NotMainPackage(f"target {target!r} is not a main package: {directory} {what}", hint=self._near(directory))

    def _described(self, directory: str, names: set[str] | None, target: str) -> MainPackage:
        workspace = self.finder.workspace(directory)
        module = workspace.module_of(directory) if workspace else None
        if workspace is None or module is None:
            raise BuildError(
                f"target {target!r}: no go.mod in {directory} or above it",
                hint="run `go mod init MODULE` there, or name a target inside a module",
            )
        if names is None:
            return self._from_go(target, workspace, "./" + os.path.relpath(directory, workspace.root))
        inner = os.path.relpath(directory, module.root)
        import_path = module.path if inner == "." else f"{module.path}/{inner}"
        return MainPackage(
            import_path=import_path,
            name=executable_name(import_path),
            directory=directory,
            root=workspace.root,
            module_root=module.root,
            target=target,
        )

    def _pattern(self, target: str) -> list[MainPackage]:
        head, rest = _split_pattern(target)
        places = [self._absolute(head)]
        if not _is_path(target):
            workspace = self.finder.workspace(self.cwd)
            places += workspace.directories_of(head) if workspace else ()
        start = next(filter(os.path.isdir, places), None)
        if start is None:
            raise UsageError(f"target {target!r}: there is no directory {places[0]}, and no module here has {head!r}")
        expression = pattern_expression(f"{start.rstrip('/')}/{rest}")
        found: list[MainPackage] = []
        for directory in self.finder.walk(start):
            if not expression.match(directory):
                continue
            names = self.finder.names(directory)
            if names == {"main"}:
                found.append(self._described(directory, names, target))
            elif names is None:
                found += self._if_main(directory, target)
        if not found:
            raise NotMainPackage(
                f"target {target!r}: no main package below {start}, expected at least one", hint=_MAIN_HINT
            )
        return found

    def _if_main(self, directory: str, target: str) -> list[MainPackage]:
        try:
            return [self._described(directory, None, target)]
        except NotMainPackage:
            return []

    def _near(self, directory: str) -> str:
        """Name main packages of the same module, for a hint."""
        workspace = self.finder.workspace(directory)
        module = workspace.module_of(directory) if workspace else None
        near: list[str] = []
        for count, place in enumerate(self.finder.walk(module.root if module else directory)):
            if self.finder.names(place) == {"main"}:
                shown = os.path.relpath(place, self.cwd)
                near.append(shown if shown.startswith(".") else f"./{shown}")
            if count >= _NEAR_LIMIT or len(near) >= _NEAR_SHOWN:
                break
        return f"main packages near: {', '.join(near)}" if near else _MAIN_HINT

    def _from_go(self, target: str, workspace: Workspace, argument: str) -> MainPackage:
        """Ask ``go list`` about *argument*.

        Raises:
            NotMainPackage: It is none, or is not known; with Go's own words.
        """
        tags = [f"-tags={','.join(self.options.tags)}"] if self.options.tags else []
        command = ("list", "-C", workspace.root, "-e", "-find", *tags, "-f", _LIST_FORMAT, argument)
        stdout, stderr = self._ask(command, workspace, argument)
        fields = stdout.decode(errors="replace").split("\x1e")[0].split("\x1f")
        import_path, name, directory, module_root, error = fields if len(fields) == 5 else ("", "", "", "", "")
        if name != "main" or error:
            said = error or (f"it is package {name}" if name else stderr.decode(errors="replace").strip())
            raise NotMainPackage(f"target {target!r} is not a main package: {said}", hint=_MAIN_HINT)
        is_ours = workspace.module_of(directory) is not None
        return MainPackage(
            import_path=import_path,
            name=executable_name(import_path),
            directory=directory if is_ours else "",
            root=workspace.root,
            module_root=module_root if is_ours else "",
            target=target,
        )

    def _ask(self, command: tuple[str, ...], workspace: Workspace, argument: str) -> tuple[bytes, bytes]:
        """Give what ``go`` says to *command*, standard output and error; from memory where that holds."""
        variables = go_environment(self.environ, self.options, host_platform())
        identity = self.toolchain.identity
        known = self.answers.recall(command, variables, identity) if self.answers is not None else None
        if known is not None:
            return known, b""
        started_ns = time.time_ns()
        outcome = run([self.toolchain.path, *command], variables)
        # An import path that is not found today may be found tomorrow; a directory is all there.
        is_lasting = argument.startswith("./") or outcome.stdout.endswith(b"\x1f\x1e\n")
        if self.answers is not None and outcome.exit_code == 0 and is_lasting and not self.toolchain.is_wrapper:
            self.answers.keep(
                command,
                variables,
                identity,
                said=outcome.stdout,
                inputs=self._asked_about(workspace, argument),
                started_ns=started_ns,
            )
        return outcome.stdout, outcome.stderr

    def _asked_about(self, workspace: Workspace, argument: str) -> Inputs:
        """Note what an answer about *argument* follows from."""
        inputs = Inputs(files=dict.fromkeys((*self.finder.settings.files, *workspace.files)))
        inputs.absent |= dict.fromkeys(workspace.absent)
        if argument.startswith("./"):
            places = [os.path.normpath(os.path.join(workspace.root, argument))]
        else:
            places = [*workspace.directories_of(argument), os.path.join(workspace.vendor, argument)]
        for place in places:
            noted = inputs.sources if os.path.isdir(place) else inputs.absent
            noted[place] = None
        return inputs


def _is_path(target: str) -> bool:
    """Tell whether *target* can only be a path, as ``go`` does."""
    return os.path.isabs(target) or target.split("/", 1)[0] in {".", "..", "..."}


def _split_pattern(target: str) -> tuple[str, str]:
    """Split before the path element with the first ``...``."""
    head = target.split("...", 1)[0]
    directory = head.rpartition("/")[0] or ("/" if head.startswith("/") else ".")
    return directory, target[head.rfind("/") + 1 :]


def _at_version(target: str) -> MainPackage:
    path, _, version = target.partition("@")
    if not _IMPORT_PATH.match(path) or "." not in path.split("/")[0] or not _VERSION.match(version):
        raise UsageError(
            f"target {target!r} is not MODULE/PATH@VERSION",
            hint="expected an import path and a version, such as github.com/rakyll/hey@v0.1.4 or …@latest",
        )
    return MainPackage(import_path=path, name=executable_name(path), version=version, target=target)
