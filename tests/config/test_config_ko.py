"""ko's file as it is: the samples of ko's documentation, what ko's keys become, and what is refused."""

from pathlib import Path

import pytest

from smidgen.config.settings import Flags, Settings
from smidgen.errors import ConfigError
from smidgen.oci.platform import Platform
from support.config_files import block, fault, ko_settings, settings_of

BUILDS = """
    builds:
    - id: foo
      dir: .  # default is .
      main: ./foobar/foo
      env:
      - GOPRIVATE=git.internal.example.com,source.developers.google.com
      flags:
      - -tags
      - netgo
      ldflags:
      - -s -w
      - -extldflags "-static"
      - -X main.version={{.Env.VERSION}}
    - id: bar
      dir: ./bar
      main: .  # default is .
      env:
      - GOCACHE=/workspace/.gocache
      ldflags:
      - -s
      - -w
"""
DEFAULTS = """
    defaultEnv:
    - FOO=foo
    - OTHER=other
    defaultFlags:
    - -v
    defaultLdflags:
    - -s
    builds:
    - id: foo
      dir: .
      main: ./foobar/foo
      env:
      - FOO=bar
      flags:
      - -trimpath
      ldflags:
      - -w
    - id: bar # Will use the defaults.
      dir: ./bar
      main: .
"""


def refused(root: Path, text: str, target: str = "./foobar/foo") -> str:
    with pytest.raises(ConfigError) as caught:
        ko_settings(root, text, target=target)
    return fault(caught.value)


def test_the_documented_builds(tmp_path: Path) -> None:
    foo = ko_settings(tmp_path, BUILDS)
    assert foo.build_env == {"GOPRIVATE": "git.internal.example.com,source.developers.google.com"}
    assert foo.flags == ("-tags", "netgo")
    assert foo.ldflags == ("-s -w", '-extldflags "-static"', "-X main.version={{.Env.VERSION}}")
    assert str(foo.provenance["ldflags"]) == ".ko.yaml:11"
    assert str(foo.provenance["build_env.GOPRIVATE"]) == ".ko.yaml:7"
    bar = ko_settings(tmp_path, BUILDS, target="./bar")
    assert (bar.build_env, bar.flags, bar.ldflags) == ({"GOCACHE": "/workspace/.gocache"}, (), ("-s", "-w"))
    other = ko_settings(tmp_path, BUILDS, target="./other")
    assert (other.build_env, other.flags, other.ldflags, other.warnings) == ({}, (), (), ())


def test_the_documented_defaults_are_replaced_and_never_joined(tmp_path: Path) -> None:
    foo = ko_settings(tmp_path, DEFAULTS)
    assert (foo.build_env, foo.flags, foo.ldflags) == ({"FOO": "bar"}, ("-trimpath",), ("-w",))
    for target in ("./bar", "./neither"):
        bar = ko_settings(tmp_path, DEFAULTS, target=target)
        assert (bar.build_env, bar.flags, bar.ldflags) == ({"FOO": "foo", "OTHER": "other"}, ("-v",), ("-s",))


def test_the_documented_platforms(tmp_path: Path) -> None:
    settings = ko_settings(tmp_path, "defaultPlatforms:\n- linux/arm64\n- linux/amd64\n")
    assert settings.platforms == (Platform.parse("linux/arm64"), Platform.parse("linux/amd64"))
    assert str(settings.provenance["platforms"]) == ".ko.yaml:1"
    text = ko_settings(tmp_path, "defaultPlatforms: linux/arm64, linux/amd64\n")
    assert text.platforms == settings.platforms
    assert len(ko_settings(tmp_path, "defaultPlatforms: [all]").platforms) == 7


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("gcr.io/distroless/static", "gcr.io/distroless/static:latest"),
        ("gcr.io/distroless/static:debug-nonroot", "gcr.io/distroless/static:debug-nonroot"),
        ("cgr.dev/chainguard/static:latest@sha256:" + "0" * 64, "cgr.dev/chainguard/static:latest@sha256:" + "0" * 64),
        ("alpine", "docker.io/library/alpine:latest"),
        ("scratch", "scratch"),
    ],
)
def test_the_documented_base(tmp_path: Path, written: str, base: str) -> None:
    settings = ko_settings(tmp_path, f"defaultBaseImage: {written}\n")
    assert (settings.base, settings.warnings) == (base, ())
    assert str(settings.provenance["base"]) == ".ko.yaml:1"
    assert ko_settings(tmp_path, f"defaultBaseImage: {written}\n", flags=Flags(base="static")).base == "static"


def test_a_base_that_is_no_name_is_shown_in_its_line(tmp_path: Path) -> None:
    assert refused(tmp_path, "defaultFlags: [-v]\ndefaultBaseImage: Alpine:3\n") == block("""
        .ko.yaml:2:19: invalid reference 'Alpine:3': 'Alpine' has upper case; names are lower case
          defaultBaseImage: Alpine:3
                            ^
        hint: expected [REGISTRY/]NAME[:TAG][@sha256:DIGEST] in lower case, such as ghcr.io/me/app:1.0
    """)


