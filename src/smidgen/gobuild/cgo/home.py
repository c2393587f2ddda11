"""Where zig is started from, and where it keeps what it compiled.

zig compiles the C library, that of C++ and its build program again for files of other paths, other inodes or other
times, though they are the same files. Each virtual environment has its own. So one installation of a release gets a
second name in zig's cache, by hard links, and all start zig there: it compiles them once for a user.

Source: ``zig env``: ZIG_LIB_DIR, ZIG_GLOBAL_CACHE_DIR (what all projects share), ZIG_LOCAL_CACHE_DIR.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from smidgen.errors import BuildError
from smidgen.gobuild.cgo.zig import Zig


@dataclass(frozen=True, slots=True)
class Home:
    """Where zig is started from.

    Attributes:
        path: The executable.
        library: The directory of its own headers and sources; "" where zig finds it itself.
        installed: Where the executable is installed.
        shared_cache: Where zig keeps libraries that it compiled.
        own_cache: Where it keeps what it compiled of the user's.
    """

    path: str
    library: str
    installed: str
    shared_cache: str
    own_cache: str

    def provide(self) -> None:
        """See to it that zig is there; nothing is done where it is, as that is the same release.

        Raises:
            BuildError: It cannot be put there.
        """
        if self.path == self.installed or os.path.exists(self.path):
            return
        try:
            _fill(os.path.dirname(self.path), os.path.dirname(self.installed))
        except OSError as error:
            raise BuildError(f"cannot write {error.filename}: {error.strerror}") from error

    def caches(self) -> dict[str, str]:
        """Give variables that name zig's caches."""
        return {"ZIG_GLOBAL_CACHE_DIR": self.shared_cache, "ZIG_LOCAL_CACHE_DIR": self.own_cache}


def zig_home(zig: Zig, environ: Mapping[str, str]) -> Home:
    """Say where *zig* is to be started; nothing is written.

    Args:
        zig: As it is installed.
        environ: For the directories of caches.
    """
    own = os.path.join(cache_directory(environ), "zig")
    shared = shared_cache(environ)
    if not zig.library:
        return Home(zig.path, "", zig.path, shared, own)
    place = os.path.join(shared, zig.identity)
    return Home(os.path.join(place, "zig"), os.path.join(place, "lib"), zig.path, shared, own)


def shared_cache(environ: Mapping[str, str]) -> str:
    """Give the directory of what zig compiles once for all projects."""
    return environ.get("ZIG_GLOBAL_CACHE_DIR") or os.path.join(cache_directory(environ), "zig")


def cache_directory(environ: Mapping[str, str]) -> str:
    """Give the directory for what can be made again, of this user.

    Source: XDG Base Directory Specification 0.8: a path that is not absolute is to be ignored.
    """
    named = environ.get("XDG_CACHE_HOME", "")
    return os.path.join(named if os.path.isabs(named) else os.path.join(environ.get("HOME", "/"), ".cache"), "smidgen")


def _fill(place: str, installed: str) -> None:
    import shutil
    import tempfile

    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    fresh = tempfile.mkdtemp(prefix="new-", dir=os.path.dirname(place))
    try:
        shutil.copytree(os.path.join(installed, "lib"), os.path.join(fresh, "lib"), copy_function=_name_again)
        # Whoever finds it finds all of it.
        _name_again(os.path.join(installed, "zig"), os.path.join(fresh, "zig"))
        _rename(fresh, place)
    except shutil.Error as error:
        raise BuildError(f"cannot copy {installed} to {place}: {error.args[0][0][2]}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _rename(fresh: str, place: str) -> None:
    try:
        os.rename(fresh, place)
    except OSError:
        # Another build made it meanwhile.
        if not os.path.exists(os.path.join(place, "zig")):
            raise


def _name_again(path: str, fresh: str) -> str:
    """Give the file *path* the name *fresh*, too; on another file system it becomes a copy.

    Files of a Python package are replaced when it is updated, and never written to.
    """
    import shutil

    try:
        os.link(path, fresh)
    except OSError:
        shutil.copy2(path, fresh)
    return fresh
