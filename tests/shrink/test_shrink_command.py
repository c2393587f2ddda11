"""``smidgen shrink`` with a real compiler."""

import os
import shutil
from pathlib import Path

import pytest

from support.command import Smidgen
from support.shrink_programs import write_hello, write_program, write_server, write_template, write_upx

pytestmark = pytest.mark.e2e


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    return Smidgen(store=tmp_path / "store", cwd=tmp_path)


def test_a_server_that_never_speaks_http2(smidgen: Smidgen) -> None:
    write_server(smidgen.cwd)
    built = smidgen("build", "--json").json["images"][0]
    report = smidgen("shrink", "--only", "http2,gzip-harder", "--json").json
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


def test_what_is_applied_is_smaller_and_not_said_again(smidgen: Smidgen) -> None:
    write_server(smidgen.cwd)
    config = smidgen.cwd / "smidgen.yaml"
    config.write_text("# ours\nbuild_tags: [netgo]  # as always\n")
    before = smidgen("build", "--json").json["images"][0]
    outcome = smidgen("shrink", "--apply", "--only", "http2,gzip-harder", "--json")
    report = outcome.json
    assert report["written"] == str(config)
    assert report["applied"] == ["http2", "gzip-harder"]
    assert "added to" in outcome.stderr
    assert config.read_text() == ("# ours\nbuild_tags: [netgo, nethttpomithttp2]  # as always\ncompression: gzip:12\n")
    after = smidgen("build", "--json").json["images"][0]
    assert after["size"] == report["together"]["figures"]["size"] < before["size"]
    assert after["pull_size"] == report["together"]["figures"]["pull_size"] < before["pull_size"]
    outcome = smidgen("shrink", "--apply", "--only", "http2,gzip-harder", "--json")
    assert {row["name"] for row in outcome.json["rows"]}.isdisjoint(report["applied"])
    assert outcome.json["written"] == ""
    assert "nothing safe is left" in outcome.stderr


def test_a_new_file_speaks_of_this_program_alone(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd)
    (smidgen.cwd / "cmd" / "other").mkdir(parents=True)
    (smidgen.cwd / "cmd" / "other" / "main.go").write_text((smidgen.cwd / "main.go").read_text())
    smidgen("shrink", "./cmd/other", "--apply", "--only", "gzip-harder")
    lines = (smidgen.cwd / "smidgen.yaml").read_text().splitlines()
    assert lines[1:] == ["targets:", "  - target: ./cmd/other", "    compression: gzip:12"]
    smidgen("shrink", ".", "--apply", "--only", "gzip-harder")
    lines = (smidgen.cwd / "smidgen.yaml").read_text().splitlines()
    assert lines[4:] == ['  - target: "."', "    compression: gzip:12"]


def test_a_file_that_is_not_to_be_touched(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd, _ko_yaml="defaultBaseImage: scratch\n")
    outcome = smidgen("shrink", "--apply", "--only", "gzip-harder", fails=True)
    assert "is ko's" in outcome.stderr
    (smidgen.cwd / ".ko.yaml").unlink()
    config = smidgen.cwd / "smidgen.yaml"
    config.write_text("{user: 1000}\n")
    outcome = smidgen("shrink", "--apply", "--only", "gzip-harder", fails=True)
    assert "add by hand: compression: gzip:12" in outcome.stderr
    assert config.read_text() == "{user: 1000}\n"
    assert [path.name for path in smidgen.cwd.glob("*yaml*")] == ["smidgen.yaml"]


