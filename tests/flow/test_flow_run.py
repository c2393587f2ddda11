"""Flows carried out: images, artifacts, commands, names."""

import os
import stat

import pytest

from smidgen.errors import ConfigError, DockerfileError, StepFailed
from smidgen.oci.platform import Platform
from support.flow_bench import FlowBench


def test_an_artifact_goes_from_one_image_to_the_next(bench: FlowBench) -> None:
    bench.write(
        {
            "Dockerfile.builder": "FROM busybox\nRUN mkdir /out && echo hi > /out/app && chmod 751 /out/app\n",
            "Dockerfile": 'FROM scratch\nCOPY app /app\nCMD ["/app"]\n',
        }
    )
    steps = """
builder:
  name: builder
  dockerfile: Dockerfile.builder
  artifacts: [/out/app]
production:
  name: web:1.0
  depends_on: [builder]
"""
    done = bench.run(steps)
    assert done.made("production").files == {"app": "file 0751 0:0 3"}
    assert (done.step("builder").level, done.step("production").level) == (1, 2)
    # As with Habitus: neither the artifact nor the image that was only on the way is left.
    assert not (bench.directory / "app").exists()
    assert bench.names == ["busybox:latest", "web:1.0"]
    again = bench.run(steps, keep_artifacts=True, keep_all=True)
    assert again.log.began == []
    assert again.step("production").image.digest == done.step("production").image.digest
    app = bench.directory / "app"
    assert (app.read_text(), stat.S_IMODE(app.stat().st_mode)) == ("hi\n", 0o751)
    assert bench.names == ["builder:latest", "busybox:latest", "web:1.0"]


def test_a_directory_is_an_artifact_too(bench: FlowBench) -> None:
    bench.write(
        {"Dockerfile": "FROM busybox\nRUN mkdir -p /d/e && echo 1 > /d/e/f && ln -s e/f /d/l && chmod 0500 /d/e\n"}
    )
    bench.run("a: {name: a, artifacts: ['/d:/to/here/']}", keep_artifacts=True)
    top = bench.directory / "to/here/d"
    assert (top / "e/f").read_text() == "1\n"
    assert os.readlink(top / "l") == "e/f"
    assert stat.S_IMODE((top / "e").stat().st_mode) == 0o700


def test_nobody_gets_rights_from_an_artifact(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\nRUN echo x > /x && chmod 6755 /x\n"})
    bench.run("a: {name: a, artifacts: [/x]}", keep_artifacts=True)
    assert stat.S_IMODE((bench.directory / "x").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        ("true", r"build.yml:4:\d+: the image has no /x"),
        ("mkfifo /x", r"/x is neither a file nor a directory"),
        ("mkdir /x && ln -s /etc/passwd /x/p", r"the symbolic link /x/p leads out of /x, to /etc/passwd"),
        ("mkdir /x && ln -s ../../p /x/p", r"leads out of /x"),
        ("ln -s /x /x", r"symbolic links on the way"),
    ],
)
def test_artifacts_that_cannot_be(bench: FlowBench, commands: str, message: str) -> None:
    bench.write({"Dockerfile": f"FROM busybox\nRUN {commands}\n"})
    with pytest.raises(ConfigError, match=message):
        bench.run("a: {name: a, artifacts: [/x]}")
    assert [path.name for path in bench.directory.iterdir()] == ["Dockerfile"]
    assert bench.names == ["busybox:latest"]


