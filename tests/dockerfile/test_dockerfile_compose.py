"""Compose files: what is read, what it becomes, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.dockerfile.compose.dot_env import read_dot_env
from smidgen.dockerfile.compose.read import ComposeOptions, read_compose
from smidgen.dockerfile.compose.request import SharedOptions, request_of
from smidgen.dockerfile.compose.service import Project, ServiceBuild
from smidgen.dockerfile.compose.variables import Variables
from smidgen.errors import ConfigError, LimitExceeded, UsageError
from smidgen.oci.platform import Platform

_NO_OPTIONS = ComposeOptions()
_SECRETS = "secrets: {file: {file: s}, env: {environment: E}, far: {external: true}}\n"
_VALUES = {"FULL": "f", "EMPTY": "", "DOLLAR": "$FULL"}


def _read(
    tmp_path: Path, text: str, environ: dict[str, str] | None = None, *, options: ComposeOptions = _NO_OPTIONS
) -> Project:
    (tmp_path / "compose.yaml").write_text(text)
    return read_compose([tmp_path / "compose.yaml"], options, environ or {})


def _one(tmp_path: Path, section: str, **environ: str) -> ServiceBuild:
    """Read one service with *section*, whose lines are indented here."""
    lines = "".join(f"      {line}\n" for line in section.splitlines())
    text = f"services:\n  web:\n    build:\n{lines}{_SECRETS}"
    (build,) = _read(tmp_path, text, environ).builds
    return build


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$FULL-${FULL}", "f-f"),
        ("$$FULL $${FULL}", "$FULL ${FULL}"),
        ("cost: 5$ $1 $-", "cost: 5$ $1 $-"),
        ("}", "}"),
        ("${EMPTY:-d}${EMPTY-d}${NONE:-d}${NONE-d}${FULL:-d}", "dddf"),
        ("${EMPTY:+r}${EMPTY+r}${NONE+r}${FULL:+r}", "rr"),
        ("${FULL:?no}${EMPTY?no}", "f"),
        ("${NONE:-${EMPTY:-${FULL}}}", "f"),
        ("${FULL:-${NONE:?never asked for}}", "f"),
        ("${NONE:-a $$ b}", "a $ b"),
        ("$DOLLAR", "$FULL"),
        ("${NONE}", ""),
    ],
)
def test_variables(text: str, expected: str) -> None:
    assert Variables(_VALUES).expand(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${NONE:?set it}", "NONE must be set: set it"),
        ("${EMPTY:?}", "EMPTY must be set"),
        ("${NONE?$FULL}", "NONE must be set: f"),
        ("${NONE?\x1b[31m}", "NONE must be set:  [31m"),
        ("${FULL", "is no variable"),
        ("${FULL:-x", "is no variable"),
        ("${FULL/a/b}", "is no variable"),
        ("${}", "names no variable"),
        ("${1}", "names no variable"),
        ("${NONE:-" * 40 + "}" * 40, "deeper"),
    ],
)
def test_variables_that_cannot_be_meant(text: str, said: str) -> None:
    with pytest.raises(UsageError, match="(?s).*".join(said.split(" ", 1)[:1])) as caught:
        Variables(_VALUES).expand(text)
    assert said in caught.value.message


def test_variables_do_not_grow_without_bound() -> None:
    with pytest.raises(LimitExceeded):
        Variables({"LONG": "x" * 100_000}).expand("$LONG" * 20)


def test_variables_that_are_missed() -> None:
    variables = Variables(_VALUES)
    variables.expand("$A ${B} ${C:-d} ${D+e} ${FULL:-$E} $A")
    assert list(variables.missed) == ["A", "B"]


@given(st.text("${}:-?+ abFULL\\", max_size=60))
def test_variables_of_any_text_end(text: str) -> None:
    try:
        Variables(_VALUES).expand(text)
    except UsageError as error:
        assert error.message  # noqa: PT017 (either is right)


def test_files_of_variables(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(
        b"\xef\xbb\xbf# comment\r\n\nA=1 # comment\nB=1# none\nexport C = 'it\\'s $A' # c\nD=\"a\\tb \\$A $A\\n\"\n"
        b'E="two\nlines"\nF=\nG\nH=$OUT-${A}-${NO:-d}\n  # end'
    )
    assert read_dot_env(path, ".env", {"OUT": "o", "A": "2"}) == {
        "A": "1",
        "B": "1# none",
        "C": "it's $A",
        "D": "a\tb $A 2\n",
        "E": "two\nlines",
        "F": "",
        "H": "o-2-d",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nnot a name\n", "line 2: expected NAME=VALUE"),
        ("A='secret", "line 1: the quote ' is not closed"),
        ('A="secret" x', "line 1"),
        ("A=${secret", "line 1"),
        ("=secret", "line 1"),
        ("A=\xff", "not UTF-8"),
    ],
)
def test_files_of_variables_that_cannot_be_meant(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        read_dot_env(path, ".env", {})
    assert said in caught.value.message
    assert "secret" not in caught.value.message


@given(st.text("AB=\"'\\$#{} \n", max_size=60))
def test_files_of_any_variables_end(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_text(text)
    try:
        read_dot_env(path, "any.env", {})
    except ConfigError as error:
        assert "line" in error.message  # noqa: PT017 (either is right)


def test_a_context_alone(tmp_path: Path) -> None:
    (tmp_path / "My.Shop" / "app").mkdir(parents=True)
    (build,) = _read(tmp_path / "My.Shop", "services: {web: {build: app}, db: {image: postgres}}").builds
    assert build == ServiceBuild(
        service="web",
        names=build.names,
        is_named=False,
        context=tmp_path / "My.Shop/app",
        dockerfile=tmp_path / "My.Shop/app/Dockerfile",
    )
    assert [name.familiar for name in build.names] == ["myshop-web:latest"]


def test_everything_that_a_section_can_say(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "s").write_text("of a file")
    build = _one(
        tmp_path,
        "context: ./c\ndockerfile: ../Other\nargs: [A=$V, B, C]\ntarget: t\nlabels: {l: 1.10, m: }\n"
        "platforms: [linux/amd64, linux/arm64]\nsecrets: [file, {source: env, target: e}]\n"
        "additional_contexts: [d=sub, 'i=docker-image://alpine']\ntags: ['x:1', 'web:2']\n"
        "extra_hosts: {h: 10.0.0.1, i: [10.0.0.2, '::1']}\nnetwork: none\nno_cache: true\n"
        "cache_from: [example.com/c, 'type=local,src=d']\ncache_to: ['type=inline']\n"
        "no_cache_filter: [a, b]\npull: yes\nprivileged: false\nx-more: 1\nsbom: false",
        V="v",
        B="b",
        E="of a variable",
    )
    assert (build.context, build.dockerfile) == (tmp_path / "c", tmp_path / "c/../Other")
    assert build.args == {"A": "v", "B": "b"}
    assert build.labels == {"l": "1.10", "m": ""}
    assert build.contexts == {"d": f"{tmp_path}/sub", "i": "docker-image://docker.io/library/alpine:latest"}
    assert build.hosts == (("h", "10.0.0.1"), ("i", "10.0.0.2"), ("i", "::1"))
    assert [name.familiar for name in build.names[1:]] == ["x:1", "web:2"]
    (tmp_path / "Other").write_text("FROM scratch AS t\n")
    request = request_of(build, SharedOptions(build_args=("A=w",)), {"E": "of a variable"})
    assert request.build.build_args == {"A": "w", "B": "b"}
    assert request.platforms == (Platform.parse("linux/amd64"), Platform.parse("linux/arm64"))
    execute = request.execute
    assert execute.secrets == {"file": b"of a file", "e": b"of a variable"}
    assert (execute.network, execute.use_cache, execute.pull) == ("none", False, True)
    assert execute.no_cache_stages == {"a", "b"}
    assert [str(place) for place in execute.cache_from] == ["example.com/c:latest", "d:latest"]
    assert [to.place for to in execute.cache_to] == [None]
    assert (request.build.target, execute.labels) == ("t", build.labels)


def test_a_dockerfile_in_the_file(tmp_path: Path) -> None:
    build = _one(tmp_path, "dockerfile_inline: |\n  FROM scratch\n  LABEL a=$$b")
    request = request_of(build, SharedOptions(), {})
    assert len(request.dockerfile.stages) == 1
    assert request.execute.dockerfile is None
    assert request.execute.context == tmp_path


def test_platforms_of_the_service(tmp_path: Path) -> None:
    text = "services: {web: {platform: linux/arm64, build: {context: ., platforms: [%s]}}}"
    (build,) = _read(tmp_path, text % "").builds
    assert build.platforms == (Platform.parse("linux/arm64"),)
    with pytest.raises(ConfigError, match=r"build\.platforms does not have"):
        _read(tmp_path, text % "linux/amd64")


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        (_NO_OPTIONS, {}, ["a"]),
        (_NO_OPTIONS, {"COMPOSE_PROFILES": "x, y"}, ["a", "b", "c"]),
        (ComposeOptions(profiles=("x",)), {}, ["a", "b"]),
        (ComposeOptions(profiles=("*",)), {}, ["a", "b", "c"]),
        (ComposeOptions(services=("c",)), {}, ["c"]),
    ],
)
def test_services_and_profiles(
    tmp_path: Path, options: ComposeOptions, variables: dict[str, str], expected: list[str]
) -> None:
    text = "services: {a: {build: .}, b: {build: ., profiles: [x]}, c: {build: ., profiles: [y]}, d: {image: d}}"
    project = _read(tmp_path, text, variables, options=options)
    assert [build.service for build in project.builds] == expected


def test_the_names_of_projects(tmp_path: Path) -> None:
    text = "services: {Web: {build: .}}\n"
    for environ, more, expected in (
        ({}, "", "dir-x"),
        ({}, "name: ${N:-of_file}", "of_file"),
        ({"COMPOSE_PROJECT_NAME": "of-variable"}, "name: of-file", "of-variable"),
    ):
        (tmp_path / "Dir-X").mkdir(exist_ok=True)
        project = _read(tmp_path / "Dir-X", text + more, environ)
        assert project.name == expected
        assert project.builds[0].names[0].familiar == f"{expected}-web:latest"


def test_values_of_the_file_of_variables_give_way_to_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nB=2\n")
    build = _one(tmp_path, "args: {a: $A, b: $B, c: $C}", B="3")
    assert build.args == {"a": "1", "b": "3", "c": ""}


def test_an_image_that_is_the_context_of_another(tmp_path: Path) -> None:
    text = (
        "services:\n"
        "  top: {build: {context: ., additional_contexts: {base: 'service:below'}}}\n"
        "  below: {image: 'example.com/below:1', build: {context: ., additional_contexts: {x: 'service:ground'}}}\n"
        "  ground: {build: .}\n  other: {build: .}\n"
    )
    project = _read(tmp_path, text, options=ComposeOptions(services=("top",)))
    assert [build.service for build in project.builds] == ["ground", "below", "top"]
    assert project.builds[2].contexts == {"base": "docker-image://example.com/below:1"}
    with pytest.raises(ConfigError, match=r"need each other's images: (below → top → below|top → below → top)"):
        _read(tmp_path, text.replace("service:ground", "service:top"))


def test_services_that_share_an_image(tmp_path: Path) -> None:
    text = "x-build: &b {context: ., args: {A: 1}}\nservices: {a: {image: i, build: *b}, b: {image: i, build: *b}}"
    assert len(_read(tmp_path, text).builds) == 2
    with pytest.raises(ConfigError, match="a and b build different images of the name i:latest"):
        _read(tmp_path, "services: {a: {image: i, build: .}, b: {image: i, build: {target: x}}}")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("contxt: .", "did you mean context?"),
        ("shm_size: 1g", "build.shm_size is not supported"),
        ("privileged: true", "build.privileged is not supported"),
        ("cache_from: ['type=s3,bucket=b']", "--cache-from type=s3"),
        ("cache_to: ['type=local']", "--cache-to type=local"),
        ("ulimits: {nofile: 1}", "build.ulimits is not supported"),
        ("context: https://example.com/x.git", "is no directory"),
        ("context: none", "is not a directory"),
        ("context: [a]", "has to be a text"),
        ("dockerfile: a\ndockerfile_inline: FROM scratch", "leave one of them out"),
        ("args: text", "has to be a mapping"),
        ("args: {a: [b]}", "has to be a text"),
        ("target: ${A", "is no variable"),
        ("target: ${A:?say which}", "A must be set: say which"),
        ("platforms: [plan9]", "plan9"),
        ("network: bridge", "expected default, none, host"),
        ("extra_hosts: [h]", "no address"),
        ("extra_hosts: ['h:host-gateway']", "no address"),
        ("no_cache: perhaps", "expected true or false"),
        ("secrets: [none]", "there is no secret 'none'"),
        ("secrets: [far]", "the secret 'far' has no content"),
        ("secrets: {a: b}", "has to be a list"),
        ("secrets: [{source: file, mode: 0400}]", "'mode' of a build's secret"),
        ("additional_contexts: {a: 'service:none'}", "there is no service 'none'"),
        ("additional_contexts: {a: 'https://x'}", "not supported"),
        ("tags: ['UPPER']", "UPPER"),
        ("tags: ['a@sha256:" + "0" * 64 + "']", "has a digest"),
    ],
)
def test_sections_that_cannot_be_meant(tmp_path: Path, section: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _one(tmp_path, section)
    assert said in f"{caught.value.message}\n{caught.value.hint}"
    assert caught.value.line is not None
    assert caught.value.line >= 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there are no services"),
        ("services: {}", "no service to build"),
        ("services: {a: {image: b}}", "no service to build"),
        ("services: [a]", "has to be a mapping"),
        ("service: {a: {build: .}}", "did you mean services?"),
        ("name: UP\nservices: {a: {build: .}}", "lower-case"),
        ("services: {'a b': {build: .}}", "no service can have the name"),
        ("services: {a..b: {build: .}}", "invalid reference"),
        ("services: {a: {build: .}, a: {build: .}}", "stands twice"),
        ("services: {a: !reset {build: .}}", "unknown tag"),
        ("services:\n\ta: b", "no tabs"),
    ],
)
def test_files_that_cannot_be_meant(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        _read(tmp_path, text)
    assert said in f"{caught.value.message}\n{caught.value.hint}"


def test_services_that_cannot_be_built(tmp_path: Path) -> None:
    text = "services: {web: {build: .}, db: {image: postgres}}"
    with pytest.raises(UsageError, match="has no service 'webb'") as caught:
        _read(tmp_path, text, options=ComposeOptions(services=("webb",)))
    assert caught.value.hint == "did you mean web?"
    with pytest.raises(UsageError, match="db has no build section"):
        _read(tmp_path, text, options=ComposeOptions(services=("db",)))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_compose([tmp_path / "none.yaml"], ComposeOptions(), {})
    build = _read(tmp_path, text).builds[0]
    with pytest.raises(UsageError, match="Dockerfile of web cannot be read"):
        request_of(build, SharedOptions(), {})
