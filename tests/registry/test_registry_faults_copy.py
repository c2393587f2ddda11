"""Copying between registries that fail, both at once."""

from pathlib import Path

import pytest

from smidgen.errors import SmidgenError
from smidgen.oci.reference import Reference
from smidgen.registry.copy import copy
from support import faulty_registry_actions as act
from support.faulty_registry import FOREVER, Action, Plan, Rule
from support.registry import Habits, Registry
from support.registry_images import check_registry, published
from support.registry_session import session
from support.registry_wire import Server, serving

_BLOB = r"/blobs/sha256:"
_UPLOAD = r"/blobs/uploads/[0-9a-f]"

_SOURCE: dict[str, Action] = {
    "resets": act.cut_body(7000),
    "ends": act.cut_body(7000, reset=False),
    "500": act.status(500),
    "a changed byte": act.corrupt(500),
    "too short": act.short(1),
    "too long": act.longer(1),
    "in chunks": act.chunked(),
}
_TARGET: dict[str, Action] = {
    "resets": act.drop_body(9000),
    "lost answers": act.lost(),
    "late 500": act.late(500),
    "503": act.status(503, retry_after="0"),
    "404": act.status(404, reason="BLOB_UPLOAD_UNKNOWN"),
}


def transfer(source: Server, target: Server) -> None:
    with session() as opened:
        copy(opened, Reference.parse(f"{source.host}/team/app:1"), (Reference.parse(f"{target.host}/other/app:2"),))


@pytest.mark.parametrize("target_fault", _TARGET)
@pytest.mark.parametrize("source_fault", _SOURCE)
def test_faults_on_both_sides_are_overcome(tmp_path: Path, source_fault: str, target_fault: str) -> None:
    registry, other = Registry(), Registry(Habits(relative=True, keeps=True))
    root = published(tmp_path / "source", registry)
    giving = Plan([Rule("GET", _BLOB, _SOURCE[source_fault], 2)])
    taking = Plan([Rule("PATCH|PUT", _UPLOAD, _TARGET[target_fault], 2)])
    with serving(giving.around(registry)) as source, serving(taking.around(other)) as target:
        transfer(source, target)
    assert giving.hits
    assert taking.hits
    assert other.tags == {"other/app": {"2": root.digest}}
    check_registry(other)


def test_one_blob_may_have_all_the_faults(tmp_path: Path) -> None:
    registry, other = Registry(), Registry()
    root = published(tmp_path / "source", registry)
    largest = max(registry.blobs, key=lambda digest: len(registry.blobs[digest]))
    giving = Plan([Rule("GET", f"/blobs/{largest}", _SOURCE["a changed byte"], 4)])
    with serving(giving.around(registry)) as source, serving(other) as target:
        transfer(source, target)
    assert giving.hits == 4
    assert other.tags == {"other/app": {"2": root.digest}}
    check_registry(other)


@pytest.mark.parametrize("fault", ["a changed byte", "too short", "too long"])
def test_wrong_bytes_never_arrive(tmp_path: Path, fault: str) -> None:
    registry, other = Registry(), Registry()
    published(tmp_path / "source", registry)
    giving = Plan([Rule("GET", _BLOB, _SOURCE[fault], FOREVER)])
    with serving(giving.around(registry)) as source, serving(other) as target:
        with pytest.raises(SmidgenError) as caught:
            transfer(source, target)
        # Whose fault it is.
        assert source.host in str(caught.value)
    assert not other.tags
    check_registry(other)
