"""``smidgen build --compose --json``."""

from typing import Literal

import msgspec

from smidgen.report.schema_dockerfile import DockerfileReport


class ComposeService(msgspec.Struct, frozen=True, kw_only=True):
    """A service that was built.

    Attributes:
        service: Its name.
        image: As ``smidgen build -f --json`` has it.
    """

    service: str
    image: DockerfileReport


class ComposeReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        project: Name of the project.
        services: In the order in which they were built.
    """

    schema: Literal["smidgen.build-compose/v1"] = "smidgen.build-compose/v1"
    project: str
    services: tuple[ComposeService, ...]
