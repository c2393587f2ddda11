"""Signals before a command has begun: in the middle of loading what it needs."""

import signal
from pathlib import Path

import pytest

from support.command import Smidgen

_NOW = """
import os, time

def now():
    os.kill(os.getpid(), {number})
    time.sleep(60)
"""
_PLACES = {
    "a module": "now()",
    "a class": """
class Field:
    def __set_name__(self, *_owner):
        now()

class Model:
    field = Field()
""",
}


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "\ninterrupted\n"), (signal.SIGTERM, "")])
def test_a_signal_while_modules_are_loaded(
    smidgen: Smidgen, tmp_path: Path, place: str, number: signal.Signals, said: str
) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "click.py").write_text(_NOW.format(number=int(number)) + _PLACES[place])
    outcome = smidgen("images", fails=True, env={"PYTHONPATH": str(tmp_path / "modules")})
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (128 + number, "", said)
