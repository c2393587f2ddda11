"""Opens a session with registries, set up as the files of the user and of the project say."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from smidgen.cli.console import console

if TYPE_CHECKING:
    from smidgen.registry.session import FindsCredentials, Session


def open_session(
    warn: Callable[[str], None] = console.warning, *, credentials: "FindsCredentials | None" = None
) -> "Session":
    """Open a session whose warnings people see.

    Args:
        warn: How they see them.
        credentials: Who knows them, without it the files and helpers of docker and podman.

    Raises:
        ConfigError: ``smidgen.yaml`` or ``registries.conf`` says what cannot be meant.
    """
    from smidgen.config.registries import registry_hosts
    from smidgen.registry.session import Session

    return Session(hosts=registry_hosts(), warn=warn, credentials=credentials)
