"""From settings and a binary to the recipe of an image: which layers, in which order, and how it starts.

Layers go from what changes least to what changes most: accounts and directories, certificates, zones,
added files, and the binary on top, so that a rebuild pushes one layer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smidgen.config.settings import Settings
from smidgen.gobuild.additions import added_files
from smidgen.gobuild.inherit import KODATA_PATH, run_config
from smidgen.image.assemble import LayerRecipe, Recipe
from smidgen.image.entry_key import entries_key
from smidgen.image.files import Ownership, tree_entries
from smidgen.layer.capabilities import FileCapabilities
from smidgen.layer.entry import Entry
from smidgen.needs.provision import Provision
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.image.base_files import BaseFiles


_NO_CAPABILITIES: Final = FileCapabilities()
# What a base, or a program's libraries, may have in the root: a program of that name would hide it.
_TAKEN: Final = frozenset(
    {
        *("bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt", "proc"),
        *("root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"),
    }
)


class ProgramGone(Exception):
    """The layer of a program that was built before is no longer stored: build the program again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The executable of an image.

    Attributes:
        name: Its path in the image, relative to the root.
        digest: SHA-256 of its content, in hex.
        path: Where it is now, or None where only an earlier layer has it.
        capabilities: What it may do whoever starts it.
    """

    name: str
    digest: str
    path: Path | None
    capabilities: FileCapabilities = _NO_CAPABILITIES


def program_path(name: str) -> str:
    """Say where in the image the program *name* goes: the root, unless that is the name of a usual directory."""
    return f"usr/local/bin/{name}" if name in _TAKEN else name


def image_recipe(
    settings: Settings,
    program: Program,
    platform: Platform,
    *,
    provisions: Iterable[Provision],
    libraries: Iterable[LayerRecipe] = (),
    kodata: Path | None,
    annotations: Mapping[str, str],
    created: int,
    base: "BaseFiles | None" = None,
) -> Recipe:
    """Put the recipe of one image together.

    Args:
        settings: Everything the user said.
        program: The executable.
        platform: What the image runs on.
        provisions: Files for what the program needs, each a layer of its own.
        libraries: Layers with what a dynamic program needs, what changes least first.
        kodata: The package's ``kodata`` directory, or None.
        annotations: Of the manifest.
        created: Seconds since 1970.
        base: What the image stands on, or None for the empty image.
    """
    provisions = tuple(provisions)
    layers = [LayerRecipe(entries=one.entries, created_by=one.description, key=one.key) for one in provisions]
    layers += libraries
    directories = tuple(entry for one in provisions for entry in one.directories)
    layers += [replace(layer, directories=directories) for layer in _file_layers(settings, kodata, program.name)]
    if base is not None:
        layers = [_on_base(layer, base) for layer in layers]
    layers.append(program_layer(program))
    if settings.single_layer:
        # What the base's own layers were given is taken over by the joined one.
        directories = tuple(dict.fromkeys(entry for layer in layers for entry in layer.directories)) or directories
        layers = [replace(_joined(layers), directories=directories)]
    return Recipe(
        platform=platform,
        layers=tuple(layers),
        run=run_config(
            settings, f"/{program.name}", has_kodata=kodata is not None, base=base.base.run if base else None
        ),
        annotations={**(base.base.annotations if base else {}), **annotations},
        created=created,
        compression=settings.compression,
        base=base.base if base else None,
    )


def program_layer(program: Program) -> LayerRecipe:
    """Give the recipe of the layer with the executable alone."""
    path = program.path

    def entries() -> Iterable[Entry]:
        if path is None:
            raise ProgramGone
        return (Entry.file(program.name, path, mode=0o755, xattrs=program.capabilities.xattrs),)

    key, created_by = f"program\0{program.name}\0{program.digest}", f"/{program.name}"
    if said := str(program.capabilities):
        key, created_by = f"{key}\0{said}", f"{created_by} ({said})"
    return LayerRecipe(entries=entries, created_by=created_by, key=key)


def _file_layers(settings: Settings, kodata: Path | None, program: str) -> list[LayerRecipe]:
    layers = []
    if kodata is not None:
        data = tuple(tree_entries(kodata, KODATA_PATH, ownership=Ownership(), follow_links=True))
        layers.append(_files_layer(data, "kodata"))
    added = added_files(settings)
    # The program may be one of them; it has a layer of its own.
    added.pop(program, None)
    if added:
        layers.append(_files_layer(tuple(added[path] for path in sorted(added)), "added files"))
    return layers


def _on_base(layer: LayerRecipe, base: "BaseFiles") -> LayerRecipe:
    """Give the layer with its files where the base has their directories, which stay as they are."""
    return replace(
        layer,
        entries=lambda: base.placed(layer.entries()),
        key=f"{layer.key}\0{base.key}" if layer.key is not None and base.key else layer.key,
        directories=(*base.directories, *layer.directories),
    )


def _files_layer(entries: tuple[Entry, ...], created_by: str) -> LayerRecipe:
    return LayerRecipe(entries=lambda: entries, created_by=created_by, key=f"files\0{entries_key(entries)}")


def _joined(layers: list[LayerRecipe]) -> LayerRecipe:
    """Make one layer of all; a path that comes twice is the later one's, as on a stack of layers."""

    def entries() -> Iterable[Entry]:
        # In the order of the layers, as zones are ordered to compress well and links come behind their targets.
        return {entry.path: entry for layer in layers for entry in layer.entries()}.values()

    return LayerRecipe(
        entries=entries,
        created_by=", ".join(layer.created_by for layer in layers),
        key="joined\0" + "\0".join(layer.key or "" for layer in layers),
    )
