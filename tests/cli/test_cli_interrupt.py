"""Ctrl-C before a command has begun: in the middle of loading what it needs."""

from pathlib import Path

from support.command import Smidgen

_INTERRUPTED = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"


def test_an_interrupt_while_modules_are_loaded(smidgen: Smidgen, tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "click.py").write_text(_INTERRUPTED)
    outcome = smidgen("images", fails=True, env={"PYTHONPATH": str(tmp_path / "modules")})
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (130, "", "\ninterrupted\n")
