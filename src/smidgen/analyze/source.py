"""What a program was built from, as far as the program says so itself."""

from pathlib import Path

from smidgen.analyze.walk_image import explain_image
from smidgen.elf.buildinfo import BuildInfo, read_build_info
from smidgen.elf.header import parse_elf
from smidgen.errors import UsageError
from smidgen.image.image import Image
from smidgen.needs.examine import mapped, platform_of
from smidgen.oci.platform import Platform


def source_of_binary(path: Path) -> tuple[str, Platform | None]:
    """Give what the executable at *path* was built from, as ``PATH@VERSION``, and for which platform.

    Raises:
        UsageError: It does not say, or it was built from source that only somebody's machine has.
        InvalidExecutable: It is no executable, or a damaged one.
    """
    with mapped(path) as data:
        elf = parse_elf(data)
        return _source_of(read_build_info(elf), str(path)), platform_of(path)


def source_of_image(image: Image) -> tuple[str, Platform | None]:
    """Give what the program of *image* was built from, as ``PATH@VERSION``, and for which platform.

    Raises:
        UsageError: It is no Go program, does not say, or was built from source that only somebody's machine has.
        ContentError: The image is damaged.
    """
    explained = explain_image(image)
    found = next((file for file in reversed(explained.binaries) if f"/{file.path}" == explained.program), None)
    build = found.binary.facts.build if found is not None and found.binary is not None else None
    return _source_of(build, explained.name), image.platform


def _source_of(build: BuildInfo | None, name: str) -> str:
    hint = "go to the directory of its source and name that: smidgen why . PACKAGE"
    if build is None:
        raise UsageError(f"{name} has no Go build information, so its source is not known", hint=hint)
    version = build.main.version if build.main is not None else ""
    if not version.startswith("v") or "+" in version or not build.path:
        raise UsageError(
            f"{name} was built from {build.path or 'files'} {version or 'without a version'}, "
            "which no module proxy has",
            hint=hint,
        )
    return f"{build.path}@{version}"
