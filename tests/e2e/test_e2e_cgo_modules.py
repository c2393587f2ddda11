"""Modules with C pass their own tests when they are compiled as ``smidgen build --cgo`` compiles programs.

Without those that take longest: all of them, and by gcc too, are in ``benchmarks/cgo_modules.md``.
"""

import os
from pathlib import Path

import pytest

from support.cgo_modules import EMULATORS, MODULES, cgo_variables, kept_tests, module_source, run_tests
from support.cgo_programs import c_environment

pytestmark = pytest.mark.e2e

_SQLITE, _ZSTD, _GOZSTD, _WEBP, _TREE_SITTER = MODULES


@pytest.mark.parametrize(
    ("module", "architecture", "skipped", "passed"),
    [
        (_SQLITE, "amd64", "TestExecContextCancel|TestStress", 88),
        (_ZSTD, "amd64", "TestStreamCompressionDecompressionParallel", 49),
        (_GOZSTD, "amd64", "TestWriterWindowLog", 45),
        (_WEBP, "amd64", "", 16),
        (_TREE_SITTER, "amd64", "", 22),
        (_ZSTD, "arm64", "TestStreamCompressionDecompression(Parallel|CgoStack)", 48),
        (_WEBP, "arm64", "", 16),
    ],
    ids=["sqlite", "zstd", "gozstd", "webp", "tree-sitter", "zstd-arm64", "webp-arm64"],
)
def test_modules_with_c_pass_their_own_tests(
    module: str, architecture: str, skipped: str, passed: int, tmp_path: Path
) -> None:
    source = module_source(module, tmp_path)
    program = kept_tests(module, cgo_variables(architecture, os.environ | c_environment(architecture)), source)
    options = ("-test.timeout=600s", *((f"-test.skip=^({skipped})$",) if skipped else ()))
    tally = run_tests(program, source, EMULATORS[architecture], *options)
    assert (tally.passed, tally.failed, tally.trouble) == (passed, [], "")
