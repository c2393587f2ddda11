"""Ignore files: moby's vectors, a simple reference, and what nobody need look into."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.dockerfile.ignore import (
    MAX_RULES,
    MAX_SIZE,
    IgnoreRules,
    Rule,
    find_ignore_file,
    load_ignore_rules,
    parse_rules,
)
from smidgen.dockerfile.missing import near_miss
from smidgen.dockerfile.patterns import compile_patterns, parse_pattern
from smidgen.dockerfile.slow_pattern import SlowPattern
from smidgen.errors import DockerfileError, LimitExceeded, UsageError


def rules(*patterns: str) -> IgnoreRules:
    return IgnoreRules(parse_rules("\n".join(patterns), name=".dockerignore"))


def test_lines() -> None:
    found = parse_rules("\ufeff/a/\r\n  b//c/../d \n # not a comment\n#comment\n\n!  /e\n./f\n.\n/\n", name="x")
    assert found == (
        Rule("a"),
        Rule("b/d"),
        Rule("# not a comment"),
        Rule("e", shows=True),
        Rule("f"),
        Rule("."),
        Rule("/"),
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a\n!\n", 2, 1, "without a pattern"),
        ("a\n  [b\n", 2, 3, "is malformed"),
        ("a\\", 1, 1, "is malformed"),
        ("[b-a]", 1, 1, "is malformed"),
    ],
)
def test_faults(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        parse_rules(text, name="x/.dockerignore")
    assert (caught.value.path, caught.value.line, caught.value.column) == ("x/.dockerignore", line, column)


def test_there_are_bounds(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded):
        parse_rules("a\n" * (MAX_RULES + 1), name="x")
    (tmp_path / ".dockerignore").write_bytes(b"#" * (MAX_SIZE + 1))
    with pytest.raises(LimitExceeded):
        load_ignore_rules(tmp_path)


def test_the_last_rule_counts_and_directories_count_for_what_is_below() -> None:
    ignored = rules("docs", "!docs/README.md", "!docs/api/*.md", "docs/api/secret.md")
    assert [ignored.hides(path) for path in ("docs", "docs/x", "docs/README.md", "docs/api", "docs/api/a.md")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert ignored.hides("docs/api/secret.md")
    assert not ignored.hides("")
    assert not rules("!a").hides("a")


def test_what_shows_a_directory_that_was_never_hidden_says_nothing_of_what_is_in_it() -> None:
    """The page says that the last line that matches counts; moby does not ask ``!a`` of ``a``, which is seen anyway."""
    assert rules("a/a", "!a").hides("a/a")
    assert not rules("a", "!a").hides("a/a")


def test_what_nobody_need_look_into() -> None:
    ignored = rules("**", "!src", "!docs/*/keep", "!**.go")
    assert not ignored.hides_all("any/thing")
    ignored = rules("*", "!src/main", "!docs/*/keep")
    assert ignored.hides_all("node_modules")
    assert ignored.hides_all("src/other")
    assert not ignored.hides_all("src")
    assert not ignored.hides_all("docs")
    assert not ignored.hides_all("docs/a")
    assert ignored.hides_all("docs/a/b")
    assert not ignored.hides_all("src/main")


def test_the_file_of_the_dockerfile_replaces_that_of_the_context(tmp_path: Path) -> None:
    assert load_ignore_rules(tmp_path).rules == ()
    (tmp_path / ".dockerignore").write_text("a\n")
    assert load_ignore_rules(tmp_path, tmp_path / "Dockerfile").hides("a")
    (tmp_path / "sub").mkdir()
    own = tmp_path / "sub" / "Dockerfile.dockerignore"
    own.write_text("b\n")
    assert find_ignore_file(tmp_path, tmp_path / "sub" / "Dockerfile") == own
    found = load_ignore_rules(tmp_path, tmp_path / "sub" / "Dockerfile")
    assert (found.hides("a"), found.hides("b")) == (False, True)


def test_a_link_out_of_the_context_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("a\n")
    context = tmp_path / "context"
    context.mkdir()
    (context / ".dockerignore").symlink_to("../elsewhere")
    with pytest.raises(UsageError, match="leaves its directory"):
        load_ignore_rules(context)


# A reference that is as simple as can be: every part of the pattern against every part of the path.

NAMES = st.sampled_from(["a", "b", "ab", "a.b", ".a", "aab", "ba"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PARTS = st.sampled_from(["a", "b", "ab", "*", "a*", "*b", "*.*", "?", "a?", "[ab]", "[^a]*", ".a", "*a*b*", "**"])
PATTERNS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def simple(pattern: str) -> re.Pattern[str]:
    text = ""
    for part in re.findall(r"\*\*/?|.", pattern):
        if part.startswith("**"):
            text += "(.*/)?"
        else:
            text += {"*": "[^/]*", "?": "[^/]", ".": r"\."}.get(part, part)
    # Two stars at the end take all the rest.
    return re.compile(re.sub(r"\(\.\*/\)\?\Z", ".*", text) + r"\Z")


def hidden_simply(patterns: list[tuple[bool, str]], path: str) -> bool:
    """Go down the path as moby's walk does: what matched above counts below, what was not asked above does not."""
    parts = path.split("/")
    above = [False] * len(patterns)
    hidden = False
    for count in range(1, len(parts) + 1):
        hidden = False
        here: list[bool] = []
        for (shows, pattern), matched_above in zip(patterns, above, strict=True):
            matched = matched_above
            if not matched and shows == hidden:
                matched = simple(pattern).match("/".join(parts[:count])) is not None
            here.append(matched)
            hidden = not shows if matched else hidden
        above = here
    return hidden


