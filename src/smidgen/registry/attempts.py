"""How often a transfer that broke in the middle is gone on with.

A session sends again by itself what is safe to send again. Here is the rest: bodies that break off, and the requests of
an upload, before which the registry is asked how far it came.
"""

from smidgen.errors import RegistryError, RegistryUnreachable
from smidgen.registry.retry import RetryPolicy
from smidgen.registry.workers import Stop


class Attempts:
    """The failures of one piece of work, such as a blob's way to the registry."""

    def __init__(self, policy: RetryPolicy, stop: Stop) -> None:
        self._policy = policy
        self._stop = stop
        self._failures = 0

    def progressed(self) -> None:
        """Forget the failures: the work came a good deal further since."""
        self._failures = 0

    def failed(self, error: RegistryError, *, asked: str | None = None, passing: bool = False) -> None:
        """Wait until the work may be tried again.

        Args:
            error: What went wrong.
            asked: The ``Retry-After`` of the answer.
            passing: Whether the caller knows that it passes, or will do something else.

        Raises:
            RegistryError: *error*, if it does not pass by waiting, or too many came in a row.
            Stopped: The work was called off.
        """
        self._failures += 1
        may_pass = passing or (isinstance(error, RegistryUnreachable) and not error.is_final)
        delay = self._policy.delay(self._failures, asked) if may_pass else None
        if delay is None:
            raise error
        self._stop.wait(delay)
