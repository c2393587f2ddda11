"""The documents say what is so: links lead somewhere, commands exist, generated pages are current."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from smidgen.cli.root import root

_ROOT = Path(__file__).parent.parent.parent
_DOCUMENTS = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md"), *(_ROOT / "examples").rglob("*.md")])
_IDS = [str(path.relative_to(_ROOT)) for path in _DOCUMENTS]
_LINK = re.compile(r"(?<!!)\[[^]]*\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
# The start of a command: of a line, behind a prompt, or inside of $( ).
_COMMAND = re.compile(r"(?:^\s*(?:\$ )?|\$\()smidgen (?P<arguments>[^\n#)]*)", re.MULTILINE)


@pytest.mark.parametrize("path", _DOCUMENTS, ids=_IDS)
def test_links_lead_somewhere(path: Path) -> None:
    for match in _LINK.finditer(path.read_text()):
        target = match["target"].partition("#")[0]
        if target and "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def _commands(text: str) -> Iterator[list[str]]:
    for fence in _FENCE.finditer(text):
        if fence["kind"] in {"sh", "console", "bash"}:
            body = fence["body"].replace("\\\n", " ")
            if fence["kind"] == "console":
                # The rest is what commands print, which may begin with our name too.
                body = "\n".join(line for line in body.splitlines() if line.startswith("$ "))
            for match in _COMMAND.finditer(body):
                yield shlex.split(match["arguments"].partition(" > ")[0])
    for match in re.finditer(r"`smidgen (?P<arguments>[^`]+)`", text):
        yield shlex.split(match["arguments"])


@pytest.mark.parametrize("path", _DOCUMENTS, ids=_IDS)
def test_commands_and_options_exist(path: Path) -> None:
    for words in _commands(path.read_text()):
        command: click.Command = root
        context = click.Context(root, info_name="smidgen")
        known = _options(command, context)
        for word in words:
            if isinstance(command, click.Group) and not word.startswith("-"):
                # With -f, `build` is another command.
                _, found, _ = command.resolve_command(context, list(words[words.index(word) :]))
                assert found, f"{path.name}: smidgen {' '.join(words)}: no command {word}"
                command = found
                known |= _options(command, context)
            elif re.match(r"-{1,2}[a-zA-Z]", word):
                option = word.partition("=")[0] if word.startswith("--") else word[:2]
                assert option in known, f"{path.name}: smidgen {' '.join(words)}: no option {option}"


def _options(command: click.Command, context: click.Context) -> set[str]:
    parameters = command.get_params(context)
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}


def test_generated_reference_is_current() -> None:
    script = _ROOT / "scripts" / "generate_reference.py"
    ended = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.e2e
def test_commands_with_an_output_succeed() -> None:
    script = _ROOT / "scripts" / "generate_outputs.py"
    ended = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_benchmarks_page_shows_the_raw_figures() -> None:
    program = """
import msgspec
from pathlib import Path
from benchmarks.results import Results
from benchmarks.table import render
figures = msgspec.json.decode(Path("benchmarks/results.json").read_bytes(), type=Results)
assert Path("benchmarks/README.md").read_text() == render(figures), "run make bench"
"""
    environment = os.environ | {"PYTHONPATH": f"{_ROOT}:{_ROOT}/tests"}
    subprocess.run([sys.executable, "-c", program], cwd=_ROOT, env=environment, check=True)
