"""Templates in flags."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.errors import UsageError
from smidgen.gobuild.git import GitFacts
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.template import expand
from smidgen.gobuild.template_values import (
    TemplateSource,
    expand_options,
    template_dependencies,
    templates_of,
)

VALUES: dict[str, Any] = {
    "Env": {"A": "1", "B": ""},
    "Git": {"IsDirty": True, "CommitTimestamp": 7, "Tag": "v1"},
    "Date": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("v{{.Git.Tag}}-{{ .Env.A }}", "vv1-1"),
        ("{{$.Date}}", "2026-01-01T00:00:00Z"),
        ("{{.Git.IsDirty}} {{.Git.CommitTimestamp}}", "true 7"),
        ("a {{- .Env.A -}} b", "a1b"),
        ("a{{/* why */}}b", "ab"),
        ("{{if .Git.IsDirty}}dirty{{else}}clean{{end}}", "dirty"),
        ("{{if .Env.B}}b{{else if eq .Env.A `1`}}one{{else}}none{{end}}", "one"),
        ("{{if .Env.A}}{{if .Env.B}}x{{else}}y{{end}}{{end}}z", "yz"),
        ("{{if .Env.B}}{{.Nothing.Here}}{{if .Nor}}x{{end}}{{else}}ok{{end}}", "ok"),
        ('{{index .Env "A"}}', "1"),
        ('{{printf "%s/%d-%v%%" .Env.A 5 true}}', "1/5-true%"),
        ('{{print "a" 1 2 "b"}}', "a1 2b"),
        ("{{.Env.A | printf `%q`}}", '"1"'),
        ("{{not (and .Env.A .Env.B)}} {{or .Env.B .Env.A}} {{len .Git.Tag}} {{ne 1 2}}", "true 1 2 true"),
        (r'{{"a\"\n"}}', 'a"\n'),
        ("{{.Env}}", "map[A:1 B:]"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert expand(text, VALUES) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x {{.Env.NOTHING}}", r"\.Env\.NOTHING is not set\n  x \{\{\.Env\.NOTHING\}\}\n {6}\^"),
        ("{{.Git.Tag.More}}", "nothing below"),
        ("{{.Tag}}", "is not set"),
        ("{{", "no `}}`"),
        ("{{}}", "empty"),
        ("{{if .Env.A}}", "no `end`"),
        ("{{end}}", "no `if`"),
        ("{{else}}", "no `if`"),
        ("{{if true}}{{else}}{{else}}{{end}}", "no `if`"),
        ("{{range .Env}}{{end}}", "not supported"),
        ("{{upper .Env.A}}", "no function 'upper'"),
        ("{{.Env.A .Env.B}}", "unexpected"),
        ("{{.Env.A | .Env.B}}", "only a function"),
        ("{{(.Env.A}}", "has no `\\)`"),
        ("{{#}}", "not understood"),
        ("{{eq .Env.A 1}}", "different kinds"),
        ("{{eq .Env.A}}", "two operands"),
        ('{{printf "%d" "x"}}', "cannot show"),
        ('{{printf "%s"}}', "no value"),
        ('{{printf "x" 1}}', "more values"),
        ("{{printf}}", "printf"),
        ('{{index .Env "C"}}', "'C' is not set"),
        ("{{or}}", "operand"),
        ("{{ | }}", "value|function"),
        ("{{if}}x{{end}}", "a value is missing"),
    ],
)
def test_faults(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        expand(text, VALUES)


@given(st.text(alphabet='{}.-| ()"`$ifelsndEnvA1/*%#\n', max_size=40))
def test_any_text_is_expanded_or_refused(text: str) -> None:
    with suppress(UsageError):
        expand(text, VALUES)


def source(**environ: str) -> TemplateSource:
    facts = GitFacts(root="/nowhere", commit="c" * 40, short_commit="c" * 7, committed_at=86400, branch="main")
    return TemplateSource(environ=environ, git=facts, now=1_700_000_000)


def test_values_are_those_of_ko() -> None:
    values = source(A="b").values({"A": "b"}, "/nowhere/go", "/")
    text = "{{.Env.A}} {{.Env.LDFLAGS}}{{.Git.Branch}} {{.Git.Tag}} {{.Git.ShortCommit}} {{.Git.FullCommit}}"
    assert expand(text, values) == f"b main v0.0.0 {'c' * 7} {'c' * 40}"
    text = "{{.Git.CommitDate}} {{.Git.CommitTimestamp}} {{.Git.IsDirty}} {{.Git.IsClean}} {{.Git.TreeState}}"
    assert expand(text, values) == "1970-01-02T00:00:00Z 86400 false true clean"
    assert expand("{{.Date}} {{.Timestamp}}", values) == "2023-11-14T22:13:20Z 1700000000"
    without = TemplateSource(environ={}, git=None, now=0).values({}, "/nowhere/go", "/")
    assert expand("<{{.Git.Tag}}{{.Git.FullCommit}}{{.Git.Branch}}>", without) == "<>"


def test_source_date_epoch() -> None:
    assert source(SOURCE_DATE_EPOCH="1000000000").timestamp == 1_000_000_000
    for text in ("x", "-1", "1.5", "9" * 20):
        with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
            _ = source(SOURCE_DATE_EPOCH=text).timestamp


def test_options_are_expanded_everywhere() -> None:
    options = BuildOptions(
        ldflags=("-X a.b={{.Env.A}}",),
        tags=("t{{.Env.A}}",),
        gcflags=("{{.Env.A}}",),
        goflags=("-p={{.Env.A}}",),
        variables=(("main.v", "{{.Env.A}}"),),
    )
    expanded = expand_options(options, VALUES)
    assert templates_of(expanded) == ("-X a.b=1", "t1", "1", "-p=1", "1")


def test_dependencies_name_all_that_is_mentioned() -> None:
    texts = ("{{.Env.A}} {{.Date}}", "{{.Env.C}} {{.Git.Tag}}", "plain .Env.D")
    assert set(template_dependencies(texts, source(A="1"))) == {"env A", "env C", "git", "time"}
    assert set(template_dependencies(('{{index .Env "A"}}',), source(A="1", B="2"))) == {"env A", "env B"}
    assert template_dependencies(("{{.GoEnv.GOOS}}",), source()) == {}
