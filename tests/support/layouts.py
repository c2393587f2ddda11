"""Reads an OCI image layout with nothing of smidgen: what a stranger finds on the disk."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import referencing
from referencing.jsonschema import DRAFT4

from support.go_tools import IMAGE_SPEC, go_module

_REF_NAME = "org.opencontainers.image.ref.name"
_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Layout:
    """An OCI image layout."""

    root: Path

    @property
    def index(self) -> Any:
        """``index.json``."""
        return json.loads((self.root / "index.json").read_text())

    @property
    def names(self) -> list[str]:
        """What the entries of the index are called."""
        return [entry["annotations"][_REF_NAME] for entry in self.index["manifests"]]

    def blob(self, digest: str) -> bytes:
        """Read a blob, which must have the digest that it is stored under."""
        data = (self.root / "blobs" / digest.replace(":", "/")).read_bytes()
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
        return data

    def documents(self) -> Iterator[tuple[str, Any]]:
        """Give every document: which schema it must obey, and its JSON."""
        yield "image-layout", json.loads((self.root / "oci-layout").read_text())
        yield "image-index", self.index
        for entry in self.index["manifests"]:
            yield from self._below(entry)

    def manifests(self) -> Iterator[Any]:
        """Give the manifest of every single image."""
        return (document for schema, document in self.documents() if schema == "image-manifest")

    def configs(self) -> Iterator[Any]:
        """Give the configuration of every single image."""
        return (document for schema, document in self.documents() if schema == "config")

    def _below(self, descriptor: Any) -> Iterator[tuple[str, Any]]:
        document = json.loads(self.blob(descriptor["digest"]))
        if descriptor["mediaType"] == _INDEX:
            yield "image-index", document
            for entry in document["manifests"]:
                yield from self._below(entry)
            return
        yield "image-manifest", document
        yield "config", json.loads(self.blob(document["config"]["digest"]))

    def check(self) -> None:
        """Check every document against the JSON schemas of the image specification, and every layer's size.

        Source: the files of ``schema/`` in the module github.com/opencontainers/image-spec.
        """
        schemas = go_module(IMAGE_SPEC) / "schema"

        def retrieve(uri: str) -> referencing.Resource[Any]:
            return DRAFT4.create_resource(json.loads((schemas / uri.rsplit("/", 1)[-1]).read_text()))

        registry: referencing.Registry[Any] = referencing.Registry(retrieve=retrieve)  # type: ignore[call-arg]
        for name, document in self.documents():
            schema = json.loads((schemas / f"{name}-schema.json").read_text())
            jsonschema.Draft4Validator(schema, registry=registry).validate(document)
        for manifest in self.manifests():
            assert manifest["layers"]
            for layer in manifest["layers"]:
                assert len(self.blob(layer["digest"])) == layer["size"]
