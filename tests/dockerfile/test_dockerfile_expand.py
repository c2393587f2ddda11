"""Expansion: each form, as /bin/sh has it where it has it, and bounds."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.dockerfile.expand import MAX_RESULT, expand
from smidgen.dockerfile.wildcards import remove_prefix, remove_suffix, replace_matches
from smidgen.errors import UsageError

VARIABLES = {"x": "foo/bar/baz.tar.gz", "e": "", "s": "a  b", "n": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x", "foo/bar/baz.tar.gz"),
        ("${x}y$n$u.", "foo/bar/baz.tar.gzy1."),
        ("${u-d}${e-d}${u:-d}${e:-d}", "ddd"),
        ("${u+d}${e+d}${u:+d}${e:+d}${n:+$n}", "d1"),
        ("${x#*/} ${x##*/} ${x%.*} ${x%%.*}", "bar/baz.tar.gz baz.tar.gz foo/bar/baz.tar foo/bar/baz"),
        (
            "${x/ba?/Q} ${x//ba?/Q} ${x/\\//_} ${x//\\//_}",
            "foo/Q/baz.tar.gz foo/Q/Q.tar.gz foo_bar/baz.tar.gz foo_bar_baz.tar.gz",
        ),
        ("'$x \"' \"$n '\" \\$x \\\\", "$x \" 1 ' $x \\"),
        ("${u:-\"a b\"}${u:-'$x'}${u:-\\}}", "a b$x}"),
        ("a $ b$", "a $ b$"),
        ("$$ $? $0 $1", "   "),
        ("${u/*/y}${e/*/y}", "yy"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert expand(text, VARIABLES).text == expected


def test_words_split_where_nothing_is_quoted() -> None:
    assert expand("$s '$s' \"$s\" c\\ d '' $e", VARIABLES).words == ("a", "b", "$s", "a  b", "c d")
    assert expand(" \t ", {}).words == ()


def test_a_backtick_as_escape() -> None:
    assert expand('`$x \\$n `` "`$x `a"', VARIABLES, escape="`").text == "$x \\1 ` $x `a"


def test_documents_keep_their_quotes() -> None:
    assert expand("'$n' \"\\$n\" \\a", VARIABLES, quotes=False).text == "'1' \"$n\" a"


def test_what_is_kept() -> None:
    kept = expand("'a' $u ${u} ${u:-b} ${u#c} ${u/d/e} \\$n $n", VARIABLES, keep_unset=True, keep_quotes=True)
    assert kept.text == "'a' $u ${u} ${u:-b} ${u#c} ${u/d/e} $n 1"


def test_names() -> None:
    found = expand("$x ${u} ${v:-$w} ${y+1}", VARIABLES)
    assert sorted(found.used) == ["x"]
    assert sorted(found.unset) == ["u", "v", "w", "y"]
    assert sorted(found.missing) == ["u", "w"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${", "ends before its }"),
        ("${x", "ends before its }"),
        ("${x:-", "ends before its }"),
        ("${}", "bad substitution"),
        ("${x=1}", "bad substitution"),
        ("${x:=1}", "bad substitution"),
        ("${x^}", "bad substitution"),
        ("${x:1:2}", "bad substitution"),
        ("${x/a}", "ends before its /"),
        ("${u?}", "u: is not allowed to be unset"),
        ("${e:?}", "e: is not allowed to be empty"),
        ("${u:?say it}", "u: say it"),
        ("${x#\\a}", "invalid escape"),
        ("'", "single quote"),
        ('"', "double quote"),
        ("${u:-" * 60 + "}" * 60, "inside each other"),
    ],
)
def test_what_cannot_be_expanded(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        expand(text, VARIABLES)


def test_there_are_bounds() -> None:
    long = {"x": "a" * 100_000}
    with pytest.raises(UsageError, match="more than"):
        expand("$x" * 20, long)
    with pytest.raises(UsageError, match="more than"):
        expand("${x//?/$x}", long)
    with pytest.raises(UsageError, match="more than"):
        expand('"' + "$x" * 20 + '"', long)
    assert len(expand("$x" * 10, long).text) == 1_000_000 <= MAX_RESULT


def test_no_pattern_is_slow() -> None:
    value = "a" * 20_000
    pattern = "*a" * 200 + "b"
    assert remove_prefix(value, pattern, longest=True) == value
    assert remove_suffix(value, pattern, longest=False) == value
    assert replace_matches(value, pattern, "x", every=True, limit=10) == value


# The shell's own opinion. It has no ``/``; the rest is POSIX, and white space counts as it does within double quotes.

LETTERS = st.text(alphabet="ab./-", max_size=6)
PATTERNS = st.lists(st.sampled_from(["a", "b", ".", "/", "*", "?", "\\*", "ab"]), max_size=5).map("".join)
OPERATORS = st.sampled_from(["-", ":-", "+", ":+"])
TRIMS = st.sampled_from(["#", "##", "%", "%%"])


def in_shell(text: str, variables: dict[str, str]) -> str:
    shell = shutil.which("sh") or "/bin/sh"
    script = f'printf %s "{text}"'
    done = subprocess.run([shell, "-c", script], env=variables, capture_output=True, text=True, check=True)
    return done.stdout


@settings(max_examples=25, deadline=None)
@given(st.one_of(st.none(), LETTERS), OPERATORS, LETTERS)
def test_words_instead_as_the_shell_has_them(value: str | None, operator: str, word: str) -> None:
    variables = {} if value is None else {"x": value}
    text = "<${x" + operator + word + "}$x>"
    assert expand(text, variables).text == in_shell(text, variables)


@settings(max_examples=40, deadline=None)
@given(LETTERS, TRIMS, PATTERNS)
def test_patterns_as_the_shell_has_them(value: str, operator: str, pattern: str) -> None:
    # A first # or % of the pattern would belong to the operator, as it does in the shell.
    text = "${x" + operator + pattern + "}"
    assert expand(text, {"x": value}).text == in_shell(text, {"x": value})


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet="ab$x{}'", max_size=8).filter(lambda text: "$$" not in text))
def test_quotes_as_the_shell_has_them(text: str) -> None:
    try:
        ours: str | None = expand(f'"{text}"', {"x": "1", "a": "2"}).text
    except UsageError:
        ours = None
    done = subprocess.run(
        ["sh", "-c", f'printf %s "{text}"'], env={"x": "1", "a": "2"}, capture_output=True, text=True, check=False
    )
    if ours is not None and done.returncode == 0:
        assert ours == done.stdout


@given(LETTERS, PATTERNS, LETTERS)
def test_replacing_every_match_leaves_none(value: str, pattern: str, word: str) -> None:
    for every in (True, False):
        found = replace_matches(value, pattern, word, every=every, limit=10_000)
        assert isinstance(found, str)
    if pattern.strip("*") == "" and pattern:
        assert replace_matches(value, pattern, word, every=True, limit=10_000) == word


@given(st.text(max_size=30))
def test_a_text_without_anything_special_stays(text: str) -> None:
    plain = "".join(letter for letter in text if letter not in "$'\"\\")
    assert expand(plain, {}).text == plain


@given(st.text(max_size=30))
def test_single_quotes_keep_everything(text: str) -> None:
    plain = text.replace("'", "")
    assert expand(f"'{plain}'", {}).text == plain
