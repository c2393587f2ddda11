"""Keys that are added to a file, with all else in it left as it is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.config.yaml_edit import Keys, with_keys, with_target
from smidgen.config.yaml_source import Document, parse_document
from smidgen.errors import ConfigError

KEYS: Keys = {"build_tags": ("netgo", "fresh"), "compression": "gzip:12"}


def document(text: str) -> Document:
    return parse_document(text, path=Path("smidgen.yaml"), name="smidgen.yaml")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "build_tags: [netgo, fresh]\ncompression: gzip:12\n"),
        ("# mine\nuser: 1000  # me\n", "# mine\nuser: 1000  # me\nbuild_tags: [netgo, fresh]\ncompression: gzip:12\n"),
        ("user: 1000", "user: 1000\nbuild_tags: [netgo, fresh]\ncompression: gzip:12\n"),
        ("user: 1000\r\n", "user: 1000\r\nbuild_tags: [netgo, fresh]\r\ncompression: gzip:12\r\n"),
        ("build_tags: [netgo]  # why\n", "build_tags: [netgo, fresh]  # why\ncompression: gzip:12\n"),
        ('build_tags: ["netgo" ]\n', 'build_tags: ["netgo", fresh]\ncompression: gzip:12\n'),
        ("build_tags:\n- netgo\nuser: 1\n", "build_tags:\n- netgo\n- fresh\nuser: 1\ncompression: gzip:12\n"),
        ("build_tags:\n  - netgo", "build_tags:\n  - netgo\n  - fresh\ncompression: gzip:12\n"),
        (
            "user: 1\n\n# some\ntargets:\n  - target: ./a\n",
            "user: 1\nbuild_tags: [netgo, fresh]\ncompression: gzip:12\n\n# some\ntargets:\n  - target: ./a\n",
        ),
    ],
)
def test_for_all_targets(before: str, after: str) -> None:
    assert with_keys(before, document(before), KEYS, entry=None) == after


def test_for_one_target() -> None:
    before = "targets:\n  - target: ./a  # first\n    user: 1\n  - name: b\n    target: ./b\n"
    after = with_keys(before, document(before), {"compression": "gzip:12"}, entry=1)
    assert after == before.replace("  - name: b\n", "  - name: b\n    compression: gzip:12\n")
    after = with_keys(before, document(before), {"compression": "gzip:12"}, entry=0)
    assert after == before.replace("# first\n", "# first\n    compression: gzip:12\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("user: 1\n", "user: 1\ntargets:\n  - target: ./b\n    compression: gzip:12\n"),
        (
            "targets:\n- target: ./a\n  user: 1\n\n# below\nuser: 2\n",
            "targets:\n- target: ./a\n  user: 1\n- target: ./b\n  compression: gzip:12\n\n# below\nuser: 2\n",
        ),
        (
            "targets:\n    - target: ./a",
            "targets:\n    - target: ./a\n    - target: ./b\n      compression: gzip:12\n",
        ),
    ],
)
def test_a_target_that_was_not_there(before: str, after: str) -> None:
    assert with_target(before, document(before), "./b", {"compression": "gzip:12"}) == after


@pytest.mark.parametrize(
    "text",
    [
        "{user: 1}\n",
        "build_tags: netgo\n",
        "build_tags: [netgo,\n  other\n  ]\n",
        "compression: gzip:1\n",
        "x: &tags\n  build_tags: [netgo]\n<<: *tags\n",
        "user: 1\n...\n",
        "user: |\n  1\n  # no comment",
    ],
)
def test_what_cannot_be_added_to_is_left_alone(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_keys(text, document(text), KEYS, entry=None)
    assert "add by hand: build_tags: [netgo, fresh]" in (caught.value.hint or "")


def test_a_list_of_targets_on_one_line() -> None:
    text = "targets: [{target: ./a}]\n"
    with pytest.raises(ConfigError, match="without risk"):
        with_target(text, document(text), "./b", {"compression": "gzip:12"})
    with pytest.raises(ConfigError, match="without risk"):
        with_keys(text, document(text), {"compression": "gzip:12"}, entry=0)


@given(st.text(alphabet="ab:[]{}-#,'\"\n &*|>?!%@ ", max_size=60))
def test_any_text_is_added_to_rightly_or_not_at_all(text: str) -> None:
    try:
        found = document(text)
    except ConfigError:
        return
    try:
        after = with_keys(text, found, {"compression": "gzip:12"}, entry=None)
    except ConfigError:
        return
    assert document(after).root.find("compression") is not None
    assert {one.key for one in found.root.entries} < {one.key for one in document(after).root.entries}