def test_the_documented_overrides_of_the_base(tmp_path: Path) -> None:
    text = """\
        baseImageOverrides:
          github.com/my-user/my-repo/cmd/app: registry.example.com/base/for/app
          github.com/my-user/my-repo/cmd/foo: cgr.dev/chainguard/static
    """
    module = "github.com/my-user/my-repo/cmd"
    bases = {
        name: ko_settings(tmp_path, text, target=f"./cmd/{name}", import_path=f"{module}/{name}").base
        for name in ("app", "foo", "bar")
    }
    assert bases == {
        "app": "registry.example.com/base/for/app:latest",
        "foo": "cgr.dev/chainguard/static:latest",
        "bar": "scratch",
    }


def test_overrides_and_builds_of_one_target_both_count(tmp_path: Path) -> None:
    text = """\
        baseImageOverrides: {example.com/foo: alpine}
        builds:
        - main: ./foobar/foo
          ldflags: [-a]
        - main: ./capable
          linux_capabilities: [net_bind_service]
    """
    settings = ko_settings(tmp_path, text, import_path="example.com/foo", flags=Flags(base="scratch"))
    assert settings.ldflags == ("-a",)


def test_keys_without_regard_to_case(tmp_path: Path) -> None:
    text = """\
        DEFAULTPLATFORMS: [linux/386]
        defaultldflags: [-x]
        Builds:
        - ID: foo
          Main: ./foobar/foo
          Env: [A=b]
    """
    settings = ko_settings(tmp_path, text)
    assert settings.platforms == (Platform.parse("linux/386"),)
    assert (settings.ldflags, settings.build_env) == (("-x",), {"A": "b"})


@pytest.mark.parametrize(
    "build",
    [
        "{main: ./foobar/foo}",
        "{main: foobar/foo}",
        "{main: ./foobar/foo/main.go}",
        "{dir: foobar, main: foo}",
        "{dir: ./foobar/foo}",
        "{dir: ./foobar/foo, main: main.go}",
        "{dir: foobar/foo, main: .}",
        "{dir: /foobar, main: /foo}",
    ],
)
def test_where_a_build_is(tmp_path: Path, build: str) -> None:
    text = f"builds: [{build[:-1]}, flags: [-x]}}]\n"
    assert ko_settings(tmp_path, text).flags == ("-x",)
    assert ko_settings(tmp_path, text, target=".").flags == ()


def test_forms_of_lists(tmp_path: Path) -> None:
    text = """\
        defaultFlags: -v -x
        defaultLdflags: -s -w
        defaultEnv: A=b
    """
    settings = ko_settings(tmp_path, text)
    assert (settings.flags, settings.ldflags, settings.build_env) == (("-v", "-x"), ("-s -w",), {"A": "b"})


def test_what_is_empty_is_not_there(tmp_path: Path) -> None:
    text = """\
        defaultBaseImage:
        defaultFlags: [-v]
        defaultEnv: [A=b]
        builds:
        - main: ./foobar/foo
          flags: []
          env: []
          ldflags:
          linux_capabilities: []
    """
    settings = ko_settings(tmp_path, text)
    assert (settings.flags, settings.build_env, settings.warnings) == (("-v",), {"A": "b"}, ())


def test_unknown_keys_are_passed_over_and_said(tmp_path: Path) -> None:
    text = """\
        defaultBaseImge: alpine
        builds:
        - main: ./foobar/foo
          goos: [linux]
          ldflag: -x
    """
    assert ko_settings(tmp_path, text).warnings == (
        ".ko.yaml:1:1: unknown key 'defaultBaseImge' is passed over, as ko does; did you mean defaultBaseImage?",
        ".ko.yaml:4:3: unknown key 'goos' is passed over, as ko does",
        ".ko.yaml:5:3: unknown key 'ldflag' is passed over, as ko does; did you mean ldflags?",
    )


def test_capabilities(tmp_path: Path) -> None:
    """A name alone is only permitted to ko, where smidgen's own file puts it into force."""
    text = "builds:\n- {main: ./other}\n- main: ./foobar/foo\n  linux_capabilities: NET_ADMIN kill,chown=ep\n"
    assert ko_settings(tmp_path, text).linux_capabilities == ("NET_ADMIN=p", "kill,chown=ep")
    assert ko_settings(tmp_path, text, target="./other").linux_capabilities == ()
    text = "builds:\n- main: ./foobar/foo\n  linux_capabilities: [net_bind_service]\n"
    assert ko_settings(tmp_path, text).linux_capabilities == ("net_bind_service=p",)


