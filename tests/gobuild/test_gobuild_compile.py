"""Real compilations."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smidgen.errors import BuildError, CompileError
from smidgen.gobuild.batch import Compiled, Job
from smidgen.gobuild.compile import compile_packages
from smidgen.gobuild.environment import host_platform, parse_platforms
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.process import Command, Outcome, Process, run, run_all
from smidgen.gobuild.target import resolve_targets
from smidgen.gobuild.toolchain import Toolchain

pytestmark = pytest.mark.e2e

PRINTER = 'package main\n\nvar value = "default"\n\nfunc main() { println(value) }\n'
Write = Callable[[dict[str, str]], Path]
Compile = Callable[..., Compiled]


@pytest.fixture
def compile_in(toolchain: Toolchain, environ: dict[str, str], tmp_path: Path) -> Compile:
    def compile_targets(
        cwd: Path,
        *targets: str,
        options: BuildOptions | None = None,
        platforms: str = "",
        told: list[str] | None = None,
        **settings: str,
    ) -> Compiled:
        output = tmp_path / f"out{time.monotonic_ns()}"
        output.mkdir()
        variables = environ | settings
        chosen = options or BuildOptions()
        resolution = resolve_targets(targets, cwd=str(cwd), toolchain=toolchain, environ=variables, options=chosen)
        wanted = parse_platforms(platforms) if platforms else (host_platform(),)
        jobs = [Job(package=package, options=chosen, platforms=wanted) for package in resolution.packages]
        return compile_packages(
            jobs,
            toolchain=toolchain,
            environ=variables,
            output=str(output),
            progress=told.append if told is not None else None,
        )

    return compile_targets


def said(compiled: Compiled) -> list[str]:
    """Run the executables; println writes to standard error."""
    return [
        subprocess.run([binary.path], check=True, capture_output=True, text=True).stderr.strip()
        for binary in compiled.binaries
    ]


def module(name: str) -> str:
    return f"module {name}\n\ngo 1.21\n"


def test_several_packages_and_platforms(write: Write, compile_in: Compile) -> None:
    hello = 'package main\n\nfunc main() { println("%s") }\n'
    root = write({"go.mod": module("m.test")} | {f"cmd/{name}/main.go": hello % name for name in ("a", "b")})
    told: list[str] = []
    compiled = compile_in(root, "./cmd/...", platforms="linux/amd64,linux/arm64", told=told)
    assert [(b.package.name, b.platform.architecture) for b in compiled.binaries] == [
        ("a", "amd64"),
        ("a", "arm64"),
        ("b", "amd64"),
        ("b", "arm64"),
    ]
    machines = [Path(binary.path).read_bytes()[18] for binary in compiled.binaries]
    assert machines == [62, 183, 62, 183]
    assert "compiled m.test/cmd/a, m.test/cmd/b for linux/arm64" in told
    assert not any(root.rglob("a.out"))


def test_packages_of_one_name_do_not_overwrite_each_other(write: Write, compile_in: Compile) -> None:
    root = write(
        {"go.mod": module("m.test")}
        | {f"{name}/main/main.go": f'package main\n\nfunc main() {{ println("{name}") }}\n' for name in ("x", "y")}
    )
    assert said(compile_in(root, "./...")) == ["x", "y"]


def test_variables_tags_and_goflags(write: Write, compile_in: Compile) -> None:
    root = write(
        {
            "go.mod": module("m.test"),
            "main.go": PRINTER.replace("println(value)", "println(value, extra)"),
            "a.go": '//go:build !more\n\npackage main\n\nvar extra = "less"\n',
            "b.go": '//go:build more\n\npackage main\n\nvar extra = "more"\n',
        }
    )
    options = BuildOptions(variables=(("main.value", "it's 1 2"),), tags=("more",))
    assert said(compile_in(root, options=options)) == ["it's 1 2 more"]
    assert said(compile_in(root, GOFLAGS="-buildvcs=false '-ldflags=-X main.value=inherited' -tags=more")) == [
        "inherited more"
    ]
    stripped = Path(compile_in(root).binaries[0].path).read_bytes()
    whole = Path(compile_in(root, options=BuildOptions(strip=False)).binaries[0].path).read_bytes()
    assert b".symtab" in whole
    assert b".symtab" not in stripped
    assert str(root).encode() not in whole


def test_compile_errors_are_gos_own_words(write: Write, compile_in: Compile) -> None:
    root = write({"go.mod": module("m.test"), "main.go": "package main\n\nfunc main() { undefined() }\n"})
    with pytest.raises(CompileError) as caught:
        compile_in(root, platforms="linux/amd64,linux/arm64")
    assert caught.value.output == "# m.test\n./main.go:3:15: undefined: undefined\n"
    assert "cannot compile m.test for linux/a" in caught.value.message


def test_workspace_and_several_modules(write: Write, compile_in: Compile) -> None:
    library = 'package lib\n\nfunc Name() string { return "%s" }\n'
    user = 'package main\n\nimport "lib.test"\n\nfunc main() { println(lib.Name()) }\n'
    root = write(
        {
            "w/go.work": "go 1.21\n\nuse (\n\t./app\n\t./lib\n)\n",
            "w/app/go.mod": module("app.test"),
            "w/app/main.go": user,
            "w/lib/go.mod": module("lib.test"),
            "w/lib/lib.go": library % "workspace",
            "r/go.mod": module("r.test") + "\nrequire lib.test v0.0.0\n\nreplace lib.test => ./lib\n",
            "r/main.go": user,
            "r/lib/go.mod": module("lib.test"),
            "r/lib/lib.go": library % "replaced",
            "v/go.mod": module("v.test") + "\nrequire lib.test v1.0.0\n",
            "v/main.go": user,
            "v/vendor/modules.txt": "# lib.test v1.0.0\n## explicit; go 1.21\nlib.test\n",
            "v/vendor/lib.test/lib.go": library % "vendored",
        }
    )
    assert said(compile_in(root, "./w/app", "./r", "./v")) == ["workspace", "replaced", "vendored"]


def test_embedded_files_and_profile(write: Write, compile_in: Compile) -> None:
    embedding = (
        'package main\n\nimport _ "embed"\n\n//go:embed text.txt\nvar text string\n\nfunc main() { println(text) }\n'
    )
    root = write({"go.mod": module("m.test"), "main.go": embedding, "text.txt": "embedded", "default.pgo": "not one"})
    with pytest.raises(CompileError, match=r"default\.pgo|profile|preprofile"):
        compile_in(root)
    (root / "default.pgo").unlink()
    assert said(compile_in(root)) == ["embedded"]


def test_a_version_from_the_proxy(tmp_path: Path, compile_in: Compile) -> None:
    (tmp_path / "env").write_text("GOBIN=/nowhere\nGOFLAGS=-tags=none\n")
    compiled = compile_in(
        tmp_path,
        "golang.org/x/example/hello@v0.0.0-20240925201653-1a5e218e5455",
        platforms="linux/amd64,linux/arm64",
        GOENV=str(tmp_path / "env"),
        GOFLAGS="",
    )
    names = [binary.package.name for binary in compiled.binaries]
    assert names == ["hello", "hello"]
    assert all(os.access(binary.path, os.X_OK) for binary in compiled.binaries)


def test_an_unknown_version(tmp_path: Path, compile_in: Compile) -> None:
    with pytest.raises(CompileError, match=r"v99\.0\.0"):
        compile_in(tmp_path, "golang.org/x/example/hello@v99.0.0")


def test_commands_run_side_by_side_and_end_together(tmp_path: Path) -> None:
    marks = [tmp_path / name for name in ("a", "b")]
    # Each waits for the other: they can only end if both run at once.
    commands = [
        Command(("/bin/sh", "-c", f"touch {mine}; while [ ! -e {other} ]; do sleep 0.01; done"), dict(os.environ))
        for mine, other in (marks, reversed(marks))
    ]
    outcomes: list[int] = []
    run_all(commands, at_once=2, ended=lambda _position, outcome: outcomes.append(outcome.exit_code))
    assert outcomes == [0, 0]


def test_a_failure_ends_the_others_with_their_children(tmp_path: Path) -> None:
    environ = dict(os.environ)
    pid_file = tmp_path / "pid"
    commands = [
        Command(
            ("/bin/sh", "-c", f"sh -c 'echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; sleep 600'; true"),
            environ,
        ),
        Command(("/bin/sh", "-c", f"while [ ! -e {pid_file} ]; do sleep 0.01; done; echo words >&2; exit 3"), environ),
    ]

    def ended(_position: int, outcome: Outcome) -> None:
        raise CompileError("failed", output=outcome.stderr.decode())

    with pytest.raises(CompileError, match="words"):
        run_all(commands, at_once=2, ended=ended)
    assert _ends(int(pid_file.read_text()))


def test_an_adopted_process_says_when_it_was_started() -> None:
    out_reader, out_writer = os.pipe()
    err_reader, err_writer = os.pipe()
    before = time.time_ns()
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {}, setpgroup=0)
    after = time.time_ns()
    os.close(out_writer)
    os.close(err_writer)
    time.sleep(0.1)
    asked = time.monotonic_ns()
    process = Process.adopt(pid, out_reader, err_reader)
    # It asks two clocks, one after the other: where time passes between them, it seems to have been started earlier.
    took = time.monotonic_ns() - asked
    process.kill()
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert before - 2 * tick - took < process.started_ns <= after + tick // 10
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def _trapping(mark: Path, trap: str) -> Process:
    """Start a shell that has set a trap for the interrupt, and runs until it is ended."""
    script = f"trap {trap} INT; touch {mark}.new; mv {mark}.new {mark}; while :; do sleep 0.01; done"
    process = Process(["/bin/sh", "-c", script], dict(os.environ))
    while not mark.exists():
        time.sleep(0.01)
    return process


def test_an_ended_command_can_clean_up(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    process = _trapping(mark, f"'rm {mark}; exit 1'")
    process.kill(grace=60)
    assert not mark.exists()
    assert process.result().exit_code == 1


def test_a_command_that_does_not_care_is_killed(tmp_path: Path) -> None:
    process = _trapping(tmp_path / "mark", "''")
    process.kill(grace=0.1)
    assert process.result().exit_code == -signal.SIGKILL


def test_an_interrupt_ends_what_runs() -> None:
    pids: list[int] = []
    begun = threading.Event()

    def said(_position: int, line: str) -> None:
        pids.append(int(line))
        begun.set()

    def interrupt() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_all(
            [Command(("/bin/sh", "-c", "echo $$ >&2; sleep 600"), dict(os.environ))],
            at_once=1,
            ended=lambda *_: None,
            said=said,
        )
    thread.join()
    # Waited for, so that its number is nobody's now.
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_run_collects_both_streams_whole() -> None:
    outcome = run(
        ["/bin/sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; kill -9 $$"],
        {"PATH": "/bin:/usr/bin"},
    )
    assert (outcome.exit_code, len(outcome.stdout), len(outcome.stderr)) == (-9, 300000, 300000)
    with pytest.raises(BuildError, match="cannot start"):
        run(["/nowhere/at/all"], {})
