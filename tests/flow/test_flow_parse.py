"""Build files: what they mean, and what is an error."""

import pytest

from smidgen.errors import ConfigError
from smidgen.flow.build_file import Flow
from smidgen.flow.levels import levels
from smidgen.flow.parse import parse_flow

_ALL = """\
build:
  version: 2016-03-14 # of the schema
  work_dir: .
  steps:
    builder:
      name: builder
      dockerfile: Dockerfile.builder
      context: sub
      target: compile
      no_cache: yes
      args:
        NAME: value
        NUMBER: 0755
        EMPTY:
      secrets:
        key:
          type: file
          value: _env(HOME)/.ssh/key
        token:
          type: env
          value: TOKEN
      artifacts:
        - /go/app
        - /go/dist:/out/here
      cleanup:
        commands:
          - rm -rf /root/.ssh
      command: upload --key=_env(KEY) /app
      after_build_command: echo done
    deployment:
      name: ironmountain:1.0
      depends_on:
        - builder
    uploader:
      name: uploader
      depends_on: [ironmountain:1.0, builder]
"""


def _flow(steps: str, *, version: str = "2016-03-14", **env: str) -> Flow:
    return parse_flow(f"build:\n  version: {version}\n  steps:\n{steps}", env)


def _levels(flow: Flow) -> list[list[str]]:
    return [[step.label for step in level] for level in levels(flow, {s.label: s.depends_on for s in flow.steps})]


def test_everything_that_a_step_has() -> None:
    flow = parse_flow(_ALL, {"HOME": "/home/me", "KEY": "k3y"})
    step = flow.step("builder")
    assert (step.name.familiar, step.called) == ("builder:latest", "builder")
    assert (step.dockerfile, step.context, step.target, step.no_cache) == ("Dockerfile.builder", "sub", "compile", True)
    assert step.args == {"NAME": "value", "NUMBER": "0755", "EMPTY": ""}
    assert [(one.provider, one.name, one.value) for one in step.secrets] == [
        ("file", "key", "/home/me/.ssh/key"),
        ("env", "token", "TOKEN"),
    ]
    assert [(one.source, one.target) for one in step.artifacts] == [("/go/app", "app"), ("/go/dist", "out/here/dist")]
    assert [one.value for one in step.cleanup] == ["rm -rf /root/.ssh"]
    assert step.command is not None
    assert (step.command.value, step.command.written) == ("upload --key=k3y /app", "upload --key=_env(KEY) /app")
    assert step.after_build_command is not None
    assert flow.step("deployment").dockerfile == "Dockerfile"


def test_depends_on_names_labels_or_images() -> None:
    flow = parse_flow(_ALL, {"HOME": "", "KEY": ""})
    assert flow.step("uploader").depends_on == ("deployment", "builder")
    assert _levels(flow) == [["builder"], ["deployment"], ["uploader"]]


def test_the_unique_id_is_part_of_the_name_and_not_of_the_tag() -> None:
    text = (
        "build: {version: 2016-02-13, steps: {a: {name: 'localhost:5000/me/app:1.0'}, b: {name: web, depends_on: [a]}}}"
    )
    flow = parse_flow(text, {}, uid="X1")
    assert [step.name.familiar for step in flow.steps] == ["localhost:5000/me/app-x1:1.0", "web-x1:latest"]
    assert [step.called for step in flow.steps] == ["localhost:5000/me/app:1.0", "web"]


def test_levels_are_those_of_the_graph() -> None:
    flow = _flow(
        "    d: {name: d, depends_on: [b, c]}\n    b: {name: b, depends_on: [a]}\n    a: {name: a}\n"
        "    c: {name: c, depends_on: [a]}\n    e: {name: e}\n"
    )
    assert _levels(flow) == [["a", "e"], ["b", "c"], ["d"]]


def test_a_circle_is_shown() -> None:
    flow = _flow(
        "    a: {name: a, depends_on: [c]}\n    b: {name: b, depends_on: [a]}\n    c: {name: c, depends_on: [b]}\n"
    )
    with pytest.raises(ConfigError, match=r"build.yml:4:5: steps depend on each other: a → c → b → a"):
        _levels(flow)


