"""Keeps secrets out of what a registry says: some repeat in an answer what they were sent."""

import base64
import binascii
import re
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Final

_HIDDEN: Final = "[secret]"
_LEAST: Final = 3
#: In a header that a machine reads, a short password could be a part of a digest by chance.
_LEAST_IN_HEADERS: Final = 16
_MOST: Final = 10_000
_SENT_IN: Final = frozenset({"authorization", "proxy-authorization"})
_PUBLIC: Final = frozenset({"digest", "mount", "from", "n", "last", "scope", "service", "account"})


class Secrets:
    """What a session has sent to prove who it is. May be used by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: set[str] = set()
        self._any = re.compile(r"(?!)")
        self._long = re.compile(r"(?!)")

    def add(self, *secrets: str) -> None:
        """Remember secrets."""
        new = {secret for secret in secrets if len(secret) >= _LEAST} - self._all
        if not new:
            return
        with self._lock:
            if len(self._all) < _MOST:
                self._all |= new
            # The longest first, so that no end of one stays.
            ordered = sorted(self._all, key=len, reverse=True)
            self._any = re.compile("|".join(map(re.escape, ordered)))
            long = [secret for secret in ordered if len(secret) >= _LEAST_IN_HEADERS]
            self._long = re.compile("|".join(map(re.escape, long)) or r"(?!)")

    def learn(self, headers: Mapping[str, str]) -> None:
        """Remember what *headers* of a request prove the user with."""
        for name, value in headers.items():
            if name.lower() in _SENT_IN:
                scheme, _, secret = value.partition(" ")
                self.add(secret, *(_pair(secret) if scheme == "Basic" else ()))

    def hide(self, text: str, *, target: str = "") -> str:
        """Give *text*, which is for people, without secrets; *target* is what was asked for, with its query."""
        text = self._any.sub(_HIDDEN, text)
        for name, value in urllib.parse.parse_qsl(target.partition("?")[2]):
            if name not in _PUBLIC and len(value) >= _LEAST:
                text = text.replace(value, _HIDDEN).replace(urllib.parse.quote(value, safe=""), _HIDDEN)
        return text

    def hide_in_header(self, value: str) -> str:
        """Give the value of a header without secrets."""
        return self._long.sub(_HIDDEN, value)


def _pair(secret: str) -> tuple[str, ...]:
    try:
        text = base64.b64decode(secret).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ()
    return (text, text.partition(":")[2])
