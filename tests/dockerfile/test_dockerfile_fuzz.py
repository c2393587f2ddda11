"""Anything at all: a tree or an error that shows where, soon."""

from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.dockerfile.chmod import parse_chmod
from smidgen.dockerfile.forms import FORMS
from smidgen.dockerfile.ignore import IgnoreRules, parse_rules
from smidgen.dockerfile.instruction import Dockerfile, Instruction
from smidgen.dockerfile.mounts import parse_mount
from smidgen.dockerfile.parse import decode_dockerfile, parse
from smidgen.dockerfile.plan import BuildOptions, plan
from smidgen.dockerfile.ports import parse_ports
from smidgen.dockerfile.resolve import resolve_stage
from smidgen.dockerfile.sources import parse_source
from smidgen.dockerfile.state import state_of_image
from smidgen.errors import DockerfileError, UsageError
from smidgen.oci.platform import Platform

AMD64 = Platform.parse("linux/amd64")
OPTIONS = BuildOptions(build_platform=AMD64, target_platform=AMD64, build_args={"A": "1"})

FLAGS = ["--from=a", "--from=0", "--mount=type=cache,target=/x", "--chown=1", "--link", "--platform=$A", "--", "--x=y"]
PARTS = [
    "a",
    "$A",
    "${A:-b}",
    "${",
    "'",
    '"',
    "\\",
    "\\\n",
    "<<X",
    "<<-'Y'",
    "=",
    "a=b",
    "[",
    '["a", "b"]',
    "AS",
    "\t",
    "é",
]
WORDS = st.sampled_from([*FLAGS, *PARTS, "/", "..", "80", "CMD", "NONE", "http://h/x", "git@h:x.git"])
LINES = st.builds(
    lambda keyword, words: f"{keyword} {' '.join(words)}",
    st.sampled_from([*FORMS, "ONBUILD", "onbuild run", "#", "X", "Y", "", "# escape=`"]),
    st.lists(WORDS, max_size=6),
)
TEXTS = st.lists(LINES, max_size=8).map(lambda lines: "FROM a AS a\n" + "\n".join(lines))


def check_shown(error: DockerfileError, text: str) -> None:
    lines = text.removeprefix("\ufeff").split("\n")
    assert error.line is not None
    assert error.column is not None
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert error.message.splitlines()[-1].endswith("^")
    assert error.hint


def read(text: str) -> Dockerfile | None:
    try:
        return parse(text, name="Dockerfile")
    except DockerfileError as error:
        check_shown(error, text)
        return None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    read(decode_dockerfile(data))


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_any_lines(text: str) -> None:
    dockerfile = read(text)
    if dockerfile is None:
        return
    try:
        planned = plan(dockerfile, OPTIONS)
        for stage in planned.stages:
            resolved = resolve_stage(planned, stage, state_of_image(None, AMD64))
            assert len(resolved.steps) == len(stage.stage.instructions)
    except UsageError as error:
        assert error.hint  # noqa: PT017 (every error says what to do)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_every_instruction_can_be_read_again_from_what_it_is_kept_as(text: str) -> None:
    """ONBUILD keeps a text; to read it again must give the same."""
    dockerfile = read(text)
    if dockerfile is None or dockerfile.directives.escape != "\\":
        return
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            # The escape that ends a file is dropped; what is before it may look like one then.
            if instruction.keyword in {"ONBUILD", "MAINTAINER"} or instruction.location.code.rstrip().endswith("\\"):
                continue
            documents = documents_of(instruction)
            again = parse(f"FROM a\n{instruction.location.code}\n{documents}\n", name="Dockerfile")
            (other,) = again.stages[0].instructions
            assert fields_of(other) == fields_of(instruction)


def documents_of(instruction: Instruction) -> str:
    command = getattr(instruction, "command", None)
    documents = getattr(command, "heredocs", ()) or getattr(instruction, "documents", ())
    return "\n".join(f"{document.content}{document.name}" for document in documents)


def fields_of(instruction: Instruction) -> dict[str, object]:
    names = (name for each in type(instruction).__mro__ for name in getattr(each, "__slots__", ()))
    return {name: getattr(instruction, name) for name in names if name != "location"}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab/*?[]!^-\\# .\n", max_size=40), st.text(alphabet="ab/.", min_size=1, max_size=12))
def test_any_ignore_file(text: str, path: str) -> None:
    try:
        rules = IgnoreRules(parse_rules(text, name=".dockerignore"))
    except DockerfileError as error:
        assert error.hint  # noqa: PT017
        return
    clean = "/".join(part for part in path.split("/") if part not in {"", ".", ".."})
    assert rules.hides(clean) in {True, False}
    assert rules.hides_all(clean) in {True, False}


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='abtypecache=,"$:/-+x0719\n', max_size=30))
def test_any_value(text: str) -> None:
    for reader in (parse_chmod, parse_ports, parse_source, lambda value: parse_mount(value, str)):
        try:
            reader(text)
        except UsageError as error:
            assert error.hint  # noqa: PT017
