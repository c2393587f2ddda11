"""What a command writes: told line by line, and its end kept for the error."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

_LINES: Final = 20
_LINE: Final = 4096
#: Shorter secrets would hide half of what is written.
_LEAST_SECRET: Final = 4
_HIDDEN: Final = "***"


class OutputTail:
    """Takes pieces of output.

    Args:
        tell: Called with each line, without its end.
        secrets: Texts that are not shown, should the command write them.
    """

    def __init__(self, tell: Callable[[str], None], secrets: Iterable[bytes] = ()) -> None:
        self._tell = tell
        self._rest = b""
        self._lines: deque[str] = deque(maxlen=_LINES)
        texts = (secret.decode("utf-8", "replace").strip() for secret in secrets)
        lines = {line for text in texts for line in text.splitlines() if len(line) >= _LEAST_SECRET}
        self._secrets = sorted(lines, key=len, reverse=True)

    @property
    def text(self) -> str:
        """The last lines."""
        return "\n".join(self._lines)

    def take(self, data: bytes) -> None:
        """Take a piece."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._line(line)

    def finish(self) -> None:
        """Tell what has no end of line."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def _line(self, data: bytes) -> None:
        # What a progress bar has overwritten is not worth reading.
        text = data.rstrip(b"\r").rpartition(b"\r")[2][:_LINE].decode("utf-8", "replace")
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        self._lines.append(text)
        self._tell(text)
