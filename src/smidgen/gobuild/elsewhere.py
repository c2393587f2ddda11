"""A second place to build in, as different from the first as one machine allows.

Another directory, home, temporary directory, time zone, locale, umask, one core, source files with other times and made
in another order, an empty build cache; and another user and host name, where the kernel lets us make name spaces.
What the build needs from outside stays: the module cache, git's and Go's own settings.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from smidgen.errors import BuildError
from smidgen.gobuild.cgo.home import shared_cache
from smidgen.gobuild.environment import GoSettings
from smidgen.gobuild.process import Outcome, find_executable, run
from smidgen.gobuild.toolchain import Toolchain

# 2001-09-09: no file of today has it.
_OTHER_TIME_NS = 1_000_000_000_000_000_000
_OTHER_UMASK = 0o077
_OTHER_USER = "12345"

# Runs before smidgen in the new process. The arguments are the directory, and smidgen's own.
_PRELUDE = (
    "import os, runpy, sys\n"
    f"os.umask({_OTHER_UMASK:#o})\n"
    "os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})\n"
    "os.chdir(sys.argv[1])\n"
    "del sys.argv[1]\n"
    "runpy.run_module('smidgen', run_name='__main__', alter_sys=True)\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A place with copies of source directories.

    Attributes:
        root: An empty directory of our own.
        sources: Directories of the first place, absolute, none within another.
        environ: The environment of the first place.
        toolchain: What is to compile Go here too, or None where there is no Go.
    """

    root: str
    sources: tuple[str, ...]
    environ: Mapping[str, str]
    toolchain: Toolchain | None

    def copy(self) -> None:
        """Copy the sources.

        Raises:
            OSError: One cannot be read, or there is no room.
        """
        for source in self.sources:
            _copy_tree(source, self.place(source))
        for name in ("home", "tmp", "data", "cache"):
            os.mkdir(os.path.join(self.root, name))

    def place(self, path: str) -> str:
        """Give the path here that stands for *path* there; *path* itself if it is not within a source."""
        for source in self.sources:
            if path == source or path.startswith(source.rstrip("/") + "/"):
                return os.path.join(self.root, "a", "longer", "way", path.lstrip("/"))
        return path

    def argument(self, text: str) -> str:
        """Give *text* with paths of sources replaced, as in ``--config=/there/smidgen.yaml``."""
        head, equals, tail = text.rpartition("=")
        return head + equals + self.place(tail)

    def variables(self) -> dict[str, str]:
        """Give the environment for this place."""
        home = self.environ.get("HOME", "")
        own = {
            "HOME": os.path.join(self.root, "home"),
            "TMPDIR": os.path.join(self.root, "tmp"),
            "XDG_DATA_HOME": os.path.join(self.root, "data"),
            "XDG_CACHE_HOME": os.path.join(self.root, "cache"),
            # Rust's toolchain, and what it downloaded, are below the home of before.
            "CARGO_HOME": self.environ.get("CARGO_HOME") or os.path.join(home, ".cargo"),
            "RUSTUP_HOME": self.environ.get("RUSTUP_HOME") or os.path.join(home, ".rustup"),
            # So is the C library that zig compiled; what is the user's is compiled again.
            "ZIG_GLOBAL_CACHE_DIR": shared_cache(self.environ),
            "TZ": "Pacific/Kiritimati",
            "LC_ALL": "tr_TR.UTF-8",
            "LANG": "tr_TR.UTF-8",
            "USER": "somebody",
            "LOGNAME": "somebody",
            "HOSTNAME": "elsewhere",
            "PYTHONHASHSEED": "12345",
            "GIT_CONFIG_GLOBAL": self._git_settings(home),
        }
        left = {name: value for name, value in self.environ.items() if not name.startswith("XDG_")}
        left.pop("SMIDGEN_STORE", None)
        return {**left, **own, **(self._go_variables(self.toolchain, home) if self.toolchain is not None else {})}

    def _go_variables(self, toolchain: Toolchain, home: str) -> dict[str, str]:
        settings = GoSettings(self.environ, toolchain.goroot)
        gopath = settings.get("GOPATH") or os.path.join(home, "go")
        return {
            "GOCACHE": os.path.join(self.root, "cache", "go"),
            "GOMODCACHE": settings.get("GOMODCACHE") or os.path.join(gopath.split(os.pathsep)[0], "pkg", "mod"),
            "GOPATH": gopath,
            "GOENV": settings.user_file or "off",
            "GOMAXPROCS": "1",
            "SMIDGEN_GO": toolchain.path,
        }

    def _git_settings(self, home: str) -> str:
        """Write a git configuration that includes the user's, so that the same files count as unknown."""
        config = self.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        path = os.path.join(self.root, "gitconfig")
        ignored = os.path.join(config, "git", "ignore")
        included = (os.path.join(config, "git", "config"), os.path.join(home, ".gitconfig"))
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'[core]\n\texcludesFile = "{ignored}"\n')
            file.writelines(f'[include]\n\tpath = "{name}"\n' for name in included)
        return path

    def build(self, arguments: Sequence[str], *, directory: str, store: str) -> tuple[Outcome, tuple[str, ...]]:
        """Run ``smidgen build`` here; gives how it ended, and what was different, in words.

        Args:
            arguments: What follows ``smidgen build`` there.
            directory: Where it ran there.
            store: A content store of this place.
        """
        here = self.place(directory)
        os.makedirs(here, exist_ok=True)
        words = [self.argument(argument) for argument in arguments]
        command = [sys.executable, "-c", _PRELUDE, here, "build", "--store", store, *words]
        wrapper = _name_spaces(self.environ)
        outcome = run([*wrapper, *command], self.variables())
        varied = ["directory", "home", "umask", "time zone", "locale", "file times and order", "cores", "build cache"]
        return outcome, (*varied, *(("user", "host name") if wrapper else ()))


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Leave out every path that is within another one."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not any(path == other or path.startswith(other.rstrip("/") + "/") for other in kept):
            kept.append(path)
    return tuple(kept)


def _name_spaces(environ: Mapping[str, str]) -> list[str]:
    """Give the words before a command that make it another user's on another host; none where that is not allowed."""
    search_path = environ.get("PATH", os.defpath)
    unshare, shell = (find_executable(name, search_path) for name in ("unshare", "sh"))
    if unshare is None or shell is None:
        return []
    script = f'hostname elsewhere && exec "{unshare}" --user --map-user={_OTHER_USER} --map-group={_OTHER_USER} -- "$@"'
    words = [unshare, "--user", "--map-root-user", "--uts", shell, "-c", script, "sh"]
    try:
        return words if run([*words, shell, "-c", "true"], environ).exit_code == 0 else []
    except BuildError:
        return []


def _copy_tree(source: str, target: str) -> None:
    """Copy directories, files and links, the last one first, with the modes that another umask would have given."""
    os.makedirs(target, exist_ok=True)
    with os.scandir(source) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name, reverse=True)
    for entry in ordered:
        path = os.path.join(target, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), path)
        elif entry.is_dir():
            _copy_tree(entry.path, path)
        elif entry.is_file():
            shutil.copyfile(entry.path, path)
            mode = stat.S_IMODE(entry.stat().st_mode)
            os.chmod(path, mode & ~_OTHER_UMASK)
            os.utime(path, ns=(_OTHER_TIME_NS, _OTHER_TIME_NS))
    os.chmod(target, 0o700)
