"""``smidgen tags``."""

from pathlib import Path

from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.registry import Habits
from support.registry_images import image
from support.served import Served, served


def test_one_a_line_over_many_pages(smidgen: Smidgen, nobody: None, tmp_path: Path) -> None:
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    names = [f"v{number:03}" for number in range(25)]
    with served(Habits(page=10)) as remote:
        remote.publish(elsewhere, image(elsewhere), "team/app", *names)
        assert smidgen("tags", remote.name("team/app")).lines == names
        assert smidgen("tags", f"docker://{remote.name('team/app')}").lines == names
        assert len(remote.asked(part="tags/list")) == 6


def test_json(smidgen: Smidgen, remote: Served, tmp_path: Path) -> None:
    elsewhere = ContentStore.open(tmp_path / "elsewhere")
    remote.publish(elsewhere, image(elsewhere), "team/app", "1", "2")
    report = smidgen("tags", "--json", remote.name("team/app")).json
    assert report == {"schema": "smidgen.tags/v1", "repository": remote.name("team/app"), "tags": ["1", "2"]}


def test_no_such_repository(smidgen: Smidgen, remote: Served) -> None:
    outcome = smidgen("tags", remote.name("team/none"), fails=True)
    assert outcome.exit_code == 1
    assert remote.host in outcome.stderr
    assert "404" in outcome.stderr


def test_an_image_is_no_repository(smidgen: Smidgen, nobody: None) -> None:
    outcome = smidgen("tags", "ghcr.io/me/app:1", fails=True)
    assert outcome.exit_code == 2
    assert "name the repository: ghcr.io/me/app" in outcome.stderr


def test_tags_cannot_steer_a_terminal(smidgen: Smidgen, remote: Served) -> None:
    digest = remote.registry.add_manifest("team/app", b'{"schemaVersion":2}')
    remote.registry.tags["team/app"] = {"\x1b[2Jevil": digest}
    assert "\x1b" not in smidgen("tags", remote.name("team/app")).stdout
