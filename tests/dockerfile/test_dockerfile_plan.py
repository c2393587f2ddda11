"""Which stages are built, what names mean, and what is known of a stage once its base is."""

from collections.abc import Mapping

import pytest

from smidgen.dockerfile.instruction import Doubt
from smidgen.dockerfile.mounts import BindMount, CacheMount, SecretMount, SshMount, TmpfsMount
from smidgen.dockerfile.origins import ImageOrigin, MainContext, NamedContext, ScratchOrigin, StageOrigin
from smidgen.dockerfile.parse import parse
from smidgen.dockerfile.plan import BuildOptions, Plan, plan, unused_build_args
from smidgen.dockerfile.resolve import ResolvedStage, resolve_stage
from smidgen.dockerfile.sources import GitSource, LocalSource, UrlSource
from smidgen.dockerfile.state import state_of_image, state_of_stage
from smidgen.dockerfile.steps import CopyStep, RunStep, WorkdirStep
from smidgen.errors import DockerfileError, UsageError
from smidgen.oci.config import Healthcheck, ImageConfig, RootFS, RunConfig
from smidgen.oci.platform import Platform

AMD64 = Platform.parse("linux/amd64")


def planned(
    text: str,
    *,
    target: str = "",
    build_args: Mapping[str, str] | None = None,
    contexts: Mapping[str, str] | None = None,
    target_platform: Platform = AMD64,
) -> Plan:
    options = BuildOptions(
        build_platform=AMD64,
        target_platform=target_platform,
        target=target,
        build_args=build_args or {},
        contexts=contexts or {},
    )
    return plan(parse(text, name="Dockerfile"), options)


def image(config: RunConfig) -> ImageConfig:
    return ImageConfig(architecture="amd64", os="linux", rootfs=RootFS(type="layers", diff_ids=()), config=config)


def resolved(
    text: str,
    base: RunConfig | None = None,
    *,
    build_args: Mapping[str, str] | None = None,
    target_platform: Platform = AMD64,
) -> ResolvedStage:
    """Resolve the target; every stage on an image is on one with *base*."""
    whole = planned(text, build_args=build_args, target_platform=target_platform)
    found: dict[int, ResolvedStage] = {}
    for stage in whole.stages:
        if isinstance(stage.base, StageOrigin):
            begin = state_of_stage(found[stage.base.index].state)
        else:
            begin = state_of_image(image(base) if base else None, stage.platform or AMD64)
        found[stage.index] = resolve_stage(whole, stage, begin)
    return found[whole.target.index]


def env(result: ResolvedStage) -> dict[str, str]:
    return dict(text.split("=", 1) for text in result.state.config.env or () if not text.startswith("PATH="))


def variables(result: ResolvedStage) -> Mapping[str, str]:
    return {name: value for name, value in result.state.variables.items() if name != "PATH"}


def test_only_what_the_target_needs_is_built() -> None:
    text = (
        "FROM a AS one\nFROM b AS unused\nFROM c AS two\nCOPY --from=one /x /\n"
        "FROM d AS three\nRUN --mount=from=two,target=/m x\n"
    )
    assert [stage.name for stage in planned(text).stages] == ["one", "two", "three"]
    assert [stage.name for stage in planned(text, target="TWO").stages] == ["one", "two"]
    assert [stage.name for stage in planned(text, target="1").stages] == ["unused"]


def test_an_unknown_target_is_told_with_what_is_near() -> None:
    with pytest.raises(UsageError) as caught:
        planned("FROM a AS builder\n", target="bulder")
    assert caught.value.hint == "did you mean builder?"


def test_what_a_base_is() -> None:
    text = "FROM scratch\nFROM alpine AS a\nFROM A\nFROM alpine:3.20 AS alpine\nFROM ctx\nFROM alpine AS x"
    whole = planned(text, contexts={"ctx": "dir", "x": "dir"})
    bases = [stage.base for stage in whole.all_stages]
    assert bases[0] == ScratchOrigin()
    assert isinstance(bases[1], ImageOrigin)
    assert str(bases[1].reference) == "docker.io/library/alpine:latest"
    assert bases[2] == StageOrigin(1)
    assert isinstance(bases[3], ImageOrigin)
    assert bases[4] == NamedContext("ctx")
    assert bases[5] == NamedContext("x")


def test_a_stage_named_as_its_base_begins_with_the_image() -> None:
    (stage,) = planned("FROM alpine AS alpine\nRUN a").stages
    assert isinstance(stage.base, ImageOrigin)


