"""Credential helpers and files of credentials for tests."""

import base64
import json
from pathlib import Path


def helper(directory: Path, name: str, kept: dict[str, tuple[str, str]] | None = None, *, body: str = "") -> Path:
    """Write a credential helper, which keeps what it has in a file and logs its arguments; gives its directory.

    Args:
        directory: For the program.
        name: What comes after ``docker-credential-``.
        kept: Server → (user, secret).
        body: Of a shell script, instead of all that.
    """
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / f"{name}.json"
    data.write_text(json.dumps({server: list(pair) for server, pair in (kept or {}).items()}))
    script = f"""#!/usr/bin/env python3
import json, sys
data, log = {str(data)!r}, {str(directory / f"{name}.log")!r}
kept = json.load(open(data))
text = sys.stdin.read()
open(log, "a").write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1] == "store":
    entry = json.loads(text)
    kept[entry["ServerURL"]] = [entry["Username"], entry["Secret"]]
elif text not in kept:
    print("credentials not found in native keychain")
    sys.exit(1)
elif sys.argv[1] == "erase":
    del kept[text]
else:
    print(json.dumps(dict(zip(("ServerURL", "Username", "Secret"), (text, *kept[text])))))
json.dump(kept, open(data, "w"))
"""
    program = directory / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{body}\n" if body else script)
    program.chmod(0o755)
    return directory


def entry(user: str, password: str) -> dict[str, str]:
    """Give an entry of ``auths``."""
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, **content: object) -> Path:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path
