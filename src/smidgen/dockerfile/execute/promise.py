"""An outcome that another thread will have.

``concurrent.futures`` brings more imports than a short build has time for.
"""

import threading
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Promise(Generic[_T]):
    """A value, or an error, that is there later."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._value: list[_T] = []
        self._error: BaseException | None = None

    @property
    def is_kept(self) -> bool:
        """Whether there is a value by now."""
        return self._event.is_set() and self._error is None

    def keep(self, value: _T) -> None:
        """Give the value."""
        self._value = [value]
        self._event.set()

    def breach(self, error: BaseException) -> None:
        """Give the error."""
        self._error = error
        self._event.set()

    def result(self) -> _T:
        """Wait for the value.

        Raises:
            BaseException: The error that came instead.
        """
        self._event.wait()
        if self._error is not None:
            raise self._error
        return self._value[0]
