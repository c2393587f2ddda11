"""``smidgen pull``."""

from pathlib import Path

import pytest

from smidgen.oci.manifest import decode_index
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.registry_images import check_store, image, index
from support.served import Served

_APP = "team/app"


@pytest.fixture
def elsewhere(tmp_path: Path) -> ContentStore:
    """A store that only the registry's content comes from."""
    return ContentStore.open(tmp_path / "elsewhere")


def test_an_index_comes_with_all_its_platforms(smidgen: Smidgen, remote: Served, elsewhere: ContentStore) -> None:
    root = index(elsewhere)
    remote.publish(elsewhere, root, _APP, "1.0")
    name = remote.name("team/app:1.0")
    outcome = smidgen("pull", name)
    assert outcome.lines == [f"{name}@{root.digest}"]
    store = ContentStore.open(smidgen.store)
    assert store.tags() == {Reference.parse(name): root}
    # An index, two manifests, two configurations, a layer that both have, one layer each.
    assert check_store(store, root) == 8
    assert len(smidgen("inspect", name, "--platform", "linux/arm64").json) == 1


def test_one_platform_comes_alone(smidgen: Smidgen, remote: Served, elsewhere: ContentStore) -> None:
    root = index(elsewhere)
    arm64 = decode_index(elsewhere.get(root)).manifests[1]
    remote.publish(elsewhere, root, _APP, "1.0")
    outcome = smidgen("pull", "--platform", "linux/arm64", "-t", "app:arm", remote.name("team/app:1.0"))
    assert outcome.lines == [f"app:arm@{arm64.digest}"]
    assert smidgen("inspect", "app:arm", "--platform", "linux/arm64").json[0]["platform"] == "linux/arm64"
    assert len(list((smidgen.store / "blobs" / "sha256").iterdir())) == 4


def test_a_platform_that_it_has_not(smidgen: Smidgen, remote: Served, elsewhere: ContentStore) -> None:
    remote.publish(elsewhere, index(elsewhere), _APP, "1.0")
    outcome = smidgen("pull", "--platform", "linux/riscv64", remote.name("team/app:1.0"), fails=True)
    assert outcome.exit_code == 1
    assert "platform linux/riscv64" in outcome.stderr
    assert "it has linux/amd64, linux/arm64" in outcome.stderr


def test_by_digest(smidgen: Smidgen, remote: Served, elsewhere: ContentStore) -> None:
    root = image(elsewhere)
    remote.publish(elsewhere, root, _APP, "1.0")
    pinned = remote.name(f"team/app@{root.digest}")
    short = remote.name(f"team/app:{root.digest[7:19]}")
    # The store keeps names, and this one brings none.
    assert smidgen("pull", pinned).lines == [f"{short}@{root.digest}"]
    assert smidgen("ls", pinned).exit_code == 0


def test_several_at_once_and_nothing_twice(smidgen: Smidgen, remote: Served, elsewhere: ContentStore) -> None:
    roots = [image(elsewhere, seed=seed) for seed in (1, 2)]
    for number, root in enumerate(roots):
        remote.publish(elsewhere, root, _APP, str(number))
    names = [remote.name(f"team/app:{number}") for number in (0, 1)]
    assert smidgen("pull", *names).lines == [f"{n}@{r.digest}" for n, r in zip(names, roots, strict=True)]
    before = len(remote.asked())
    assert "nothing had to travel" in smidgen("pull", names[0]).stderr
    assert [one.method for one in remote.asked()[before:] if one.target != "/v2/"] == ["HEAD"]


def test_json(smidgen: Smidgen, remote: Served, elsewhere: ContentStore) -> None:
    root = image(elsewhere)
    remote.publish(elsewhere, root, _APP, "1.0")
    report = smidgen("pull", "--json", remote.name("team/app:1.0"), "-t", "app").json
    assert report["schema"] == "smidgen.copy/v1"
    assert report["images"][0]["source"] == f"docker://{remote.name('team/app:1.0')}"
    assert report["images"][0]["reference"] == "docker.io/library/app:latest"
    assert report["fetched"] > 60_000
    assert report["sent"] == 0


def test_what_came_before_a_failure_is_told(smidgen: Smidgen, remote: Served, elsewhere: ContentStore) -> None:
    root = image(elsewhere)
    remote.publish(elsewhere, root, _APP, "1.0")
    name = remote.name("team/app:1.0")
    outcome = smidgen("pull", name, remote.name("team/app:none"), fails=True)
    assert outcome.exit_code == 1
    assert outcome.lines == [f"{name}@{root.digest}"]
    assert "404" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("oci:layout",), "no registry"),
        (("-t", "x", "ghcr.io/a", "ghcr.io/b"), "gives one name"),
        (("-t", "x@sha256:" + "0" * 64, "ghcr.io/a"), "cannot have a digest"),
        (("https://ghcr.io/a",), "not a URL"),
        (("ghcr.io/A",), "upper case"),
        (("--platform", "linux", "ghcr.io/a"), "invalid platform"),
    ],
)
@pytest.mark.usefixtures("nobody")
def test_wrong_requests(smidgen: Smidgen, arguments: tuple[str, ...], message: str) -> None:
    outcome = smidgen("pull", *arguments, fails=True)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
