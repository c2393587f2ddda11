"""The small languages of options."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.config import values
from smidgen.config.healthcheck import parse_duration, parse_instruction, parse_test, render_duration
from smidgen.config.values import AddSpec, Port, User
from smidgen.config.words import parse_assignment, split_commas, split_go_flags, split_words
from smidgen.errors import UsageError
from smidgen.gobuild.environment import ALL_PLATFORMS, parse_platforms
from smidgen.gobuild.flags import split_quoted
from smidgen.oci.config import Healthcheck
from smidgen.oci.platform import Platform

ROOT = Path("/repo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("65534:65534", User()),
        ("1000", User(uid=1000, gid=1000)),
        ("0", User(uid=0, gid=0)),
        ("1000:0", User(uid=1000, gid=0)),
        ("4294967294:1", User(uid=4294967294, gid=1)),
        ("app", User(name="app")),
        ("root", User(uid=0, gid=0, name="root")),
        ("nonroot", User(uid=65532, gid=65532, name="nonroot")),
        ("app:1000:2000", User(uid=1000, gid=2000, name="app")),
    ],
)
def test_users(text: str, expected: User) -> None:
    assert values.parse_user(text) == expected
    assert values.parse_user(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "app:users",
        "app:1000",
        "1000:users",
        "4294967295",
        "-1",
        "1:2:3",
        "App",
        "a b",
        "a:1:2:3",
        "\u0661",
        "1\n",
        "a" * 33,
        "9" * 5000,
    ],
)
def test_users_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="invalid user"):
        values.parse_user(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8080", ["8080/tcp"]),
        ("8080/tcp", ["8080/tcp"]),
        ("53/udp", ["53/udp"]),
        ("3868/sctp", ["3868/sctp"]),
        ("8000-8002/udp", ["8000/udp", "8001/udp", "8002/udp"]),
        ("1", ["1/tcp"]),
        ("65535", ["65535/tcp"]),
    ],
)
def test_ports(text: str, expected: list[str]) -> None:
    ports = values.parse_ports(text)
    assert list(map(str, ports)) == expected
    assert [values.parse_ports(str(port)) for port in ports] == [(port,) for port in ports]


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "http", "8080/icmp", "9-8", "1-65536", "-1", "8080/", "1-2-3", "80 80", "٣", "0x50"]
)
def test_ports_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="invalid port"):
        values.parse_ports(text)


def test_ports_of_the_host_are_for_run() -> None:
    with pytest.raises(UsageError) as caught:
        values.parse_ports("8080:80")
    assert caught.value.hint == "write 80 here, and publish it with `smidgen run -p` or docker's -p"


def test_platforms_are_those_that_go_is_asked_for() -> None:
    assert values.parse_platforms("all") == ALL_PLATFORMS
    for architecture, variants in values.ARCHITECTURES.items():
        for variant in ("", *variants):
            text = f"linux/{architecture}/{variant}" if variant else f"linux/{architecture}"
            assert values.parse_platforms(text) == parse_platforms(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("linux/amd46", "did you mean linux/amd64?"),
        ("linux/vax", "expected one of 386, amd64, arm, arm64"),
        ("linux/amd64/v5", "expected v1, v2, v3, v4, or none"),
        ("linux/s390x/z13", "s390x has no variants"),
        ("windows/amd64", "images are built for linux, such as linux/amd64"),
        ("amd64", "expected OS/ARCHITECTURE[/VARIANT]"),
        ("", "expected OS/ARCHITECTURE[/VARIANT]"),
    ],
)
def test_platforms_that_are_none(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match="invalid platform") as caught:
        values.parse_platforms(text)
    assert (caught.value.hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("armv6l", "linux/arm/v6"),
        ("armv7l", "linux/arm/v7"),
        ("armv8l", "linux/arm/v7"),
        ("i686", "linux/386"),
        ("i586", "linux/386"),
        ("ppc64le", "linux/ppc64le"),
        ("s390x", "linux/s390x"),
        ("riscv64", "linux/riscv64"),
        ("loongarch64", "linux/loong64"),
    ],
)
def test_machines(machine: str, expected: str) -> None:
    assert values.host_platform(machine) == Platform.parse(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:/b", AddSpec(source="a", root=ROOT, destination="/b")),
        ("a/*:/b/", AddSpec(source="a/*", root=ROOT, destination="/b/")),
        ("a:/", AddSpec(source="a", root=ROOT, destination="/")),
        ("a:/b//c/./d", AddSpec(source="a", root=ROOT, destination="/b/c/d")),
        ("a:/b:0644", AddSpec(source="a", root=ROOT, destination="/b", mode=0o644)),
        ("a:/b:755", AddSpec(source="a", root=ROOT, destination="/b", mode=0o755)),
        ("a:/b:0o4755", AddSpec(source="a", root=ROOT, destination="/b", mode=0o4755)),
        ("a:/b:0600:1000:2000", AddSpec(source="a", root=ROOT, destination="/b", mode=0o600, uid=1000, gid=2000)),
        ("a:/b::1000:2000", AddSpec(source="a", root=ROOT, destination="/b", uid=1000, gid=2000)),
        ("/etc/x:/b:", AddSpec(source="/etc/x", root=ROOT, destination="/b")),
    ],
)
def test_additions(text: str, expected: AddSpec) -> None:
    assert values.parse_add(text, ROOT) == expected
    assert values.parse_add(str(expected), ROOT) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        ":/b",
        "a:",
        "a:b",
        "a:/../b",
        "a:/b/..",
        "a:/b:rw",
        "a:/b:8",
        "a:/b:0999",
        "a:/b:0644:1000",
        "a:/b:0644:a:b",
        "a:/b:0644:1:2:3",
        "a:/b:77777",
        "a\0:/b",
        "a:/b\0",
    ],
)
def test_additions_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        values.parse_add(text, ROOT)


def test_where_a_source_is() -> None:
    assert values.parse_add("a/b:/c", ROOT).pattern == ROOT / "a/b"
    assert values.parse_add("/a/b:/c", ROOT).pattern == Path("/a/b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30_000_000_000),
        ("1m30s", 90_000_000_000),
        ("1.5s", 1_500_000_000),
        ("500ms", 500_000_000),
        ("1000us", 1_000_000),
        ("1000µs", 1_000_000),
        ("1000000ns", 1_000_000),
        ("2h", 7_200_000_000_000),
        ("0", 0),
        ("0s", 0),
    ],
)
def test_durations(text: str, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-1s", "1 s", "1d", "1s1", "1us", "999999999h", ".5s", "1.s", "٣s", "1sx"]
)
def test_durations_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="duration"):
        parse_duration(text)


@settings(deadline=None)
@given(st.integers(min_value=10**6, max_value=2**63 - 1))
def test_durations_round_trip(nanoseconds: int) -> None:
    assert parse_duration(render_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NONE", Healthcheck(test=("NONE",))),
        ("CMD /app -health", Healthcheck(test=("CMD", "/app", "-health"))),
        ("/app 'a b'", Healthcheck(test=("CMD", "/app", "a b"))),
        ('CMD ["/app", "a b"]', Healthcheck(test=("CMD", "/app", "a b"))),
        (
            "--interval=30s --timeout=5s --start-period=1m --start-interval=1s --retries=3 CMD /app",
            Healthcheck(
                test=("CMD", "/app"),
                interval=30 * 10**9,
                timeout=5 * 10**9,
                start_period=60 * 10**9,
                start_interval=10**9,
                retries=3,
            ),
        ),
    ],
)
def test_health_checks_of_the_command_line(text: str, expected: Healthcheck) -> None:
    assert parse_instruction(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CMD",
        "--interval=30s",
        "--interval=30 CMD /app",
        "--every=1s /app",
        "--retries=0 /app",
        "--retries=x /app",
        "/app || exit 1",
        "/app $PORT",
        "'/app",
        '["/app"',
        '[""]',
        "CMD []",
    ],
)
def test_health_checks_of_the_command_line_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_instruction(text)


@pytest.mark.parametrize("test", [["CMD"], ["CMD-SHELL", "x"], ["/app"], [], ["NONE", "x"], ["CMD", ""], ""])
def test_health_checks_of_files_that_are_none(test: list[str] | str) -> None:
    with pytest.raises(UsageError):
        parse_test(test)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/app -v", ("/app", "-v")),
        ('/app "a b" c\\ d', ("/app", "a b", "c d")),
        ("/app '$HOME' \"|\"", ("/app", "$HOME", "|")),
        ('["/app", "$HOME && x"]', ("/app", "$HOME && x")),
        ("", ()),
        ("[]", ()),
    ],
)
def test_words(text: str, expected: tuple[str, ...]) -> None:
    assert split_words(text) == expected


@pytest.mark.parametrize("text", ["/app && x", "/app | x", "/app > x", "/app $HOME", "/app `id`", "'a", "[1]", '["a"'])
def test_words_that_need_a_shell_or_do_not_end(text: str) -> None:
    with pytest.raises(UsageError):
        split_words(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-race=false -mod=vendor", ("-race=false", "-mod=vendor")),
        ("'-ldflags=-s -w' -v", ("-ldflags=-s -w", "-v")),
        ('"-gcflags=all=-N -l"', ("-gcflags=all=-N -l",)),
        ("  ", ()),
        (r"-x=C:\a", (r"-x=C:\a",)),
    ],
)
def test_go_flags_are_split_as_go_splits_them(text: str, expected: tuple[str, ...]) -> None:
    assert split_go_flags(text) == expected
    assert tuple(split_quoted(text)) == expected


def test_go_flags_whose_quote_does_not_end() -> None:
    with pytest.raises(UsageError, match="closing"):
        split_go_flags("'-v")


@pytest.mark.parametrize(("text", "expected"), [("a", ("a",)), ("a, b ,c", ("a", "b", "c"))])
def test_commas(text: str, expected: tuple[str, ...]) -> None:
    assert split_commas(text) == expected


@pytest.mark.parametrize("text", ["", "a,", ",a", "a,,b"])
def test_commas_with_nothing_between(text: str) -> None:
    with pytest.raises(UsageError, match="empty element"):
        split_commas(text)


def test_assignments() -> None:
    assert parse_assignment("A=b=c") == ("A", "b=c")
    assert parse_assignment("A=") == ("A", "")
    for text in ("A", "=b", ""):
        with pytest.raises(UsageError, match="not NAME=VALUE"):
            parse_assignment(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("SIGTERM", "SIGTERM"), ("int", "SIGINT"), ("15", "15"), ("SIGRTMIN+3", "SIGRTMIN+3"), ("rtmax-2", "SIGRTMAX-2")],
)
def test_signals(text: str, expected: str) -> None:
    assert values.parse_signal(text) == expected


@pytest.mark.parametrize("text", ["", "SIGTREM", "0", "65", "SIG", "SIGRTMIN+31", "-9", "SIG_DFL", "1" * 5000])
def test_signals_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="unknown signal"):
        values.parse_signal(text)


@pytest.mark.parametrize(("text", "expected"), [("/", "/"), ("/a//b/", "/a/b"), ("/a/./b", "/a/b")])
def test_paths(text: str, expected: str) -> None:
    assert values.parse_path(text) == expected


@pytest.mark.parametrize("text", ["", "a", "../a", "/a/../b", "/a\0"])
def test_paths_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        values.parse_path(text)


@pytest.mark.parametrize("text", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"])
def test_zones(text: str) -> None:
    assert values.parse_zone(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "../etc/passwd",
        "/Europe/Berlin",
        "Europe/../Berlin",
        "Europe//Berlin",
        "a/b/c/d",
        "Europe/Ber lin",
        "Europe/",
    ],
)
def test_zones_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="invalid time zone"):
        values.parse_zone(text)


@pytest.mark.parametrize("text", ["ghcr.io/me", "localhost:5000", "me", "localhost:5000/a/b", "docker.io/me"])
def test_repositories(text: str) -> None:
    assert values.parse_repository(text) == text


@pytest.mark.parametrize(
    "text", ["", "ghcr.io/Me", "ghcr.io/me/", "ghcr.io/me:1", "ghcr.io/me@sha256:1", "http://ghcr.io/me", "a b"]
)
def test_repositories_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        values.parse_repository(text)


@pytest.mark.parametrize("text", ["latest", "v1.2-rc.1", "{{.Git.Tag}}", "x{{ .Env.Y }}", "a" * 128])
def test_tags(text: str) -> None:
    assert values.parse_tag(text) == text


@pytest.mark.parametrize("text", ["", "a b", ".a", "-a", "a" * 129, "a:b", "a/b", "a+b"])
def test_tags_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="invalid tag"):
        values.parse_tag(text)


@pytest.mark.parametrize("text", ["", "App", "a b", "a/", "/a", "a--", "a:b", "a..b", "a\n"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="invalid name"):
        values.parse_name(text)


_PARSERS = (
    *(values.parse_user, values.parse_ports, values.parse_platforms, values.parse_path, values.parse_signal),
    *(values.parse_zone, values.parse_repository, values.parse_name, values.parse_tag, values.parse_need),
    *(parse_duration, parse_instruction, split_words, split_go_flags, split_commas, parse_assignment),
    lambda text: values.parse_add(text, ROOT),
)


def _outcome(parse: Callable[[str], object], text: str) -> object:
    try:
        return parse(text)
    except UsageError as error:
        return error.message


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    assert all(_outcome(parse, text) is not None for parse in _PARSERS)


def test_port_order() -> None:
    assert sorted([Port(9), Port(8, "udp"), Port(8)]) == [Port(8), Port(8, "udp"), Port(9)]
