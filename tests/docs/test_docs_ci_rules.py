"""The rule of tests/conftest.py: on CI, an end-to-end test that was skipped is a test that failed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_CONFTEST = Path(__file__).parent.parent / "conftest.py"
_SETTINGS = "[pytest]\nmarkers = e2e: real\n"


def _pytest(directory: Path, body: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(_CONFTEST, directory / "conftest.py")
    (directory / "pytest.ini").write_text(_SETTINGS)
    (directory / "test_sample.py").write_text("import pytest\n" + body)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")} | {"CI": ci}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


_SKIPS = {
    "by a mark": "@pytest.mark.e2e\n@pytest.mark.skipif(True, reason='no runtime')\ndef test_it(): pass\n",
    "inside": "@pytest.mark.e2e\ndef test_it(): pytest.skip('no runtime')\n",
    "in a fixture": "@pytest.fixture\ndef it(): pytest.skip('no runtime')\n\n@pytest.mark.e2e\ndef test_it(it): pass\n",
    "the whole file": "pytest.skip('no runtime', allow_module_level=True)\n",
}


@pytest.mark.parametrize("body", _SKIPS.values(), ids=_SKIPS.keys())
def test_a_skipped_end_to_end_test_fails_on_ci(tmp_path: Path, body: str) -> None:
    outcome = _pytest(tmp_path, body, ci="true")
    assert outcome.returncode not in {0, 5}, outcome.stdout
    assert "may not be skipped on CI" in outcome.stdout
    assert "no runtime" in outcome.stdout


@pytest.mark.parametrize("body", _SKIPS.values(), ids=_SKIPS.keys())
def test_it_is_skipped_elsewhere(tmp_path: Path, body: str) -> None:
    outcome = _pytest(tmp_path, body, ci="")
    assert outcome.returncode in {0, 5}, outcome.stdout
    assert "1 skipped" in outcome.stdout


def test_other_tests_may_be_skipped_on_ci(tmp_path: Path) -> None:
    outcome = _pytest(tmp_path, "def test_it(): pytest.skip('other system')\n", ci="1")
    assert outcome.returncode == 0, outcome.stdout
