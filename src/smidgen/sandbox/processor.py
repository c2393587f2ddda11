"""What the variants of amd64 ask of a processor, and what that of this machine lacks.

Source: x86-64 psABI 1.0, 3.1.1 "Processor Architecture"; the flags are called as in Linux's ``cpufeatures.h``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from smidgen.errors import ProgramNotRunnable
from smidgen.oci.platform import Platform

_CPUINFO: Final = Path("/proc/cpuinfo")
_MOST: Final = 64 << 10
# Each has what those before it have, too.
_LEVELS: Final[Mapping[str, str]] = {
    "v2": "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3",
    "v3": "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave",
    "v4": "avx512f avx512bw avx512cd avx512dq avx512vl",
}


def check_processor(platform: Platform, *, cpuinfo: Path = _CPUINFO) -> None:
    """Check that this machine, which is of the architecture of *platform*, runs its variant.

    A program for a newer processor ends at once, by its own choice or by a signal, and neither says anything of it.

    Args:
        platform: Of an image.
        cpuinfo: Where the kernel says what the processor has.

    Raises:
        ProgramNotRunnable: The processor lacks something; where that is not known it lacks nothing.
    """
    if platform.architecture != "amd64" or platform.variant not in _LEVELS:
        return
    levels = list(_LEVELS)[: list(_LEVELS).index(platform.variant) + 1]
    wanted = [flag for level in levels for flag in _LEVELS[level].split()]
    has = _flags(cpuinfo)
    lacking = [flag for flag in wanted if flag not in has] if has else []
    if lacking:
        raise ProgramNotRunnable(
            f"the image is for {platform}, and this machine's processor has no {', '.join(lacking)}",
            hint="run it on a machine that has that, or choose the image for an older processor with --platform",
        )


def _flags(cpuinfo: Path) -> frozenset[str]:
    """Give the flags of the first processor; nothing where none are listed."""
    try:
        with cpuinfo.open("rb") as file:
            text = file.read(_MOST).decode("ascii", "replace")
    except OSError:
        return frozenset()
    lines = (line.partition(":") for line in text.splitlines())
    return next((frozenset(rest.split()) for name, _, rest in lines if name.strip() == "flags"), frozenset())
