"""Commands in images and on this machine, cleaning up and squashing."""

import pytest

from smidgen.errors import ConfigError, StepFailed
from support.flow_bench import FlowBench

_KEY = """FROM busybox
RUN echo key > /key && mkdir /keep && echo 1 > /keep/one && rm /etc/group
RUN rm -r /tmp && mkdir /new
"""


def test_cleanup_leaves_one_layer_without_what_it_removed(bench: FlowBench) -> None:
    bench.write({"Dockerfile": f"{_KEY}ENV A=1\n"})
    steps = "a: {name: a, artifacts: [/key], cleanup: {commands: [rm /key, rm -f /bin/vi, touch /keep/two]}}"
    with pytest.raises(ConfigError, match=r"the image has no /key"):
        bench.run(steps)
    made = bench.run(steps.replace("/key]", "/keep/two]", 1)).made("a")
    base = bench.image("busybox")
    assert made.image.layers[:1] == base.layers
    assert len(made.image.layers) == 2
    files = made.files
    assert {"keep", "keep/one", "keep/two", "new", "etc/passwd"} <= files.keys()
    assert not {"key", "tmp", "etc/group", "bin/vi"} & files.keys()
    with made.image.open_layer(made.image.layers[1]) as stream:
        assert b"key\n" not in stream.read().replace(b".key", b"")
    assert made.run.env is not None
    assert "A=1" in made.run.env
    history = made.image.config.history or ()
    assert sum(not entry.empty_layer for entry in history) == 2
    assert history[-1].created_by == "cleanup"


def test_squashing_gives_the_same_digest_again(bench: FlowBench) -> None:
    bench.write({"Dockerfile": _KEY})
    steps = "a: {name: a, cleanup: {commands: [rm /key]}}"
    assert bench.run(steps).step("a").image.digest == bench.run(steps, use_cache=False).step("a").image.digest


def test_squashing_says_as_much_as_the_layers_did(bench: FlowBench) -> None:
    bench.write(
        {
            "Dockerfile": "FROM busybox\nRUN rm -r /home && mkdir /home && echo new > /home/new\n"
            "RUN rm /bin/vi && mkdir /bin/vi && echo 1 > /bin/vi/1 && rm -r /root && echo file > /root\n"
            "RUN chmod 700 /tmp && chown 1:2 /etc/passwd 2>/dev/null; ln /home/new /home/same; ln -s x /link\n"
        }
    )
    made = bench.run("a: {name: a}").made("a").files
    squashed = bench.run("a: {name: a, cleanup: {commands: ['true']}}").made("a")
    assert len(squashed.image.layers) == 2
    assert squashed.files == made


def test_an_image_from_scratch_is_squashed_whole(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox AS b\nFROM scratch\nCOPY --from=b /bin /bin\nCOPY x /x\n", "x": "1"})
    made = bench.run("a: {name: a, cleanup: {commands: [/bin/busybox rm /x]}}").made("a")
    assert len(made.image.layers) == 1
    assert "x" not in made.files


def test_no_cleanup(bench: FlowBench) -> None:
    bench.write({"Dockerfile": _KEY})
    done = bench.run("a: {name: a, cleanup: {commands: [rm /key]}}", cleanup=False)
    assert "key" in done.made("a").files


def test_a_cleanup_that_fails_ends_the_flow(bench: FlowBench) -> None:
    bench.write({"Dockerfile": _KEY})
    with pytest.raises(
        StepFailed, match=r"(?s)build.yml:4:39: the command failed: exit code 1\n.*\^\n.*rm: can't remove"
    ):
        bench.run("a: {name: a, cleanup: {commands: [rm /not]}}")
    assert bench.names == ["busybox:latest"]


def test_a_command_runs_in_the_image_as_the_image_says(bench: FlowBench) -> None:
    bench.write({"Dockerfile": 'FROM busybox\nENV A=1\nUSER app\nWORKDIR /home\nENTRYPOINT ["/bin/false"]\n'})
    done = bench.run("a: {name: a, command: \"sh -c 'id -un; pwd; echo $A _env(B)'\"}", env={"B": "b c"})
    assert done.log.lines == ["app", "/home", "1 b c"]
    # What a command does is not in the image.
    assert done.log.began[-1] == "sh -c 'id -un; pwd; echo $A _env(B)'"


def test_what_a_command_changes_is_not_in_the_image(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\n"})
    done = bench.run("a: {name: a, command: touch /made}")
    assert "made" not in done.made("a").files


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        ("sh -c 'echo why; exit 3'", StepFailed, r"(?s)build.yml:4:28: the command failed: exit code 3.*\^.*why"),
        ("/not/there", ConfigError, r"build.yml:4:28: .*/not/there"),
        ("echo 'x", ConfigError, r"build.yml:4:28: the command is not complete"),
    ],
)
def test_a_command_that_fails_ends_the_flow(
    bench: FlowBench, command: str, error: type[Exception], message: str
) -> None:
    bench.write({"Dockerfile": "FROM busybox\n"})
    with pytest.raises(error, match=message):
        bench.run(f'a: {{name: a, command: "{command}"}}'.replace("command: ", "command:  "))


def test_a_command_that_takes_too_long(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\n"})
    with pytest.raises(StepFailed, match=r"it took more than 0\.5 seconds"):
        bench.run("a: {name: a, command: sleep 1000}", timeout=0.5)


def test_after_build_commands_run_only_when_they_may(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\nRUN echo 1 > /x\n"})
    steps = "a: {name: a, artifacts: [/x], after_build_command: 'cat x; pwd; echo $V > made'}"
    log = bench.run(steps).log
    assert log.warnings == ["the after_build_command of a is not run: give --after-build-commands"]
    assert not (bench.directory / "made").exists()
    done = bench.run(steps, after_build_commands=True, environ={"V": "v", "PATH": "/bin"})
    assert done.log.lines == ["1", str(bench.directory)]
    assert (bench.directory / "made").read_text() == "v\n"


def test_an_after_build_command_that_fails(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\n"})
    with pytest.raises(StepFailed, match=r"(?s)build.yml:4:39: the command failed: exit code 4.*why") as caught:
        bench.run("a: {name: a, after_build_command: 'echo why; exit 4'}", after_build_commands=True)
    assert caught.value.status == 4
    assert bench.names == ["busybox:latest"]


def test_an_after_build_command_that_takes_too_long_or_goes_on(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\n"})
    with pytest.raises(StepFailed, match=r"(?s)it took more than 3 seconds.*begun"):
        bench.run("a: {name: a, after_build_command: echo begun; sleep 1000}", after_build_commands=True, timeout=3)
    steps = "a: {name: a, after_build_command: 'exec 2>&1; sleep 5 & echo on'}"
    assert bench.run(steps, after_build_commands=True).log.lines == ["on"]
