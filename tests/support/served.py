"""A registry in memory that is served, as commands see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import decode_index
from smidgen.store.content import ContentStore
from support.faulty_registry import Plan, Rule
from support.registry import Habits, Registry
from support.registry_images import publish
from support.registry_wire import Logged, Server, serving


@dataclass(frozen=True)
class Served:
    """A registry, and where it is.

    Attributes:
        registry: What it holds.
        server: What it was asked.
        plan: What is to go wrong.
    """

    registry: Registry
    server: Server
    plan: Plan

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``, as references have it."""
        return self.server.host

    def name(self, text: str) -> str:
        """Name an image there."""
        return f"{self.host}/{text}"

    def asked(self, method: str = "", part: str = "") -> list[Logged]:
        """Give the requests so far."""
        return self.server.asked(method, part)

    def tag(self, repository: str, tag: str) -> str | None:
        """Give the digest of a tag, or None."""
        return self.registry.tags.get(repository, {}).get(tag)

    def hit(self, rule: Rule) -> None:
        """Let something go wrong from now on."""
        self.plan.rules = (*self.plan.rules, rule)

    def publish(self, store: ContentStore, root: Descriptor, repository: str, *tags: str) -> None:
        """Put an image there without any protocol."""
        publish(self.registry, store, root, repository, *tags)


@dataclass(frozen=True)
class Images:
    """A store with ``app:1.0``, an index for two platforms, and ``one:1.0``, an image for amd64."""

    store: ContentStore
    app: Descriptor
    one: Descriptor

    @property
    def platforms(self) -> tuple[Descriptor, ...]:
        """The images of ``app:1.0``: amd64, arm64."""
        return decode_index(self.store.get(self.app)).manifests


@contextmanager
def served(habits: Habits | None = None) -> Iterator[Served]:
    """Serve an empty registry on a free port of this machine."""
    registry, plan = Registry(habits), Plan(())
    with serving(plan.around(registry)) as server:
        yield Served(registry, server, plan)


@pytest.fixture
def remote() -> Iterator[Served]:
    with served() as found:
        yield found
