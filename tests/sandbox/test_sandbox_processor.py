"""Variants of amd64 that the processor of a machine does not have."""

from pathlib import Path

import pytest

from smidgen.errors import ProgramNotRunnable
from smidgen.oci.platform import Platform
from smidgen.sandbox.processor import check_processor

_SECOND = "fpu lm cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
_THIRD = f"{_SECOND} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"


def _check(text: str, flags: str | None, tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n\nprocessor\t: 1\nflags\t\t: none\n")
    check_processor(Platform.parse(text), cpuinfo=cpuinfo)


@pytest.mark.parametrize(
    ("platform", "flags"),
    [
        ("linux/amd64", "fpu"),
        ("linux/amd64/v2", _SECOND),
        ("linux/amd64/v3", _THIRD),
        ("linux/amd64/v4", f"{_THIRD} avx512f avx512bw avx512cd avx512dq avx512vl"),
        # What is not known is tried.
        ("linux/amd64/v4", None),
        ("linux/amd64/v4", ""),
        ("linux/arm64/v9.0", "fpu"),
    ],
)
def test_a_processor_that_has_it_all_is_not_complained_about(platform: str, flags: str | None, tmp_path: Path) -> None:
    _check(platform, flags, tmp_path)


@pytest.mark.parametrize(
    ("platform", "flags", "lacking"),
    [
        ("linux/amd64/v2", "fpu lm cx16 lahf_lm popcnt pni sse4_1 ssse3", "no sse4_2"),
        ("linux/amd64/v3", _SECOND, "no avx, avx2, bmi1, bmi2, f16c, fma, abm, movbe, xsave"),
        ("linux/amd64/v4", _THIRD, "no avx512f, avx512bw, avx512cd, avx512dq, avx512vl"),
        ("linux/amd64/v4", _THIRD.replace(" fma", ""), "no fma, avx512f"),
    ],
)
def test_what_a_processor_lacks_is_named(platform: str, flags: str, lacking: str, tmp_path: Path) -> None:
    with pytest.raises(ProgramNotRunnable, match=lacking) as raised:
        _check(platform, flags, tmp_path)
    assert f"for {platform}" in str(raised.value)
