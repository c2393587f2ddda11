"""YAML with positions: what is read, what is refused, and where an error points."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.config.yaml_source import (
    MAX_DEPTH,
    MAX_NODES,
    MAX_SIZE,
    Document,
    ListNode,
    MappingNode,
    Mark,
    Plain,
    ScalarNode,
    parse_document,
    plain,
    read_document,
)
from smidgen.errors import ConfigError
from support.config_files import block, fault


def parse(text: str) -> Document:
    return parse_document(text, path=Path("/repo/smidgen.yaml"), name="smidgen.yaml")


def value(text: str) -> Plain:
    return plain(parse(text).root)


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return fault(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        "on",
        "off",
        "yes",
        "no",
        "y",
        "0755",
        "0o755",
        "8080:80",
        "1:30:00",
        "1.10",
        "1e3",
        "0x1F",
        "1_000",
        "2001-01-01",
        ".inf",
        "=",
        "NO",
        "true",
    ],
)
def test_scalars_stay_what_was_written(written: str) -> None:
    assert value(f"a: {written}\nb: [{written}]") == {"a": written, "b": [written]}


@pytest.mark.parametrize("written", ["", "~", "null", "Null", "NULL"])
def test_null_without_quotes_is_nothing(written: str) -> None:
    assert value(f"a: {written}\nb: '{written}'\nc: \"{written}\"\nd: !!str {written}") == {
        "a": None,
        "b": written,
        "c": written,
        "d": written,
    }


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~", "\ufeff", "--- # x\n..."])
def test_empty_documents_are_empty_mappings(text: str) -> None:
    assert value(text) == {}


def test_styles_of_scalars_and_collections() -> None:
    text = (
        "a: |\n  one\n  two\nb: >-\n  one\n  two\nc: \"\\u00e9\\n\"\nd: 'it''s'\ne: {x: [1, {y: 2}]}\nf:\n- 1\n- - 2\n"
    )
    assert value(text) == {
        "a": "one\ntwo\n",
        "b": "one two",
        "c": "é\n",
        "d": "it's",
        "e": {"x": ["1", {"y": "2"}]},
        "f": ["1", ["2"]],
    }


def test_positions_count_characters_from_one() -> None:
    root = parse("a: é\nbé:\n  - [x, 'y']\n").root
    entry = root.find("bé")
    assert entry is not None
    assert entry.key_mark == Mark(2, 1)
    assert isinstance(entry.value, ListNode)
    assert entry.value.mark == Mark(3, 3)
    inner = entry.value.items[0]
    assert isinstance(inner, ListNode)
    assert [item.mark for item in inner.items] == [Mark(3, 6), Mark(3, 9)]


def test_byte_order_mark_and_line_ends_do_not_move_positions() -> None:
    root = parse("\ufeffa: 1\r\nb: 2\r\n").root
    assert [entry.key_mark for entry in root.entries] == [Mark(1, 1), Mark(2, 1)]


def test_aliases_repeat_and_merges_give_way() -> None:
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {b: 4, <<: [{b: 5, c: 6}, *x]}\nw: *x\nq: {'<<': 7}\n"
    assert value(text) == {
        "x": {"a": "1", "b": "2"},
        "y": {"b": "3", "a": "1"},
        "z": {"b": "4", "c": "6", "a": "1"},
        "w": {"a": "1", "b": "2"},
        "q": {"<<": "7"},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "env:\n  A: 1\n  B: 2\n  A: 3\n",
            """
            smidgen.yaml:4:3: the key 'A' stands twice, first in line 2
                A: 3
                ^
            hint: keep one
            """,
        ),
        (
            "env:\n\tA: 1\n",
            """
            smidgen.yaml:2:1: not YAML: found character that cannot start any token while scanning for the next token
              \tA: 1
              ^
            hint: indent with spaces: YAML takes no tabs there
            """,
        ),
        (
            "ports: [8080,\nuser: 1\n",
            """
            smidgen.yaml:1:8: not YAML: did not find expected ',' or ']' while parsing a flow sequence
              ports: [8080,
                     ^
            """,
        ),
        (
            "a: é b: c\n",
            """
            smidgen.yaml:1:7: not YAML: mapping values are not allowed in this context
              a: é b: c
                    ^
            """,
        ),
        (
            "a: 1\n---\nb: 2\n",
            """
            smidgen.yaml:2:1: a second document begins here
              ---
              ^
            hint: keep one document in the file
            """,
        ),
        (
            "- a\n",
            """
            smidgen.yaml:1:1: expected a mapping of keys to values
              - a
              ^
            hint: write KEY: VALUE lines
            """,
        ),
        (
            "? [a]\n: b\n",
            """
            smidgen.yaml:1:3: a key has to be text
              ? [a]
                ^
            """,
        ),
        (
            "a: !!binary aGk=\n",
            """
            smidgen.yaml:1:4: unknown tag !!binary
              a: !!binary aGk=
                 ^
            hint: leave the tag out
            """,
        ),
        (
            "a: !!python/object:os.system x\n",
            """
            smidgen.yaml:1:4: unknown tag !!python/object:os.system
              a: !!python/object:os.system x
                 ^
            hint: leave the tag out
            """,
        ),
        (
            "a: *b\n",
            """
            smidgen.yaml:1:4: *b stands before, or inside, the & that it means
              a: *b
                 ^
            """,
        ),
        (
            "a: &b [*b]\n",
            """
            smidgen.yaml:1:8: *b stands before, or inside, the & that it means
              a: &b [*b]
                     ^
            """,
        ),
        (
            "a: {<<: b}\n",
            """
            smidgen.yaml:1:9: << takes a mapping, or a list of mappings
              a: {<<: b}
                      ^
            """,
        ),
        (
            "variables:\n  main.version: {{.Git.Tag}}\n",
            """
            smidgen.yaml:2:18: a key has to be text
                main.version: {{.Git.Tag}}
                               ^
            hint: put quotes around a text that has {{ }} in it
            """,
        ),
        (
            "ldflags: [-X main.version={{.Git.Tag}}]\n",
            """
            smidgen.yaml:1:27: not YAML: did not find expected ',' or ']' while parsing a flow sequence
              ldflags: [-X main.version={{.Git.Tag}}]
                                        ^
            hint: put quotes around a text that has {{ }} in it
            """,
        ),
        ("a: \x1b[2J\n", "smidgen.yaml: not YAML: control character 0x1b at line 1, column 4"),
        ("é: 1\né\x01: 2\n", "smidgen.yaml: not YAML: control character 0x1 at line 2, column 2"),
    ],
)
def test_refused_with_the_place(text: str, expected: str) -> None:
    assert refused(text) == block(expected)


def test_a_long_line_is_not_shown() -> None:
    assert (
        refused("a: 1\na: " + "x" * 400)
        == "smidgen.yaml:2:1: the key 'a' stands twice, first in line 1\nhint: keep one"
    )


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "more than 50000 values" in refused("\n".join(lines))


def test_merges_that_multiply_are_refused() -> None:
    pairs = ", ".join(f"k{n}: v" for n in range(1000))
    text = f"a: &a {{{pairs}}}\nb: [" + ", ".join(["{<<: *a}"] * 100) + "]\n"
    assert f"more than {MAX_NODES} values" in refused(text)


@pytest.mark.parametrize("unit", ["[", "- ", "{a: ", "a:\n"])
def test_deep_nesting_is_refused(unit: str) -> None:
    text = unit * 100_000 if "\n" not in unit else "".join(f"{' ' * n}a:\n" for n in range(100))
    assert f"nested deeper than {MAX_DEPTH} levels" in refused(text)


def test_many_values_are_refused() -> None:
    assert f"more than {MAX_NODES} values" in refused("a:\n" + "- x\n" * (MAX_NODES + 1))


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "smidgen.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\n")
    document = read_document(path, "shown.yaml")
    assert plain(document.root) == {"a": "é"}
    assert (document.path, document.name) == (path, "shown.yaml")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: 1\nb: \xff\n", "shown.yaml: line 2 is not UTF-8 text"),
        (b"a: 1\n" + b"#" * MAX_SIZE, f"shown.yaml: is larger than {MAX_SIZE} bytes, which no configuration needs"),
    ],
)
def test_files_that_cannot_be_configuration(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "smidgen.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_document(path, "shown.yaml")
    assert caught.value.message == expected


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"shown\.yaml: cannot be read: (No such file|Is a directory)"):
        read_document(tmp_path / name, "shown.yaml")


def read_or_place(text: str) -> MappingNode | str:
    try:
        return parse(text).root
    except ConfigError as error:
        return error.message


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_mapping_or_an_error_with_a_place(text: str) -> None:
    outcome = read_or_place(text)
    assert isinstance(outcome, MappingNode) or outcome.startswith("smidgen.yaml:")


@settings(deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#? \n\t,<~%@`", max_size=80))
def test_any_yaml_like_text_is_a_mapping_or_an_error_with_a_place(text: str) -> None:
    outcome = read_or_place(text)
    assert isinstance(outcome, MappingNode) or outcome.startswith("smidgen.yaml:")


_NAMES = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), min_size=1, max_size=20
)


@settings(deadline=None)
@given(st.dictionaries(_NAMES, st.one_of(_NAMES, st.lists(_NAMES), st.dictionaries(_NAMES, _NAMES)), max_size=5))
def test_json_is_read_as_it_is(tree: dict[str, str | list[str] | dict[str, str]]) -> None:
    text = json.dumps(tree, ensure_ascii=False)
    for character in "\x85\u2028\u2029\ufeff":
        text = text.replace(character, f"\\u{ord(character):04x}")
    assert value(text) == tree


def test_every_node_knows_where_it_stands() -> None:
    document = parse("a: 1\nb:\n  - c\n  - d: ''\n")
    for node in _nodes(document.root):
        if isinstance(node, ScalarNode) and node.text:
            line = document.lines[node.mark.line - 1]
            assert line[node.mark.column - 1 :].startswith(node.text)


def _nodes(node: ScalarNode | ListNode | MappingNode) -> list[ScalarNode | ListNode | MappingNode]:
    match node:
        case ScalarNode():
            return [node]
        case ListNode():
            return [node, *(inner for item in node.items for inner in _nodes(item))]
        case MappingNode():
            return [node, *(inner for entry in node.entries for inner in _nodes(entry.value))]
