"""``smidgen shrink`` with a real compiler."""

from pathlib import Path

import pytest

from support.command import Smidgen
from support.shrink_programs import write_hello, write_program, write_server

pytestmark = pytest.mark.e2e


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


def test_a_server_that_never_speaks_http2(smidgen: Smidgen) -> None:
    write_server(smidgen.cwd)
    built = smidgen("build", "--json").json["images"][0]
    report = smidgen("shrink", "--json").json
    assert report["schema"] == "smidgen.shrink/v1"
    # What is compared with is what a build gives.
    assert report["now"]["size"] == built["size"]
    assert report["now"]["pull_size"] == built["pull_size"]
    rows = {row["name"]: row for row in report["rows"]}
    http2 = rows["http2"]
    assert (http2["standing"], http2["keys"]) == ("safe", {"build_tags": ["nethttpomithttp2"]})
    assert http2["saved_size"] > 200_000
    assert http2["saved_pull_size"] > 80_000
    # And what is advised is what a build with it gives.
    followed = smidgen("build", "--tags", "nethttpomithttp2", "--json").json["images"][0]
    assert followed["size"] == http2["figures"]["size"]
    assert followed["pull_size"] == http2["figures"]["pull_size"]
    harder = rows["gzip-harder"]
    assert harder["saved_size"] == 0 < harder["saved_pull_size"]
    assert harder["costs"][0]["after"] > harder["costs"][0]["before"]
    together = report["together"]
    assert together["saved_pull_size"] > max(http2["saved_pull_size"], harder["saved_pull_size"])
    assert together["keys"] == {"build_tags": ["nethttpomithttp2"], "compression": "gzip:12"}
    heaviest = report["packages"][0]
    assert heaviest["package"] == "net/http"
    assert heaviest["chain"] == ["main", "net/http"]
    assert heaviest["brings"] > heaviest["size"] > 0
    # No image of the trials is kept.
    assert len(smidgen("images").lines) == 2


def test_settings_of_the_user_keep_their_word(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd, smidgen_yaml="strip: false\ncompression: gzip:1\n")
    report = smidgen("shrink", "--json", env={"GOFLAGS": "-trimpath=false"}).json
    rows = {row["name"]: row for row in report["rows"]}
    assert {name for name, row in rows.items() if row["standing"] == "safe"} == set()
    for name in ("strip", "no-trimpath", "gzip-harder"):
        assert rows[name]["standing"] == "yours"
        assert rows[name]["keys"] == {}
        assert not rows[name]["fault"]
    assert "smidgen.yaml:1" in rows["strip"]["how"]
    assert "GOFLAGS" in rows["no-trimpath"]["how"]
    assert rows["strip"]["saved_size"] > rows["debug-data"]["saved_size"] > 0
    assert report["together"] is None


def test_a_target_by_its_name_and_the_text(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd)
    write_hello(smidgen.cwd / "cmd" / "tool")
    (smidgen.cwd / "cmd" / "tool" / "go.mod").unlink()
    (smidgen.cwd / "smidgen.yaml").write_text("targets:\n  - target: ./cmd/tool\n    name: utensil\n")
    lines = smidgen("shrink", "utensil").lines
    assert lines[0].startswith("example.test/app/cmd/tool  linux/")
    assert lines[1].startswith("now ")
    assert any(line.startswith("  zstd ") for line in lines)
    assert "--thorough" in lines[-1]


def test_what_cannot_be_shrunk(smidgen: Smidgen) -> None:
    program = write_program(smidgen.cwd / "bad", "package main\n\nfunc main() { undefined() }\n")
    outcome = smidgen("shrink", program, fails=True)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "undefined: undefined" in outcome.stderr
    outcome = smidgen("shrink", "/bin/true", fails=True)
    assert outcome.exit_code == 2
    assert "is an executable" in outcome.stderr
    outcome = smidgen("shrink", "oci:somewhere", fails=True)
    assert "is an image" in outcome.stderr
    outcome = smidgen("shrink", program, fails=True, env={"PATH": "/nowhere", "SMIDGEN_GO": "/nowhere/go"})
    assert "no Go toolchain" in outcome.stderr
    outcome = smidgen("shrink", write_hello(smidgen.cwd / "good"), fails=True, env={"TMPDIR": "/proc/nowhere"})
    assert outcome.exit_code == 1
    assert "Traceback" not in outcome.stderr
