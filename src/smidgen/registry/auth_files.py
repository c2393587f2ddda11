"""docker's ``config.json``."""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from pathlib import Path

from smidgen.registry.credentials import Credentials
from smidgen.registry.repository import HUB, Repository


def find(repository: Repository, environ: Mapping[str, str]) -> Credentials | None:
    """Look for the credentials of *repository*."""
    home = environ.get("HOME") or os.path.expanduser("~")
    path = Path(environ.get("DOCKER_CONFIG") or f"{home}/.docker") / "config.json"
    try:
        auths = json.loads(path.read_bytes()).get("auths", {})
    except (OSError, ValueError):
        return None
    key = "https://index.docker.io/v1/" if repository.registry == HUB else repository.registry
    entry = auths.get(str(repository)) or auths.get(key)
    if not entry or not entry.get("auth"):
        return None
    try:
        username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Credentials(username, password, source=str(path))
