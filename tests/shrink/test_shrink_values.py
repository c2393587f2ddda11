"""What is worth a line, and which packages are in a program because of one alone."""

import pytest

from smidgen.shrink.advice import Figures, Row, Standing
from smidgen.shrink.heavy import only_behind
from smidgen.shrink.imports import Package, decoded

NOW = Figures(binary=5_000_000, size=5_000_000, pull=2_000_000)


def row(size: int, pull: int) -> Row:
    figures = Figures(binary=size, size=size, pull=pull)
    return Row(name="a", title="", how="", loses="", standing=Standing.SAFE, figures=figures)


@pytest.mark.parametrize(
    ("size", "pull", "worth"),
    [
        (5_000_000, 2_000_000, False),
        (4_990_000, 2_000_000, True),
        (5_000_000, 1_990_000, True),
        (4_999_000, 1_999_500, False),
        # What is saved on disk and paid for on the way is no saving.
        (3_000_000, 2_100_000, False),
        # A few bytes of another digest's length are nothing.
        (4_900_000, 2_000_010, True),
    ],
)
def test_what_is_worth_a_line(size: int, pull: int, *, worth: bool) -> None:
    assert row(size, pull).is_worth_it(NOW) is worth


def test_what_was_not_measured_is_not_worth_it() -> None:
    assert not Row(name="a", title="", how="", loses="", standing=Standing.SAFE, fault="no").is_worth_it(NOW)


def test_packages_that_only_one_leads_to() -> None:
    imports = {
        name: Package(import_path=name, imports=tuple(used.split()))
        for name, used in {
            "main": "a b",
            "a": "deep shared",
            "deep": "deeper",
            "deeper": "",
            "b": "shared",
            "shared": "",
        }.items()
    }
    assert only_behind("a", imports, "main") == {"a", "deep", "deeper"}
    assert only_behind("shared", imports, "main") == {"shared"}
    assert only_behind("b", imports, "main") == {"b"}


def test_documents_of_go_list_follow_each_other() -> None:
    first = '{\n\t"ImportPath": "a",\n\t"Imports": ["b"],\n\t"ImportMap": {"b": "vendor/b"}\n}\n'
    text = first + '{\n\t"ImportPath": "vendor/b"\n}\n'
    one, second = decoded(text)
    assert one.imports == ("vendor/b",)
    assert second.import_path == "vendor/b"
    assert decoded("{no") == []
