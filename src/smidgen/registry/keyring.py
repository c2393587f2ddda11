"""Finds the credentials of a repository, in the order of places that users of docker and podman expect."""

import threading
from collections.abc import Callable, Mapping
from functools import partial

from smidgen.errors import CredentialsError
from smidgen.registry.auth_files import AuthFile, auth_paths, server_key
from smidgen.registry.credential_helper import CredentialHelper
from smidgen.registry.credentials import Credentials, Keeper
from smidgen.registry.repository import Repository


class Keyring:
    """What this user has credentials for. Files are read once, helpers asked once a registry. May be used by threads.

    Each file is asked as docker asks it: the helper of the registry, then the helper for all, then what stands in it.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        warn: Callable[[str], None],
        keepers: Callable[[], tuple[Keeper, ...]] = tuple,
    ) -> None:
        """Make a keyring; nothing is read yet.

        Args:
            environ: Names the files.
            warn: Told of a helper for all registries that does not work.
            keepers: Gives what ``registries.conf`` names beside the files.
        """
        self._environ = environ
        self._warn = warn
        self._keepers = keepers
        self._lock = threading.Lock()
        self._files: tuple[AuthFile, ...] | None = None
        self._helped: dict[tuple[str, str], Credentials | None] = {}

    def find(self, repository: Repository) -> Credentials | None:
        """Give the credentials for *repository*, or None.

        Raises:
            CredentialsError: A file or a program that would have them does not work.
        """
        keepers = self._keepers()
        if not any(keeper.name == Keeper.FILES for keeper in keepers):
            keepers = (*keepers, Keeper(Keeper.FILES))
        with self._lock:
            for keeper in keepers:
                of = self._in_files if keeper.name == Keeper.FILES else partial(self._kept, keeper)
                if found := of(repository):
                    return found
        return None

    def _in_files(self, repository: Repository) -> Credentials | None:
        if self._files is None:
            read = (AuthFile.read(path, self._environ) for path in dict.fromkeys(auth_paths(self._environ)))
            self._files = tuple(file for file in read if file is not None)
        for file in self._files:
            if found := self._find(file, repository):
                return found
        return None

    def _kept(self, keeper: Keeper, repository: Repository) -> Credentials | None:
        helper = CredentialHelper(keeper.name, keeper.source, self._environ)
        # podman calls Docker Hub by its name, docker by an address.
        names = dict.fromkeys((repository.registry, server_key(repository.registry)))
        return next((found for name in names if (found := self._ask(helper, name, is_own=False))), None)

    def _find(self, file: AuthFile, repository: Repository) -> Credentials | None:
        helper = file.helper(repository.registry)
        if helper is None:
            return file.find(repository)
        is_own = file.has_own_helper(repository.registry)
        return self._ask(helper, server_key(repository.registry), is_own=is_own) or file.find(repository)

    def _ask(self, helper: CredentialHelper, server: str, *, is_own: bool) -> Credentials | None:
        key = (helper.name, server)
        if key not in self._helped:
            try:
                self._helped[key] = helper.get(server)
            except CredentialsError as error:
                # A helper for all that does not work, such as a desktop's on a server, is no reason not to read
                # what is public. One that was set up for this registry is.
                if is_own:
                    raise
                self._warn(error.message)
                self._helped[key] = None
        return self._helped[key]
