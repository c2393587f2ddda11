"""Sessions for tests: with nobody's credentials, and with little patience."""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from smidgen.registry.retry import RetryPolicy
from smidgen.registry.session import Session
from smidgen.registry.transport import Limits

#: Enough for a machine that stands still for a while; no test waits so long.
LIMITS = Limits(connect=60, answer=60, transfer=60, floor=64, window=60)
#: For peers that stall, so that a test of them is soon over. What is answered too late for it is asked for again.
IMPATIENT = Limits(connect=60, answer=2, transfer=2, floor=64, window=2)
RETRY = RetryPolicy(first=0.01, longest=0.05, patience=5)


def credentials(directory: Path, accounts: Mapping[str, tuple[str, str]], **more: object) -> dict[str, str]:
    """Write registry → (user, password) as docker's configuration; gives the variables for it."""
    directory.mkdir(parents=True, exist_ok=True)
    auths = {
        host: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
        for host, (user, password) in accounts.items()
    }
    (directory / "config.json").write_text(json.dumps({"auths": auths, **more}))
    return {"DOCKER_CONFIG": str(directory)}


def session(
    environ: Mapping[str, str] | None = None, *, warn: Callable[[str], None] | None = None, limits: Limits = LIMITS
) -> Session:
    """Open a session that knows of nothing but *environ*."""
    return Session(environ={"HOME": "/nonexistent", **(environ or {})}, warn=warn, limits=limits, retry=RETRY)
