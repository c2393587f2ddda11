"""Cases that several builders build: Dockerfiles with their contexts, read from ``tests/conformance/cases``."""

import io
import os
import re
import subprocess
import tarfile
import tomllib
import urllib.parse
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CASES: Final = Path(__file__).parents[1] / "conformance" / "cases"
_MTIME: Final = 1_600_000_000
_LINE: Final = re.compile(
    r"(?P<kind>[fdlhptxn]) (?P<path>\S+)(?: (?P<mode>[0-7]{1,4}))?(?: (?P<owner>\d+:\d+))?"
    r"(?: (?P<sign>=|->)(?: (?P<rest>.*))?)?",
    re.DOTALL,
)
_COMPRESSION: Final = {".gz": "gz", ".tgz": "gz", ".bz2": "bz2", ".xz": "xz", ".tar": "", ".dat": ""}


@dataclass(frozen=True)
class Case:
    """One Dockerfile, its context and what it is built with.

    Attributes:
        name: Nothing else has the same one.
        files: Lines of the context, see ``write_tree``.
        trees: Lines that archives of the context are made of, by name.
        arguments: ``--build-arg``.
        target: ``--target``.
        peers: Builders that know all that it uses.
        times: Modification times are compared, too.
        sample: It is one of the few that every test run builds.
    """

    name: str
    dockerfile: str
    files: tuple[str, ...]
    trees: Mapping[str, Sequence[str]]
    arguments: Mapping[str, str]
    target: str
    peers: tuple[str, ...]
    times: bool
    sample: bool

    def write(self, directory: Path) -> None:
        """Make the context, with the Dockerfile in it."""
        directory.mkdir(parents=True)
        (directory / "Dockerfile").write_text(self.dockerfile.removeprefix("\n"))
        # BuildKit takes a file of the same size and time for the one that another case sent before.
        mtime = _MTIME + zlib.crc32(self.name.encode()) % 10_000_000
        write_tree(directory, self.files, self.trees, mtime=mtime)
        directory.chmod(0o755)


def read_cases() -> tuple[Case, ...]:
    """Read all cases; a file of them gives what they have in common."""
    found = [case for path in sorted(CASES.glob("*.toml")) for case in _read(path)]
    names = [case.name for case in found]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    return tuple(found)


def read_bases() -> dict[str, str]:
    """Read the Dockerfiles of the images that cases start from, beside ``base``."""
    text = (CASES.parent / "bases.toml").read_text()
    return {name: given["dockerfile"] for name, given in tomllib.loads(text).items()}


def _read(path: Path) -> Iterable[Case]:
    given = tomllib.loads(path.read_text())
    trees: dict[str, list[str]] = given.get("trees", {})
    all_peers: list[str] = given.get("peers", ["buildah", "classic", "docker", "buildkit"])
    for one in given["case"]:
        yield _case(path.stem, one, trees, all_peers)


def _case(subject: str, given: dict[str, Any], trees: dict[str, list[str]], peers: list[str]) -> Case:
    unknown = set(given) - {"name", "dockerfile", "tree", "files", "args", "target", "peers", "times", "sample"}
    assert not unknown, (given, unknown)
    return Case(
        name=f"{subject}-{given['name']}",
        dockerfile=given["dockerfile"],
        files=(*trees.get(given.get("tree", ""), []), *given.get("files", [])),
        trees=trees,
        arguments=given.get("args", {}),
        target=given.get("target", ""),
        peers=tuple(given.get("peers", peers)),
        times=given.get("times", False),
        sample=given.get("sample", False),
    )