@given(PATTERNS, PATHS)
def test_one_pattern_as_the_reference_has_it(pattern: str, path: str) -> None:
    assert IgnoreRules((Rule(pattern),)).hides(path) == hidden_simply([(False, pattern)], path)


@given(PATTERNS, PATTERNS, PATHS)
def test_hide_and_show_as_the_reference_has_it(hiding: str, showing: str, path: str) -> None:
    ignored = IgnoreRules((Rule(hiding), Rule(showing, shows=True)))
    assert ignored.hides(path) == hidden_simply([(False, hiding), (True, showing)], path)


@given(PATTERNS, PATTERNS, PATHS, PATHS)
def test_nothing_below_is_seen_where_nobody_looks(hiding: str, showing: str, path: str, below: str) -> None:
    ignored = IgnoreRules((Rule(hiding), Rule(showing, shows=True)))
    if ignored.hides_all(path):
        assert ignored.hides(f"{path}/{below}")


@given(PATTERNS, PATHS)
def test_the_slow_form_is_the_same(pattern: str, path: str) -> None:
    slow = SlowPattern(parse_pattern(pattern)).match(path)
    assert slow == (simple(pattern).match(path) is not None)


def test_no_pattern_is_slow() -> None:
    name = "a" * 255
    path = "/".join([name] * 12)
    patterns = ["*a" * 100 + "b", "**/" + "*a*" * 50 + "b/**/c/**/d", "[^b]*" * 40 + "c", "/".join(["**", "*a"] * 9)]
    compiled = compile_patterns(patterns[:-1])
    assert not compiled.match(path)
    assert compile_patterns(patterns[-1:]).match(path)


def test_git_agrees_about_stars(tmp_path: Path) -> None:
    """Where git and docker mean the same, so do we: patterns with a slash in them, without exceptions."""
    subprocess.run(
        ["git", "init", "-q", str(tmp_path)], check=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    )
    patterns = ["/a/*.txt", "/b/**/c", "/d/**", "/e/f?", "/[gh]/i"]
    (tmp_path / ".gitignore").write_text("\n".join(patterns))
    paths = ["a/x.txt", "a/b/x.txt", "b/c", "b/x/c", "b/x/y/c", "d/x/y", "e/fx", "e/fxy", "g/i", "j/i"]
    done = subprocess.run(
        ["git", "-C", str(tmp_path), "check-ignore", "--no-index", *paths],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    ignored = rules(*patterns)
    assert [path for path in paths if ignored.hides(path)] == done.stdout.split()


def test_what_is_said_of_a_missing_source() -> None:
    there = {"": ["go.mod", "src", "secret", "notes.md"], "src": ["main.go"]}

    def hint(path: str) -> str | None:
        return near_miss(path, names=there.get, hides=rules("secret", "*.md").hides)

    assert hint("go.mdo") == "did you mean go.mod?"
    assert hint("src/mian.go") == "did you mean main.go?"
    assert hint("notes.md") == "/notes.md is there, but the ignore rules hide it"
    assert hint("secret/key") == "/secret is there, but the ignore rules hide it"
    assert hint("go.mod/x") == "/go.mod is no directory"
    assert hint("zzz") == "the root has go.mod, src"
    assert hint("src") is None
    assert near_miss("a", names=lambda _: [], hides=lambda _: False) == "the root has nothing that can be seen"
