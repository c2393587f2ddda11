"""Lists in pages: of tags and of repositories.

Source: distribution-spec v1.1.1, "Listing Tags"; the catalog is that of Docker's registry.
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import msgspec

from smidgen.server.answer import Answer
from smidgen.server.names import parse_repository, served_name
from smidgen.server.refusal import Refusal, name_unknown
from smidgen.server.roots import Roots

_MAX_PAGE: Final = 10_000


def list_tags(roots: Roots, name: str, query: Mapping[str, str]) -> Answer:
    """List the tags of one repository.

    Raises:
        Refusal: It has none.
    """
    found = roots.tags_in(parse_repository(name))
    if not found:
        raise name_unknown(name)
    page, headers = _page(found, f"/v2/{name}/tags/list", query)
    return json_answer({"name": name, "tags": page}, headers)


def list_repositories(roots: Roots, query: Mapping[str, str]) -> Answer:
    """List the repositories that have tags, by their shortest names."""
    names = {name for reference in roots.tags() if (name := served_name(reference))}
    page, headers = _page(names, "/v2/_catalog", query)
    return json_answer({"repositories": page}, headers)


def json_answer(value: object, headers: Mapping[str, str], media_type: str = "application/json") -> Answer:
    """Answer with *value* as JSON."""
    return Answer(HTTPStatus.OK, {"Content-Type": media_type, **headers}, msgspec.json.encode(value))


def next_page(path: str, query: Mapping[str, str]) -> dict[str, str]:
    """Say where the list goes on."""
    return {"Link": f'<{path}?{urlencode(query)}>; rel="next"'}


def _page(items: Iterable[str], path: str, query: Mapping[str, str]) -> tuple[Sequence[str], dict[str, str]]:
    limit = _MAX_PAGE
    if text := query.get("n", ""):
        if not (text.isascii() and text.isdigit()):
            raise Refusal(HTTPStatus.BAD_REQUEST, "PAGINATION_NUMBER_INVALID", f"n={text} is not a number of items")
        limit = min(int(text), _MAX_PAGE)
    last = query.get("last", "")
    left = sorted(item for item in items if item > last)
    page = left[:limit]
    if not page or len(page) == len(left):
        return page, {}
    return page, next_page(path, {"n": str(limit), "last": page[-1]})
