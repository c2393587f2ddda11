"""An image held against a budget: what it has, what it may have, and which lines are broken."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smidgen.analyze.image.extract import extract
from smidgen.analyze.image.programs import Program, package_sizes, program_node, read_programs
from smidgen.analyze.image.walk import ImageContent, read_content
from smidgen.config.budget import Limit
from smidgen.config.file_layer import name_expression
from smidgen.errors import NotFound, UsageError
from smidgen.image.image import Image

#: Keys that only the inside of the program tells.
_OF_PROGRAM: Final = frozenset({"packages", "needs", "static"})
_TOO_MUCH: Final = "more than the budget allows"
_MAX_PASSWD: Final = 1 << 20
_PASSWD_FIELDS: Final = 3
_GROWTH: Final = {"growth": "size", "pull_growth": "pull_size"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a budget can be held against.

    Attributes:
        sizes: ``size``, ``pull_size``, ``layer_size``, ``wasted`` in bytes, and ``layers``.
        is_root: Whether the program runs as root.
        user: Who it runs as, as the configuration says; empty for nobody named.
        program: What the image starts; None where no limit asks for it.
        problem: Why *program* is None though one asks, or empty.
    """

    image: Image
    sizes: Mapping[str, int]
    is_root: bool
    user: str
    program: Program | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of a budget, and what came of it.

    Attributes:
        limit: What may be.
        held: Whether it is so.
        got: What is, in bytes or as a number; None for what is no number.
        most: What may be, likewise.
        before: What the other image has, for growth.
        message: What is wrong, in a sentence; empty where it is held.
    """

    limit: Limit
    held: bool
    got: int | None = None
    most: int | None = None
    before: int | None = None
    message: str = ""


def measure(image: Image, limits: Sequence[Limit], content: ImageContent | None = None) -> Measured:
    """Measure a single image.

    Args:
        image: A single image.
        limits: What will be asked; the program is looked into only where one of them is about it.
        content: What is in the image, where it was read already.

    Raises:
        ContentError: A layer is absent or damaged.
        OSError: No file can be written to look into the program.
    """
    found = content or read_content(image)
    program, problem = None, ""
    if any(limit.key in _OF_PROGRAM for limit in limits):
        program, problem = _program(image, found)
    sizes = {
        "size": sum(layer.size for layer in found.layers),
        "pull_size": image.pull_size,
        "layer_size": max((layer.size for layer in found.layers), default=0),
        "layers": len(found.layers),
        "wasted": found.wasted_size,
    }
    user = image.config.run.user
    return Measured(
        image=image, sizes=sizes, is_root=_is_root(image, found), user=user, program=program, problem=problem
    )


def _program(image: Image, content: ImageContent) -> tuple[Program | None, str]:
    try:
        node = program_node(image, content)
    except UsageError as error:
        return None, error.message
    with tempfile.TemporaryDirectory(prefix="smidgen-check-") as directory:
        (program,) = read_programs(image, (node,), Path(directory))
    return (None, program.problem) if program.binary is None else (program, "")


def _is_root(image: Image, content: ImageContent) -> bool:
    name = image.config.run.user.partition(":")[0]
    if name.isdecimal():
        return not int(name)
    return name in {"", "root"} or _user_ids(image, content).get(name) == 0


def _user_ids(image: Image, content: ImageContent) -> dict[str, int]:
    """Give the users of the image's /etc/passwd by name; of a name that is there twice the first counts."""
    try:
        node = content.tree.find("/etc/passwd")
    except NotFound:
        return {}
    if node.content is None or node.content.size > _MAX_PASSWD:
        return {}
    with tempfile.TemporaryDirectory(prefix="smidgen-check-") as directory:
        path = extract(image, (node,), Path(directory))[node.content.digest]
        text = path.read_text(encoding="utf-8", errors="replace")
    rows = [row for line in reversed(text.splitlines()) if len(row := line.split(":")) >= _PASSWD_FIELDS]
    return {row[0]: int(row[2]) for row in rows if row[2].isdecimal()}


def check(limits: Sequence[Limit], measured: Measured, against: Measured | None = None) -> tuple[Check, ...]:
    """Hold an image against *limits*.

    Args:
        limits: The budget.
        measured: The image.
        against: The other image, for growth.

    Raises:
        UsageError: A limit is about growth, and there is no other image.
    """
    return tuple(_check(limit, measured, against) for limit in limits)


def _check(limit: Limit, measured: Measured, against: Measured | None) -> Check:
    if limit.key in _GROWTH:
        return _growth(limit, measured, against)
    if limit.key in measured.sizes:
        return _most(limit, measured.sizes[limit.key])
    if limit.key == "no_root":
        who = f"user {measured.user!r}, which is root" if measured.user else "no user, so that the program runs as root"
        return Check(
            limit=limit, held=not measured.is_root, message=f"the image names {who}" if measured.is_root else ""
        )
    if measured.program is None:
        return Check(limit=limit, held=False, message=f"this cannot be told: {measured.problem}")
    return _PROGRAM_CHECKS[limit.key](limit, measured.program)


def _most(limit: Limit, got: int) -> Check:
    held = got <= limit.value
    return Check(limit=limit, held=held, got=got, most=limit.value, message="" if held else _TOO_MUCH)


def _growth(limit: Limit, measured: Measured, against: Measured | None) -> Check:
    key = _GROWTH[limit.key]
    if against is None:
        raise UsageError(
            f"{limit.file}:{limit.line}: {limit.key} is about another image", hint="name it with --against"
        )
    before = against.sizes[key]
    most = limit.value if limit.percent is None else int(before * limit.percent / 100)
    got = measured.sizes[key] - before
    message = _TOO_MUCH if got > most else ""
    return Check(limit=limit, held=not message, got=got, most=most, before=before, message=message)


def _package(limit: Limit, program: Program) -> Check:
    pattern = name_expression(limit.name)
    got = sum(size for name, (size, _) in package_sizes(program.binary).items() if pattern.match(name))
    return _most(limit, got)


def _needs(limit: Limit, program: Program) -> Check:
    report = program.binary.facts.needs if program.binary else None
    extra = [need for need in report.needs if need.kind.value not in limit.allowed] if report else []
    said = "; ".join(f"the program needs {one.kind.value} ({one.confidence}, {one.symbol})" for one in extra)
    return Check(limit=limit, held=not extra, got=len(extra), message=said)


def _static(limit: Limit, program: Program) -> Check:
    facts = program.binary.facts if program.binary else None
    held = facts is not None and facts.static
    wanted = ", ".join(one for one in (facts.interpreter, *facts.libraries) if one) if facts else ""
    return Check(limit=limit, held=held, message="" if held else f"the program needs {wanted}")


_PROGRAM_CHECKS: Final[Mapping[str, Callable[[Limit, Program], Check]]] = {
    "packages": _package,
    "needs": _needs,
    "static": _static,
}
