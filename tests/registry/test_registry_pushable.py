"""A name that most likely was not meant is not pushed to."""

import pytest

from smidgen.errors import UsageError
from smidgen.oci.reference import Reference
from smidgen.registry.pushable import check_pushable, parse_pushable


@pytest.mark.parametrize("name", ["app", "app:1.0"])
def test_a_name_without_a_registry_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="names no registry") as caught:
        parse_pushable(name)
    assert "ghcr.io/OWNER/app" in str(caught.value.hint)


def test_a_built_image_may_not_have_such_a_name() -> None:
    with pytest.raises(UsageError, match="names no registry"):
        check_pushable(Reference.parse("docker.io/library/app"))


def test_who_writes_it_in_full_means_it() -> None:
    assert parse_pushable("docker.io/library/app").repository == "library/app"


@pytest.mark.parametrize("name", ["me/app", "localhost/app", "ghcr.io/app", "127.0.0.1:5000/app"])
def test_a_name_with_a_registry_or_an_account_is_taken(name: str) -> None:
    assert parse_pushable(name).tag == "latest"
