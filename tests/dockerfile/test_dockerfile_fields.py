"""Fields of flags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.dockerfile.fields import parse_fields, read_truth, render_field, split_fields
from smidgen.errors import UsageError


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1), min_size=1))
def test_what_is_rendered_is_split_again(fields: list[str]) -> None:
    assert split_fields(",".join(map(render_field, fields)), flag="--x") == fields


def test_keys_are_in_lower_case_and_values_may_have_commas() -> None:
    assert parse_fields('ID=a,"src=b,c"', flag="--x") == {"id": "a", "src": "b,c"}


@pytest.mark.parametrize(
    ("text", "message"), [("a", "is not KEY=VALUE"), ("a=1,A=2", "or stands twice"), ('"a=1', "unexpected end")]
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"--x .*{message}"):
        parse_fields(text, flag="--x")


def test_truths() -> None:
    values = {"a": "True", "b": "0", "c": "maybe"}
    assert [read_truth(values, key, flag="--x", default=True) for key in "abd"] == [True, False, True]
    with pytest.raises(UsageError, match="--x: c is 'maybe'"):
        read_truth(values, "c", flag="--x", default=True)