def test_an_unknown_capability_is_said_with_its_place(tmp_path: Path) -> None:
    text = "builds:\n- main: ./foobar/foo\n  linux_capabilities: [net_bind, chown]\n"
    assert refused(tmp_path, text) == block("""
        .ko.yaml:3:24: unknown capability 'net_bind' in 'net_bind=p'
            linux_capabilities: [net_bind, chown]
                                 ^
        hint: expected a name such as cap_net_bind_service, or names and flags such as net_raw,net_admin=ep
    """)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "defaultAppDirectory: /bin\n",
            """
            .ko.yaml:1:1: defaultAppDirectory is not possible: where the binary is in the image cannot be chosen
              defaultAppDirectory: /bin
              ^
            hint: remove the key
            """,
        ),
        (
            "defaultFlags: {a: b}\n",
            """
            .ko.yaml:1:15: defaultFlags: expected a list of strings, got a mapping
              defaultFlags: {a: b}
                            ^
            """,
        ),
        (
            "builds:\n- main: ./foobar/foo\n  ldflags:\n  - -s\n  - - -w\n",
            """
            .ko.yaml:5:5: ldflags: expected a list of strings, got a list
                - - -w
                  ^
            """,
        ),
        (
            "defaultEnv: [A]\n",
            """
            .ko.yaml:1:14: 'A' is not NAME=VALUE
              defaultEnv: [A]
                           ^
            hint: expected a name, =, and a value that may be empty
            """,
        ),
        (
            "builds: {main: x}\n",
            """
            .ko.yaml:1:9: builds: expected a list of mappings, got a mapping
              builds: {main: x}
                      ^
            """,
        ),
        (
            "builds: [x]\n",
            """
            .ko.yaml:1:10: builds: expected a list of mappings, got 'x'
              builds: [x]
                       ^
            """,
        ),
        (
            "baseImageOverrides: [a]\n",
            """
            .ko.yaml:1:21: baseImageOverrides: expected a mapping of import paths to images, got a list
              baseImageOverrides: [a]
                                  ^
            """,
        ),
        (
            "defaultBaseImage: [a]\n",
            """
            .ko.yaml:1:19: defaultBaseImage: expected a string, got a list
              defaultBaseImage: [a]
                                ^
            """,
        ),
        (
            "builds: [{main: [a]}]\n",
            """
            .ko.yaml:1:17: main: expected a string, got a list
              builds: [{main: [a]}]
                              ^
            """,
        ),
        (
            "defaultFlags: [-v]\nDefaultFlags: [-x]\n",
            """
            .ko.yaml:2:1: the key 'defaultFlags' stands twice but for its case
              DefaultFlags: [-x]
              ^
            hint: keep one
            """,
        ),
        (
            "defaultPlatforms: [linux/amd46]\n",
            """
            .ko.yaml:1:20: invalid platform 'linux/amd46': unknown architecture 'amd46'
              defaultPlatforms: [linux/amd46]
                                 ^
            hint: did you mean linux/amd64?
            """,
        ),
        (
            "defaultPlatforms: linux/amd64,\n",
            """
            .ko.yaml:1:19: 'linux/amd64,' has an empty element
              defaultPlatforms: linux/amd64,
                                ^
            hint: expected a list such as a,b
            """,
        ),
    ],
)
def test_faults_are_shown_in_their_line(tmp_path: Path, text: str, expected: str) -> None:
    assert refused(tmp_path, text) == block(expected)


def test_variables_of_ko_beat_its_file_and_give_way_to_flags(tmp_path: Path) -> None:
    text = "defaultPlatforms: [linux/386]\ndefaultBaseImage: alpine\n"
    environ = {
        "KO_DEFAULTPLATFORMS": "linux/arm64,linux/amd64",
        "KO_DEFAULTBASEIMAGE": "cgr.dev/chainguard/static",
        "KO_DOCKER_REPO": "ghcr.io/me",
        "KO_GO_PATH": "/opt/go",
    }
    settings = ko_settings(tmp_path, text, environ=environ)
    assert settings.platforms == (Platform.parse("linux/arm64"), Platform.parse("linux/amd64"))
    assert (settings.repository, settings.go) == ("ghcr.io/me", "/opt/go")
    assert str(settings.provenance["repository"]) == "environment KO_DOCKER_REPO"
    assert (settings.base, settings.warnings) == ("cgr.dev/chainguard/static:latest", ())
    flagged = ko_settings(
        tmp_path, text, environ=environ, flags=Flags(platforms=("linux/386",), base="scratch", go="/x")
    )
    assert (flagged.platforms, flagged.go, flagged.warnings) == ((Platform.parse("linux/386"),), "/x", ())
    both = ko_settings(tmp_path, text, environ={**environ, "SMIDGEN_GO": "/own"})
    assert both.go == "/own"


@pytest.mark.parametrize("value", ["ko.local", "kind.local", ""])
def test_a_place_to_load_into_is_no_name(tmp_path: Path, value: str) -> None:
    assert ko_settings(tmp_path, "", environ={"KO_DOCKER_REPO": value}).repository == ""


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    def without_place(settings: Settings) -> tuple[object, ...]:
        return settings.platforms, settings.flags, settings.provenance, settings.warnings

    assert without_place(ko_settings(tmp_path, "# nothing\n")) == without_place(settings_of(target="./foobar/foo"))
