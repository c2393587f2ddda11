"""The files that are written, from what was found."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from smidgen.config.discover import load_config
from smidgen.dockerfile.parse import parse
from smidgen.errors import UsageError
from smidgen.needs.need import NeedKind
from smidgen.project.choose import choose
from smidgen.project.compose import SERVERS
from smidgen.project.drivers import DRIVERS, Library, driver_of
from smidgen.project.init import InitOptions, render_files
from smidgen.project.program import Base, Program, Project
from smidgen.project.scan import Place, Scanned
from smidgen.project.write import write_files

_AT = Place("cmd/web/main.go", 12)
_SCANNED = Scanned(
    ports={8080: _AT},
    loopback={},
    health="/healthz",
    self_check=(),
    variables={"DATABASE_URL": _AT, "TOKEN": _AT},
    files={"templates": _AT},
)
_NOTHING = Scanned(ports={}, loopback={}, health="", self_check=(), variables={}, files={})


def _program(name: str = "web", **changes: Any) -> Program:
    program = Program(
        name=name,
        directory=f"./cmd/{name}",
        import_path=f"example.com/app/cmd/{name}",
        base=Base.SCRATCH,
        why=("it is static",),
        drivers=(),
        cgo=(),
        needs=(NeedKind.CA, NeedKind.TZ),
        embedded=0,
        scanned=_SCANNED,
        grpc_health=False,
    )
    return replace(program, **changes)


def _project(*programs: Program, **changes: Any) -> Project:
    project = Project(name="app", release="1.24", programs=programs, downloads=("go.mod", "go.sum"), embedded=())
    return replace(project, **changes)


def _driver(path: str) -> Any:
    found = driver_of(path)
    assert found is not None
    return found


_PROJECTS = {
    "one": _project(_program()),
    "two": _project(_program(), _program("worker", scanned=_NOTHING)),
    "database": _project(
        *(
            _program(name, drivers=(_driver("github.com/jackc/pgx/v5"), _driver("github.com/redis/go-redis/v9")))
            for name in "ab"
        )
    ),
    "cgo": _project(_program(base=Base.C, needs=()), downloads=()),
}


@pytest.mark.parametrize("name", _PROJECTS)
@pytest.mark.parametrize("kind", ["smidgen.yaml", "Dockerfile"])
@pytest.mark.parametrize("pipeline", ["github", "gitlab"])
def test_every_file_is_read_by_who_reads_it(tmp_path: Path, name: str, kind: str, pipeline: Any) -> None:
    dockerfile = kind == "Dockerfile"
    options = InitOptions(dockerfile=dockerfile, compose=True, pipeline=pipeline)
    files = render_files(_PROJECTS[name], options, tmp_path)
    write_files(tmp_path, files, force=False)
    assert yaml.safe_load(files["compose.yaml"])["services"]
    if dockerfile:
        parsed = parse(files["Dockerfile"], name="Dockerfile")
        assert len(parsed.stages) == 1 + len(_PROJECTS[name].programs)
    if not dockerfile:
        config = load_config(tmp_path, file=None, directory=tmp_path, environ={})
        assert config is not None
    if pipeline == "github":
        _check_github(yaml.safe_load(files[".github/workflows/image.yml"]))
    else:
        _check_gitlab(yaml.safe_load(files[".gitlab-ci.yml"]))


def _check_github(document: dict[Any, Any]) -> None:
    # YAML 1.1 takes `on` for a truth.
    assert set(document) == {"name", True, "permissions", "jobs"}
    (job,) = document["jobs"].values()
    assert job["runs-on"] == "ubuntu-latest"
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert set(step) <= {"name", "uses", "run", "with", "if", "env"}
        assert "@" in step.get("uses", "@")
    assert any("--push" in step.get("run", "") for step in job["steps"])


def _check_gitlab(document: dict[str, Any]) -> None:
    ((name, job),) = document.items()
    # Of the keywords of the whole file, none is a job's name.
    assert name not in {"image", "services", "cache", "variables", "stages", "default", "include", "workflow", "pages"}
    assert set(job) <= {"image", "variables", "cache", "script", "rules"}
    assert all(isinstance(line, str) for line in job["script"])
    assert all(isinstance(value, str) for value in job["variables"].values())
    assert any("--push" in line for line in job["script"])


def test_servers_are_waited_for(tmp_path: Path) -> None:
    files = render_files(_PROJECTS["database"], InitOptions(compose=True), tmp_path)
    services = yaml.safe_load(files["compose.yaml"])["services"]
    assert list(services) == ["a", "b", "postgres", "redis"]
    assert set(services["a"]["depends_on"]) == {"postgres", "redis"}
    assert services["a"]["environment"]["DATABASE_URL"].startswith("postgres://app:${DB_PASSWORD")
    assert services["a"]["healthcheck"]["test"] == ["CMD", "/.smidgen/probe", "http://localhost:8080/healthz"]
    assert services["a"]["ports"] == ["127.0.0.1:8080:8080"]
    assert services["b"]["ports"] == ["127.0.0.1:8081:8080"]
    assert "healthcheck" in services["postgres"]


@pytest.mark.parametrize("name", SERVERS)
def test_servers_are_yaml(tmp_path: Path, name: str) -> None:
    driver = next(one for one in DRIVERS if one.server == name)
    files = render_files(_project(_program(drivers=(driver,))), InitOptions(compose=True), tmp_path)
    assert yaml.safe_load(files["compose.yaml"])["services"][name]["healthcheck"]["test"]


class TestBases:
    def test_nothing_is_needed(self) -> None:
        assert choose((), (), (), by_hand=True)[0] is Base.SCRATCH

    def test_what_has_to_be_made(self) -> None:
        base, why = choose((), (), (NeedKind.TMP,), by_hand=True)
        assert (base, "/tmp" in why[-1]) == (Base.STATIC, True)
        assert choose((), (), (NeedKind.TMP,), by_hand=False)[0] is Base.SCRATCH

    def test_cgo(self) -> None:
        base, why = choose((), ("example.com/c",), (), by_hand=False)
        assert base is Base.C
        assert "example.com/c" in " ".join(why)

    @pytest.mark.parametrize("driver", [one for one in DRIVERS if one.library is not Library.NONE])
    def test_drivers_with_c(self, driver: Any) -> None:
        base, why = choose((driver,), (), (), by_hand=False)
        assert base in {Base.C, Base.CXX, Base.FULL}
        assert driver.path in why[0]

    def test_the_longest_path_counts(self) -> None:
        assert driver_of("github.com/jackc/pgx/v5/pgxpool") is _driver("github.com/jackc/pgx")
        assert driver_of("github.com/jackc/pgxother") is None


class TestWriting:
    def test_what_is_there_is_left(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("mine")
        with pytest.raises(UsageError, match="a is there already"):
            write_files(tmp_path, {"b": "2", "a": "1"}, force=False)
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
        assert write_files(tmp_path, {"b": "2", "a": "1"}, force=True) == ("b", "a")
        assert write_files(tmp_path, {"b": "2", "a": "1"}, force=False) == ()

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("mine")
        (tmp_path / "a").symlink_to("outside")
        with pytest.raises(UsageError, match="no plain file"):
            write_files(tmp_path, {"a": "1"}, force=True)
        assert (tmp_path / "outside").read_text() == "mine"

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / ".github").write_text("")
        with pytest.raises(Exception, match="cannot write"):
            write_files(tmp_path, {".github/x": "1", "a": "1"}, force=False)
        assert not (tmp_path / "a").exists()


def test_what_is_embedded_is_not_ignored(tmp_path: Path) -> None:
    project = _project(_program(), embedded=("keys/public.pem", "web/node_modules/x.js"))
    lines = render_files(project, InitOptions(dockerfile=True), tmp_path)[".dockerignore"].splitlines()
    assert "**/*.pem" not in lines
    assert "**/node_modules" not in lines
    assert "**/*.key" in lines
