"""Why something is linked in: the shortest way, from the linker's own words and the code's calls."""

import pytest

from smidgen.analyze.why import LinkGraph
from smidgen.errors import NotFound

LINES = """\
# example.test/app
_ -> runtime.main
runtime.main -> main.main
main.main -> example.test/app/a.Run
example.test/app/a.Run -> type:*example.test/app/b.T <UsedInIface>
type:*example.test/app/b.T <UsedInIface> -> example.test/app/b.(*T).Do <ReflectMethod>
example.test/app/b.(*T).Do <ReflectMethod> -> slices.Sort[go.shape.[]int,go.shape.map[string]int]
_ -> runtime.gcenable
runtime.gcenable -> internal/only.runtime
main.main -> go:info.main.main$abstract
"""


def graph() -> LinkGraph:
    made = LinkGraph()
    for line in LINES.splitlines():
        made.add_line(line)
    return made


def test_a_package_by_the_first_of_its_functions() -> None:
    chain = graph().why("example.test/app/b")
    assert chain.is_package
    assert chain.from_main
    assert [step.symbol for step in chain.steps] == [
        "main.main",
        "example.test/app/a.Run",
        "type:*example.test/app/b.T",
        "example.test/app/b.(*T).Do",
    ]
    assert chain.packages == ("main", "example.test/app/a", "example.test/app/b")


def test_a_symbol_and_a_shorter_way_by_a_call() -> None:
    made = graph()
    assert len(made.why("slices.Sort[...]").steps) == 5
    made.add_calls([("main.main", "slices.Sort[...]")])
    chain = made.why("slices.Sort[...]")
    assert [step.symbol for step in chain.steps] == ["main.main", "slices.Sort[...]"]
    assert not chain.is_package


def test_what_only_the_runtime_needs() -> None:
    chain = graph().why("internal/only")
    assert not chain.from_main
    assert chain.steps[0].symbol == "runtime.gcenable"


@pytest.mark.parametrize(
    ("wanted", "near"), [("app/b", "example.test/app/b"), ("example.test/app/bb", "app/b"), ("x", "explain")]
)
def test_what_is_not_there(wanted: str, near: str) -> None:
    with pytest.raises(NotFound) as caught:
        graph().why(wanted)
    assert near in (caught.value.hint or "")
