"""What builders made, as facts that can be held against each other.

Layers are put together here and not with smidgen's own code, which is what is being examined.
"""

import hashlib
import posixpath
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_KINDS: Final = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "link",
    tarfile.FIFOTYPE: "pipe",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
}
_XATTR: Final = "SCHILY.xattr."
_CONFIG: Final = (
    *("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "ExposedPorts", "Volumes", "StopSignal"),
    *("Healthcheck", "Shell", "OnBuild"),
)


@dataclass
class File:
    """One file, under all its names.

    Attributes:
        facts: ``kind``, ``mode``, ``owner``, and by kind ``size``, ``content``, ``link``, ``device``, ``xattrs``.
        mtime: Seconds since 1970.
    """

    facts: dict[str, str]
    mtime: int


@dataclass(frozen=True)
class Built:
    """What a builder made.

    Attributes:
        config: The part of the image config that says how to run it.
        files: By path, without a slash in front.
        history: What made each layer or changed the config.
    """

    config: dict[str, Any]
    files: dict[str, File] = field(default_factory=dict)
    history: tuple[str, ...] = ()

    def facts(self, *, times: bool, history: bool) -> dict[str, str]:
        """Give all that counts, as ``WHAT`` → value."""
        found = {name: _shown(self.config.get(name), name) for name in _CONFIG}
        if history:
            found["history"] = "\n".join(self.history)
        names: dict[int, list[str]] = {}
        for path, file in self.files.items():
            names.setdefault(id(file), []).append(path)
        for path, file in self.files.items():
            found |= {f"{what} /{path}": value for what, value in file.facts.items()}
            if len(names[id(file)]) > 1:
                found[f"names /{path}"] = ", ".join(sorted(names[id(file)]))
            if times:
                found[f"time /{path}"] = str(file.mtime)
        return found


def _shown(value: Any, name: str) -> str:
    if name == "WorkingDir" and value == "/":
        return ""  # engines take one for the other
    if isinstance(value, Mapping):
        return str({key: value[key] for key in sorted(value) if value[key] not in (0, None)} or "")
    return str(value or "")


def built(config: Mapping[str, Any], layers: Iterable[Path]) -> Built:
    """Put an image together.

    Args:
        config: The whole image config.
        layers: Tars, compressed or not, the bottom one first.
    """
    files: dict[str, File] = {}
    for layer in layers:
        _apply(files, layer)
    history = tuple(one.get("created_by", "") for one in config.get("history") or ())
    return Built(dict(config.get("config") or {}), files, history)


def _apply(files: dict[str, File], layer: Path) -> None:
    fresh: set[str] = set()
    with tarfile.open(layer, "r:*", errorlevel=2) as tar:
        for member in tar:
            path = posixpath.normpath("/" + member.name).lstrip("/")
            directory, name = posixpath.split(path)
            if name == ".wh..wh..opq":
                _remove(files, [one for one in _below(files, directory) if one not in fresh])
            elif name.startswith(".wh."):
                hidden = posixpath.join(directory, name.removeprefix(".wh."))
                gone = [hidden, *_below(files, hidden)]
                _remove(files, [one for one in gone if one not in fresh])
            elif path:
                _put(files, path, tar, member)
                fresh.add(path)


def _put(files: dict[str, File], path: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    if not member.isdir():
        _remove(files, _below(files, path))
    if member.islnk():
        files[path] = files[posixpath.normpath("/" + member.linkname).lstrip("/")]
        return
    kind = _KINDS[member.type]
    facts = {"kind": kind, "owner": f"{member.uid}:{member.gid}"}
    if kind == "link":
        facts["link"] = member.linkname
    else:
        facts["mode"] = f"{stat.S_IMODE(member.mode):04o}"
    if kind == "file":
        content = tar.extractfile(member)
        assert content is not None
        facts["size"] = str(member.size)
        facts["content"] = hashlib.sha256(content.read()).hexdigest()
    if kind.endswith("device"):
        facts["device"] = f"{member.devmajor}:{member.devminor}"
    xattrs = {name.removeprefix(_XATTR): value for name, value in member.pax_headers.items() if _XATTR in name}
    if xattrs:
        facts["xattrs"] = str(sorted(xattrs.items()))
    files[path] = File(facts, int(member.mtime))


def _below(files: Mapping[str, File], directory: str) -> list[str]:
    prefix = f"{directory}/" if directory else ""
    return [path for path in files if path.startswith(prefix) and path != directory]


def _remove(files: dict[str, File], paths: Iterable[str]) -> None:
    for path in paths:
        files.pop(path, None)


def differences(ours: Built | None, theirs: Built | None, *, times: bool, history: bool) -> Iterator[tuple[str, str]]:
    """Give what differs, and how; None is a build that failed."""
    if ours is None or theirs is None:
        if ours is not theirs:
            yield ("builds here", "fails there") if theirs is None else ("fails here", "builds there")
        return
    mine, other = ours.facts(times=times, history=history), theirs.facts(times=times, history=history)
    for what in sorted({*mine, *other}):
        if mine.get(what) != other.get(what):
            word, _, path = what.partition(" /")
            # Of a file that is missing altogether, its kind says so.
            missing = path and (path in ours.files) != (path in theirs.files)
            if not missing or word == "kind":
                yield what, f"{mine.get(what)} here, {other.get(what)} there"
