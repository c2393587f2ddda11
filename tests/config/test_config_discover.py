"""Where the configuration file is found, and which one where there are several."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from smidgen.config.discover import load_config, watched_names
from smidgen.config.file_layer import Config
from smidgen.config.resolve import resolve_settings
from smidgen.errors import ConfigError
from support.config_files import NOTHING, fault


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / ".git").mkdir(parents=True)
    (root / "cmd" / "app").mkdir(parents=True)
    return root


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def found(repo: Path, environ: Mapping[str, str] = NOTHING, *, file: Path | None = None) -> Config | None:
    return load_config(repo / "cmd" / "app", file=file, directory=repo, environ=environ)


def path_of(config: Config | None) -> Path | None:
    return config.path if config else None


def test_nothing(repo: Path) -> None:
    assert found(repo) is None


def test_beside_the_target_and_above_it(repo: Path) -> None:
    top = write(repo / "smidgen.yaml")
    assert path_of(found(repo)) == top
    middle = write(repo / "cmd" / "smidgen.yaml")
    assert path_of(found(repo)) == middle
    nearest = write(repo / "cmd" / "app" / "smidgen.yaml")
    assert path_of(found(repo)) == nearest


def test_the_search_ends_at_the_repository(repo: Path) -> None:
    write(repo.parent / "smidgen.yaml")
    write(repo.parent / ".ko.yaml")
    assert found(repo) is None


def test_a_worktree_has_a_file_for_git(repo: Path) -> None:
    write(repo.parent / "smidgen.yaml")
    (repo / ".git").rmdir()
    write(repo / ".git", "gitdir: /elsewhere\n")
    assert found(repo) is None


def test_without_a_repository_the_search_goes_on(repo: Path) -> None:
    (repo / ".git").rmdir()
    outer = write(repo.parent / "smidgen.yaml")
    assert path_of(found(repo)) == outer


def test_what_anyone_may_have_written_is_not_taken(repo: Path) -> None:
    (repo / ".git").rmdir()
    write(repo.parent / "smidgen.yaml")
    repo.parent.chmod(0o1777)
    assert found(repo) is None
    assert load_config(repo.parent, directory=repo, environ={}) is not None


def test_a_directory_of_that_name_is_no_file(repo: Path) -> None:
    (repo / "cmd" / "smidgen.yaml").mkdir()
    top = write(repo / "smidgen.yaml")
    assert path_of(found(repo)) == top


@pytest.mark.parametrize("name", ["smidgen.yml", ".smidgen.yaml", ".smidgen.yml"])
def test_another_name_is_said(repo: Path, name: str) -> None:
    write(repo / name)
    with pytest.raises(ConfigError) as caught:
        found(repo)
    assert fault(caught.value) == f"{name}: is not the name of a configuration file\nhint: rename it to smidgen.yaml"


def test_relative_paths_are_relative_to_the_file(repo: Path) -> None:
    write(repo / "smidgen.yaml", "add: a:/b\ntargets: [{target: ./cmd/app, workdir: /matched}]\n")
    settings = resolve_settings(".", directory=repo / "cmd" / "app", config=found(repo), environ={})
    assert settings.workdir == "/matched"
    assert settings.add[0].root == repo


def test_a_file_that_is_named(repo: Path) -> None:
    write(repo / "smidgen.yaml")
    other = write(repo / "ci" / "other.yaml", "user: 1\n")
    config = found(repo, file=Path("ci/other.yaml"))
    assert config is not None
    assert (config.path, config.directory, config.document.name) == (other, repo / "ci", "ci/other.yaml")
    assert path_of(found(repo, {"SMIDGEN_CONFIG": "ci/other.yaml"})) == other
    assert path_of(found(repo, {"SMIDGEN_CONFIG": "missing"}, file=other)) == other
    assert path_of(found(repo, {"SMIDGEN_CONFIG": ""})) == repo / "smidgen.yaml"


def test_no_file_is_the_null_device(repo: Path) -> None:
    write(repo / "smidgen.yaml", "user: 1\n")
    config = found(repo, file=Path("/dev/null"))
    assert config is not None
    assert resolve_settings(".", directory=repo, config=config, environ={}).user.uid == 65534


@pytest.mark.parametrize("environ", [{}, {"SMIDGEN_CONFIG": "missing.yaml"}])
def test_a_named_file_that_is_not_there(repo: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"^missing\.yaml: cannot be read: No such file or directory$"):
        found(repo, environ, file=None if environ else Path("missing.yaml"))


def test_the_name_shown_is_the_short_one(repo: Path) -> None:
    write(repo / "smidgen.yaml", "x: 1\n")
    with pytest.raises(ConfigError, match=r"^\.\./smidgen\.yaml:1:1: unknown key"):
        load_config(repo / "cmd", directory=repo / "cmd", environ={})


def test_a_file_of_ko_is_found_likewise(repo: Path) -> None:
    path = write(repo / ".ko.yaml", "defaultFlags: [-v]\n")
    config = found(repo)
    assert config is not None
    assert (config.path, config.kind, config.directory) == (path, "ko", repo)
    assert path_of(found(repo, file=Path(".ko.yaml"))) == path


@pytest.mark.parametrize("place", [".", "cmd", "cmd/app"])
def test_of_both_files_ours_wins_and_it_is_said(repo: Path, place: str) -> None:
    write(repo / place / ".ko.yaml", "[not even YAML")
    own = write(repo / "smidgen.yaml", "user: 1\n")
    config = found(repo)
    assert config is not None
    shown = (Path(place) / ".ko.yaml").as_posix()
    assert (config.path, config.warnings) == (own, (f"{shown} is not read, as there is smidgen.yaml",))
    settings = resolve_settings(".", directory=repo, config=config, environ={})
    assert settings.warnings == config.warnings


@pytest.mark.parametrize("value", ["ci", "ci/.ko.yaml", "ci/.ko.yaml.other"])
def test_the_variable_of_ko(repo: Path, value: str) -> None:
    write(repo / ".ko.yaml", "defaultFlags: [-v]\n")
    text = "builds: [{main: ./cmd/app, flags: [-x]}]\n"
    write(repo / "ci" / ".ko.yaml", text)
    write(repo / "ci" / ".ko.yaml.other", text)
    config = found(repo, {"KO_CONFIG_PATH": value})
    assert config is not None
    # ko takes builds as relative to where it is started.
    assert (config.kind, config.directory) == ("ko", repo)
    settings = resolve_settings("./cmd/app", directory=repo, config=config, environ={})
    assert settings.flags == ("-x",)
    write(repo / "smidgen.yaml")
    ours = found(repo, {"KO_CONFIG_PATH": value})
    assert ours is not None
    assert ours.warnings == (f"{value} is not read, as there is smidgen.yaml",)


def test_targets_that_are_not_there_are_said(repo: Path) -> None:
    text = "targets:\n- target: ./cmd/app\n- target: ./cmd/ap\n- {target: ./other/...}\n- target: example.com/x\n"
    write(repo / "smidgen.yaml", text)
    config = found(repo)
    assert config is not None
    assert config.warnings == ("smidgen.yaml:3: the target ./cmd/ap is not there",)
    write(repo / "cmd" / "ap")
    again = found(repo)
    assert again is not None
    assert again.warnings == ()


def test_names_to_watch_are_all_that_could_be_found(repo: Path) -> None:
    names = set(watched_names(str(repo / "cmd")))
    expected = ("smidgen.yaml", ".ko.yaml", "smidgen.yml", ".smidgen.yaml", ".smidgen.yml")
    assert names == {f"{place}/{name}" for place in (repo, repo / "cmd") for name in expected}


def test_no_file_costs_no_yaml_reader(repo: Path) -> None:
    program = """
import sys
from pathlib import Path
from smidgen.config.discover import load_config, watched_names
from smidgen.config.resolve import resolve_settings
assert load_config(Path("cmd/app"), environ={}) is None
resolve_settings("./cmd/app", directory=Path.cwd(), config=None, environ={})
heavy = {"yaml", "smidgen.config.schema", "smidgen.config.yaml_source", "difflib", "shlex"}
print(*sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=repo, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
