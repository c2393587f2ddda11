"""What an image gives its program: a user, an environment, and the files that it needs."""

import posixpath
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from smidgen.analyze.explained import ExplainedBinary, ExplainedLayer, ImageNeed
from smidgen.errors import ContentError, NotFound
from smidgen.image.base import BaseImage
from smidgen.image.base_files import BaseFiles
from smidgen.image.filetree import FileTree, Node
from smidgen.image.image import Image
from smidgen.layer.entry import Kind
from smidgen.needs.need import Need
from smidgen.needs.on_base import OnBase

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is around the program of an image.

    Attributes:
        program: Its path in the image, or "" where it is not there.
        is_root: It runs as root.
        needs: What it needs, and where that is.
    """

    program: str = ""
    is_root: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[ImageNeed, ...] = ()


def surroundings(
    image: Image, tree: FileTree, accounts: dict[str, bytes], layers: tuple[ExplainedLayer, ...]
) -> Surroundings:
    """Find the image's program, and what it has around it.

    Args:
        image: A single image.
        tree: All its files.
        accounts: Content of ``etc/passwd`` and ``etc/group``, where it has them.
        layers: As they were explained.
    """
    run = image.config.run
    env = {name: value for name, _, value in (one.partition("=") for one in run.env or ())}
    command = [*(run.entrypoint or ()), *(run.cmd or ())]
    node = _find_program(tree, command[0], env, run.working_dir) if command else None
    user, _, _ = run.user.partition(":")
    is_root = user in {"", "0", "root"}
    needs: tuple[ImageNeed, ...] = ()
    with suppress(ContentError):
        base = BaseImage.of(image, name=image.name)
        on_base = OnBase(files=BaseFiles(base, (tree, accounts)), env=env, user=run.user or "0")
        with suppress(ContentError):
            is_root = on_base.account.uid == 0
        needs = tuple(_need(need, on_base) for need in _needs(node, layers))
    program = f"/{node.entry.path}" if node is not None else ""
    return Surroundings(program=program, is_root=is_root, env=env, needs=needs)


def _find_program(tree: FileTree, name: str, env: Mapping[str, str], directory: str) -> Node | None:
    if "/" in name:
        places = [posixpath.join(directory or "/", name)]
    else:
        places = [posixpath.join(one, name) for one in env.get("PATH", _DEFAULT_PATH).split(":")]
    for place in places:
        with suppress(NotFound):
            node = tree.find(place)
            while node.entry.kind is Kind.HARDLINK:
                target = tree.find(node.entry.link)
                if target is node:
                    break
                node = target
            if node.entry.kind is Kind.FILE:
                return node
    return None


def _needs(node: Node | None, layers: tuple[ExplainedLayer, ...]) -> tuple[Need, ...]:
    binary = _binary_of(node, layers)
    report = binary.facts.needs if binary is not None else None
    return report.needs if report is not None else ()


def _binary_of(node: Node | None, layers: tuple[ExplainedLayer, ...]) -> ExplainedBinary | None:
    """Give what is inside the file *node*, as the layer that it comes from has it."""
    if node is None or not 0 <= node.depth < len(layers):
        return None
    files = layers[node.depth].files
    return next((file.binary for file in reversed(files) if file.path == node.entry.path), None)


def _need(need: Need, on_base: OnBase) -> ImageNeed:
    place = ""
    with suppress(ContentError):
        place = on_base.place_of(need.kind)
    return ImageNeed(
        kind=need.kind.value,
        label=need.kind.label,
        confidence=need.confidence.value,
        proof=need.symbol,
        reason=need.reason,
        callers=need.callers,
        place=place,
    )
