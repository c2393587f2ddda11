"""Ending steps that other threads wait for."""

import os


class Stopped(Exception):
    """The step was ended from outside."""


class Stop:
    """Ends all that looks at it."""

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def fileno(self) -> int:
        """Give the descriptor that is readable once ``set`` was called."""
        return self._event

    def set(self) -> None:
        """End all steps that look at this, and those that will."""
        os.eventfd_write(self._event, 1)

    @property
    def is_set(self) -> bool:
        """Whether it was set."""
        try:
            count = os.eventfd_read(self._event)
        except BlockingIOError:
            return False
        os.eventfd_write(self._event, count)
        return True

    def close(self) -> None:
        """Let go of the descriptor, when nobody looks any more."""
        os.close(self._event)
