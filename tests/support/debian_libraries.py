"""Debian's static libraries for any architecture, downloaded by apt once, and unpacked for ``--sysroot``."""

import shutil
import subprocess
from pathlib import Path

from support.go_tools import locked


def debian_libraries(architecture: str, *packages: str) -> Path:
    """Give a directory with *packages* of *architecture* (Debian's name) unpacked in it."""
    name = f"debian-{architecture}-{'-'.join(packages)}"
    with locked(name) as root:
        target = root / "debian" / name
        if not target.exists():
            fresh = target.with_name(f"{name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            (fresh / "root").mkdir(parents=True)
            _download(fresh, architecture, packages)
            for archive in sorted(fresh.glob("*.deb")):
                subprocess.run(["dpkg-deb", "-x", archive, fresh / "root"], check=True)
            (fresh / "root").rename(target)
            shutil.rmtree(fresh)
    return target


def _download(place: Path, architecture: str, packages: tuple[str, ...]) -> None:
    """Use apt with this machine's own sources, for one architecture, and without its packages."""
    for directory in ("lists/partial", "cache/archives/partial"):
        (place / directory).mkdir(parents=True)
    (place / "status").touch()
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Dir::State::Lists": place / "lists",
        "Dir::State::Status": place / "status",
        "Dir::Cache": place / "cache",
    }
    words = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    subprocess.run([*words, "update"], check=True, cwd=place)
    subprocess.run([*words, "download", *packages], check=True, cwd=place)
