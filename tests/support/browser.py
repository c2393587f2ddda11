"""A browser without a window: loads a page of this machine, and tells what became of it."""

import re
import tempfile
from pathlib import Path

from support.command import must

_OPTIONS = (
    "--headless=new",
    # Tests run as root in containers, where Chromium's own sandbox cannot be set up.
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=5000",
)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def loaded(page: Path) -> str:
    """Load *page*, let its script run, and give the document as HTML."""
    return _run(page, "--dump-dom")


def loaded_with(page: Path, steps: str, *, width: int = 1280) -> str:
    """As ``loaded``, with JavaScript *steps* after the page's own; the policy that forbids them is taken off."""
    text, count = _POLICY.subn("", page.read_text(encoding="utf-8"))
    assert count == 1
    copy = page.with_name(f"{page.stem}-steps.html")
    copy.write_text(text.replace("</body>", f"<script>{steps}</script></body>"), encoding="utf-8")
    return _run(copy, "--dump-dom", width=width)


def _run(page: Path, *options: str, width: int = 1280) -> str:
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        return must(
            "chromium", *_OPTIONS, f"--window-size={width},1000", f"--user-data-dir={profile}", *options, page.as_uri()
        )
