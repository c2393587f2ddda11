"""``smidgen delete``."""

from pathlib import Path

import pytest

from smidgen.oci.descriptor import Descriptor
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.registry import Habits
from support.registry_images import image
from support.served import Served, served


@pytest.fixture
def root(remote: Served, tmp_path: Path) -> Descriptor:
    """``team/app:1`` and ``team/app:2``, the same image."""
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    found = image(elsewhere)
    remote.publish(elsewhere, found, "team/app", "1", "2")
    return found


def test_a_tag_goes_alone(smidgen: Smidgen, remote: Served, root: Descriptor) -> None:
    name = remote.name("team/app:1")
    assert smidgen("delete", name).lines == [f"Deleted tag: {name}"]
    assert remote.tag("team/app", "1") is None
    assert remote.tag("team/app", "2") == root.digest


def test_a_digest_takes_all_tags_along(smidgen: Smidgen, remote: Served, root: Descriptor) -> None:
    name = remote.name(f"team/app@{root.digest}")
    assert smidgen("delete", name).lines == [f"Deleted image: {name} and all its tags"]
    assert remote.registry.tags["team/app"] == {}
    assert not remote.registry.manifests


def test_json(smidgen: Smidgen, remote: Served, root: Descriptor) -> None:
    name = remote.name("team/app:1")
    assert smidgen("delete", "--json", name).json == {
        "schema": "smidgen.delete/v1",
        "deleted": [{"reference": name, "what": "tag", "digest": root.digest}],
    }


@pytest.mark.usefixtures("root")
def test_no_such_tag(smidgen: Smidgen, remote: Served) -> None:
    outcome = smidgen("delete", remote.name("team/app:3"), fails=True)
    assert outcome.exit_code == 1
    assert "404" in outcome.stderr
    assert not remote.asked("DELETE")


def test_nothing_is_guessed(smidgen: Smidgen, remote: Served, root: Descriptor) -> None:
    bare = smidgen("delete", remote.name("team/app"), fails=True)
    assert bare.exit_code == 2
    assert "neither tag nor digest" in bare.stderr
    both = smidgen("delete", remote.name(f"team/app:1@{root.digest}"), fails=True)
    assert "a tag and a digest" in both.stderr
    # A wrong name is found out before anything is deleted.
    assert smidgen("delete", remote.name("team/app:1"), "ghcr.io/me/app", fails=True).exit_code == 2
    assert remote.tag("team/app", "1") == root.digest


def test_a_registry_that_does_not_delete(smidgen: Smidgen, nobody: None, tmp_path: Path) -> None:
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    with served(Habits(deletes=False)) as remote:
        remote.publish(elsewhere, image(elsewhere), "team/app", "1")
        outcome = smidgen("delete", remote.name("team/app:1"), fails=True)
    assert outcome.exit_code == 1
    assert "405" in outcome.stderr
    assert "hint:" in outcome.stderr