def write_tree(root: Path, lines: Iterable[str], trees: Mapping[str, Sequence[str]], *, mtime: int) -> None:
    """Make files as *lines* say: ``KIND PATH [MODE] [UID:GID] [= CONTENT | -> TARGET]``.

    Kinds: ``f`` file, ``d`` directory, ``l`` symbolic link, ``h`` another name of TARGET, ``p`` named pipe, ``x`` an
    extended attribute ``NAME=VALUE`` of what is there already, ``t`` an archive of the tree that CONTENT names, ``n``
    as many files as CONTENT says. Bytes of PATH can be written as in addresses (``%20``).
    """
    parsed = [_parsed(line) for line in lines]
    for line in parsed:
        _make(os.fsencode(root), line, trees)
    # Modes last, so that a directory may forbid what was done in it; times after them, from the inside out.
    for line in parsed:
        if line.mode is not None and line.kind not in "lhx":
            os.chmod(os.path.join(os.fsencode(root), line.path), line.mode)
    for directory, names, files in os.walk(os.fsencode(root), topdown=False):
        for name in (*names, *files):
            os.utime(os.path.join(directory, name), (mtime, mtime), follow_symlinks=False)


@dataclass(frozen=True)
class _Line:
    kind: str
    path: bytes
    mode: int | None
    owner: tuple[int, int] | None
    rest: str


def _parsed(line: str) -> _Line:
    found = _LINE.fullmatch(line)
    assert found, line
    mode, owner = found["mode"], found["owner"]
    uid, _, gid = (owner or "0:0").partition(":")
    return _Line(
        kind=found["kind"],
        path=urllib.parse.unquote_to_bytes(found["path"]),
        mode=int(mode, 8) if mode else None,
        owner=(int(uid), int(gid)) if owner else None,
        rest=found["rest"] or "",
    )


def _make(root: bytes, line: _Line, trees: Mapping[str, Sequence[str]]) -> None:
    path = os.path.join(root, line.path)
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    match line.kind:
        case "f":
            _write(path, urllib.parse.unquote_to_bytes(line.rest))
        case "d":
            os.makedirs(path, mode=0o755, exist_ok=True)
        case "l":
            os.symlink(os.fsencode(line.rest), path)
        case "h":
            os.link(os.path.join(root, os.fsencode(line.rest)), path)
        case "p":
            os.mkfifo(path)
        case "x":
            name, _, value = line.rest.partition("=")
            os.setxattr(path, name, urllib.parse.unquote_to_bytes(value))
        case "t":
            _write(path, archive(os.fsdecode(line.path), [_parsed(one) for one in trees[line.rest]]))
        case _:
            os.makedirs(path, mode=0o755, exist_ok=True)
            for number in range(int(line.rest)):
                _write(os.path.join(path, b"%d" % number), b"%d\n" % number)
    if line.owner is not None:
        os.chown(path, *line.owner, follow_symlinks=False)


def _write(path: bytes, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o644)


def archive(name: str, lines: Sequence[_Line]) -> bytes:
    """Make a tar, compressed as the suffix of *name* says."""
    suffix = Path(name).suffix
    buffer = io.BytesIO()
    plain = suffix == ".zst"
    with tarfile.open(fileobj=buffer, mode="w" if plain else f"w:{_COMPRESSION[suffix]}") as tar:  # type: ignore[call-overload]
        by_path = {os.fsdecode(line.path): line for line in lines}
        for line in lines:
            member = tarfile.TarInfo(os.fsdecode(line.path))
            named = line
            if line.kind == "h" and line.mode is None:
                named = by_path[line.rest]  # archivers repeat what the file has
            content = urllib.parse.unquote_to_bytes(line.rest) if line.kind == "f" else b""
            member.size, member.mtime = len(content), _MTIME
            member.mode = named.mode if named.mode is not None else 0o755 if line.kind == "d" else 0o644
            member.uid, member.gid = named.owner or (0, 0)
            kinds = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE}
            member.type = {**kinds, "h": tarfile.LNKTYPE, "p": tarfile.FIFOTYPE}[line.kind]
            member.linkname = line.rest if line.kind in "lh" else ""
            tar.addfile(member, io.BytesIO(content))
    if not plain:
        return buffer.getvalue()
    return subprocess.run(["zstd", "-q"], input=buffer.getvalue(), check=True, capture_output=True).stdout
