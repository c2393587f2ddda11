"""The vectors that moby and BuildKit publish; ``vectors/README.md`` says from where each is."""

import json
from pathlib import Path
from typing import Any

import pytest

from smidgen.dockerfile.expand import expand
from smidgen.dockerfile.heredoc import find_heredocs, parse_heredoc
from smidgen.dockerfile.ignore import IgnoreRules, parse_rules
from smidgen.dockerfile.instruction import (
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Instruction,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Transfer,
    User,
    Volume,
    Workdir,
)
from smidgen.dockerfile.parse import parse
from smidgen.dockerfile.patterns import parse_pattern
from smidgen.dockerfile.words import parse_json_list
from smidgen.errors import DockerfileError, UsageError


def vectors(name: str) -> Any:
    return json.loads((Path(__file__).parent / "vectors" / name).read_text())


EXPANSIONS = vectors("expansion.json")
IGNORE = vectors("ignore.json")
HEREDOCS = vectors("heredocs.json")
JSON = vectors("json.json")


@pytest.mark.parametrize("case", EXPANSIONS["cases"], ids=lambda case: case["input"])
def test_expansions(case: dict[str, str | None]) -> None:
    text, expected = str(case["input"]), case["expected"]
    if expected is None:
        with pytest.raises(UsageError):
            expand(text, EXPANSIONS["variables"])
    else:
        assert expand(text, EXPANSIONS["variables"]).text == expected


@pytest.mark.parametrize("case", vectors("matches.json"), ids=lambda case: case["input"])
def test_expansions_and_the_names_in_them(case: dict[str, Any]) -> None:
    if case["expected"] is None:
        with pytest.raises(UsageError):
            expand(case["input"], case["variables"])
    else:
        found = expand(case["input"], case["variables"])
        assert found.text == case["expected"]
        assert sorted(found.used) == case["matched"]
        assert sorted(found.unset) == case["unmatched"]


@pytest.mark.parametrize("case", vectors("words.json"), ids=lambda case: case["input"])
def test_words(case: dict[str, Any]) -> None:
    if case["expected"] is None:
        with pytest.raises(UsageError):
            expand(case["input"], case["variables"])
    else:
        assert list(expand(case["input"], case["variables"]).words) == case["expected"]


@pytest.mark.parametrize("case", IGNORE["matches"], ids=lambda case: f"{','.join(case['patterns'])}|{case['path']}")
def test_ignore_patterns(case: dict[str, Any]) -> None:
    path = case["path"].strip("/") or "any"
    rules = IgnoreRules(parse_rules("\n".join(case["patterns"]), name=".dockerignore"))
    assert rules.hides(path) == case["hidden"]


@pytest.mark.parametrize("pattern", IGNORE["malformed"])
def test_malformed_patterns(pattern: str) -> None:
    with pytest.raises(UsageError):
        parse_pattern(pattern)


def test_ignore_files() -> None:
    rules = parse_rules(IGNORE["rules"]["text"], name=".dockerignore")
    assert [("!" if rule.shows else "") + rule.pattern for rule in rules] == IGNORE["rules"]["expected"]


@pytest.mark.parametrize("case", HEREDOCS["instructions"], ids=lambda case: case["text"].partition("\n")[0])
def test_documents(case: dict[str, Any]) -> None:
    (instruction,) = parse(f"FROM alpine\n{case['text']}\n", name="Dockerfile").stages[0].instructions
    match instruction:
        case Run():
            documents = instruction.command.heredocs
        case Transfer():
            documents = instruction.documents
        case _:
            documents = ()
    assert [[each.name, each.content, each.expands, each.strips_tabs, each.descriptor] for each in documents] == case[
        "documents"
    ]


def test_words_that_announce_documents() -> None:
    for word in HEREDOCS["words"]["documents"]:
        heredoc = parse_heredoc(word)
        assert heredoc is not None
        assert heredoc.name == "EOF"
    for word in HEREDOCS["words"]["others"]:
        assert parse_heredoc(word) is None
    for word in HEREDOCS["words"]["malformed"]:
        with pytest.raises(UsageError):
            parse_heredoc(word)


@pytest.mark.parametrize("case", HEREDOCS["lines"], ids=lambda case: case["line"])
def test_lines_that_announce_documents(case: dict[str, Any]) -> None:
    assert [heredoc.name for heredoc in find_heredocs(case["line"])] == case["names"]


def test_json_lists() -> None:
    for text, expected in JSON["lists"]:
        assert parse_json_list(text) == tuple(expected)
    for text in JSON["no_lists"]:
        assert parse_json_list(text) is None
    for text in JSON["not_strings"]:
        with pytest.raises(UsageError):
            parse_json_list(text)


# These have flags or words that no instruction has: that parser takes anything, and another part refuses it later.
_REFUSED_LATER = {"flags", "health"}


@pytest.mark.parametrize("case", vectors("trees.json"), ids=lambda case: case["name"])
def test_trees(case: dict[str, str | None]) -> None:
    text, tree = str(case["dockerfile"]), case["tree"]
    if tree is None or case["name"] in _REFUSED_LATER:
        with pytest.raises(DockerfileError):
            parse(text, name="Dockerfile")
        return
    if "(from " not in tree:
        text, tree = f"FROM scratch\n{text}", f'(from "scratch")\n{tree}'
    dockerfile = parse(text, name="Dockerfile")
    lines = [dumped(each) for each in dockerfile.meta_args]
    for stage in dockerfile.stages:
        lines += [dumped(each) for each in (stage.from_, *stage.instructions)]
    assert "\n".join(lines) == tree.rstrip("\n")


def dumped(instruction: Instruction) -> str:
    """Write an instruction as BuildKit's parser dumps it."""
    if isinstance(instruction, Onbuild):
        return f"(onbuild {dumped(instruction.trigger)})"
    flags = [f'"{word}"' for word in instruction.location.code.partition("CMD")[0].split() if word.startswith("--")]
    shown = f" [{' '.join(flags)}]" if isinstance(instruction, Healthcheck) and flags else ""
    words = "".join(f" {quoted(word)}" for word in words_of(instruction))
    return f"({instruction.keyword.lower()}{shown}{words})"


def quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False).replace("\\u0000", "\\x00")


def words_of(instruction: Instruction) -> tuple[str, ...]:
    match instruction:
        case Env(pairs=pairs, legacy=legacy) | Label(pairs=pairs, legacy=legacy):
            return tuple(text for pair in pairs for text in (*pair, "" if legacy else "="))
        case Arg(variables=variables):
            return tuple(name if value is None else f"{name}={value}" for name, value in variables)
        case Copy() | Add():
            return (*instruction.sources, instruction.destination)
        case Run(command=command) | Cmd(command=command) | Entrypoint(command=command):
            return command.words
        case Healthcheck(command=command):
            return ("CMD", *(command.words if command else ()))
    return simple_words_of(instruction)


def simple_words_of(instruction: Instruction) -> tuple[str, ...]:
    match instruction:
        case Expose():
            # The parser there does not sort them, what comes after it does.
            return tuple(instruction.location.code.split()[1:])
        case Volume(paths=paths):
            return paths
        case From(base=text) | User(user=text) | Maintainer(name=text) | Workdir(path=text):
            return (text,)
    raise AssertionError(instruction)
