"""Images that a build stands on or takes files from: found in the store, or fetched."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smidgen.dockerfile.execute.layers import Chain, Layers, Result
from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.report import Watcher
from smidgen.dockerfile.origins import ImageOrigin
from smidgen.errors import InvalidContent, NotFound
from smidgen.image.image import Image
from smidgen.layer.packed import Layer
from smidgen.oci.config import ImageConfig
from smidgen.oci.digest import chain_id, encoded
from smidgen.store.content import ContentStore

if TYPE_CHECKING:
    from smidgen.oci.descriptor import Descriptor


@dataclass(frozen=True, slots=True)
class Base:
    """An image to stand on.

    Attributes:
        image: For one platform.
        config: Of it.
        chain: Its layers.
    """

    image: Image
    config: ImageConfig
    chain: Chain


class Bases:
    """Images by origin, each found once; used by several threads."""

    def __init__(self, store: ContentStore, layers: Layers, options: ExecuteOptions, watcher: Watcher) -> None:
        self._store = store
        self._layers = layers
        self._options = options
        self._watcher = watcher
        self._found: dict[ImageOrigin, Base] = {}
        self._lock = threading.Lock()

    def get(self, origin: ImageOrigin) -> Base:
        """Find the image of *origin*.

        Raises:
            NotFound: Neither the store nor a registry has it, or not for that platform.
            RegistryError: The registry cannot be asked.
        """
        with self._lock:
            if origin not in self._found:
                self._found[origin] = self._base(self._image(origin).for_platform(origin.platform))
            return self._found[origin]

    def _image(self, origin: ImageOrigin) -> Image:
        if not self._options.pull:
            try:
                image = Image.resolve(self._store, str(origin.reference))
                image.for_platform(origin.platform)
            except NotFound:
                pass
            else:
                return image
        return Image(self._store, self._fetch(origin), origin.reference)

    def _fetch(self, origin: ImageOrigin) -> "Descriptor":
        # Most builds find their base in the store.
        from smidgen.config.registries import registry_hosts
        from smidgen.registry.pull import pull
        from smidgen.registry.session import Session

        self._watcher.note(f"fetching {origin.reference.familiar}")
        with Session(hosts=registry_hosts(), warn=self._watcher.warn) as session:
            descriptor = pull(session, origin.reference, self._store, platforms=(origin.platform,))
        if not origin.reference.digest:
            self._store.tag(origin.reference, descriptor)
        return descriptor

    def _base(self, image: Image) -> Base:
        config = image.config
        chain: list[Result] = []
        diff_ids = image.diff_ids
        for number, (descriptor, diff_id) in enumerate(zip(image.layers, diff_ids, strict=True), 1):
            chain_digest = chain_id(diff_ids[:number])
            if chain_digest is None:
                raise InvalidContent(image.name, "a layer without a chain id")
            result = Result(encoded(chain_digest))
            # The size is not known without decompressing, and nothing here asks for it.
            self._layers.know_layer(result, Layer(descriptor=descriptor, diff_id=diff_id, size=0))
            chain.append(result)
        return Base(image, config, tuple(chain))
