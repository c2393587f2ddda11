"""What people see of an upload: it moves while bytes go out, and what did not arrive is taken back."""

from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.digest import Digest, encoded
from smidgen.oci.manifest import decode_manifest
from smidgen.oci.reference import Reference
from smidgen.registry.progress import Outcome
from smidgen.registry.push import push
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore
from support.faulty_registry import Rule
from support.faulty_registry_actions import drop_body
from support.registry_session import RETRY
from support.served import served
from support.small_images import put_image

_SIZE = 40 << 20


class _Watched:
    """Keeps what it is told of the largest blob."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self._large: set[Digest] = set()

    def started(self, digest: Digest, _what: str, total: int | None) -> None:
        if (total or 0) > _SIZE:
            self._large.add(digest)

    def advanced(self, digest: Digest, count: int) -> None:
        if digest in self._large:
            self.steps.append(count)

    def finished(self, digest: Digest, outcome: Outcome) -> None:
        pass


@pytest.mark.parametrize("breaks", [False, True], ids=["at once", "after a break"])
def test_it_moves_and_adds_up(tmp_path: Path, *, breaks: bool) -> None:
    store = ContentStore.open(tmp_path / "store")
    root = put_image(store, [Entry.file("large", bytes(_SIZE))], compression="none")
    watched = _Watched()
    with served() as remote, Session(environ={"HOME": "/nonexistent"}, retry=RETRY) as session:
        if breaks:
            (layer,) = decode_manifest(store.get(root)).layers
            # Of the configuration, which goes out beside it, nothing is watched.
            remote.hit(Rule("PUT", f"/uploads/.*{encoded(layer.digest)}", drop_body(10 << 20), times=2))
        push(session, store, root, (Reference.parse(remote.name("team/app:1")),), progress=watched)
        assert remote.tag("team/app", "1") == root.digest
        assert remote.plan.hits == (2 if breaks else 0)
    assert len(watched.steps) > 4
    assert _SIZE < sum(watched.steps) < _SIZE + 100_000
    assert any(step < 0 for step in watched.steps) == breaks
