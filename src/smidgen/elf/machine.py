"""Machines, as ELF numbers them and as Go names them.

Source: System V ABI and its processor supplements (``EM_*``); ``go tool dist list``.
"""

from typing import Final

EM_386: Final = 3
EM_MIPS: Final = 8
EM_PPC64: Final = 21
EM_S390: Final = 22
EM_ARM: Final = 40
EM_X86_64: Final = 62
EM_AARCH64: Final = 183
EM_RISCV: Final = 243
EM_LOONGARCH: Final = 258

_GOARCH = {
    (EM_386, 32, "<"): "386",
    (EM_X86_64, 64, "<"): "amd64",
    (EM_ARM, 32, "<"): "arm",
    (EM_AARCH64, 64, "<"): "arm64",
    (EM_LOONGARCH, 64, "<"): "loong64",
    (EM_MIPS, 32, ">"): "mips",
    (EM_MIPS, 32, "<"): "mipsle",
    (EM_MIPS, 64, ">"): "mips64",
    (EM_MIPS, 64, "<"): "mips64le",
    (EM_PPC64, 64, ">"): "ppc64",
    (EM_PPC64, 64, "<"): "ppc64le",
    (EM_RISCV, 64, "<"): "riscv64",
    (EM_S390, 64, ">"): "s390x",
}

# The type of a relocation that adds the load address, for the machines whose relocations
# carry the addend (Elf_Rela) and so may leave zeros at the place itself.
RELATIVE: Final = {
    EM_X86_64: 8,
    EM_AARCH64: 1027,
    EM_PPC64: 22,
    EM_S390: 12,
    EM_RISCV: 3,
    EM_LOONGARCH: 3,
}


def goarch(machine: int, bits: int, endian: str) -> str | None:
    """Name a machine as GOARCH does, or None where Go has no port for it."""
    return _GOARCH.get((machine, bits, endian))


def machine_of(architecture: str) -> tuple[int, int, str]:
    """Give number, bits and byte order (``<`` or ``>``) of a machine that Go names *architecture*.

    Raises:
        KeyError: Go has no such port.
    """
    return {name: key for key, name in _GOARCH.items()}[architecture]
