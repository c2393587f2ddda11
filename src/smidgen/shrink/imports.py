"""Which packages a program imports, and what they embed, as ``go list`` tells it.

Source: ``go help list``.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from smidgen.config.settings import Settings
from smidgen.gobuild.environment import go_environment
from smidgen.gobuild.options import build_options
from smidgen.gobuild.process import run
from smidgen.gobuild.variants import Variants

_FIELDS: Final = "ImportPath,Imports,ImportMap,Dir,EmbedFiles,Standard,Module"


class _Module(msgspec.Struct, frozen=True, rename="pascal"):
    path: str = ""
    main: bool = False


class Package(msgspec.Struct, frozen=True, rename="pascal"):
    """A package that the program is compiled from.

    Attributes:
        directory: Where its files are.
        imports: Import paths of packages.
        embed_files: Files that its code embeds, relative to its directory.
    """

    import_path: str
    directory: str = msgspec.field(default="", name="Dir")
    imports: tuple[str, ...] = ()
    import_map: Mapping[str, str] = msgspec.field(default_factory=dict)
    embed_files: tuple[str, ...] = ()
    standard: bool = False
    module: _Module | None = None

    @property
    def is_own(self) -> bool:
        """It is of the program's own module."""
        return self.module is not None and self.module.main


def imports_of(settings: Settings, variants: Variants) -> Mapping[str, Package]:
    """Give the packages of the program by their import paths; none where Go does not tell, as for ``PATH@VERSION``."""
    package = variants.package
    if package.version or not package.root:
        return {}
    options = build_options(settings)
    environ = go_environment(variants.request.environ, options, settings.platforms[0])
    tags = [f"-tags={','.join(options.tags)}"] if options.tags else []
    command = [variants.toolchain.path, "list", "-C", package.root, "-deps", f"-json={_FIELDS}", *tags]
    outcome = run([*command, package.import_path], environ)
    if outcome.exit_code != 0:
        return {}
    return {one.import_path: one for one in decoded(outcome.stdout.decode(errors="replace"))}


def decoded(text: str) -> list[Package]:
    """Read the documents, which follow each other without anything between them."""
    documents = text.replace("\n}\n{", "\n}\0{").split("\0")
    try:
        found = [msgspec.json.decode(one, type=Package) for one in documents if one.strip()]
    except msgspec.DecodeError:
        return []
    return [
        msgspec.structs.replace(one, imports=tuple(one.import_map.get(name, name) for name in one.imports))
        for one in found
    ]
