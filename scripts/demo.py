#!/usr/bin/env python3
"""``make demo``: the example web server, from source to an answer, with what its image holds and why.

Everything is kept in a temporary store, so nothing is left behind.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_EXAMPLE = "examples/web"
_NAME = "web"
_SMIDGEN = str(Path(sys.executable).with_name("smidgen"))
# What articles give for such a server.
_ARTICLES = (
    ("golang:1.23, on Debian", 846_000_000),
    ("golang:1.23-alpine", 312_000_000),
    ("two stages, onto alpine", 15_000_000),
    ("scratch, with certificates and all zones", 11_300_000),
    ("two stages, stripped, onto alpine", 8_000_000),
    ("scratch, with a passwd file", 6_100_000),
    ("scratch, with certificates", 2_500_000),
)


def main() -> int:
    """Build, explain, run, ask; give the exit code."""
    with tempfile.TemporaryDirectory(prefix="smidgen-demo-") as store:
        os.environ["SMIDGEN_STORE"] = store
        heading("Build")
        (image,) = build()["images"]
        (platform,) = image["platforms"]
        heading("What is in it")
        smidgen("ls", "--long", _NAME)
        smidgen("history", _NAME)
        heading("Why")
        explain(platform["needs"])
        heading("Run it, and ask how it is")
        port = free_port()
        with running(port):
            answer = fetch(f"http://127.0.0.1:{port}/healthz")
            # Not before the server has said that it listens.
            say(f"$ curl http://127.0.0.1:{port}/healthz\n{answer}")
        heading("Size")
        compare(platform["size"], platform["pull_size"])
    return 0


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def heading(text: str) -> None:
    """Write a heading, bold on a terminal."""
    say(f"\n\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else f"\n{text}")


def smidgen(*arguments: str) -> str:
    """Show a command as a user types it, run it, and show and give what it prints."""
    say(f"$ smidgen {' '.join(arguments)}")
    text = subprocess.run([_SMIDGEN, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
    say(text.rstrip())
    return text


def build() -> dict[str, Any]:
    """Build the example; gives the result as JSON, which takes nothing: the second build finds nothing to do."""
    arguments = ("build", _EXAMPLE, "-t", _NAME, "--expose", "8080")
    smidgen(*arguments)
    silent = [_SMIDGEN, *arguments, "--json", "-q"]
    result: dict[str, Any] = json.loads(subprocess.run(silent, check=True, stdout=subprocess.PIPE).stdout)
    return result


def explain(needs: list[dict[str, Any]]) -> None:
    """Say what the program needs besides itself."""
    if not any(need["included"] for need in needs):
        say("The program is static. Its function table shows nothing that needs a file besides itself.")
    for need in needs:
        state = "included" if need["included"] else "left out"
        proof = f" [{need['symbol']}]" if need["symbol"] else ""
        say(f"{need['kind']}: {state}, {need['confidence']}: {need['reason']}{proof}")


def free_port() -> int:
    """Find a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(port: int) -> Iterator[None]:
    """Run the image with its port at *port* of this machine."""
    arguments = ("run", "-p", f"127.0.0.1:{port}:8080", _NAME)
    say(f"$ smidgen {' '.join(arguments)} &")
    with subprocess.Popen([_SMIDGEN, *arguments], stdin=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def fetch(url: str) -> str:
    """Give what *url* answers, within ten seconds."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def compare(size: int, pull_size: int) -> None:
    """Put the image's size beside those of other ways."""
    rows = [*_ARTICLES, ("smidgen, on disk (measured now)", size), ("smidgen, to pull (measured now)", pull_size)]
    for name, value in rows:
        bar = "█" * max(1, round(40 * value / rows[0][1]))
        say(f"{name:42} {value / 1e6:7.1f} MB  {bar}")
    say("\nThe figures that were not measured now are those that articles give, each for its own small server.")


if __name__ == "__main__":
    sys.exit(main())
