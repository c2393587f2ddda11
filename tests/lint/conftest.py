"""What the tests of the linter share."""

from pathlib import Path

import pytest

from support.lint_bench import LintBench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> LintBench:
    """Contexts, and programs that are compiled once for all tests."""
    return LintBench(Path(tmp_path_factory.mktemp("contexts")))
