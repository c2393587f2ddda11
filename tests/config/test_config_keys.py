"""Every key of smidgen.yaml, every flag, and which of them wins."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest

from smidgen.config.fields import LISTS, MAPS, flag_name
from smidgen.config.schema import Options
from smidgen.config.settings import Flags, Origin, Settings
from smidgen.config.values import AddSpec, Port, User
from smidgen.errors import UsageError
from smidgen.layer.compression import Compression
from smidgen.oci.config import Healthcheck
from smidgen.oci.platform import Platform
from smidgen.report.config import config_report, render_config
from support.config_files import settings_of

REPO = Path("/repo")
AMD64 = Platform.parse("linux/amd64")
ARM64 = Platform.parse("linux/arm64")


@dataclass(frozen=True)
class Case:
    """One option: in a file, on the command line, and what both mean."""

    key: str
    yaml: str
    expected: object
    other_yaml: str
    other: object
    flag: dict[str, object]
    flagged: object
    attribute: str = ""
    provenance: str = ""
    default: object = None
    both: object = field(default=None)

    @property
    def name(self) -> str:
        return self.attribute or self.key


CASES = (
    Case("repository", "ghcr.io/me", "ghcr.io/me", "a/b", "a/b", {}, None, default=""),
    Case("name", "app", "app", "b", "b", {}, None),
    Case("tags", "[v1, latest]", ("v1", "latest"), "1.10", ("1.10",), {}, None, default=("latest",)),
    Case(
        "platforms",
        "[linux/amd64, linux/arm64, linux/x86_64]",
        (AMD64, ARM64),
        "linux/arm64,linux/amd64",
        (ARM64, AMD64),
        {"platforms": ("linux/arm64,linux/amd64", "linux/386")},
        (ARM64, AMD64, Platform.parse("linux/386")),
    ),
    Case("base", "scratch", "scratch", "scratch", "scratch", {"base": "scratch"}, "scratch", default="scratch"),
    Case(
        "user",
        "1000",
        User(uid=1000, gid=1000),
        "app",
        User(name="app"),
        {"user": "0"},
        User(uid=0, gid=0),
        default=User(),
    ),
    Case("entrypoint", "[/app, a b]", ("/app", "a b"), "/x 'y z'", ("/x", "y z"), {"entrypoint": '["/z"]'}, ("/z",)),
    Case("cmd", "[-v, '8080']", ("-v", "8080"), "-a -b", ("-a", "-b"), {"cmd": "-c 'd e'"}, ("-c", "d e"), default=()),
    Case(
        "env",
        "{A: on, B: 1.10}",
        {"A": "on", "B": "1.10"},
        "{B: x=y, C: ''}",
        {"A": "on", "B": "x=y", "C": ""},
        {"env": ("A=z", "D=")},
        {"A": "z", "D": ""},
        provenance="env.A",
        default={},
        both={"A": "z", "B": "1.10", "D": ""},
    ),
    Case(
        "ports",
        "[8080, 53/udp, 8080/tcp]",
        (Port(53, "udp"), Port(8080)),
        "80,443",
        (Port(80), Port(443)),
        {"ports": ("90-91",)},
        (Port(90), Port(91)),
        default=(),
    ),
    Case("workdir", "/data/", "/data", "/x", "/x", {"workdir": "/y"}, "/y", default=""),
    Case("volumes", "[/b, /a, /b/]", ("/b", "/a"), "/c", ("/c",), {"volumes": ("/d", "/e")}, ("/d", "/e"), default=()),
    Case("stop_signal", "int", "SIGINT", "9", "9", {"stop_signal": "SIGHUP"}, "SIGHUP", default=""),
    Case(
        "healthcheck",
        "{test: [CMD, /app, -h], interval: 30s, timeout: 5s, start_period: 1m, start_interval: 1s, retries: 3}",
        Healthcheck(
            test=("CMD", "/app", "-h"),
            interval=30 * 10**9,
            timeout=5 * 10**9,
            start_period=60 * 10**9,
            start_interval=10**9,
            retries=3,
        ),
        "{test: NONE}",
        None,
        {"healthcheck": "--retries=2 /app"},
        Healthcheck(test=("CMD", "/app"), retries=2),
    ),
    Case(
        "linux_capabilities",
        "[net_raw, kill=p]",
        ("net_raw", "kill=p"),
        "net_raw kill=p",
        ("net_raw", "kill=p"),
        {"linux_capabilities": ("cap_chown",)},
        ("cap_chown",),
        default=(),
    ),
    Case(
        "labels",
        "{a: 1, b.c: true}",
        {"a": "1", "b.c": "true"},
        "{a: 2}",
        {"a": "2", "b.c": "true"},
        {"labels": ("a=3", "z=4")},
        {"a": "3", "z": "4"},
        provenance="labels.a",
        default={},
        both={"a": "3", "b.c": "true", "z": "4"},
    ),
    Case(
        "annotations",
        "{a: x}",
        {"a": "x"},
        "{b: y}",
        {"a": "x", "b": "y"},
        {"annotations": ("a=z",)},
        {"a": "z"},
        provenance="annotations.a",
        default={},
        both={"a": "z"},
    ),
    Case(
        "add",
        "['static/*:/srv/:0644', 'conf:/etc/app']",
        (
            AddSpec(source="static/*", root=REPO, destination="/srv/", mode=0o644),
            AddSpec(source="conf", root=REPO, destination="/etc/app"),
        ),
        "x:/y",
        (AddSpec(source="x", root=REPO, destination="/y"),),
        {"add": ("/abs:/z:0600:1:2",)},
        (AddSpec(source="/abs", root=REPO, destination="/z", mode=0o600, uid=1, gid=2),),
        default=(),
    ),
    Case("kodata", "false", False, "true", True, {"kodata": True}, True, default=True),
    Case("single_layer", "true", True, "false", False, {"single_layer": False}, False, default=False),
    Case(
        "compression",
        "zstd:19",
        Compression("zstd", 19),
        "none",
        Compression("none", 0),
        {"compression": "gzip:9"},
        Compression("gzip", 9),
        default=Compression("gzip", 6),
    ),
    Case(
        "needs",
        "{with: [ca, tz]}",
        frozenset({"ca", "tz"}),
        "{without: [ca]}",
        frozenset({"tz"}),
        {"needs_with": ("tmp,mime", "passwd")},
        frozenset({"tmp", "mime", "passwd"}),
        attribute="needs_with",
        provenance="needs.passwd",
        default=frozenset(),
        both=frozenset({"ca", "tz", "tmp", "mime", "passwd"}),
    ),
    Case(
        "needs",
        "{without: [ca, tz]}",
        frozenset({"ca", "tz"}),
        "{with: [ca]}",
        frozenset({"tz"}),
        {"needs_without": ("tmp",)},
        frozenset({"tmp"}),
        attribute="needs_without",
        provenance="needs.tmp",
        default=frozenset(),
        both=frozenset({"ca", "tz", "tmp"}),
    ),
    Case(
        "needs",
        "{zones: [Europe/Berlin, UTC, UTC]}",
        ("Europe/Berlin", "UTC"),
        "{zones: 'Asia/Tokyo, UTC'}",
        ("Asia/Tokyo", "UTC"),
        {"zones": ("America/New_York,UTC",)},
        ("America/New_York", "UTC"),
        attribute="zones",
        default=(),
    ),
    Case(
        "needs",
        "{ca_bundles: [corp.pem, ../up.pem, /etc/x.pem]}",
        (REPO / "corp.pem", Path("/up.pem"), Path("/etc/x.pem")),
        "{ca_bundles: a.pem}",
        (REPO / "a.pem",),
        {"ca_bundles": ("b.pem",)},
        (REPO / "b.pem",),
        attribute="ca_bundles",
        default=(),
    ),
    Case(
        "sysroot",
        "roots/arm",
        str(REPO / "roots/arm"),
        "/opt/root",
        "/opt/root",
        {"sysroot": "here"},
        str(REPO / "here"),
        default="",
    ),
    Case("libc", "glibc", "glibc", "glibc", "glibc", {"libc": "glibc"}, "glibc", default=""),
    Case(
        "libraries",
        "[libz.so.1, /opt/x/plugin.so]",
        ("libz.so.1", "/opt/x/plugin.so"),
        "libz.so.1, libssl.so.3",
        ("libz.so.1", "libssl.so.3"),
        {"libraries": ("liba.so,libb.so", "libc.so")},
        ("liba.so", "libb.so", "libc.so"),
        default=(),
    ),
    Case(
        "build",
        "[./configure, make]",
        ("./configure", "make"),
        "make CFLAGS='-O2 -g'",
        ("make CFLAGS='-O2 -g'",),
        {},
        None,
        default=(),
    ),
    Case("bin", "src/app", "src/app", "src/b", "src/b", {"bin": "c"}, "c", default=""),
    Case(
        "flags",
        "[-mod=vendor, -x y]",
        ("-mod=vendor", "-x y"),
        "-a '-b c'",
        ("-a", "-b c"),
        {"flags": "-d"},
        ("-d",),
        default=(),
    ),
    Case(
        "ldflags",
        "[-X a=b, -v]",
        ("-X a=b", "-v"),
        "-a -b",
        ("-a -b",),
        {"ldflags": ("-c", "-d e")},
        ("-c", "-d e"),
        default=(),
    ),
    Case(
        "gcflags",
        "[all=-l, -B]",
        ("all=-l", "-B"),
        "all=-N -l",
        ("all=-N -l",),
        {"gcflags": ("-m",)},
        ("-m",),
        default=(),
    ),
    Case(
        "build_tags",
        "[netgo, a]",
        ("netgo", "a"),
        "b,c",
        ("b", "c"),
        {"build_tags": ("d,e", "f")},
        ("d", "e", "f"),
        default=(),
    ),
    Case(
        "variables",
        "{main.version: '{{.Git.Tag}}', example.com/a/b.C: x}",
        {"main.version": "{{.Git.Tag}}", "example.com/a/b.C": "x"},
        "{main.version: 1.0}",
        {"main.version": "1.0", "example.com/a/b.C": "x"},
        {"variables": ("main.version=a=b", "main.x=")},
        {"main.version": "a=b", "main.x": ""},
        provenance="variables.main.version",
        default={},
        both={"main.version": "a=b", "main.x": "", "example.com/a/b.C": "x"},
    ),
    Case(
        "build_env",
        "{GOFLAGS: -mod=mod}",
        {"GOFLAGS": "-mod=mod"},
        "{GOPRIVATE: x}",
        {"GOFLAGS": "-mod=mod", "GOPRIVATE": "x"},
        {"build_env": ("GOFLAGS=",)},
        {"GOFLAGS": ""},
        provenance="build_env.GOFLAGS",
        default={},
        both={"GOFLAGS": ""},
    ),
    Case("cgo", "true", True, "false", False, {"cgo": True}, True, default=False),
    Case("strip", "false", False, "true", True, {"strip": True}, True, default=True),
    Case("disable_optimizations", "true", True, "false", False, {"disable_optimizations": False}, False, default=False),
)
NAMES = [f"{case.key}-{case.name}" for case in CASES]
EVERY = pytest.mark.parametrize("case", CASES, ids=NAMES)


def flags_of(given: Mapping[str, object]) -> Flags:
    flags = Flags(**given)  # type: ignore[arg-type]
    assert all(isinstance(getattr(flags, name), (str, tuple, bool)) for name in given)
    return flags


def test_c_is_linked_in_one_way_only() -> None:
    with pytest.raises(UsageError, match=r"--libc: .glibc. links C dynamically, and cgo .smidgen\.yaml:1. statically"):
        settings_of("cgo: true\n", flags=Flags(libc="glibc"))
    assert settings_of("cgo: true\n", flags=Flags(libc="glibc", cgo=False)).libc == "glibc"


def test_every_key_and_every_flag_has_a_case() -> None:
    assert {case.key for case in CASES} == set(Options.__struct_fields__)
    flagged = {name for case in CASES for name in case.flag}
    assert flagged | {"names", "go"} == {one.name for one in fields(Flags)}
    assert set(Settings.__struct_fields__) - {"target", "provenance", "warnings", "names", "go"} == {
        case.name for case in CASES
    }


@EVERY
def test_a_default(case: Case) -> None:
    settings = settings_of()
    if case.name != "platforms":
        assert getattr(settings, case.name) == case.default
    assert settings.provenance.get(case.provenance or case.name, Origin(kind="default")) == Origin(kind="default")


@EVERY
def test_a_key_of_the_file(case: Case) -> None:
    settings = settings_of(f"# first line\n{case.key}: {case.yaml}\n")
    assert getattr(settings, case.name) == case.expected
    said = {str(origin) for origin in settings.provenance.values()}
    assert said == {"default", "smidgen.yaml:2"}


@EVERY
def test_what_show_prints_of_a_key_means_the_same(case: Case) -> None:
    settings = settings_of(f"{case.key}: {case.yaml}\n")
    again = settings_of(render_config(config_report(settings, file="smidgen.yaml")))
    assert getattr(again, case.name) == case.expected


@EVERY
def test_a_target_beats_the_file_or_joins_it(case: Case) -> None:
    settings = settings_of(
        f"{case.key}: {case.yaml}\ntargets:\n- target: ./cmd/app\n  {case.key}: {case.other_yaml}\n"
        f"- target: ./cmd/other\n  {case.key}: {case.yaml}\n"
    )
    assert getattr(settings, case.name) == case.other
    assert "smidgen.yaml:4" in {str(origin) for origin in settings.provenance.values()}


@EVERY
def test_a_target_alone(case: Case) -> None:
    settings = settings_of(f"targets: [{{target: ./cmd/app, {case.key}: {case.yaml}}}]\n")
    assert getattr(settings, case.name) == case.expected
    assert getattr(settings_of(f"targets: [{{target: ./x, {case.key}: {case.yaml}}}]\n"), case.name) == getattr(
        settings_of(), case.name
    )


@pytest.mark.parametrize("case", [case for case in CASES if case.flag], ids=lambda case: case.name)
def test_a_flag_beats_the_file_or_joins_it(case: Case) -> None:
    flags = flags_of(case.flag)
    alone = settings_of(flags=flags)
    assert getattr(alone, case.name) == case.flagged
    (name,) = case.flag
    key = case.provenance or case.name
    assert alone.provenance[key] == Origin(kind="flag", name=flag_name(name))
    for text in (
        f"{case.key}: {case.yaml}\n",
        f"targets: [{{target: ./cmd/app, {case.key}: {case.yaml}}}]\n",
        f"{case.key}: {case.yaml}\ntargets: [{{target: ./cmd/app, {case.key}: {case.yaml}}}]\n",
    ):
        both = settings_of(text, flags=flags)
        assert getattr(both, case.name) == (case.flagged if case.both is None else case.both)
        assert both.provenance[key] == alone.provenance[key]


def test_lists_and_maps_are_known_as_such() -> None:
    settings = settings_of()
    for name in MAPS:
        assert getattr(settings, name) == {}
    for name in LISTS:
        if name not in {"entrypoint", "needs_with", "needs_without"}:
            assert isinstance(getattr(settings, name), tuple)


def test_the_default_platform_is_linux_on_this_machine() -> None:
    (platform,) = settings_of().platforms
    assert platform.os == "linux"


def test_all_platforms() -> None:
    assert len(settings_of("platforms: all").platforms) == 7
    assert settings_of("platforms: [all]").platforms == settings_of("platforms: all").platforms
    assert settings_of("platforms: [linux/amd64/v3, all]").platforms[0] == Platform.parse("linux/amd64/v3")


def test_names_of_images() -> None:
    assert settings_of().image_names("app") == ("app:latest",)
    assert settings_of("repository: ghcr.io/me\ntags: [v1, latest]").image_names("app") == (
        "ghcr.io/me/app:v1",
        "ghcr.io/me/app:latest",
    )
    assert settings_of("repository: ghcr.io/me\nname: web").image_names("app") == ("ghcr.io/me/web:latest",)
    flags = Flags(names=("x:1", "y"))
    assert settings_of("repository: ghcr.io/me", flags=flags).image_names("app") == ("x:1", "y")


def test_go_is_found_by_flag_and_variable() -> None:
    environ = {"SMIDGEN_GO": "/opt/go"}
    assert settings_of().go is None
    assert settings_of(environ=environ).go == "/opt/go"
    assert str(settings_of(environ=environ).provenance["go"]) == "environment SMIDGEN_GO"
    assert settings_of(environ=environ, flags=Flags(go="/x")).go == "/x"
    assert settings_of(environ={"SMIDGEN_GO": ""}).go is None


def test_variables_of_ko_do_not_count_without_its_file() -> None:
    environ = {"KO_DOCKER_REPO": "ghcr.io/me", "KO_DEFAULTPLATFORMS": "linux/386", "KO_DEFAULTBASEIMAGE": "alpine"}
    assert settings_of("user: 1", environ=environ) == settings_of("user: 1")


def test_env_without_a_value_is_taken_from_the_environment() -> None:
    settings = settings_of(environ={"TOKEN": "a=b"}, flags=Flags(env=("TOKEN", "EMPTY=")))
    assert settings.env == {"TOKEN": "a=b", "EMPTY": ""}


def test_flags_that_were_not_used_are_no_flags() -> None:
    assert settings_of("ports: 80", flags=Flags(ports=(), env=())).ports == (Port(80),)
