"""The arguments of ``go build``, and how GOFLAGS is merged into them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.errors import UsageError
from smidgen.gobuild.flags import FlagSet, join_quoted, parse_flags, split_quoted
from smidgen.gobuild.options import BuildOptions


def arguments(goflags_setting: str = "", **options: object) -> tuple[str, ...]:
    return FlagSet(BuildOptions(**options), goflags_setting).arguments()  # type: ignore[arg-type]


def test_defaults() -> None:
    assert arguments() == ("-trimpath", "-ldflags=-s -w")


def test_users_ldflags_come_after_strip() -> None:
    assert (
        arguments(ldflags=("-X main.a=b", "-extldflags=-static"))[1] == "-ldflags=-s -w -X main.a=b -extldflags=-static"
    )
    assert arguments(ldflags=("-X main.a=b",), strip=False)[1] == "-ldflags=-X main.a=b"
    assert arguments(strip=False, trimpath=False) == ()


def test_ldflags_of_goflags_are_merged_and_not_lost() -> None:
    assert arguments("'-ldflags=-X main.v=1 -w' -mod=mod")[1] == "-ldflags=-s -w -X main.v=1 -w"


def test_the_command_line_replaces_goflags_as_in_go_build() -> None:
    assert arguments("-ldflags=-w", ldflags=("-X a.b=c",))[1] == "-ldflags=-s -w -X a.b=c"
    assert arguments("-ldflags=-w", goflags=("-ldflags", "-X a.b=d"))[1] == "-ldflags=-s -w -X a.b=d"


def test_variables_are_added_to_whatever_is_in_force() -> None:
    variables = (("main.version", "1.0 beta"), ("main.commit", "abc"))
    assert (
        arguments("-ldflags=-w", variables=variables)[1]
        == "-ldflags=-s -w -w -X 'main.version=1.0 beta' -X main.commit=abc"
    )


def test_patterns_keep_their_package_and_get_the_same_additions() -> None:
    assert arguments(ldflags=("example.com/a=-X a.b=c",), variables=(("x.y", "z"),)) == (
        "-trimpath",
        "-ldflags=-s -w -X x.y=z",
        "-ldflags=example.com/a=-s -w -X a.b=c -X x.y=z",
    )


def test_trimpath_of_the_user_is_obeyed() -> None:
    assert "-trimpath" not in arguments("-trimpath=false")
    assert arguments(goflags=("-trimpath=false",)) == ("-ldflags=-s -w", "-trimpath=false")


def test_tags() -> None:
    assert arguments(tags=("a", "b"))[-1] == "-tags=a,b"
    assert not any("tags" in argument for argument in arguments("-tags=c"))


def test_gcflags() -> None:
    assert arguments(gcflags=("-m", "all=-l"))[-2:] == ("-gcflags=-m", "-gcflags=all=-l")
    assert arguments("-gcflags=-m", disable_optimizations=True)[-2:] == ("-gcflags=all=-N -l", "-gcflags=-m")


@pytest.mark.parametrize(
    "goflags", [("-o", "x"), ("-o=x",), ("--C=/x",), ("-n",), ("-toolexec=sh",), ("--toolexec", "sh")]
)
def test_flags_that_are_smidgens_own(goflags: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="cannot be passed"):
        arguments(goflags=goflags)


@pytest.mark.parametrize("goflags", [("x",), ("-",), ("--",), ("-mod",)])
def test_bad_flags(goflags: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        arguments(goflags=goflags)


def test_parse_flags() -> None:
    flags = parse_flags(("-v", "--mod=vendor", "-p", "3"))
    assert [(flag.name, flag.value) for flag in flags] == [("v", None), ("mod", "vendor"), ("p", "3")]


def test_split_quoted_as_go_does() -> None:
    assert split_quoted(" -a  '-ldflags=-s -w'\t\"x'y\"z q'r") == ["-a", "-ldflags=-s -w", "x'y", "z", "q'r"]
    with pytest.raises(UsageError, match="does not end"):
        split_quoted("'x")
    with pytest.raises(UsageError, match="both"):
        join_quoted(["a'b\" c"])


@given(st.lists(st.text(alphabet="ab '=\t-", max_size=8)))
def test_join_and_split_are_inverse(fields: list[str]) -> None:
    assert split_quoted(join_quoted(fields)) == fields