def test_a_named_context_stands_in_for_images_and_stages() -> None:
    contexts = {"alpine": "docker-image://x", "golang:1.23": "dir", "build": "dir"}
    text = "FROM golang:1.23 AS g\nFROM x AS build\nRUN a\nFROM alpine:latest\n"
    text += "COPY --from=build a b\nCOPY --from=golang:1.23 a b"
    whole = planned(text, contexts=contexts)
    assert [stage.base for stage in whole.all_stages] == [
        NamedContext("golang:1.23"),
        NamedContext("build"),
        NamedContext("alpine"),
    ]
    assert whole.all_stages[1].stage.instructions == ()
    assert whole.target.needs == (NamedContext("build"), NamedContext("golang:1.23"))


def test_copy_from_number_name_image() -> None:
    whole = planned("FROM a\nFROM b AS Z\nFROM c\nCOPY --from=0 x y\nCOPY --from=z x y\nCOPY --from=img:1 x y")
    first, second, third = whole.target.needs
    assert (first, second) == (StageOrigin(0), StageOrigin(1))
    assert isinstance(third, ImageOrigin)
    assert str(third.reference) == "docker.io/library/img:1"


def test_a_stage_that_nothing_needs_may_name_a_later_one() -> None:
    whole = planned("FROM a AS x\nCOPY --from=y a b\nRUN --mount=from=2,target=/m y\nFROM b AS y\nFROM y")
    assert [stage.index for stage in whole.stages] == [1, 2]
    assert whole.all_stages[0].needs == (StageOrigin(1), StageOrigin(2))


def test_from_means_an_image_where_the_stage_of_that_name_comes_later() -> None:
    assert isinstance(planned("FROM y AS x\nFROM b AS y\nFROM x").all_stages[0].base, ImageOrigin)


def test_a_context_may_stand_in_for_a_later_stage() -> None:
    whole = planned("FROM a AS x\nCOPY --from=y a b\nFROM b AS y\nFROM x", contexts={"y": "."})
    assert whole.all_stages[0].needs == (NamedContext("y"),)


