"""Instructions: their forms, and what is refused with a caret under the fault."""

import pytest

from smidgen.dockerfile.instruction import (
    Add,
    Arg,
    Cmd,
    CommandLine,
    Copy,
    Dockerfile,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Heredoc,
    Instruction,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
)
from smidgen.dockerfile.parse import parse
from smidgen.errors import DockerfileError


def read(text: str) -> Dockerfile:
    return parse(text, name="Dockerfile")


def one(text: str) -> Instruction:
    (instruction,) = read(f"FROM base\n{text}\n").stages[0].instructions
    return instruction


def test_stages_have_numbers_and_names_in_lower_case() -> None:
    dockerfile = read("ARG V=1 W\nFROM golang:$V AS Build\nRUN a\nfrom --platform=$BUILDPLATFORM scratch\n")
    assert [stage.name for stage in dockerfile.stages] == ["build", "stage-1"]
    assert dockerfile.meta_args[0].variables == (("V", "1"), ("W", None))
    assert dockerfile.stages[0].from_.base == "golang:$V"
    assert dockerfile.stages[1].from_.platform == "$BUILDPLATFORM"


def test_run_in_both_forms() -> None:
    run = one("RUN echo  'a  b' \\\n  && c")
    assert isinstance(run, Run)
    assert run.command == CommandLine(("echo  'a  b'   && c",), is_shell=True)
    run = one('RUN [ "a", "b c" ]  ')
    assert isinstance(run, Run)
    assert run.command == CommandLine(("a", "b c"), is_shell=False)
    run = one("RUN [ 'a' ]")
    assert isinstance(run, Run)
    assert run.command == CommandLine(("[ 'a' ]",), is_shell=True)


def test_run_flags() -> None:
    run = one("RUN --mount=type=cache,target=/c --mount=type=secret,id=k --network=none --security=insecure make")
    assert isinstance(run, Run)
    assert run.mounts == ("type=cache,target=/c", "type=secret,id=k")
    assert (run.network, run.security) == ("none", "insecure")


def test_documents_of_run_copy_and_add() -> None:
    run = one("RUN 3<<A <<-'B' cat\n$x\nA\n\t\ty\n\tB")
    assert isinstance(run, Run)
    first, second = run.command.heredocs
    assert first == Heredoc("A", "$x\n", expands=True, strips_tabs=False, descriptor=3)
    assert second == Heredoc("B", "\t\ty\n", expands=False, strips_tabs=True)
    assert second.text == "y\n"
    copy = one('COPY --chmod=755 <<a.sh <<"b.sh" other /bin/\nx\na.sh\nFROM\nb.sh')
    assert isinstance(copy, Copy)
    assert [(each.name, each.content, each.expands) for each in copy.documents] == [
        ("a.sh", "x\n", True),
        ("b.sh", "FROM\n", False),
    ]
    assert (copy.sources, copy.destination, copy.chmod) == (("other",), "/bin/", "755")


def test_documents_only_where_they_are_meant() -> None:
    for text in (
        'RUN ["a", "<<X"]',
        "CMD cat <<X",
        "RUN echo $((1<<2))",
        "RUN a <<< b",
        "RUN echo '<<X'",
        'RUN "<<X"',
    ):
        assert one(text)


def test_copy_and_add_flags() -> None:
    copy = one("COPY --from=build --chown=1:2 --chmod=u+x --link --parents --exclude=*.o --exclude=a/** x y /z/")
    assert isinstance(copy, Copy)
    assert (copy.from_, copy.chown, copy.chmod, copy.link, copy.parents) == ("build", "1:2", "u+x", True, True)
    assert copy.exclude == ("*.o", "a/**")
    assert (copy.sources, copy.destination) == (("x", "y"), "/z/")
    add = one('ADD --checksum=sha256:ab --keep-git-dir=false --unpack=true ["https://h/a b", "/z"]')
    assert isinstance(add, Add)
    assert (add.checksum, add.keep_git_dir, add.unpack) == ("sha256:ab", False, True)
    assert add.sources == ("https://h/a b",)


