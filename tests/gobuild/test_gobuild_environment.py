"""Platforms, the environment of Go, and Go's settings."""

from pathlib import Path

import pytest

from smidgen.errors import InvalidPlatform
from smidgen.gobuild.environment import (
    ALL_PLATFORMS,
    GoSettings,
    go_environment,
    host_platform,
    parse_platforms,
    platform_variables,
)
from smidgen.gobuild.options import BuildOptions
from smidgen.oci.platform import Platform


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("linux/amd64", {"GOARCH": "amd64"}),
        ("linux/amd64/v3", {"GOARCH": "amd64", "GOAMD64": "v3"}),
        ("linux/arm64/v8", {"GOARCH": "arm64"}),
        ("linux/arm64/v8.2", {"GOARCH": "arm64", "GOARM64": "v8.2"}),
        ("linux/arm64/v9", {"GOARCH": "arm64", "GOARM64": "v9.0"}),
        ("linux/arm", {"GOARCH": "arm", "GOARM": "7"}),
        ("linux/arm/v6", {"GOARCH": "arm", "GOARM": "6"}),
        ("linux/386/softfloat", {"GOARCH": "386", "GO386": "softfloat"}),
        ("linux/riscv64/rva22u64", {"GOARCH": "riscv64", "GORISCV64": "rva22u64"}),
        ("linux/ppc64le/power9", {"GOARCH": "ppc64le", "GOPPC64": "power9"}),
        ("linux/mips64le/softfloat", {"GOARCH": "mips64le", "GOMIPS64": "softfloat"}),
    ],
)
def test_platform_variables(text: str, variables: dict[str, str]) -> None:
    (platform,) = parse_platforms(text)
    assert platform_variables(platform) == {"GOOS": "linux", **variables}


def test_several_platforms_lose_doubles_and_keep_order() -> None:
    assert [str(p) for p in parse_platforms(["linux/arm64, linux/aarch64", "linux/386"])] == [
        "linux/arm64",
        "linux/386",
    ]
    assert parse_platforms("all") == ALL_PLATFORMS
    assert parse_platforms("linux/s390x,all")[0] == Platform(os="linux", architecture="s390x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("windows/amd64", "only linux"),
        ("linux/vax", "no architecture 'vax'"),
        ("linux/amd64/v9", "no variant 'v9'"),
        ("linux/s390x/v1", "no variant"),
        ("linux", "expected 2 or 3"),
        ("", "nothing is named"),
    ],
)
def test_bad_platforms_say_what_there_is(text: str, said: str) -> None:
    with pytest.raises(InvalidPlatform, match=said) as caught:
        parse_platforms(text)
    assert caught.value.hint


def test_host_platform_can_be_built() -> None:
    assert parse_platforms(str(host_platform())) == (host_platform(),)


def test_cgo_is_off_unless_asked_for() -> None:
    assert go_environment({}, BuildOptions())["CGO_ENABLED"] == "0"
    assert go_environment({"CGO_ENABLED": ""}, BuildOptions())["CGO_ENABLED"] == "0"
    assert go_environment({"CGO_ENABLED": "1"}, BuildOptions())["CGO_ENABLED"] == "1"
    assert go_environment({}, BuildOptions(env=(("CGO_ENABLED", "1"),)))["CGO_ENABLED"] == "1"


def test_options_and_platform_beat_the_environment() -> None:
    variables = go_environment(
        {"GOOS": "plan9", "GOARCH": "386", "GOAMD64": "v2", "A": "1", "B": "1"},
        BuildOptions(env=(("A", "2"),)),
        Platform(os="linux", architecture="amd64"),
    )
    assert variables == {"GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v2", "A": "2", "B": "1", "CGO_ENABLED": "0"}


def test_settings_of_go_env(tmp_path: Path) -> None:
    (tmp_path / "config/go").mkdir(parents=True)
    (tmp_path / "config/go/env").write_text("GOFLAGS=-mod=mod -x \nnot a line\n# c\nGOPROXY=off\n")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/go.env").write_text("GOPROXY=direct\nGOTOOLCHAIN=auto\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "GOTOOLCHAIN": "", "GOSUMDB": "off"}
    settings = GoSettings(environ, str(tmp_path / "root"))
    assert settings.get("GOFLAGS") == "-mod=mod -x "
    assert settings.get("GOPROXY") == "off"
    assert settings.get("GOTOOLCHAIN") == "auto"
    assert settings.get("GOSUMDB") == "off"
    assert settings.get("GOWORK") == ""
    assert GoSettings(environ | {"GOENV": "off"}, str(tmp_path / "root")).get("GOPROXY") == "direct"
    assert GoSettings({"HOME": "/x"}, "/y").user_file == "/x/.config/go/env"
    assert GoSettings({}, "/y").user_file == ""
