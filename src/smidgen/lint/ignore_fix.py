"""Fixes of the context's ignore file: lines at its end, or a file where there is none. What is there stays."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.config.rewrite import rewrite_file
from smidgen.dockerfile.ignore import MAX_SIZE, NAME
from smidgen.errors import UsageError
from smidgen.lint.run import LintRequest

_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """An ignore file with lines added.

    Attributes:
        path: Where it is, or is to be.
        before: What it has, or None where there is none.
        after: What it is to have.
    """

    path: Path
    before: bytes | None
    after: bytes

    def write(self) -> None:
        """Put *after* in the place of *before*; never over a file that was not there.

        Raises:
            SourceChanged: The file is not *before* any more.
            UsageError: It cannot be written, or has come meanwhile.
        """
        if self.before is not None:
            rewrite_file(self.path, before=self.before, after=self.after)
            return
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
            with os.fdopen(handle, "wb") as file:
                file.write(self.after)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror}", hint="write it by hand") from error


def fixed_ignore_file(request: LintRequest, lines: tuple[str, ...]) -> IgnoreFile | None:
    """Give the ignore file of the context with *lines* at its end, or None where there is nothing to add.

    Raises:
        UsageError: It cannot be read, or is a link to elsewhere.
    """
    context = request.context
    if context is None or not lines:
        return None
    added = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    path = context.ignore_file
    if path is None:
        return IgnoreFile(context.root / NAME, None, added)
    if path.is_symlink():
        # What is mended belongs to the directory that is built, whoever made the link.
        raise UsageError(f"{path} is a link, and what it leads to is not mended", hint=f"write {lines[0]} into it")
    try:
        with path.open("rb") as file:
            before = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="make it readable") from error
    ending = b"\r\n" if b"\r\n" in before else b"\n"
    start = b"" if not before or before.endswith(b"\n") else ending
    return IgnoreFile(path, before, before + start + added.replace(b"\n", ending))
