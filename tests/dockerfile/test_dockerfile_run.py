"""RUN: what a command gets to see, and what it leaves."""

from pathlib import Path

import pytest

from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.errors import DockerfileError, StepFailed
from support.dockerfile_bench import Bench


def test_what_a_command_sees(bench: Bench) -> None:
    made = bench.build(
        "FROM busybox\nARG GIVEN=arg\nENV SET=env\n"
        "RUN id; env | sort; umask; hostname; grep Cap /proc/self/status; ls /dev; wc -c < /etc/resolv.conf\n"
    )
    lines = made.log.lines
    assert lines[0] == "uid=0(root) gid=0(root) groups=0(root)" or lines[0] == "uid=0(root) gid=0(root)"
    assert {"GIVEN=arg", "SET=env", "HOME=/root", "0022"} <= set(lines)
    assert "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" in lines
    assert "CapEff:\t00000000a00425fb" in lines or "CapEff:\t00000000a80425fb" in lines
    assert {"null", "urandom", "pts", "shm"} <= set(lines)
    # An ARG is in the environment of commands, and not in that of the image.
    assert made.run.env is not None
    assert [line for line in made.run.env if line.startswith(("GIVEN", "SET"))] == ["SET=env"]


def test_nothing_of_the_surroundings_is_left(bench: Bench) -> None:
    made = bench.build("FROM busybox\nRUN --mount=type=tmpfs,target=/mnt/x/y touch /mnt/x/y/z && touch /made\n")
    new = bench.build("FROM busybox\n").files
    assert made.files.items() - new.items() == {("made", "file 0644 0:0")}
    assert set(new) - set(made.files) == set()


def test_a_command_that_changes_nothing_makes_an_empty_layer(bench: Bench) -> None:
    made = bench.build("FROM busybox\nRUN true\n")
    assert made.image.diff_ids[-1] == "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


def test_user_and_its_groups(bench: Bench) -> None:
    made = bench.build("FROM busybox\nUSER app\nWORKDIR /home/app\nRUN id && echo $HOME && touch mine\n")
    assert made.log.lines == ["uid=1000(app) gid=1000(app) groups=50(staff),1000(app)", "/home/app"]
    assert made.files["home/app/mine"] == "file 0644 1000:1000"


def test_an_unknown_user_is_named_with_its_line(bench: Bench) -> None:
    with pytest.raises(DockerfileError, match=r"(?s)Dockerfile:3:1: user 'ghost' is not in the image.*RUN true"):
        bench.build("FROM busybox\nUSER ghost\nRUN true\n")


def test_whiteouts_and_replaced_directories(bench: Bench) -> None:
    made = bench.build(
        "FROM busybox\n"
        "RUN mkdir /d /e && echo 1 > /d/one && echo 2 > /d/two && echo 3 > /e/three\n"
        "RUN rm /d/one && rm -r /e && mkdir /e && echo 4 > /e/four && rm /etc/group\n"
    )
    names = {path for path in made.files if path.startswith(("d", "e"))}
    assert names == {"d", "d/two", "e", "e/four", "etc", "etc/passwd"}


def test_hard_links_owners_modes_and_attributes(bench: Bench) -> None:
    made = bench.build(
        "FROM busybox\n"
        "RUN echo x > /a && ln /a /b && mkfifo /p && ln -s nowhere /l && chown 12:34 /a && chmod 4751 /a\n"
    )
    found = made.files
    assert found["a"] == "file 4751 12:34 2"
    assert found["b"] == "hardlink 4751 12:34 -> a"
    assert found["p"] == "fifo 0644 0:0"
    assert found["l"] == "symlink 0777 0:0 -> nowhere"


def test_heredocs_run_as_scripts(bench: Bench) -> None:
    made = bench.build(
        "FROM busybox\nRUN <<EOF\necho one > /one\necho two > /two\nEOF\n"
        "RUN <<EOF\n#!/bin/busybox sh\necho $0 > /name\nEOF\n"
        "RUN cat > /three <<EOF\n3\nEOF\n"
    )
    assert (made.content("one"), made.content("two"), made.content("three")) == ("one\n", "two\n", "3\n")


def test_cache_mounts_are_kept_and_not_in_the_image(bench: Bench) -> None:
    text = (
        "FROM busybox\nARG N\nRUN --mount=type=cache,target=/c,id=mine,mode=0700,uid=5 echo $N >> /c/log; cat /c/log\n"
    )
    bench.build(text, args={"N": "1"})
    made = bench.build(text, args={"N": "2"})
    assert made.log.lines == ["1", "2"]
    assert "c" not in made.files