def test_no_artifact_leaves_the_working_directory(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\nRUN echo x > /x\n", "there/x": ""})
    outside = bench.directory.parent / "outside"
    outside.mkdir()
    (bench.directory / "link").symlink_to(outside)
    with pytest.raises(ConfigError, match=r"link leads out of the working directory"):
        bench.run("a: {name: a, artifacts: ['/x:link']}")
    with pytest.raises(ConfigError, match=r"link/deep leads out of the working directory"):
        bench.run("a: {name: a, artifacts: ['/x:link/deep']}")
    (bench.directory / "x").symlink_to(outside / "x")
    with pytest.raises(ConfigError, match=r"x is there already, and is something else"):
        bench.run("a: {name: a, artifacts: [/x]}")
    with pytest.raises(ConfigError, match=r"the context link of 'a' is not below the working directory"):
        bench.run("a: {name: a, context: link}")
    assert list(outside.iterdir()) == []


def test_an_artifact_takes_the_place_of_a_file_and_stays(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\nRUN echo new > /x\n", "x": "old", "d/x": ""})
    bench.run("a: {name: a, artifacts: [/x, '/x:new/er']}")
    assert (bench.directory / "x").read_text() == "new\n"
    assert not (bench.directory / "new").exists()


def test_from_names_another_step(bench: FlowBench) -> None:
    bench.write(
        {
            "base/Dockerfile": "FROM busybox\nENV A=1\nRUN echo $A > /a\n",
            "app/Dockerfile": "FROM base AS two\nRUN cat /a > /b && echo $A >> /b\nFROM scratch\n"
            "COPY --from=base /a /a\nCOPY --from=two /b /b\n",
        }
    )
    steps = """
app: {name: app, context: app}
first: {name: base, context: base}
"""
    # It is in no depends_on: that the Dockerfile says it is enough.
    done = bench.run(steps, uid="u1")
    assert [one.level for one in done.steps] == [2, 1]
    assert done.made("app").content("b") == "1\n1\n"
    assert bench.names == ["app-u1:latest", "busybox:latest"]


def test_a_stage_with_the_name_of_a_step_is_the_stage(bench: FlowBench) -> None:
    bench.write(
        {
            "one/Dockerfile": "FROM busybox\nRUN echo step > /a\n",
            "two/Dockerfile": "FROM base AS base\nRUN echo stage >> /a\nFROM base\nRUN cat /a > /b\n",
        }
    )
    done = bench.run("one: {name: base, context: one}\ntwo: {name: two, context: two}", uid="x")
    assert done.made("two").content("b") == "step\nstage\n"


def test_steps_of_a_level_are_built_side_by_side(bench: FlowBench) -> None:
    wait = "i=0; while [ ! -e /c/{1} ]; do sleep 0.05; i=$((i+1)); [ $i -lt 1200 ]; done"
    run = "FROM busybox\nRUN --mount=type=cache,target=/c,id=flow touch /c/{0}; " + wait + "\n"
    bench.write({"a/Dockerfile": run.format("a", "b"), "b/Dockerfile": run.format("b", "a")})
    done = bench.run("a: {name: a, context: a}\nb: {name: b, context: b}")
    assert [one.level for one in done.steps] == [1, 1]


def test_the_first_failure_ends_the_others(bench: FlowBench) -> None:
    bench.write(
        {"a/Dockerfile": "FROM busybox\nRUN sleep 10000\n", "b/Dockerfile": "FROM busybox\nRUN echo no; exit 7\n"}
    )
    with pytest.raises(StepFailed, match=r"(?s)b/Dockerfile:2:1.*exit code 7.*no") as caught:
        bench.run("a: {name: a, context: a}\nb: {name: b, context: b}")
    assert caught.value.status == 7
    assert bench.names == ["busybox:latest"]


def test_names_are_given_back_after_a_failure(bench: FlowBench) -> None:
    bench.write({"a/Dockerfile": "FROM busybox\nRUN echo 1 > /1\n", "b/Dockerfile": "FROM busybox\nRUN exit 1\n"})
    bench.bench.base("a", [])
    before = bench.image("a").digest
    with pytest.raises(StepFailed):
        bench.run("a: {name: a, context: a}\nb: {name: b, context: b, depends_on: [a]}", keep_all=True)
    assert bench.image("a").digest == before


def test_args_of_the_step_beat_those_of_the_command_line(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\nARG A\nARG B\nRUN echo $A $B > /args\n"})
    done = bench.run("a: {name: a, args: {A: step, C: 1}}", build_args={"A": "line", "B": "line", "D": "1"})
    assert done.made("a").content("args") == "step line\n"
    assert done.log.warnings == ["a: the argument C is not used: the Dockerfile has no ARG C"]


def test_target_context_and_no_cache(bench: FlowBench) -> None:
    bench.write({"sub/D": "FROM busybox AS one\nCOPY f /f\nRUN echo 1\nFROM one\nRUN exit 1\n", "sub/f": "f"})
    steps = "a: {name: a, context: sub, dockerfile: D, target: one, no_cache: true}"
    assert "f" in bench.run(steps).made("a").files
    assert "RUN echo 1" in bench.run(steps).log.began


def test_a_missing_dockerfile_is_named(bench: FlowBench) -> None:
    with pytest.raises(ConfigError, match=r"build.yml:4:5: the Dockerfile of 'a' cannot be read from .*: No such file"):
        bench.run("a: {name: a}")
    bench.write({"Dockerfile": "FRM x\n"})
    with pytest.raises(DockerfileError, match=r"Dockerfile:1:1"):
        bench.run("a: {name: a}")


def test_a_dockerfile_may_be_an_artifact(bench: FlowBench) -> None:
    bench.write({"D": "FROM busybox\nRUN printf 'FROM busybox\\nRUN echo made > /made\\n' > /Dockerfile.made\n"})
    done = bench.run(
        "a: {name: a, dockerfile: D, artifacts: [/Dockerfile.made]}\n"
        "b: {name: b, dockerfile: Dockerfile.made, depends_on: [a]}"
    )
    assert done.made("b").content("made") == "made\n"


def test_a_circle_by_from(bench: FlowBench) -> None:
    bench.write({"a/Dockerfile": "FROM b\n", "b/Dockerfile": "FROM a\n"})
    with pytest.raises(ConfigError, match=r"steps depend on each other: a → b → a"):
        bench.run("a: {name: a, context: a}\nb: {name: b, context: b}")


def test_images_of_another_platform(bench: FlowBench) -> None:
    bench.write(
        {
            "one/Dockerfile": "FROM scratch\nARG TARGETPLATFORM\nCOPY f /$TARGETPLATFORM/\n",
            "one/f": "x",
            "two/Dockerfile": "ARG TARGETARCH\nFROM one-$TARGETARCH AS one\nFROM one\nCOPY --from=one /linux /copied\n",
        }
    )
    steps = "one: {name: one-arm64, context: one}\ntwo: {name: two, context: two}"
    arm = Platform.parse("linux/arm64")
    done = bench.run(steps, platform=arm)
    assert [done.step(label).image.config.platform for label in ("one", "two")] == [arm, arm]
    assert done.step("two").level == 2
