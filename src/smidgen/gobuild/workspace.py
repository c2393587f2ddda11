"""Which modules a build takes from directories of this machine: main modules, workspaces, local replacements.

Source: Go Modules Reference, "Main modules", "Workspaces", "replace directive"; ``modload.FindGoWork``.
"""

import os
from dataclasses import dataclass, field

from smidgen.gobuild.environment import GoSettings
from smidgen.gobuild.modfile import ModuleFile, parents, read_module_file


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A module that is a directory here.

    Attributes:
        path: Such as ``example.com/app``.
        root: The directory of its go.mod.
        ignored: What its ``ignore`` lines say.
    """

    path: str
    root: str
    ignored: tuple[str, ...] = ()

    def ignores(self, directory: str) -> bool:
        """Tell whether ``...`` passes over *directory*. Source: Go Modules Reference, "ignore directive"."""
        inner = "/" + os.path.relpath(directory, self.root) + "/"
        return any(
            inner.startswith(pattern[1:].rstrip("/") + "/")
            if pattern.startswith("./")
            else "/" + pattern.strip("/") + "/" in inner
            for pattern in self.ignored
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The modules that ``go`` sees when it runs in *root*.

    Attributes:
        root: Where ``go`` runs: the directory of go.work, or the root of the package's module.
        vendor: Where a vendor directory would be looked for.
        work_file: The go.work in force, or "".
        main: Main modules.
        replacements: Modules that ``replace`` takes from directories.
        files: Every go.mod, go.sum, go.work, go.work.sum and vendor/modules.txt that may be there.
        absent: Where a go.mod or go.work would have been found before these, had it been there.
        releases: Go releases that ``go`` and ``toolchain`` lines of main modules and go.work ask for.
    """

    root: str
    vendor: str
    work_file: str
    main: tuple[LocalModule, ...]
    replacements: tuple[LocalModule, ...]
    files: tuple[str, ...]
    absent: tuple[str, ...]
    releases: tuple[str, ...] = ()

    def module_of(self, directory: str) -> LocalModule | None:
        """Give the module whose root is nearest above *directory*."""
        holding = [m for m in (*self.main, *self.replacements) if _is_within(directory, m.root)]
        return max(holding, key=lambda module: len(module.root), default=None)

    def directories_of(self, import_path: str) -> tuple[str, ...]:
        """Give every directory here in which *import_path* could be; they need not exist."""
        return tuple(
            os.path.normpath(os.path.join(module.root, import_path[len(module.path) + 1 :]))
            for module in (*self.main, *self.replacements)
            if import_path == module.path or import_path.startswith(module.path + "/")
        )


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


@dataclass(slots=True)
class _Search:
    """What was read, and what was looked for and not there."""

    files: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def up(self, directory: str, name: str) -> str | None:
        """Find the nearest file called *name* in *directory* or above."""
        for place in parents(directory):
            path = os.path.join(place, name)
            if os.path.isfile(path):
                return path
            self.absent.append(path)
        return None


def find_workspace(directory: str, settings: GoSettings) -> Workspace | None:
    """Find the modules in force for a package in *directory*, an absolute path; None if it is in none."""
    search = _Search()
    module_file = search.up(directory, "go.mod")
    module_root = os.path.dirname(module_file) if module_file else None
    work_file = _work_file(directory, settings, search)
    work = read_module_file(work_file) if work_file else None
    if work is not None:
        used = tuple(os.path.normpath(os.path.join(os.path.dirname(work_file), path)) for path in work.used)
        # A module that go.work does not list is an error of Go's own, said best where the module is.
        if module_root is None or module_root in used:
            return _described(_place_to_run(module_root, work_file), work_file, used, search)
    if module_root is None:
        return None
    return _described(module_root, "", (module_root,), search)


def _place_to_run(module_root: str | None, work_file: str) -> str:
    """Choose the directory of go.work, so that one command builds packages of all its modules.

    A module that is a repository of its own is built where it is: Go stamps the state of the repository it runs in.
    """
    work_root = os.path.dirname(work_file)
    if module_root is None:
        return work_root
    for place in parents(module_root):
        if place == work_root:
            return work_root
        if os.path.exists(os.path.join(place, ".git")):
            break
    return module_root


def _work_file(directory: str, settings: GoSettings, search: _Search) -> str:
    setting = settings.get("GOWORK")
    if setting == "off":
        return ""
    if setting not in {"", "auto"}:
        return setting
    return search.up(directory, "go.work") or ""


def _described(root: str, work_file: str, main_roots: tuple[str, ...], search: _Search) -> Workspace:
    files = dict.fromkeys([work_file, work_file + ".sum"] if work_file else [])
    releases: list[str] = []
    sources: list[tuple[str, ModuleFile]] = []
    work = read_module_file(work_file) if work_file else None
    if work is not None:
        sources.append((os.path.dirname(work_file), work))
    main: list[LocalModule] = []
    for module_root in main_roots:
        files |= dict.fromkeys(os.path.join(module_root, name) for name in ("go.mod", "go.sum"))
        parsed = read_module_file(os.path.join(module_root, "go.mod"))
        if parsed is not None:
            main.append(LocalModule(parsed.module, module_root, parsed.ignored))
            sources.append((module_root, parsed))
    vendor = os.path.join(os.path.dirname(work_file) if work_file else root, "vendor")
    files[os.path.join(vendor, "modules.txt")] = None
    replacements: list[LocalModule] = []
    for base, parsed in sources:
        releases += [text for text in (parsed.go, parsed.toolchain) if text]
        for path, target in parsed.replaced:
            place = os.path.normpath(os.path.join(base, target))
            replacements.append(LocalModule(path, place))
            files[os.path.join(place, "go.mod")] = None
    return Workspace(
        root=root,
        vendor=vendor,
        work_file=work_file,
        main=tuple(main),
        replacements=tuple(dict.fromkeys(replacements)),
        files=tuple(files),
        absent=tuple(search.absent),
        releases=tuple(releases),
    )
