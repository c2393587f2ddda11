"""A Dockerfile that is mended builds, and its image runs where that of the Dockerfile as it was does not."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smidgen.store.content import ContentStore
from support import stand_ins
from support.command import Smidgen
from support.lint_contexts import write_context

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not stand_ins.has_builder(), reason="stand-ins are made by root, with mmdebstrap"),
]

_COMPILER = "golang:1.25.4-alpine"
_DOCKERFILE = f"""# Zones, by name
FROM {_COMPILER} AS build
WORKDIR /src
COPY . .
RUN GO111MODULE=on CGO_ENABLED=0 \\
    # what articles have
    go build -a -installsuffix cgo \\
      -o /out/app .

FROM scratch
COPY --from=build /out/app /app
ENTRYPOINT /app
"""


@pytest.fixture
def smidgen(tmp_path: Path) -> Iterator[Smidgen]:
    """The command line, with a store that has the compiler's image."""
    with tempfile.TemporaryDirectory(prefix="smidgen-lint-") as name:
        store = Path(name) / "store"
        stand_ins.share((_COMPILER,), ContentStore.open(store))
        yield Smidgen(store, write_context("zones", tmp_path))


def test_a_mended_dockerfile_builds_and_runs(smidgen: Smidgen) -> None:
    path = smidgen.cwd / "Dockerfile"
    path.write_text(_DOCKERFILE)
    before = {
        one["rule"] for one in smidgen("lint", "--json", "--no-hadolint", fails=True).json["files"][0]["findings"]
    }
    assert {"SM005", "SM006", "SM011", "SM015", "SM028", "SM030", "SM031", "SM034"} <= before
    fixed = smidgen("lint", "--fix", "--unsafe-fixes", "--json", "--no-hadolint").json
    assert not fixed["files"][0]["findings"]
    assert "    # what articles have\n" in path.read_text()
    smidgen("build", "-f", "Dockerfile", "-t", "mended", ".")
    assert smidgen("ls", "-R", "mended").lines == ["/app", "/zoneinfo.zip"]
    assert smidgen("inspect", "mended").json[0]["config"]["config"]["User"] == "65532:65532"
    # It prints the time in Berlin, which it finds in the zone data.
    assert "CE" in smidgen("run", "mended").stderr