def test_bind_mounts_of_context_stage_and_image(bench: Bench) -> None:
    bench.write({"src/a": "context\n"})
    made = bench.build(
        "FROM busybox AS other\nRUN mkdir /o && echo other > /o/f\n"
        "FROM busybox\n"
        "RUN --mount=type=bind,source=src,target=/m cat /m/a && ! touch /m/b\n"
        "RUN --mount=type=bind,source=src,target=/m,rw touch /m/b && ls /m\n"
        "RUN --mount=type=bind,from=other,source=/o/f,target=/f cat /f\n"
        "RUN --mount=type=bind,from=busybox,target=/i ls /i/etc/passwd\n"
    )
    for line in ("context", "a", "b", "other", "/i/etc/passwd"):
        assert line in made.log.lines
    assert not (bench.context / "src/b").exists()
    assert not {"m", "f", "i"} & set(made.files)


def test_secrets_leave_no_trace(bench: Bench, tmp_path: Path) -> None:
    secret = "correct-horse-battery"
    options = ExecuteOptions(context=None, secrets={"token": secret.encode()})
    made = bench.build(
        "FROM busybox\n"
        "RUN --mount=type=secret,id=token cat /run/secrets/token && echo && stat -c %a /run/secrets/token\n"
        "RUN --mount=type=secret,id=token,env=TOKEN,target=/t,mode=0444 echo got:$TOKEN > /dev/stderr; wc -c < /t\n",
        options=options,
    )
    assert "400" in made.log.lines
    assert str(len(secret)) in made.log.lines
    assert "***" in made.log.lines
    assert not any(secret in line for line in made.log.lines)
    assert "run" not in made.files
    for path in bench.store.root.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_another_secret_is_no_reason_to_run_again(bench: Bench) -> None:
    text = "FROM busybox\nRUN --mount=type=secret,id=token true\n"
    bench.build(text, options=ExecuteOptions(context=None, secrets={"token": b"1"}))
    made = bench.build(text, options=ExecuteOptions(context=None, secrets={"token": b"2"}))
    assert made.log.began == []


def test_a_required_secret_that_is_missing(bench: Bench) -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:2:1: the secret 'token' is required"):
        bench.build("FROM busybox\nRUN --mount=type=secret,id=token,required true\n")
    bench.build("FROM busybox\nRUN --mount=type=secret,id=token test ! -e /run/secrets/token\n")


def test_no_network(bench: Bench) -> None:
    made = bench.build("FROM busybox\nRUN --network=none ls /sys/class/net\n")
    assert made.log.lines == ["lo"]


def test_hosts(bench: Bench) -> None:
    options = ExecuteOptions(context=None, hosts=(("db", "10.1.2.3"),))
    made = bench.build("FROM busybox\nRUN cat /etc/hosts\n", options=options)
    assert "10.1.2.3\tdb" in made.log.lines


def test_a_command_that_fails_shows_its_line_and_the_end_of_its_output(bench: Bench) -> None:
    with pytest.raises(StepFailed) as caught:
        bench.build("FROM busybox\nRUN echo first >&2 && \\\n    echo last >&2 && exit 3\n")
    assert caught.value.status == 3
    assert caught.value.output == "first\nlast"
    assert "Dockerfile:2:1: the command failed: exit code 3" in caught.value.message


def test_a_program_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(DockerfileError, match=r"(?s)program '/bin/sh' is not in the image"):
        bench.build("FROM scratch\nRUN echo\n")
    with pytest.raises(StepFailed) as caught:
        bench.build("FROM busybox\nRUN nonesuch\n")
    assert caught.value.status == 127
    assert caught.value.hint is not None


def test_a_command_that_takes_too_long(bench: Bench) -> None:
    with pytest.raises(StepFailed, match=r"more than 0\.5 seconds"):
        bench.build("FROM busybox\nRUN echo begun; sleep 600\n", options=ExecuteOptions(context=None, timeout=0.5))


def test_insecure_commands_are_refused(bench: Bench) -> None:
    with pytest.raises(DockerfileError, match="--security=insecure"):
        bench.build("FROM busybox\nRUN --security=insecure true\n")


def test_shell_and_exec_forms(bench: Bench) -> None:
    made = bench.build(
        'FROM busybox\nENV A=1\nRUN ["/bin/echo", "$A"]\nSHELL ["/bin/busybox", "ash", "-e", "-c"]\nRUN echo $A $-\n'
    )
    assert made.log.lines[0] == "$A"
    assert made.log.lines[1].startswith("1 ")
    assert "e" in made.log.lines[1]


def test_a_working_directory_that_a_base_lacks_is_made(bench: Bench) -> None:
    from smidgen.oci.config import RunConfig
    from support.dockerfile_bench import busybox_entries

    bench.base("lacking", busybox_entries(), run=RunConfig(working_dir="/no/such"))
    made = bench.build("FROM lacking\nRUN pwd\n")
    assert made.log.lines == ["/no/such"]
    assert made.files["no/such"] == "directory 0755 0:0"


def test_a_name_that_would_be_a_whiteout_is_refused(bench: Bench) -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:2:1: .*/\.wh\.etc would hide"):
        bench.build("FROM busybox\nRUN touch /.wh.etc\n")
