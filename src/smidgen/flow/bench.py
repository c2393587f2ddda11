"""What all steps of a flow have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from smidgen.dockerfile.execute.report import Watcher
from smidgen.flow.build_file import Flow
from smidgen.flow.options import FlowOptions
from smidgen.store.content import ContentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all steps of a flow have in common.

    Attributes:
        flow: What they are of.
        options: What the user says.
        store: Where images are; its ``writing()`` is held.
        watcher: Is told.
        secrets: Content by name.
        variables: What commands are told of the service that has the secrets.
    """

    flow: Flow
    options: FlowOptions
    store: ContentStore
    watcher: Watcher
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
