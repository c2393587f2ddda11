"""Rebasing: what an image took from its base is the new one's, what it set itself stays."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from smidgen.errors import NotFound, UsageError
from smidgen.gobuild.rebase import RebaseOutcome, RebaseRequest, rebase_image
from smidgen.image.assemble import LayerRecipe, Recipe, assemble, assemble_index
from smidgen.image.base import BASE_DIGEST, Base, base_annotations
from smidgen.image.filetree import FileTree
from smidgen.image.image import Image
from smidgen.image.rebase import swapped
from smidgen.layer.compression import DEFAULT
from smidgen.layer.entry import Entry
from smidgen.needs.static_base import static_image
from smidgen.oci.config import RunConfig
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.manifest import encode
from smidgen.oci.media_types import OCI_INDEX, OCI_MANIFEST
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.base_images import RUN, put_base, put_base_index
from support.command import run
from support.go_tools import CRANE, go_tool
from support.layouts import Layout
from support.registry import Habits, Registry
from support.registry_images import check_registry, publish
from support.registry_session import credentials
from support.registry_wire import Server, serving
from support.small_images import AMD64, ARM64

_NEW_RUN = RunConfig(
    user="worker",
    env=("PATH=/opt/bin:/usr/bin", "EXTRA=1", "COLOUR=green"),
    working_dir="/new",
    labels={"vendor": "others"},
    exposed_ports={"81/tcp": {}},
)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore.open(tmp_path / "store")


def _app(
    store: ContentStore, base: Descriptor, *, reference: str = "", platforms: tuple[Platform, ...] = (AMD64,)
) -> Image:
    """Make an image on *base* as ``smidgen build`` does; an index for several platforms."""
    found = Base(name=reference or "base", reference=reference, image=Image(store, base))
    images = []
    for platform in platforms:
        below = found.for_platform(platform)
        layer = LayerRecipe(
            entries=lambda platform=platform: (Entry.file("app", str(platform).encode(), mode=0o755),),  # type: ignore[misc]
            created_by="/app",
        )
        own = msgspec.structs.replace(
            below.run,
            entrypoint=("/app",),
            cmd=None,
            env=(*(below.run.env or ()), "OWN=1"),
            labels={**(below.run.labels or {}), "mine": "1"},
        )
        recipe = Recipe(
            platform=platform,
            layers=(layer,),
            run=own,
            annotations={**below.annotations, "kept": "1"},
            created=0,
            compression=DEFAULT,
            base=below,
        )
        images.append(assemble(store, recipe).image)
    if len(images) == 1:
        return images[0]
    annotations = base_annotations(reference, base.digest)
    return assemble_index(store, images, annotations={**annotations, "kept": "1"})


def _rebase(
    store: ContentStore,
    image: str,
    onto: str,
    *names: str,
    old: str | None = None,
    offline: bool = False,
    environ: dict[str, str] | None = None,
) -> RebaseOutcome:
    nobody = environ or {"HOME": "/nonexistent"}
    asked = RebaseRequest(image=image, onto=onto, old=old, names=names, offline=offline, environ=nobody)
    return rebase_image(asked, store)


# What becomes of the configuration


@pytest.mark.parametrize(
    ("field", "app", "expected"),
    [
        ("user", "web", "worker"),
        ("user", "1000:1000", "1000:1000"),
        ("working_dir", "/srv", "/new"),
        ("working_dir", "/own", "/own"),
        ("stop_signal", "SIGQUIT", ""),
        ("env", RUN.env, ("PATH=/opt/bin:/usr/bin", "EXTRA=1", "COLOUR=green")),
        (
            "env",
            ("PATH=/own", "COLOUR=red", "OWN=1"),
            ("PATH=/own", "EXTRA=1", "COLOUR=green", "OWN=1"),
        ),
        ("labels", {"vendor": "them", "mine": "1"}, {"vendor": "others", "mine": "1"}),
        ("exposed_ports", {"80/tcp": {}, "8080/tcp": {}}, {"81/tcp": {}, "8080/tcp": {}}),
        ("volumes", {"/data": {}}, None),
        ("entrypoint", ("/app",), ("/app",)),
        ("shell", ("/own",), ("/own",)),
    ],
)
def test_what_was_inherited_is_the_new_bases(field: str, app: object, expected: object) -> None:
    own = msgspec.structs.replace(RUN, entrypoint=("/app",), cmd=None)
    found = swapped(msgspec.structs.replace(own, **{field: app}), RUN, _NEW_RUN)
    assert getattr(found, field) == expected


def test_a_program_with_a_user_never_becomes_root() -> None:
    assert swapped(RUN, RUN, RunConfig()).user == "web"


def test_a_command_of_the_base_is_the_new_bases() -> None:
    found = swapped(RUN, RUN, RunConfig(entrypoint=("/new",)))
    assert (found.entrypoint, found.cmd) == (("/new",), None)


# In the store


def test_an_image_of_the_store_is_put_onto_another_base(store: ContentStore) -> None:
    old, new = put_base(store), put_base(store, mark=b"2", run=_NEW_RUN)
    app = _app(store, old).tag("app:1")
    store.tag(Reference.parse("base:2"), new)
    done = _rebase(store, "app:1", "store:base:2", "app:2").rebased.image
    below = Image(store, new)
    assert done.layers == (*below.layers, *app.layers[2:])
    assert done.diff_ids == (*below.diff_ids, *app.diff_ids[2:])
    assert [one.created_by for one in done.config.history or ()] == ["layer 0", "layer 1", "/app"]
    assert done.manifest.annotations == {BASE_DIGEST: new.digest, "kept": "1"}
    assert done.config.run.env == ("PATH=/opt/bin:/usr/bin", "EXTRA=1", "COLOUR=green", "OWN=1")
    assert done.config.run.labels == {"mine": "1", "vendor": "others"}
    assert store.resolve(Reference.parse("app:2")) == done.descriptor
    assert store.resolve(Reference.parse("app:1")) == app.descriptor
    assert FileTree.of(done).find("etc/os-release")
    Layout(store.root).check()


def test_back_onto_the_old_base_is_the_old_image(store: ContentStore) -> None:
    app = _app(store, put_base(store)).tag("app:1")
    for name, mark in (("base:1", b"1"), ("base:2", b"2")):
        store.tag(Reference.parse(name), put_base(store, mark=mark))
    assert _rebase(store, "app:1", "store:base:2").rebased.image.digest != app.digest
    assert _rebase(store, "app:1", "store:base:1").rebased.image.digest == app.digest


def test_all_platforms_of_an_index_are_put_onto_the_new_base(store: ContentStore) -> None:
    app = _app(store, put_base_index(store), platforms=(AMD64, ARM64)).tag("app:1")
    new = put_base_index(store, mark=b"2", run=_NEW_RUN)
    store.tag(Reference.parse("base:2"), new)
    done = _rebase(store, "app:1", "store:base:2").rebased.image
    assert done.platforms == app.platforms
    assert done.index is not None
    assert done.index.annotations == {BASE_DIGEST: new.digest, "kept": "1"}
    for single, before, below in zip(done.images, app.images, Image(store, new).images, strict=True):
        assert single.layers == (*below.layers, *before.layers[2:])
    store.tag(Reference.parse("base:amd64"), put_base(store, mark=b"3"))
    with pytest.raises(NotFound, match="platform linux/arm64 in the base store:base:amd64"):
        _rebase(store, "app:1", "store:base:amd64")


def test_an_image_that_does_not_stand_on_its_base_is_refused(store: ContentStore) -> None:
    app = _app(store, put_base(store)).tag("app:1")
    for name, mark in (("base:2", b"2"), ("base:3", b"3")):
        store.tag(Reference.parse(name), put_base(store, mark=mark))
    with pytest.raises(UsageError, match=r"does not stand on store:base:2: of its 2 layers, .* has none at the bottom"):
        _rebase(store, "app:1", "store:base:3", old="store:base:2")
    silent = msgspec.structs.replace(app.manifest, annotations=None)
    store.tag(Reference.parse("silent:1"), store.put(encode(silent), media_type=OCI_MANIFEST))
    with pytest.raises(UsageError, match="silent:1 does not say what it stands on") as caught:
        _rebase(store, "silent:1", "store:base:3")
    assert caught.value.hint == "say with --from which image it stands on"
    store.tag(Reference.parse("base:1"), put_base(store))
    assert _rebase(store, "silent:1", "store:base:3", old="store:base:1").rebased.image.layers[2:] == app.layers[2:]


@pytest.mark.parametrize(
    ("onto", "names", "said"),
    [
        ("scratch", (), "cannot be rebased onto or from scratch"),
        ("store:base:2", ("a@sha256:" + "0" * 64,), "a digest follows from the content"),
    ],
)
def test_what_cannot_be_meant(store: ContentStore, onto: str, names: tuple[str, ...], said: str) -> None:
    _app(store, put_base(store)).tag("app:1")
    store.tag(Reference.parse("base:2"), put_base(store, mark=b"2"))
    with pytest.raises(UsageError, match=said):
        _rebase(store, "app:1", onto, *names)
    with pytest.raises(UsageError, match="has no name"):
        _rebase(store, Image.resolve(store, "app:1").digest, "store:base:2")


def test_the_built_in_base_is_known_by_its_history(store: ContentStore) -> None:
    app = _app(store, static_image(store, (AMD64,)).descriptor).tag("app:1")
    store.tag(Reference.parse("base:2"), put_base(store, run=_NEW_RUN))
    onto = _rebase(store, "app:1", "store:base:2").rebased.image
    assert (onto.config.run.user, len(onto.layers)) == ("worker", 3)
    assert onto.config.run.env == ("PATH=/opt/bin:/usr/bin", "EXTRA=1", "COLOUR=green", "OWN=1")
    back = _rebase(store, "app:1", "static").rebased.image
    assert (back.config.run.user, back.digest) == ("65532", app.digest)


# In a registry


@pytest.fixture
def served(store: ContentStore) -> Iterator[tuple[Registry, Server]]:
    """An application of two platforms on ``team/base:1``, and a newer base."""
    registry = Registry()
    with serving(registry) as server:
        old, new = put_base_index(store), put_base_index(store, mark=b"2", run=_NEW_RUN)
        app = _app(store, old, reference=f"{server.host}/team/base:1", platforms=(AMD64, ARM64))
        publish(registry, store, app.descriptor, "team/app", "1")
        publish(registry, store, old, "team/base", "1")
        publish(registry, store, new, "team/base", "2")
        yield registry, server


def test_in_the_registry_no_layer_is_fetched(served: tuple[Registry, Server], tmp_path: Path) -> None:
    registry, server = served
    empty = ContentStore.open(tmp_path / "empty")
    done = _rebase(
        empty, f"docker://{server.host}/team/app:1", f"{server.host}/team/base:2", f"{server.host}/team/app:2"
    )
    image = done.rebased.image
    layers = {layer.digest for one in image.images for layer in one.layers}
    fetched = {request.target.rpartition("/")[2] for request in server.log if request.method == "GET"}
    assert not layers & fetched
    assert not any(map(empty.stat, layers))
    assert registry.tags["team/app"]["2"] == image.digest
    assert done.sent < 10_000
    check_registry(registry)
    assert registry.tags["team/app"]["1"] != image.digest


def test_a_name_that_the_store_does_not_have_is_the_registrys(served: tuple[Registry, Server], tmp_path: Path) -> None:
    registry, server = served
    before = registry.tags["team/app"]["1"]
    done = _rebase(ContentStore.open(tmp_path / "empty"), f"{server.host}/team/app:1", f"{server.host}/team/base:2")
    assert done.remote
    assert registry.tags["team/app"]["1"] == done.rebased.image.digest != before
    check_registry(registry)
    other = ContentStore.open(tmp_path / "other")
    with pytest.raises(NotFound):
        _rebase(other, f"{server.host}/team/app:1", "static", offline=True)
    with pytest.raises(NotFound, match="image 'app:1' not found"):
        _rebase(other, "app:1", "static")


@pytest.mark.parametrize("mounts", [True, False])
def test_into_another_repository_or_registry(served: tuple[Registry, Server], tmp_path: Path, *, mounts: bool) -> None:
    registry, server = served
    registry.habits = Habits(mounts=mounts)
    other = Registry()
    with serving(other) as elsewhere:
        names = (f"{server.host}/else/app:2", f"{elsewhere.host}/team/app:2")
        empty = ContentStore.open(tmp_path / "empty")
        done = _rebase(empty, f"docker://{server.host}/team/app:1", f"{server.host}/team/base:2", *names)
    assert registry.tags["else/app"]["2"] == other.tags["team/app"]["2"] == done.rebased.image.digest
    assert bool(registry.mounted) == mounts
    for one in (registry, other):
        check_registry(one)
    # They streamed from the one to the other.
    assert not any(empty.stat(layer.digest) for image in done.rebased.image.images for layer in image.layers)


def test_onto_a_base_of_the_store(served: tuple[Registry, Server], tmp_path: Path) -> None:
    registry, server = served
    empty = ContentStore.open(tmp_path / "empty")
    done = _rebase(empty, f"docker://{server.host}/team/app:1", "static", f"{server.host}/team/app:static")
    assert registry.tags["team/app"]["static"] == done.rebased.image.digest
    check_registry(registry)


@pytest.mark.e2e
def test_crane_agrees_on_the_layers(served: tuple[Registry, Server], store: ContentStore, tmp_path: Path) -> None:
    registry, server = served
    app = _app(store, put_base(store), reference=f"{server.host}/team/base:1")
    publish(registry, store, app.descriptor, "team/one", "1")
    crane, environ = go_tool(CRANE), credentials(tmp_path / "docker", {})
    names = {tag: f"{server.host}/team/base@{_of_amd64(store, registry, tag)}" for tag in ("1", "2")}
    theirs = run(
        *(crane, "rebase", f"{server.host}/team/one:1", "--old_base", names["1"], "--new_base", names["2"]),
        *("--tag", f"{server.host}/team/one:crane"),
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environ},
    )
    assert theirs.exit_code == 0, theirs
    empty = ContentStore.open(tmp_path / "empty")
    ours = _rebase(
        empty, f"docker://{server.host}/team/one:1", names["2"], f"{server.host}/team/one:ours"
    ).rebased.image
    found = msgspec.json.decode(registry.manifests["team/one", registry.tags["team/one"]["crane"]][1])
    assert [layer["digest"] for layer in found["layers"]] == [layer.digest for layer in ours.layers]
    config = msgspec.json.decode(registry.blobs[found["config"]["digest"]])
    assert config["rootfs"]["diff_ids"] == list(ours.diff_ids)
    assert found["annotations"][BASE_DIGEST] == (ours.manifest.annotations or {})[BASE_DIGEST]
    # crane keeps the environment of the old base; ours is that of the new one.
    assert "COLOUR=red" in config["config"]["Env"]
    assert "COLOUR=green" in (ours.config.run.env or ())
    valid = run(crane, "validate", "--remote", f"{server.host}/team/one:ours", env={"PATH": "/usr/bin:/bin", **environ})
    assert valid.exit_code == 0, valid


def _of_amd64(store: ContentStore, registry: Registry, tag: str) -> str:
    data = registry.manifests["team/base", registry.tags["team/base"][tag]][1]
    return Image(store, Descriptor.of(data, media_type=OCI_INDEX)).for_platform(AMD64).digest
