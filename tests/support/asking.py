"""Asking a registry, request by request: nothing is followed, retried or hidden."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import Digest, sha256
from smidgen.oci.manifest import Index, Manifest, encode
from smidgen.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST

_LIMIT = 60


@dataclass(frozen=True)
class Reply:
    """An answer, whole."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """The code of the error that it tells of."""
        assert self.headers["Content-Type"] == "application/json"
        (fault,) = self.json["errors"]
        assert fault["message"]
        return str(fault["code"])

    @property
    def place(self) -> str:
        """Where it says that something is."""
        return str(self.headers["Location"])


@dataclass(frozen=True)
class Asker:
    """A client of the registry at *address*."""

    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None

    def __call__(
        self,
        method: str,
        path: str,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request over a connection of its own; content that is no bytes goes in chunks."""
        connection = (
            http.client.HTTPSConnection(self.address, timeout=_LIMIT, context=self.tls)
            if self.tls
            else http.client.HTTPConnection(self.address, timeout=_LIMIT)
        )
        try:
            connection.request(method, path, content, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def raw(self, *pieces: bytes) -> bytes:
        """Send bytes as they are, and give all that comes back until the server closes or breaks the connection."""
        host, _, port = self.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=_LIMIT) as connection:
            for piece in pieces:
                connection.sendall(piece)
            answer = b""
            with suppress(ConnectionResetError):
                while data := connection.recv(65536):
                    answer += data
            return answer

    def push_blob(self, data: bytes, name: str = "app") -> Digest:
        """Push a blob with one request."""
        digest = sha256(data)
        assert self("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", data).status == 201
        return digest

    def push_manifest(self, data: bytes, reference: str, name: str = "app", media_type: str = OCI_MANIFEST) -> Reply:
        """Push a manifest."""
        return self("PUT", f"/v2/{name}/manifests/{reference}", data, {"Content-Type": media_type})

    def push_image(
        self, reference: str = "", name: str = "app", *, text: bytes = b"layer", subject: Descriptor | None = None
    ) -> Descriptor:
        """Push a manifest with a configuration and a layer, by digest where *reference* is empty."""
        data = image(text, subject=subject)
        for blob in (CONFIG, text):
            self.push_blob(blob, name)
        descriptor = Descriptor.of(data, media_type=OCI_MANIFEST)
        reply = self.push_manifest(data, reference or descriptor.digest, name)
        assert reply.status == 201, reply
        return descriptor


CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'


def image(
    text: bytes = b"layer",
    *,
    subject: Descriptor | None = None,
    artifact_type: str | None = None,
    annotations: dict[str, str] | None = None,
    config_type: str = OCI_CONFIG,
) -> bytes:
    """Make the manifest of an image of one layer with the bytes *text*."""
    manifest = Manifest(
        schema_version=2,
        media_type=OCI_MANIFEST,
        artifact_type=artifact_type,
        config=Descriptor.of(CONFIG, media_type=config_type),
        layers=(Descriptor.of(text, media_type=OCI_LAYER),),
        subject=subject,
        annotations=annotations,
    )
    return encode(manifest)


def index(*manifests: Descriptor) -> bytes:
    """Make an index."""
    return encode(Index(schema_version=2, media_type=OCI_INDEX, manifests=manifests))
