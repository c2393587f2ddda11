"""What holds for every test: nothing of the developer's own set-up leaks in, and CI skips nothing that it must run."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

_ON_CI = os.environ.get("CI", "").lower() not in {"", "0", "false", "no"}


def pytest_configure() -> None:
    """Let interrupts through to what tests start: a shell in the background starts us without them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped end-to-end test into a failed one on CI: an exam that is not sat is not passed."""
    report = yield
    if _ON_CI and report.skipped and item.get_closest_marker("e2e") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} may not be skipped on CI: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a file that skips itself while it is collected into a failed one on CI."""
    report = yield
    if _ON_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} may not be skipped on CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's settings out of the tests, and the tests out of the developer's store."""
    for name in list(os.environ):
        if name.startswith(("SMIDGEN_", "KO_")) and not name.startswith("SMIDGEN_TEST_"):
            monkeypatch.delenv(name)
    for name in ("SOURCE_DATE_EPOCH", "NO_COLOR", "FORCE_COLOR", "KOCACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg-data"))
