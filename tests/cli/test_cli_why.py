"""``smidgen why`` with a real linker."""

import pytest

from support.command import Smidgen
from support.needs_programs import STANDARD


@pytest.fixture
def source(smidgen: Smidgen) -> str:
    directory = smidgen.cwd / "app"
    (directory / "inner").mkdir(parents=True)
    (directory / "go.mod").write_text("module example.test/app\n\ngo 1.21\n")
    (directory / "inner" / "inner.go").write_text(
        'package inner\n\nimport "os"\n\n//go:noinline\nfunc Ask() int { return len(os.Getenv("A")) }\n'
    )
    (directory / "main.go").write_text(
        'package main\n\nimport "example.test/app/inner"\n\nfunc main() { println(inner.Ask()) }\n'
    )
    return str(directory)


@pytest.mark.e2e
def test_a_package_and_a_function(smidgen: Smidgen, source: str) -> None:
    lines = smidgen("why", source, "os").lines
    assert lines[0].startswith("os  ")
    assert lines[1].startswith("through main → example.test/app/inner → ")
    assert lines[3] == "main.main"
    assert lines[4] == "  └ example.test/app/inner.Ask"
    report = smidgen("why", source, "example.test/app/inner.Ask", "--json").json
    assert report["kind"] == "symbol"
    assert [step["symbol"] for step in report["steps"]] == ["main.main", "example.test/app/inner.Ask"]
    outcome = smidgen("why", source, "net/http", fails=True)
    assert "net/http in the program not found" in outcome.stderr


@pytest.mark.e2e
def test_without_source(smidgen: Smidgen) -> None:
    outcome = smidgen("why", STANDARD.build() / "zone", "time", fails=True)
    assert outcome.exit_code == 2
    assert "no module proxy has" in outcome.stderr
    assert "smidgen why . PACKAGE" in outcome.stderr


def test_a_link_that_fails_is_told_in_the_linkers_words_alone(smidgen: Smidgen) -> None:
    """Not in those that it was asked for: thousands of edges."""
    (smidgen.cwd / "go.mod").write_text("module example.com/undefined\n\ngo 1.21\n")
    (smidgen.cwd / "main.go").write_text("package main\n\nfunc f()\n\nfunc main() { f() }\n")
    (smidgen.cwd / "empty.s").write_text("")
    failed = smidgen("why", ".", "runtime", fails=True)
    assert "relocation target main.f not defined" in failed.stderr
    assert " -> " not in failed.stderr
