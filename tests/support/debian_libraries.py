"""Debian's packages for any architecture, downloaded by apt once, and unpacked and not installed."""

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


def debian_upx() -> Path:
    """Give the directory of UPX itself, which Debian 12 has among its backports only."""
    with locked("debian-upx") as root:
        target = root / "debian" / "debian-upx"
        if not target.exists():
            fresh = target.with_name("debian-upx.new")
            shutil.rmtree(fresh, ignore_errors=True)
            (fresh / "root").mkdir(parents=True)
            _download(fresh, "amd64", ("upx-ucl",), sources=_backports(fresh))
            for archive in fresh.glob("*.deb"):
                subprocess.run(["dpkg-deb", "-x", archive, fresh / "root"], check=True)
            (fresh / "root").rename(target)
            shutil.rmtree(fresh)
    return target / "usr/bin"


def _backports(place: Path) -> Path:
    """Write down where this machine's own mirror has its release's backports."""
    words = ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    release = next(
        line.partition("=")[2] for line in Path("/etc/os-release").read_text().splitlines() if "CODENAME=" in line
    )
    mirror = next(line.split()[1] for line in lines if line.split()[0] == release)
    sources = place / "backports.list"
    sources.write_text(f"deb {mirror} {release}-backports main\n")
    return sources


def _download(place: Path, architecture: str, packages: tuple[str, ...], *, sources: Path | None = None) -> None:
    """Use apt with this machine's own sources, or others, for one architecture, and without its packages."""
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
    if sources is not None:
        settings |= {"Dir::Etc::SourceList": sources, "Dir::Etc::SourceParts": "-"}
    words = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    subprocess.run([*words, "update"], check=True, cwd=place)
    subprocess.run([*words, "download", *packages], check=True, cwd=place)
