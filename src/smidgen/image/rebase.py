"""Another base under an image, without building it again: layers and documents are put together anew.

What the image took over from its old base and left as it was it takes from the new one; what was set on top stays.

Source: OCI image-spec v1.1.1, ``config.md``; the idea is that of ``crane rebase``, which swaps the layers alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from smidgen.errors import ContentError, NotFound, UsageError
from smidgen.image.assemble import assemble_index
from smidgen.image.base import BASE_DIGEST, BASE_NAME, Base, BaseImage, as_oci, base_annotations
from smidgen.image.base_name import BaseKind, BaseName
from smidgen.image.base_source import BaseSource, described
from smidgen.image.image import Image
from smidgen.oci.config import History, RootFS, RunConfig, encode_config
from smidgen.oci.digest import parse_digest
from smidgen.oci.manifest import Manifest, encode
from smidgen.oci.media_types import OCI_CONFIG, OCI_MANIFEST

_T = TypeVar("_T")
_SAY_WHICH: Final = "say with --from which image it stands on"


@dataclass(frozen=True, slots=True)
class Rebased:
    """What came of it.

    Attributes:
        image: The new image, or index; of its layers only those of the old image that were stored are.
        old: Of each single image, what it stood on.
        new: Likewise, what it stands on now.
    """

    image: Image
    old: tuple[BaseImage, ...]
    new: tuple[BaseImage, ...]


def rebase(
    app: Image,
    onto: Base,
    onto_name: BaseName,
    source: BaseSource,
    *,
    old: tuple[Base, BaseName] | None = None,
    known: Callable[[Image], BaseImage | None] = lambda _: None,
) -> Rebased:
    """Put all images of *app* onto *onto*; only documents are read and written.

    Args:
        app: A single image or an index; its documents are in the store, and ``store.writing()`` is held.
        onto: The new base.
        onto_name: What it was found by.
        source: Fetches documents of bases.
        old: What *app* stands on, where its annotations are not to be asked.
        known: Tells the base of an image that shows it without annotations.

    Raises:
        UsageError: *app* does not stand on its old base, or nobody knows what that is.
        NotFound: A base has no image for a platform.
    """
    singles = app.images
    if not singles:
        raise UsageError(f"{app.name} is no image that could stand on a base")
    olds, news, images = [], [], []
    for single in singles:
        source.fetch_documents(onto, onto_name, (single.platform,))
        new = onto.for_platform(single.platform)
        before = _given(old, single, source) if old is not None else known(single) or _annotated(app, single, source)
        olds.append(before)
        news.append(new)
        images.append(put_onto(single, before, new))
    if app.index is None:
        return Rebased(images[0], tuple(olds), tuple(news))
    annotations = _annotations(app.index.annotations or {}, base_annotations(onto.reference, onto.image.digest))
    return Rebased(assemble_index(app.store, images, annotations=annotations), tuple(olds), tuple(news))


def put_onto(app: Image, old: BaseImage, new: BaseImage) -> Image:
    """Make the single image *app*, which stands on *old*, anew on *new*.

    Raises:
        UsageError: Its lowest layers are not those of *old*.
    """
    config, manifest = app.config, app.manifest
    count = len(old.diff_ids)
    if app.diff_ids[:count] != old.diff_ids:
        pairs = enumerate(zip(app.diff_ids, old.diff_ids, strict=False))
        same = next((at for at, (own, other) in pairs if own != other), len(app.diff_ids))
        raise UsageError(
            f"{app.name} ({app.platform}) does not stand on {old.name}: of its {count} layers, "
            f"{app.name} has {same or 'none'} at the bottom",
            hint=f"the base may have moved on since: {_SAY_WHICH}, with its digest",
        )
    fresh = msgspec.structs.replace(
        config,
        config=swapped(config.run, old.run, new.run),
        rootfs=RootFS(type="layers", diff_ids=(*new.diff_ids, *app.diff_ids[count:])),
        history=(*new.history, *_own_history(config.history or (), old.history, count)),
    )
    made = Manifest(
        schema_version=2,
        media_type=OCI_MANIFEST,
        config=app.store.put(encode_config(fresh), media_type=OCI_CONFIG),
        layers=(*new.layers, *(as_oci(layer, app.name) for layer in manifest.layers[count:])),
        annotations=_annotations(manifest.annotations or {}, new.annotations),
    )
    return Image(app.store, app.store.put(encode(made), media_type=OCI_MANIFEST), app.reference)


def swapped(app: RunConfig, old: RunConfig, new: RunConfig) -> RunConfig:
    """Give what a container is started with: of what *app* has as *old* had it, what *new* has instead."""
    command = (app.entrypoint, app.cmd)
    if command == (old.entrypoint, old.cmd) and command != (None, None):
        command = (new.entrypoint, new.cmd)
    env = _merged(_pairs(app.env), _pairs(old.env), _pairs(new.env))
    return msgspec.structs.replace(
        app,
        # A base without a user means root, which a program that had another one is not made by the way.
        user=app.user if app.user != old.user else new.user or app.user,
        env=tuple(f"{name}={value}" for name, value in env.items()) or None,
        entrypoint=command[0],
        cmd=command[1],
        labels=_merged(app.labels or {}, old.labels or {}, new.labels or {}) or None,
        exposed_ports=_merged(app.exposed_ports or {}, old.exposed_ports or {}, new.exposed_ports or {}) or None,
        volumes=_merged(app.volumes or {}, old.volumes or {}, new.volumes or {}) or None,
        working_dir=app.working_dir if app.working_dir != old.working_dir else new.working_dir,
        stop_signal=app.stop_signal if app.stop_signal != old.stop_signal else new.stop_signal,
        healthcheck=app.healthcheck if app.healthcheck != old.healthcheck else new.healthcheck,
        shell=app.shell if app.shell != old.shell else new.shell,
    )


def _merged(app: Mapping[str, _T], old: Mapping[str, _T], new: Mapping[str, _T]) -> dict[str, _T]:
    own = {name: value for name, value in app.items() if name not in old or old[name] != value}
    return {**new, **own}


def _pairs(env: Iterable[str] | None) -> dict[str, str]:
    return {name: value for name, _, value in (one.partition("=") for one in env or ())}


def _own_history(history: Sequence[History], old: Sequence[History], layers: int) -> Sequence[History]:
    """Give the lines that are not of the old base."""
    if tuple(history[: len(old)]) == tuple(old):
        return history[len(old) :]
    for at, one in enumerate(history):
        if not layers:
            return history[at:]
        layers -= not one.empty_layer
    return ()


def _annotations(said: Mapping[str, str], of_base: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in said.items() if name not in {BASE_NAME, BASE_DIGEST}}
    return {**kept, **of_base}


def _given(old: tuple[Base, BaseName], app: Image, source: BaseSource) -> BaseImage:
    base, name = old
    source.fetch_documents(base, name, (app.platform,))
    return base.for_platform(app.platform)


def _annotated(whole: Image, app: Image, source: BaseSource) -> BaseImage:
    """Find the old base by what the image says of it.

    Source: OCI image-spec v1.1.1, ``annotations.md``: name and digest of the base.
    """
    of_index = whole.index.annotations if whole.index is not None else None
    said = app.manifest.annotations or {}
    said = said if {BASE_NAME, BASE_DIGEST} & said.keys() else of_index or {}
    name, digest = said.get(BASE_NAME, ""), said.get(BASE_DIGEST, "")
    if not name and not digest:
        raise UsageError(f"{app.name} does not say what it stands on", hint=_SAY_WHICH)
    if not name:
        stored = described(app.store, parse_digest(digest))
        if stored is None:
            raise NotFound(f"{digest}, which {app.name} stands on", hint=_SAY_WHICH)
        return Base(name=digest, image=Image(app.store, stored)).for_platform(app.platform)
    found = BaseName.parse(f"{name.partition('@')[0]}@{digest}" if digest else name)
    if found.kind is not BaseKind.REGISTRY:
        raise UsageError(f"{app.name} says that it stands on {name!r}, which is no image", hint=_SAY_WHICH)
    try:
        base = source.find(found)
        return _given((base, found), app, source)
    except ContentError as error:
        error.hint = error.hint or _SAY_WHICH
        raise