def test_what_a_variable_holds_cannot_become_yaml() -> None:
    flow = _flow("    a: {name: a, command: _env(X)}\n", X="b\n    c: {name: c}")
    assert [step.label for step in flow.steps] == ["a"]
    assert flow.steps[0].command is not None
    assert flow.steps[0].command.value == "b\n    c: {name: c}"


_STEP = "    a:\n      name: a\n"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("    a: {name: a, dockerfle: x}\n", r"4:18: a step has no key 'dockerfle'"),
        ("    a: {}\n", r"4:5: the step 'a' has no name"),
        ("    a: {name: A}\n", r"4:15: .*upper case"),
        ("    a: {name: a}\n    b: {name: 'a:latest'}\n", r"5:15: the name a:latest is that of the step 'a' too"),
        ("    a: {name: a}\n    a: {name: b}\n", r"5:5: the key 'a' stands twice"),
        ("    a: {name: a, depends_on: [b]}\n", r"4:31: there is no step 'b'"),
        ("    a: {name: a, depends_on: b}\n", r"4:30: depends_on has to be a list"),
        ("    a: {name: a, artifacts: ['/a:../b']}\n", r"4:30: '../b' is not below the working directory"),
        ("    a: {name: a, artifacts: ['/a:b:c']}\n", r"4:30: expected SOURCE\[:DIRECTORY\]"),
        ("    a: {name: a, artifacts: ['/']}\n", r"4:30: '/' is no file of the image"),
        ("    a: {name: a, context: ../x}\n", r"4:27: context is '../x', which is not below"),
        ("    a: {name: a, context: /etc}\n", r"4:27: context is '/etc', which is not below"),
        ("    a: {name: a, dockerfile: ../../x}\n", r"4:30: dockerfile is '../../x', which is not below"),
        ("    a: {name: a, no_cache: maybe}\n", r"4:28: no_cache is 'maybe'"),
        ("    a: {name: a, command: _env(NOT)}\n", r"4:27: _env\(NOT\): there is no variable 'NOT'"),
        ("    a: {name: a, args: {_env(X): b}}\n", r"4:25: _env\(\) can stand in values, not in keys"),
        ("    a: {name: a, command: ''}\n", r"4:27: command is empty"),
        ("    a: {name: a, cleanup: {command: [x]}}\n", r"4:28: cleanup has no key 'command'"),
        ("    a: {name: a, secrets: {s: {type: vault, value: x}}}\n", r"4:38: the secret 's' has the type 'vault'"),
        ("    a: {name: a, secrets: {s: {type: env}}}\n", r"4:28: the secret 's' has no value"),
        ('    "a\\e[2J": {name: a}\n', r"4:5: the step 'a.x1b\[2J' has no name that can be shown"),
        ("    a: x\n", r"4:8: the step 'a' has to be a mapping"),
        ("", r"there are no steps"),
    ],
)
def test_what_is_wrong_is_shown_where_it_stands(steps: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _flow(steps)


def test_secrets_came_with_the_second_version() -> None:
    steps = "    a: {name: a, secrets: {s: {type: env, value: X}}}\n"
    assert _flow(steps).secrets
    with pytest.raises(ConfigError, match=r"4:18: version 2016-02-13 has no secrets"):
        _flow(steps, version="2016-02-13")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no build"),
        ("steps: {}\n", "1:1: a build file has no key 'steps'"),
        ("build: {steps: {a: {name: a}}}\n", "there is no version"),
        ("build: {version: 2017-01-01, steps: {a: {name: a}}}\n", "the version is '2017-01-01'"),
        ("build: [\n", "not YAML"),
    ],
)
def test_a_file_that_is_no_build_file(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_flow(text, {})


def test_the_caret_stands_under_the_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        _flow("    a:\n      nme: a\n")
    assert str(caught.value).splitlines() == [
        "build.yml:5:7: a step has no key 'nme'",
        "        nme: a",
        "        ^",
    ]
    assert caught.value.hint == "did you mean name?"
