"""Where a repository is really asked for: mirrors, other locations, and how far a server is trusted.

The rules come from ``registries.conf`` and from ``registries`` in ``smidgen.yaml``. This file knows neither.

Source: containers-registries.conf(5).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from smidgen.errors import UsageError
from smidgen.registry.credentials import Keeper
from smidgen.registry.host_rules import Mirror, Rule, Trust
from smidgen.registry.repository import HUB, HUB_ENDPOINT, Repository

_DOCKER_CERTS: Final = "docker/certs.d"
_CONTAINERS_CERTS: Final = "containers/certs.d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One place where a repository is asked for.

    Attributes:
        repository: As this server knows it; also whose credentials count.
        host: Host[:port] to talk to.
        insecure: Whether plain http and unknown certificates will do.
        trust: Certificates.
        is_mirror: Whether it only has copies.
    """

    repository: Repository
    host: str
    insecure: bool
    trust: Trust
    is_mirror: bool


@dataclass(frozen=True, slots=True)
class Hosts:
    """The rules, the directories of certificates, and the places of credentials.

    Attributes:
        rules: Of several with the same prefix the first counts.
        cert_directories: Each with a directory HOST[:PORT] for a registry.
        keepers: In the order in which they are asked; the files are asked last where they are not among them.
    """

    rules: tuple[Rule, ...] = ()
    cert_directories: tuple[Path, ...] = ()
    keepers: tuple[Keeper, ...] = ()

    @classmethod
    def read(
        cls, *, environ: Mapping[str, str] | None = None, rules: tuple[Rule, ...] = (), etc: Path = Path("/etc")
    ) -> Self:
        """Read the system's and the user's ``registries.conf``; *rules*, of ``smidgen.yaml``, are asked before it.

        Raises:
            ConfigError: A file cannot be read, or says what cannot be meant.
        """
        from smidgen.registry.registries_conf import read_registries_conf  # few ask a registry

        environ = os.environ if environ is None else environ
        home = Path(environ.get("HOME") or os.path.expanduser("~"))
        config = Path(environ["XDG_CONFIG_HOME"]) if environ.get("XDG_CONFIG_HOME", "").startswith("/") else None
        config = config or home / ".config"
        found = read_registries_conf(environ, user=config / "containers", system=etc / "containers")
        certs = (config / _CONTAINERS_CERTS, etc / _CONTAINERS_CERTS, etc / _DOCKER_CERTS)
        return cls((*rules, *found.rules), certs, found.keepers)

    def endpoints(self, repository: Repository, *, reads: Literal["tag", "digest"] | None) -> tuple[Endpoint, ...]:
        """Give the places to ask for *repository*, in this order, the registry itself last.

        Args:
            repository: As the user names it.
            reads: What a mirror would be asked for, or None where only the registry itself will do.

        Raises:
            UsageError: A rule blocks it.
        """
        rule = self.rule(repository)
        if rule is None:
            return (self._endpoint(repository, Rule(prefix="")),)
        if rule.blocked:
            raise UsageError(
                f"{repository} is blocked by {rule.source or 'the configuration'}",
                hint=f"take away `blocked` of {rule.prefix} there, or use another registry",
            )
        if reads is None:
            return (self._endpoint(repository, rule),)
        mirrors = tuple(
            self._mirror(rule.moved(repository, mirror.location), mirror)
            for mirror in rule.mirrors
            if mirror.pulls in ("all", f"{reads}-only")
        )
        place = rule.moved(repository, rule.location) if rule.location else repository
        return (*mirrors, self._endpoint(place, rule))

    def rule(self, repository: Repository) -> Rule | None:
        """Give the rule of the longest prefix, or None."""
        matching = [rule for rule in self.rules if rule.matches(repository)]
        return max(matching, key=lambda rule: len(rule.prefix), default=None)

    def knows(self, host: str) -> bool:
        """Tell whether the user wrote of *host* in some file: it is not one that a registry made up."""
        return self.rule(Repository(host, "")) is not None or any((at / host).is_dir() for at in self.cert_directories)

    def trust(self, host: str) -> Trust:
        """Give the trust in the server *host*, which may be no registry at all."""
        rule = self.rule(Repository(host, "")) or Rule(prefix="")
        return self._trust(host, rule.trust, insecure=rule.insecure)

    def _mirror(self, place: Repository, mirror: Mirror) -> Endpoint:
        own = self.rule(Repository(place.registry, "")) or Rule(prefix="")
        return Endpoint(
            repository=place,
            host=_server(place.registry),
            insecure=mirror.insecure or own.insecure,
            trust=self._trust(place.registry, own.trust, insecure=mirror.insecure or own.insecure),
            is_mirror=True,
        )

    def _endpoint(self, place: Repository, rule: Rule) -> Endpoint:
        return Endpoint(
            repository=place,
            host=_server(place.registry),
            insecure=rule.insecure,
            trust=self._trust(place.registry, rule.trust, insecure=rule.insecure),
            is_mirror=False,
        )

    def _trust(self, host: str, trust: Trust, *, insecure: bool) -> Trust:
        """Add what ``certs.d`` has for *host*; of several client certificates the first by name is shown."""
        names = {host, _server(host)}
        directories = [at / name for at in self.cert_directories for name in sorted(names) if (at / name).is_dir()]
        ca_files = [*trust.ca_files, *(file for at in directories for file in sorted(at.glob("*.crt")))]
        cert, key = trust.client_cert, trust.client_key
        for at in directories:
            if cert is None and (pairs := sorted(at.glob("*.cert"))):
                cert, key = pairs[0], pairs[0].with_suffix(".key")
        return Trust(verified=not insecure, ca_files=tuple(ca_files), client_cert=cert, client_key=key)


def _server(registry: str) -> str:
    return HUB_ENDPOINT if registry == HUB else registry
