"""Trying a runtime: an image with the smallest program there is, run as ``smidgen prove`` runs images."""

import struct
import tempfile
from pathlib import Path
from typing import Final

from smidgen.errors import SmidgenError
from smidgen.image.assemble import LayerRecipe, Recipe, assemble
from smidgen.layer.compression import Compression
from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.platform import Platform
from smidgen.sandbox.launch import Wishes
from smidgen.sandbox.prove import ProveOptions, prove_image
from smidgen.store.content import ContentStore

# GOARCH → machine of ELF, and the instructions that end a program with exit code 0.
# Source: Intel SDM and Arm ARM for the instructions; ``unistd.h`` of Linux for the numbers of ``exit``.
_PROGRAMS: Final = {
    "amd64": (62, b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"),  # mov eax, 60; xor edi, edi; syscall
    "arm64": (183, struct.pack("<3I", 0xD2800BA8, 0xD2800000, 0xD4000001)),  # mov x8, 93; mov x0, 0; svc 0
}
_HEADERS: Final = 64 + 56
_BASE: Final = 0x400000
_SECONDS: Final = 20.0


def can_try(architecture: str) -> bool:
    """Tell whether there is a program for *architecture*, a GOARCH."""
    return architecture in _PROGRAMS


def try_runtime(runtime: str, platform: Platform) -> str:
    """Run a program for *platform* in *runtime*; give what went wrong, or "" where nothing did."""
    try:
        with tempfile.TemporaryDirectory(prefix="smidgen-doctor-") as name:
            store = ContentStore.open(Path(name) / "store")
            with store.writing():
                image = assemble(store, _recipe(platform)).image
            options = ProveOptions(wishes=Wishes(runtime=runtime), grace=_SECONDS, platform=platform)
            proof = prove_image(image, options)
    except SmidgenError as error:
        return error.message
    except OSError as error:
        return str(error)
    return "; ".join(proof.failures)


def exit_program(architecture: str) -> bytes:
    """Put together a static program that ends at once. Source: System V ABI, "Object Files"."""
    machine, code = _PROGRAMS[architecture]
    size = _HEADERS + len(code)
    ident = b"\x7fELF\x02\x01\x01"
    elf = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, machine, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000) + code


def _recipe(platform: Platform) -> Recipe:
    program = exit_program(platform.architecture)
    layer = LayerRecipe(created_by="smidgen doctor", entries=lambda: (Entry.file("exit", program, mode=0o755),))
    return Recipe(
        platform=platform,
        layers=(layer,),
        run=RunConfig(user="65534:65534", entrypoint=("/exit",)),
        annotations={},
        created=0,
        compression=Compression.parse("none"),
    )
