"""UPX itself: what it packs is told as packed, starts, and is measured. And advice about flags, profiles and tags."""

import os
import subprocess
from pathlib import Path

import pytest

from support.command import Smidgen
from support.debian_libraries import debian_upx
from support.shrink_programs import write_hello, write_program

pytestmark = pytest.mark.e2e


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    path = f"{debian_upx()}:{os.environ['PATH']}"
    return Smidgen(store=tmp_path / "store", cwd=tmp_path, environ=(("PATH", path),))


def test_what_upx_saves_and_costs(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd)
    report = smidgen("shrink", "--only", "upx,upx-lzma", "--json").json
    rows = {row["name"]: row for row in report["rows"]}
    now = report["now"]
    for name in ("upx", "upx-lzma"):
        row = rows[name]
        assert not row["fault"]
        assert ", upx 4." in row["how"] or ", upx 5." in row["how"]
        # The file is less than half; what is pulled was compressed before, and is not.
        assert row["figures"]["binary"] < now["binary"] / 2
        assert abs(row["saved_pull_size"]) < row["saved_size"] / 4
        costs = {cost["what"]: cost for cost in row["costs"]}
        assert set(costs) == {"time to start", "memory then"}
        assert costs["time to start"]["after"] > 0
        # All of it is in memory, in pages that are nobody else's.
        assert costs["memory then"]["after"] > costs["memory then"]["before"] > 0
    assert rows["upx-lzma"]["figures"]["binary"] < rows["upx"]["figures"]["binary"]


def test_a_program_that_upx_packed_is_told_and_runs(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd)
    environment = os.environ | {"CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-ldflags=-s -w", "-o", "hello", "."], check=True, cwd=smidgen.cwd, env=environment)
    subprocess.run([debian_upx() / "upx-ucl", "-qq", "hello"], check=True, cwd=smidgen.cwd)
    lines = smidgen("explain", smidgen.cwd / "hello").lines
    assert "packed             by UPX: nothing inside can be told apart, unpack it with `upx -d` first" in lines[1]
    outcome = smidgen("build", "--binary", "hello", "-t", "hello:1")
    assert "packed with UPX" in outcome.stderr
    assert smidgen("run", "hello:1").stderr == "hello\n"


def test_flags_that_watch_a_program(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd, smidgen_yaml="flags: [-cover, -buildmode=pie]\nlibc: glibc\n")
    report = smidgen("shrink", "--only", "no-cover,no-buildmode", "--json").json
    rows = {row["name"]: row for row in report["rows"] if row["name"].startswith("no-")}
    assert set(rows) == {"no-cover", "no-buildmode"}
    for row in rows.values():
        assert (row["standing"], row["keys"], row["fault"]) == ("yours", {}, "")
        assert "smidgen.yaml:1" in row["how"]
        assert row["saved_size"] > 0


def test_a_program_that_watches_for_races(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd, smidgen_yaml="flags: [-race]\nlibc: glibc\n")
    report = smidgen("shrink", "--only", "no-race", "--json").json
    (row,) = report["rows"]
    assert not row["fault"]
    assert row["saved_size"] > 100_000
    assert "what it watches for" in row["loses"]


def test_a_profile(smidgen: Smidgen) -> None:
    """Go takes default.pgo by itself; an empty profile is one, and changes nothing."""
    write_hello(smidgen.cwd)
    (smidgen.cwd / "default.pgo").write_bytes(b"")
    report = smidgen("shrink", "--only", "no-pgo", "--json").json
    (row,) = report["rows"]
    assert (row["standing"], row["fault"]) == ("price", "")
    assert "--http" in row["notes"][0]


def test_grpc_without_its_pages(smidgen: Smidgen) -> None:
    """A stand-in of gRPC, with its import of the package of traces behind the same tag."""
    write_program(
        smidgen.cwd,
        'package main\n\nimport "google.golang.org/grpc"\n\nfunc main() { grpc.Serve() }\n',
        go_mod="""module example.test/app

go 1.21

require (
	golang.org/x/net v0.0.0
	google.golang.org/grpc v0.0.0
)

replace golang.org/x/net => ./net

replace google.golang.org/grpc => ./grpc
""",
    )
    files = {
        "grpc/go.mod": "module google.golang.org/grpc\n\ngo 1.21\n\nrequire golang.org/x/net v0.0.0\n",
        "grpc/serve.go": "package grpc\n\nfunc Serve() { traced() }\n",
        "grpc/trace.go": '//go:build !grpcnotrace\n\npackage grpc\n\nimport "golang.org/x/net/trace"\n\n'
        "func traced() { trace.New() }\n",
        "grpc/notrace.go": "//go:build grpcnotrace\n\npackage grpc\n\nfunc traced() {}\n",
        "net/go.mod": "module golang.org/x/net\n\ngo 1.21\n",
        "net/trace/trace.go": 'package trace\n\nimport "html/template"\n\n'
        'func New() { template.Must(template.New("page").Parse("{{.}}")) }\n',
    }
    for name, text in files.items():
        path = smidgen.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    report = smidgen("shrink", "--only", "grpc-trace", "--json").json
    (row,) = report["rows"]
    assert not row["fault"]
    assert row["keys"] == {"build_tags": ["grpcnotrace"]}
    assert row["saved_size"] > 500_000


def test_an_end_to_trials(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd)
    report = smidgen("shrink", "--timeout", "0.001", "--only", "gzip-harder,upx,zstd", "--json").json
    assert report["rows"] == []
    assert report["together"] is None
    assert report["now"]["size"] > 0
    assert report["untried"] == ["gzip-harder, zstd, upx: the time of --timeout was over"]
    assert "expected seconds" in smidgen("shrink", "--timeout", "soon", fails=True).stderr