def test_what_only_the_source_can_do(smidgen: Smidgen) -> None:
    write_template(smidgen.cwd)
    upx = write_upx(smidgen.cwd / "bin")
    arguments = ("shrink", "--only", "methods,assets,upx,upx-lzma", "--json")
    report = smidgen(*arguments, env={"PATH": f"{upx}:{os.environ['PATH']}"}).json
    rows = {row["name"]: row for row in report["rows"]}
    methods, assets = rows["methods"], rows["assets"]
    assert methods["standing"] == assets["standing"] == "source"
    assert methods["chain"] == ["main", "text/template"]
    assert "text/template.(*state).evalField" in methods["how"]
    assert methods["saved_size"] > 100_000
    assert 100_000 < assets["saved_size"] < 112_000
    assert abs(assets["saved_pull_size"]) < 2_000
    packed = rows["upx"]
    assert packed["saved_size"] == 0
    assert packed["how"].endswith("upx 0.0 (stand-in)")
    assert [cost["what"] for cost in packed["costs"]] == ["time to start", "memory then"]
    assert all(cost["before"] > 0 < cost["after"] for cost in packed["costs"])
    assert rows["upx-lzma"]["fault"] == "upx refused it: no LZMA here"


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


def test_what_a_request_takes(smidgen: Smidgen) -> None:
    write_server(smidgen.cwd)
    upx = write_upx(smidgen.cwd / "bin")
    arguments = ("shrink", "--http", ":8080/", "--only", "upx", "--json")
    report = smidgen(*arguments, env={"PATH": f"{upx}:{os.environ['PATH']}"}).json
    (row,) = (row for row in report["rows"] if row["name"] == "upx")
    costs = {cost["what"]: cost for cost in row["costs"]}
    assert costs["time to the first answer"]["before"] > 0
    # Microseconds: more than nothing, and less than a fiftieth of a second.
    assert 1 < costs["processor time a request"]["before"] < 20_000


def test_without_upx_it_is_said_how_to_get_it(smidgen: Smidgen) -> None:
    write_hello(smidgen.cwd)
    (smidgen.cwd / "bin").mkdir()
    go = shutil.which("go")
    assert go is not None
    (smidgen.cwd / "bin" / "go").symlink_to(go)
    report = smidgen("shrink", "--only", "upx", "--json", env={"PATH": str(smidgen.cwd / "bin")}).json
    (row,) = (row for row in report["rows"] if row["name"] == "upx")
    assert row["figures"] is None
    assert "upx-ucl" in row["fault"]


def test_what_cannot_be_shrunk(smidgen: Smidgen) -> None:
    program = write_program(smidgen.cwd / "bad", "package main\n\nfunc main() { undefined() }\n")
    outcome = smidgen("shrink", program, fails=True)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "undefined: undefined" in outcome.stderr
    outcome = smidgen("shrink", "/bin/true", fails=True)
    assert outcome.exit_code == 2
    assert "is an executable" in outcome.stderr
    outcome = smidgen("shrink", "--only", "magic", program, fails=True)
    assert "there is no advice 'magic'" in outcome.stderr
    outcome = smidgen("shrink", "oci:somewhere", fails=True)
    assert "is an image" in outcome.stderr
    outcome = smidgen("shrink", program, fails=True, env={"PATH": "/nowhere", "SMIDGEN_GO": "/nowhere/go"})
    assert "no Go toolchain" in outcome.stderr
    outcome = smidgen("shrink", write_hello(smidgen.cwd / "good"), fails=True, env={"TMPDIR": "/proc/nowhere"})
    assert outcome.exit_code == 1
    assert "Traceback" not in outcome.stderr


def test_a_smaller_base_and_zones_inside(smidgen: Smidgen) -> None:
    source = 'package main\n\nimport "time"\n\nfunc main() { time.LoadLocation("Europe/Paris") }\n'
    write_program(smidgen.cwd, source, smidgen_yaml="base: static\n")
    before = smidgen("images", "--json").json
    report = smidgen("shrink", "--only", "base-scratch,zones-inside", "--json").json
    rows = {row["name"]: row for row in report["rows"]}
    assert rows["base-scratch"]["standing"] == "yours"
    assert "smidgen.yaml:1" in rows["base-scratch"]["how"]
    assert rows["base-scratch"]["saved_pull_size"] > 50_000
    assert rows["zones-inside"]["figures"]["binary"] > report["now"]["binary"]
    assert smidgen("images", "--json").json == before