def test_a_long_cycle_is_found_and_shown_in_short() -> None:
    stages = "".join(f"FROM a AS s{i}\nCOPY --from=s{i + 1} a b\n" for i in range(300))
    with pytest.raises(DockerfileError, match="more") as caught:
        planned(f"{stages}FROM a AS s300\nCOPY --from=s0 a b\n")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("FROM a AS x\nCOPY --from=x a b", 2, "from itself"),
        ("FROM a\nCOPY --from=0 a b", 2, "from itself"),
        ("FROM a\nCOPY --from=7 a b", 2, "there is no stage 7"),
        ("FROM a AS t\nCOPY --from=x a b\nFROM b AS x\nFROM t", 2, "comes after this one"),
        ("FROM a AS t\nRUN --mount=from=2,target=/m y\nFROM b\nFROM c\nFROM t", 2, "comes after this one"),
        ("FROM a AS x\nCOPY --from=y a b\nFROM b AS y\nCOPY --from=x a b\nFROM z", 2, "'x', which needs 'y', which"),
        ("FROM a AS x\nRUN --mount=from=y,target=/m a\nFROM x AS y", 2, "'x', which needs 'y', which needs 'x'"),
        ("FROM a AS x\nFROM x\nCOPY --from=2 a b\nFROM b AS y\nCOPY --from=x a b\nCOPY --from=1 a b", 3, "'stage-1'"),
        ("FROM a\nCOPY --from=$X a b", 2, "has a variable"),
        ("FROM a\nCOPY --from=UP:x:y a b", 2, "invalid reference"),
        ("FROM $X", 1, "is empty"),
        ("FROM Upper/Case", 1, "invalid reference"),
        ("FROM --platform=amd64 a", 1, "invalid platform"),
        ("FROM ${X?needed}", 1, "X: needed"),
        ("ARG A=${\nFROM a", 1, "ends before"),
    ],
)
def test_names_that_mean_nothing(text: str, line: int, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        planned(text)
    assert caught.value.line == line


def test_a_base_whose_variable_is_not_set_says_which() -> None:
    with pytest.raises(DockerfileError) as caught:
        planned("FROM golang:${VERSION}-alpine\n")
    assert caught.value.column == 13
    assert "VERSION is not set" in str(caught.value.hint)


def test_global_args_see_those_before_them_and_the_user_wins() -> None:
    text = "ARG A=1\nARG B=${A}2\nARG C=${B}3\nFROM i:$C\nARG C\nRUN x"
    assert planned(text).target.base_name == "i:123"
    assert planned(text, build_args={"A": "9"}).target.base_name == "i:923"
    assert variables(resolved(text, build_args={"B": "x"})) == {"C": "x3"}


def test_automatic_args() -> None:
    text = "FROM --platform=$BUILDPLATFORM a\nARG BUILDPLATFORM TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT\n"
    text += "ARG TARGETSTAGE\n"
    result = resolved(text, target_platform=Platform.parse("linux/arm/v7"))
    assert result.planned.platform == AMD64
    assert variables(result) == {
        "BUILDPLATFORM": "linux/amd64",
        "TARGETPLATFORM": "linux/arm/v7",
        "TARGETOS": "linux",
        "TARGETARCH": "arm",
        "TARGETVARIANT": "v7",
        "TARGETSTAGE": "default",
    }


def test_a_stage_sees_a_global_arg_only_when_it_asks() -> None:
    text = "ARG A=1 B=2\nFROM i\nARG A\nENV X=$A Y=$B"
    result = resolved(text)
    assert env(result) == {"X": "1", "Y": ""}
    assert [doubt.rule for doubt in result.warnings] == ["UndefinedVar"]


def test_a_stage_inherits_the_args_of_the_stage_it_is_based_on() -> None:
    result = resolved("FROM i AS a\nARG A=1\nENV E=2\nFROM a\nENV X=$A$E\nRUN y")
    assert env(result) == {"E": "2", "X": "12"}
    (run,) = result.work
    assert isinstance(run, RunStep)
    assert run.created_by == "RUN |1 A=1 /bin/sh -c y # buildkit"


def test_one_env_line_sees_what_was_before_it_and_one_arg_line_goes_on() -> None:
    assert env(resolved("FROM i\nENV A=1\nENV A=2 B=$A\n")) == {"A": "2", "B": "1"}
    assert variables(resolved("FROM i\nARG A=1 B=$A\n")) == {"A": "1", "B": "1"}


def test_a_later_arg_beats_env_in_the_build_and_env_stays_in_the_image() -> None:
    result = resolved("FROM i\nENV A=env\nARG A=arg\nRUN x\n")
    assert env(result) == {"A": "env"}
    (run,) = result.work
    assert isinstance(run, RunStep)
    assert dict(run.environment)["A"] == "arg"
    result = resolved("FROM i\nARG A=arg\nENV A=env\nRUN x\n", build_args={"A": "user"})
    (run,) = result.work
    assert isinstance(run, RunStep)
    assert dict(run.environment)["A"] == "env"


def test_proxies_reach_run_without_arg_and_are_apart() -> None:
    text = "FROM i\nRUN x\n"
    (run,) = resolved(text, build_args={"http_proxy": "p", "NO_PROXY": "q"}).work
    assert isinstance(run, RunStep)
    assert dict(run.proxies) == {"http_proxy": "p", "HTTP_PROXY": "p", "NO_PROXY": "q", "no_proxy": "q"}
    assert "http_proxy" not in dict(run.environment)
    (run,) = resolved("FROM i\nARG http_proxy\nRUN x\n", build_args={"http_proxy": "p"}).work
    assert isinstance(run, RunStep)
    assert "http_proxy" not in dict(run.proxies)
    assert dict(run.environment)["http_proxy"] == "p"


def test_unused_build_args() -> None:
    whole = planned("ARG A\nFROM i\nONBUILD ARG B\n", build_args=dict.fromkeys(("A", "B", "C", "HTTP_PROXY"), "1"))
    assert unused_build_args(whole) == ("C",)


def test_workdirs_are_joined_and_the_root_makes_no_layer() -> None:
    result = resolved(
        "FROM i\nWORKDIR a\nWORKDIR b/../c\nWORKDIR /\nUSER u\nWORKDIR ../x\n", RunConfig(working_dir="/base")
    )
    assert [(step.path, step.user) for step in result.work if isinstance(step, WorkdirStep)] == [
        ("/base/a", ""),
        ("/base/a/c", ""),
        ("/x", "u"),
    ]
    assert [entry.empty_layer for entry in result.state.history] == [False, False, True, True, False]


def test_the_config_of_every_instruction() -> None:
    result = resolved(
        "FROM i\nENV P=9\nEXPOSE 80 $P/udp 5-6\nVOLUME /v $P\nUSER a:b\nLABEL x=$P y='a b'\nSTOPSIGNAL SIGKILL\n"
        'SHELL ["bash", "-c"]\nCMD a "b"\nENTRYPOINT ["e"]\nHEALTHCHECK --interval=1s CMD ["t"]\nMAINTAINER me\n'
        "ONBUILD RUN x\n",
        RunConfig(labels={"old": "1"}, exposed_ports={"1/tcp": {}}, cmd=("old",)),
    )
    config = result.state.config
    assert set(config.exposed_ports or ()) == {"1/tcp", "80/tcp", "9/udp", "5/tcp", "6/tcp"}
    assert set(config.volumes or ()) == {"/v", "9"}
    assert config.user == "a:b"
    assert config.labels == {"old": "1", "x": "9", "y": "a b"}
    assert config.stop_signal == "SIGKILL"
    assert config.shell == ("bash", "-c")
    assert config.cmd == ("bash", "-c", 'a "b"')
    assert config.entrypoint == ("e",)
    assert config.healthcheck == Healthcheck(test=("CMD", "t"), interval=1_000_000_000)
    assert config.on_build == ("RUN x",)
    assert result.state.author == "me"
    assert result.steps[-2].created_by == "MAINTAINER me"


def test_entrypoint_clears_the_cmd_of_the_base_alone() -> None:
    base = RunConfig(cmd=("old",))
    assert resolved('FROM i\nENTRYPOINT ["e"]\n', base).state.config.cmd is None
    assert resolved('FROM i\nCMD ["c"]\nENTRYPOINT ["e"]\n', base).state.config.cmd == ("c",)
    assert resolved('FROM i AS x\nCMD ["c"]\nFROM x\nENTRYPOINT ["e"]\n', base).state.config.cmd is None


def test_a_path_is_always_there() -> None:
    assert (resolved("FROM scratch\n").state.config.env or ())[0].startswith("PATH=/usr/local/sbin:")
    assert resolved("FROM i\n", RunConfig(env=("PATH=/x",))).state.config.env == ("PATH=/x",)


def test_onbuild_of_an_image_runs_once_right_after_from() -> None:
    base = RunConfig(on_build=("COPY . /app/", "RUN --mount=from=t,target=/m make", "ARG A=1"))
    result = resolved("FROM x AS t\nFROM i\nRUN own\n", base)
    kinds = [(type(step).__name__, step.from_onbuild) for step in result.steps]
    assert kinds == [("CopyStep", True), ("RunStep", True), ("ConfigStep", True), ("RunStep", False)]
    assert result.state.config.on_build is None
    assert StageOrigin(0) in result.needs


def test_onbuild_of_a_stage_runs_in_the_next_one() -> None:
    result = resolved("FROM i AS a\nONBUILD RUN x\nFROM a\nRUN y\n", RunConfig())
    assert [step.created_by for step in result.work] == ["RUN /bin/sh -c x # buildkit", "RUN /bin/sh -c y # buildkit"]
    assert result.state.config.on_build is None


def test_onbuild_that_cannot_be_read_shows_from() -> None:
    with pytest.raises(DockerfileError, match="cannot be read") as caught:
        resolved("FROM i\nRUN y\n", RunConfig(on_build=("FROM x",)))
    assert caught.value.line == 1


def test_mounts() -> None:
    result = resolved(
        "FROM i\nENV D=/d\nWORKDIR /w\nRUN --mount=target=a --mount=type=cache,dst=$D,uid=5,sharing=locked "
        "--mount=type=tmpfs,target=/t,size=1m --mount=type=secret,id=k,env=K --mount=type=secret,id=s,required "
        "--mount=type=ssh x\n"
    )
    run = result.work[-1]
    assert isinstance(run, RunStep)
    assert [each.mount for each in run.mounts] == [
        BindMount(target="/w/a"),
        CacheMount(target="/d", id="/d", sharing="locked", uid=5),
        TmpfsMount(target="/t", size=1024 * 1024),
        SecretMount(id="k", target=None, env="K"),
        SecretMount(id="s", target="/run/secrets/s", required=True),
        SshMount(),
    ]
    assert [each.origin for each in run.mounts] == [MainContext(), ScratchOrigin(), None, None, None, None]


def test_documents_of_run() -> None:
    text = "FROM i\nRUN <<A\nx $y\nA\nRUN <<-A\n\t#!/bin/python\n\tx\n\tA\nRUN cat <<A - <<-B\nx\nA\n\ty\nB\nRUN a\n"
    plain, script, several, _ = resolved(text).work
    assert isinstance(plain, RunStep)
    assert plain.arguments == ("/bin/sh", "-c", "x $y\n")
    assert isinstance(script, RunStep)
    assert script.arguments == ("/bin/sh", "-c", "/dev/pipes/A")
    assert script.script == ("/dev/pipes/A", "#!/bin/python\nx\n")
    assert isinstance(several, RunStep)
    assert several.arguments[-1] == "cat <<A - <<-B\nx\nA\n\ty\nB"


def test_copies() -> None:
    text = (
        "FROM i\nWORKDIR /w\nENV X=v\nCOPY --chown=$X --chmod=$X a$X /b/ ./\n".replace("--chmod=$X", "--chmod=0750")
        + "COPY <<a <<'b' c/.\n$X '\"$X\"\na\n$X\nb\n"
        + "ADD --keep-git-dir https://h/p/f.tgz?q=1 https://h/r.git#main:sub git@h:r ./d\n"
    )
    first, second, third = (step for step in resolved(text).work if isinstance(step, CopyStep))
    assert first.sources == (LocalSource("av"), LocalSource("/b/"))
    assert (first.destination, first.chown, first.chmod) == ("/w/", "v", "0750")
    assert first.created_by == "COPY --chown=v --chmod=0750 av /b/ ./ # buildkit"
    assert [(each.name, each.text) for each in second.documents] == [("a", 'v \'"v"\n'), ("b", "$X\n")]
    assert second.destination == "/w/c/"
    assert third.sources == (
        UrlSource("https://h/p/f.tgz?q=1", "f.tgz"),
        GitSource("https://h/r.git", ref="main", directory="sub"),
        GitSource("git@h:r"),
    )
    assert (third.destination, third.keep_git_dir) == ("/w/d", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("COPY ../x /", "outside the context"),
        ("COPY a/../../x /", "outside the context"),
        ("COPY /../x /", "outside the context"),
        ("COPY $NOTHING /", "is empty"),
        ("COPY https://h/x /", "cannot fetch"),
        ("COPY --exclude=[a a /", "is malformed"),
        ("COPY --chmod=79 a /", "--chmod is '79'"),
        ("ADD --checksum=sha256:12 https://h/x /", "--checksum is"),
        ("ADD --checksum=sha256:12 x /", "without a remote source"),
        ("COPY <<a/b /\na/b", "cannot be named"),
        ("EXPOSE http", "is no port"),
        ("EXPOSE 10-9", "is no port"),
        ("EXPOSE 70000", "is no port"),
        ("STOPSIGNAL SIGNOTHING", "is no signal"),
        ("VOLUME $NOTHING", "is empty"),
        ('ENV A="${B:?no B}"', "B: no B"),
        ('LABEL a="$', "does not end"),
        ("RUN --mount=type=cache,target=/ x", "over the root"),
        ("RUN --mount=type=cache,target=/x,uid=$X y", "uid is 'me'"),
        ("RUN <<../x\n#!/bin/sh\n../x", "cannot be named"),
    ],
)
def test_values_that_mean_nothing(text: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        resolved(f"FROM i\nENV X=me\n{text}\n")
    assert caught.value.line == 3


def test_a_stage_may_be_named_above_its_root() -> None:
    result = resolved("FROM i AS a\nFROM i\nCOPY --from=a ../x /y\n")
    assert len(result.work) == 1


def test_epoch() -> None:
    assert planned("FROM i\n").source_date_epoch is None
    assert planned("ARG SOURCE_DATE_EPOCH=5\nFROM i\n").source_date_epoch == 5
    assert planned("FROM i\n", build_args={"SOURCE_DATE_EPOCH": "7"}).source_date_epoch == 7
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        planned("FROM i\n", build_args={"SOURCE_DATE_EPOCH": "now"})


def test_doubts_of_expansion_name_what_is_near() -> None:
    result = resolved("FROM i\nENV VERSION=1\nENV X=$VERSIN Y=${Z:-1}\n")
    assert result.warnings == (Doubt("UndefinedVar", "$VERSIN is not set; did you mean VERSION?", "Dockerfile", 3),)


def test_what_is_large_takes_no_more_than_its_size() -> None:
    many = " ".join(f"N{number}=$M{number}" for number in range(3_000))
    result = resolved(f"FROM i\nARG {many}\nENV {many}\nLABEL {many}\n")
    assert len(env(result)) == 3_000
    assert 0 < len(result.warnings) <= 100
    text = "FROM i\nENV A=" + "a" * 100_000 + "\n" + "".join(f"ENV B{number}=$A\n" for number in range(200))
    with pytest.raises(DockerfileError, match="the stage says more than"):
        resolved(text)