def test_pairs_in_both_forms() -> None:
    env = one("ENV a=1 b=\"2 3\" c=x\\ y d='' \\\n  e==")
    assert isinstance(env, Env)
    assert env.pairs == (("a", "1"), ("b", '"2 3"'), ("c", "x\\ y"), ("d", "''"), ("e", "="))
    env = one("ENV a   b  c=d")
    assert isinstance(env, Env)
    assert env.pairs == (("a", "b  c=d"),)
    assert env.legacy
    label = one('LABEL "a b"="c" d=e')
    assert isinstance(label, Label)
    assert label.pairs == (('"a b"', '"c"'), ("d", "e"))


def test_the_others() -> None:
    assert one("ARG a b=1 c=") == Arg(
        location=one("ARG a b=1 c=").location, variables=(("a", None), ("b", "1"), ("c", ""))
    )
    for text, kind, name, value in (
        ("WORKDIR /a b", Workdir, "path", "/a b"),
        ("USER a:b", User, "user", "a:b"),
        ("STOPSIGNAL SIGTERM", Stopsignal, "signal", "SIGTERM"),
        ("EXPOSE 80 53/udp $P", Expose, "ports", ("$P", "53/udp", "80")),
        ("VOLUME /a /b", Volume, "paths", ("/a", "/b")),
        ('VOLUME ["/a b"]', Volume, "paths", ("/a b",)),
        ('SHELL ["/bin/bash", "-c"]', Shell, "words", ("/bin/bash", "-c")),
        ("MAINTAINER A B <c>", Maintainer, "name", "A B <c>"),
        ("CMD", Cmd, "command", CommandLine((), is_shell=True)),
        ("CMD []", Cmd, "command", CommandLine((), is_shell=False)),
        ("ENTRYPOINT a b", Entrypoint, "command", CommandLine(("a b",), is_shell=True)),
    ):
        instruction = one(text)
        assert isinstance(instruction, kind)
        assert getattr(instruction, name) == value


def test_healthcheck() -> None:
    check = one("HEALTHCHECK --interval=1m30s --timeout=3s --start-period=1s --start-interval=5ms --retries=4 CMD a b")
    assert isinstance(check, Healthcheck)
    assert check.command == CommandLine(("a b",), is_shell=True)
    assert (check.interval, check.timeout) == (90_000_000_000, 3_000_000_000)
    assert (check.start_period, check.start_interval, check.retries) == (1_000_000_000, 5_000_000, 4)
    none = one("HEALTHCHECK none")
    assert isinstance(none, Healthcheck)
    assert none.command is None


