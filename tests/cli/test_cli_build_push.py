"""``smidgen build --push``."""

import time
from pathlib import Path

import pytest

from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.faulty_registry import Rule
from support.faulty_registry_actions import status
from support.hello_program import hello_program
from support.registry_images import check_registry
from support.served import Served

_MAIN = 'package main\n\nfunc main() { println("hello") }\n'


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    """A static executable, so that nothing has to be compiled."""
    path = tmp_path / "hello"
    path.write_bytes(hello_program())
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A module with two programs."""
    root = tmp_path / "project"
    for name in ("one", "two"):
        (root / "cmd" / name).mkdir(parents=True)
        (root / "cmd" / name / "main.go").write_text(_MAIN.replace("hello", name))
    (root / "go.mod").write_text("module example.com/project\n\ngo 1.21\n")
    # A file that was written just now cannot be vouched for by its times.
    time.sleep(0.05)
    return root


def test_it_is_in_the_registry_under_all_names(smidgen: Smidgen, binary: Path, remote: Served) -> None:
    names = [remote.name("team/hello:1"), remote.name("other/hello:2")]
    outcome = smidgen("build", "--binary", binary, "--push", "-t", names[0], "-t", names[1])
    digest = remote.tag("team/hello", "1")
    assert digest == remote.tag("other/hello", "2")
    assert outcome.lines == [f"{names[0]}@{digest}"]
    check_registry(remote.registry)
    assert "pushed: " in outcome.stderr
    # The tag comes last of all that is written.
    written = [one.target for one in remote.asked("PUT") if "/team/hello/" in one.target]
    assert written[-1].endswith("/manifests/1")


def test_again_there_is_one_question_and_nothing_is_sent(smidgen: Smidgen, binary: Path, remote: Served) -> None:
    arguments = ("build", "--binary", binary, "--push", "-t", remote.name("team/hello:1"))
    first = smidgen(*arguments)
    before = len(remote.asked())
    second = smidgen(*arguments)
    assert second.stdout == first.stdout
    assert [one.method for one in remote.asked()[before:] if one.target != "/v2/"] == ["HEAD"]
    assert "nothing had to travel" in second.stderr


def test_what_the_registry_lost_is_pushed_again(smidgen: Smidgen, binary: Path, remote: Served) -> None:
    arguments = ("build", "--binary", binary, "--push", "-t", remote.name("team/hello:1"))
    smidgen(*arguments)
    del remote.registry.tags["team/hello"]
    smidgen(*arguments)
    assert remote.tag("team/hello", "1")


def test_json(smidgen: Smidgen, binary: Path, remote: Served) -> None:
    arguments = ("build", "--binary", binary, "--json", "-t", remote.name("team/hello:1"))
    assert smidgen(*arguments).json["push"] is None
    push = smidgen(*arguments, "--push").json["push"]
    assert push["moved"] == 3
    assert push["sent"] > 0


def test_a_name_without_a_registry_is_refused_before_anything_is_built(smidgen: Smidgen, binary: Path) -> None:
    outcome = smidgen("build", "--binary", binary, "--push", "-t", "hello", fails=True)
    assert outcome.exit_code == 2
    assert "names no registry" in outcome.stderr
    assert outcome.stdout == ""
    assert ContentStore.open(smidgen.store).tags() == {}


def test_what_could_not_be_pushed_is_not_printed(smidgen: Smidgen, binary: Path, remote: Served) -> None:
    remote.hit(Rule("POST", "/uploads/", status(403, reason="DENIED", message="quota exceeded"), times=9))
    outcome = smidgen("build", "--binary", binary, "--push", "-t", remote.name("team/hello:1"), fails=True)
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert "quota exceeded" in outcome.stderr
    assert remote.host in outcome.stderr


@pytest.mark.e2e
def test_several_programs_side_by_side(smidgen: Smidgen, project: Path, remote: Served) -> None:
    (project / "smidgen.yaml").write_text(f"repository: {remote.name('team')}\n")
    outcome = smidgen("build", "./cmd/...", "--push", "--platform", "linux/amd64,linux/arm64", cwd=project)
    assert outcome.lines == [
        f"{remote.name(f'team/{name}:latest')}@{remote.tag(f'team/{name}', 'latest')}" for name in ("one", "two")
    ]
    check_registry(remote.registry)
    # Nothing has changed, and no note answers for the registry.
    remote.registry.tags["team/one"].clear()
    again = smidgen("build", "./cmd/...", "--push", "--platform", "linux/amd64,linux/arm64", cwd=project)
    assert again.lines == outcome.lines
    assert "nothing changed" in again.stderr
    assert remote.tag("team/one", "latest")


@pytest.mark.e2e
def test_one_that_fails_ends_the_others(smidgen: Smidgen, project: Path, remote: Served) -> None:
    (project / "smidgen.yaml").write_text(f"repository: {remote.name('team')}\n")
    remote.hit(Rule("PUT", "/team/two/manifests/", status(403, reason="DENIED", message="no"), times=9))
    outcome = smidgen("build", "./cmd/...", "--push", cwd=project, fails=True)
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert "team/two" in outcome.stderr


@pytest.mark.e2e
def test_what_was_not_proved_is_not_pushed(smidgen: Smidgen, project: Path, remote: Served) -> None:
    (project / "cmd" / "one" / "main.go").write_text('package main\n\nfunc main() { panic("no") }\n')
    name = remote.name("team/one:1")
    outcome = smidgen("build", "./cmd/one", "--push", "--prove", "-t", name, cwd=project, fails=True)
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert "nothing was pushed" in outcome.stderr
    assert not remote.asked()
