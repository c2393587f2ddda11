"""Answers have to come as they are: a digest is of the bytes, and nobody asked for them to be compressed."""

from smidgen.errors import InvalidAnswer
from smidgen.registry.answers import harmless
from smidgen.registry.repository import Repository
from smidgen.registry.response import Response


def check_plain(response: Response, request: str, repository: Repository) -> None:
    """Refuse an answer that is compressed.

    Raises:
        InvalidAnswer: It is; it is closed then.
    """
    encoding = response.headers.get("content-encoding", "")
    if encoding.lower() not in {"", "identity"}:
        response.close()
        raise InvalidAnswer(
            f"{repository}: {request}: the answer is encoded with {harmless(encoding, 40)}, which was not asked for",
            registry=repository.registry,
            request=request,
            hint="something between here and the registry changes its answers, such as a proxy",
        )