def test_onbuild_keeps_its_text_and_its_documents() -> None:
    onbuild = one("ONBUILD RUN <<X cat\na\nX")
    assert isinstance(onbuild, Onbuild)
    assert onbuild.expression == "RUN <<X cat\na\nX"
    assert isinstance(onbuild.trigger, Run)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "there is no FROM"),
        ("RUN a", 1, 1, "RUN before FROM"),
        ("FORM a", 1, 1, "no instruction 'FORM'"),
        ("FROM", 1, 5, "FROM has one base"),
        ("FROM a b", 1, 8, "FROM has one base"),
        ("FROM a AS 1b", 1, 11, "no name of a stage"),
        ("FROM --platfrom=x a", 1, 6, "no flag --platfrom"),
        ("FROM --platform a", 1, 6, "has no value"),
        ("FROM a\nRUN", 2, 4, "needs a command"),
        ("FROM a\nRUN --mount=type=cache,target=/x,shared=1 a", 2, 5, "no key 'shared'"),
        ("FROM a\nRUN --mount=type=bind,from=$x,target=/x a", 2, 5, "has a variable"),
        ("FROM a\nRUN --network=lan a", 2, 5, "--network is 'lan'"),
        ("FROM a\nRUN --device=x a", 2, 5, "not supported"),
        ("FROM a\nCOPY a", 2, 6, "a source and a destination"),
        ("FROM a\nCOPY --link=x a b", 2, 6, "expected true or false"),
        ("FROM a\nCOPY --chown=1 --chown=2 a b", 2, 16, "stands twice"),
        ("FROM a\nCOPY --checksum=1 a b", 2, 6, "no flag --checksum"),
        ("FROM a\nCOPY a <<X\nX", 2, 6, "cannot be the destination"),
        ("FROM a\nENV", 2, 4, "needs NAME=VALUE"),
        ("FROM a\nENV a", 2, 5, "has no value"),
        ("FROM a\nENV a=1 \\\n  b", 3, 3, "is not NAME=VALUE"),
        ("FROM a\nENV =1", 2, 5, "no name before ="),
        ("FROM a\nWORKDIR --x /a", 2, 9, "no flag --x"),
        ("FROM a\nWORKDIR", 2, 8, "needs a path"),
        ("FROM a\nHEALTHCHECK curl", 2, 13, "expected CMD or NONE"),
        ("FROM a\nHEALTHCHECK --retries=x CMD a", 2, 13, "--retries is 'x'"),
        ("FROM a\nHEALTHCHECK --interval=3 CMD a", 2, 13, "invalid duration"),
        ("FROM a\nSHELL /bin/sh", 2, 7, "needs a JSON list"),
        ("FROM a\nCMD [1]", 2, 5, "else than strings"),
        ("FROM a\nONBUILD ONBUILD RUN a", 2, 9, "cannot trigger ONBUILD"),
        ("FROM a\nONBUILD FROM b", 2, 9, "cannot trigger FROM"),
        ("FROM a\nONBUILD", 2, 8, "needs an instruction"),
        ("FROM a\nRUN <<X\ntext", 2, 5, "does not end before the file does"),
        ("FROM a\nRUN a\x00", 2, 6, "a NUL"),
        ("FROM a\nRUN <<X\nab\x00\nX", 3, 3, "a NUL"),
        ("# escape=x\nFROM a", 1, 10, "the escape character is 'x'"),
        ("# escape=`\n# ESCAPE=`\nFROM a", 2, 3, "stands twice"),
    ],
)
def test_faults_show_where(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        read(text)
    error = caught.value
    assert (error.line, error.column) == (line, column)
    shown = error.message.splitlines()
    assert shown[-1].endswith("^")
    assert shown[-1].index("^") == 2 + column - 1


def test_an_error_is_harmless_to_a_terminal() -> None:
    with pytest.raises(DockerfileError) as caught:
        read("FROM a\nCOPY \x1b[31mred")
    assert "\x1b" not in caught.value.message


def test_a_very_long_line_is_cut_around_the_fault() -> None:
    with pytest.raises(DockerfileError) as caught:
        read("FROM a\nENV a=1 " + "b=2 " * 500 + "oops " + "c=3 " * 500)
    shown, caret = caught.value.message.splitlines()[1:3]
    assert len(shown) < 130
    assert shown[caret.index("^") :].startswith("oops")


def test_doubts_have_the_names_of_buildkit() -> None:
    dockerfile = read(
        "FROM a AS B\nmaintainer x\nENV TOKEN=1\nENV a b\nWORKDIR x\nCMD a\nCMD b\nRUN a \\\n\n b\nfrom c As d\n"
    )
    assert [(doubt.rule, doubt.line) for doubt in dockerfile.warnings] == [
        ("NoEmptyContinuation", 9),
        ("ConsistentInstructionCasing", 2),
        ("ConsistentInstructionCasing", 11),
        ("StageNameCasing", 1),
        ("MaintainerDeprecated", 2),
        ("SecretsUsedInArgOrEnv", 3),
        ("LegacyKeyValueFormat", 4),
        ("JSONArgsRecommended", 6),
        ("JSONArgsRecommended", 7),
        ("MultipleInstructionsDisallowed", 7),
        ("FromAsCasing", 11),
    ]
