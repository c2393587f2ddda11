"""An image of a content store, seen from outside: a value that never changes.

An ``Image`` names either one manifest or an index of several. What it gives out is read from the
store at each call and checked against its descriptor; to change an image is to make another one
(``smidgen.image.assemble``).
"""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from smidgen.errors import InvalidContent, NotFound, UsageError
from smidgen.oci.config import ImageConfig, decode_config
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID, Digest, encoded
from smidgen.oci.manifest import Index, Manifest, decode_index, decode_manifest
from smidgen.oci.media_types import CONFIGS, INDEXES, LAYER_COMPRESSION, MANIFESTS
from smidgen.oci.platform import Platform, best_fit, host_platform
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from smidgen.store.tags import untagged

if TYPE_CHECKING:
    from smidgen.registry.session import Session

_MIN_PREFIX = 4
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Image:
    """One image, or an index of images.

    Attributes:
        store: Where its content is.
        descriptor: Its manifest or index.
        reference: The name it was found under, or None when it was named by digest.
    """

    store: ContentStore
    descriptor: Descriptor
    reference: Reference | None = None

    @classmethod
    def resolve(cls, store: ContentStore, name: str) -> "Image":
        """Find *name*: ``NAME[:TAG][@DIGEST]``, a digest, or a prefix of one that only one image has.

        Raises:
            InvalidReference: *name* is neither.
            NotFound: The store has no such image.
            UsageError: A prefix that several images have.
        """
        roots = tuple(map(untagged, store.roots()))
        prefix = name.removeprefix("sha256:")
        if len(prefix) >= _MIN_PREFIX and _HEX.issuperset(prefix):
            found = {tag.digest: tag for tag in _images(store, roots) if encoded(tag.digest).startswith(prefix)}
            if len(found) > 1:
                raise UsageError(f"{name!r} begins the digest of {len(found)} images", hint="give more of the digest")
            if found:
                return cls(store, next(iter(found.values())))
            if name.startswith("sha256:") or len(prefix) == 64:
                raise NotFound(f"image {name!r}", hint="`smidgen images` lists what there is")
        reference = Reference.parse(name).with_default_tag()
        if reference.digest is not None:
            return cls(store, _by_digest(store, roots, reference), reference)
        return cls(store, store.resolve(reference), reference)

    @property
    def digest(self) -> Digest:
        """The digest of the manifest or index."""
        return self.descriptor.digest

    @property
    def name(self) -> str:
        """What people call it: the familiar reference, else the digest."""
        return self.reference.familiar if self.reference else self.digest

    @property
    def index(self) -> Index | None:
        """The index, or None for a single image."""
        if self.descriptor.media_type not in INDEXES:
            return None
        return decode_index(self.store.get(self.descriptor), media_type=self.descriptor.media_type)

    @property
    def images(self) -> "tuple[Image, ...]":
        """The single images, in the order of the index; what is no image (an attestation) is left out."""
        index = self.index
        if index is None:
            return (self,)
        return tuple(
            replace(self, descriptor=entry)
            for entry in index.manifests
            if entry.media_type in MANIFESTS and not (entry.platform and entry.platform.os == "unknown")
        )

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """What its images run on, in the order of the index."""
        return tuple(image.platform for image in self.images)

    @property
    def platform(self) -> Platform:
        """What this single image runs on: as the index says, else as its configuration says."""
        return self.descriptor.platform.normalized() if self.descriptor.platform else self.config.platform

    def for_platform(self, platform: Platform | None = None) -> "Image":
        """Pick the single image for *platform*; for this machine when None.

        A single image is given as it is when no platform is asked for. A machine also runs the
        lower variants of its architecture; the highest one wins.

        Raises:
            NotFound: None of its images is for that platform.
        """
        if platform is None and self.index is None:
            return self
        wanted = (platform or host_platform()).normalized()
        best = best_fit(((image.platform, image) for image in self.images), wanted)
        if best is None:
            there = ", ".join(str(one) for one in self.platforms) or "none"
            raise NotFound(f"platform {wanted} in {self.name}", hint=f"it has {there}; choose one with --platform")
        return best

    @property
    def manifest(self) -> Manifest:
        """The manifest of a single image."""
        if self.descriptor.media_type not in MANIFESTS:
            raise InvalidContent(self.name, f"{self.descriptor.media_type} is not a single image: pick a platform")
        return decode_manifest(self.store.get(self.descriptor), media_type=self.descriptor.media_type)

    @property
    def config(self) -> ImageConfig:
        """The configuration of a single image."""
        descriptor = self.manifest.config
        if descriptor.media_type not in CONFIGS:
            raise InvalidContent(
                self.name, f"its config is {descriptor.media_type}: an artifact, not an image that can run"
            )
        return decode_config(self.store.get(descriptor))

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """Its layers as stored, bottom first."""
        return self.manifest.layers

    @property
    def diff_ids(self) -> tuple[DiffID, ...]:
        """The digests of its uncompressed layers, bottom first; as many as there are layers.

        Raises:
            InvalidContent: Configuration and manifest do not agree on how many layers there are.
        """
        diff_ids, layers = self.config.rootfs.diff_ids, self.layers
        if len(diff_ids) != len(layers):
            raise InvalidContent(self.name, f"{len(layers)} layers in the manifest, {len(diff_ids)} in the config")
        return diff_ids

    @property
    def pull_size(self) -> int:
        """Bytes that a machine with nothing fetches: manifest, configuration and layers as stored."""
        manifest = self.manifest
        return self.descriptor.size + manifest.config.size + sum(layer.size for layer in manifest.layers)

    def tag(self, name: str) -> "Image":
        """Give the image another name in its store, and give it back under that name.

        Raises:
            InvalidReference: *name* is no image name.
        """
        reference = msgspec.structs.replace(Reference.parse(name), digest=None).with_default_tag()
        self.store.tag(reference, self.descriptor)
        return replace(self, reference=reference)

    def save(self, path: str | Path) -> None:
        """Write the image, all platforms of it, to an archive that docker, podman, skopeo and containerd load.

        Raises:
            StoreError: The file cannot be written.
        """
        from smidgen.store.archive import write_archive_file

        write_archive_file(self.store, [(self.reference, self.descriptor)], Path(path))

    def push(
        self,
        *names: str,
        platforms: Iterable[str] = (),
        referrers: bool = False,
        session: "Session | None" = None,
    ) -> tuple[str, ...]:
        """Push the image, all platforms of it, to registries; only what they do not have is sent.

        Args:
            names: ``[REGISTRY/]NAME[:TAG]``, each; the image's own name where there are none.
            platforms: Only the images for these.
            referrers: Push what refers to it in the store, too: signatures, lists of parts, provenance.
            session: Knows the registries; by default one that knows what docker and podman know.

        Returns:
            The references with digests, ``NAME:TAG@DIGEST``.

        Raises:
            UsageError: It has no name and none is given, or a name is none to push to.
            RegistryError: A registry did not answer, or refused.
        """
        from smidgen.registry.push import push  # brings the HTTP library
        from smidgen.registry.pushable import check_pushable, parse_pushable
        from smidgen.registry.session import Session

        references = tuple(map(parse_pushable, names))
        if not references:
            if self.reference is None:
                raise UsageError(f"{self.name} has no name to push it under", hint="give one")
            check_pushable(self.reference)
            references = (self.reference.with_default_tag(),)
        chosen = tuple(map(Platform.parse, platforms)) or None
        with nullcontext(session) if session is not None else Session() as opened:
            pushed = push(opened, self.store, self.descriptor, references, platforms=chosen, referrers=referrers)
        return tuple(one.pinned(pushed.descriptor.digest) for one in references)

    def open_layer(self, layer: Descriptor) -> BinaryIO:
        """Open *layer* as an uncompressed tar stream; the stored bytes are checked by its end.

        Raises:
            InvalidContent: A media type that is not a layer's.
        """
        from smidgen.layer.decompress import decompressed  # brings the codecs

        algorithm = LAYER_COMPRESSION.get(layer.media_type)
        if algorithm is None:
            raise InvalidContent(f"layer of {self.name}", f"media type {layer.media_type!r} is not a layer's")
        return decompressed(self.store.open_blob(layer), algorithm)


def _images(store: ContentStore, roots: tuple[Descriptor, ...]) -> Iterator[Descriptor]:
    for descriptor in roots:
        yield descriptor
        if descriptor.media_type in INDEXES:
            yield from decode_index(store.get(descriptor), media_type=descriptor.media_type).manifests


def _by_digest(store: ContentStore, roots: tuple[Descriptor, ...], reference: Reference) -> Descriptor:
    for descriptor in _images(store, roots):
        if descriptor.digest == reference.digest:
            return descriptor
    raise NotFound(f"image {reference.familiar!r}", hint="`smidgen images --digests` lists what there is")
