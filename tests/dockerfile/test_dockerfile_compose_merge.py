"""Compose files that are merged, extend services of each other, or include each other."""

from pathlib import Path

import pytest

from smidgen.dockerfile.compose.read import ComposeOptions, read_compose
from smidgen.dockerfile.compose.service import Project, ServiceBuild
from smidgen.errors import LimitExceeded, UsageError


def _write(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _read(tmp_path: Path, *names: str, environ: dict[str, str] | None = None) -> Project:
    return read_compose([tmp_path / name for name in names or ("compose.yaml",)], ComposeOptions(), environ or {})


def _merged(tmp_path: Path, base: str, over: str) -> ServiceBuild:
    head = "services: {web: {build: "
    _write(tmp_path, {"a.yaml": f"name: p\n{head}{base}}}}}", "b.yaml": f"{head}{over}}}}}"})
    (build,) = _read(tmp_path, "a.yaml", "b.yaml").builds
    return build


@pytest.mark.parametrize(
    ("base", "over", "name", "expected"),
    [
        ("{target: a}", "{target: b}", "target", "b"),
        ("{target: a}", "{target: null}", "target", "a"),
        ("{args: {A: 1, B: 2}}", "{args: {B: 3, C: 4}}", "args", {"A": "1", "B": "3", "C": "4"}),
        ("{args: [A=1, B=2]}", "{args: {B: 3}}", "args", {"A": "1", "B": "3"}),
        ("{args: {A: 1}}", "{args: [A=2=3, D]}", "args", {"A": "2=3"}),
        ("{labels: {a: 1}}", "{labels: [b=2]}", "labels", {"a": "1", "b": "2"}),
        ("{extra_hosts: ['a:1.1.1.1']}", "{extra_hosts: {b: 2.2.2.2}}", "hosts", (("a", "1.1.1.1"), ("b", "2.2.2.2"))),
        ("{extra_hosts: {a: 1.1.1.1}}", "{extra_hosts: {a: 2.2.2.2}}", "hosts", (("a", "2.2.2.2"),)),
        ("{no_cache_filter: a}", "{no_cache_filter: [b]}", "no_cache_stages", {"a", "b"}),
        ("{no_cache: false}", "{no_cache: true}", "use_cache", False),
        ("{ssh: [default]}", "{ssh: {x: /s}}", "agents", ("default", "x=/s")),
    ],
)
def test_sections(tmp_path: Path, base: str, over: str, name: str, expected: object) -> None:
    assert getattr(_merged(tmp_path, base, over), name) == expected


def test_lists_are_joined(tmp_path: Path) -> None:
    build = _merged(
        tmp_path, "{tags: [a], platforms: [linux/amd64]}", "{tags: b, platforms: [linux/arm64, linux/amd64]}"
    )
    assert [name.familiar for name in build.names[1:]] == ["a:latest", "b:latest"]
    assert [str(platform) for platform in build.platforms] == ["linux/amd64", "linux/arm64"]


def test_a_text_is_a_context_in_what_is_merged(tmp_path: Path) -> None:
    (tmp_path / "ctx").mkdir()
    assert _merged(tmp_path, "ctx", "{target: x}").context == tmp_path / "ctx"
    assert _merged(tmp_path, "{target: x}", "ctx").target == "x"


def test_paths_of_all_files_are_relative_to_the_first(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "one/compose.yaml": "services: {web: {build: .}}\nsecrets: {s: {file: one}}",
            "two/more.yaml": "services: {web: {build: {context: ctx, secrets: [s]}}, extra: {build: .}}\n"
            "secrets: {s: {file: two}}",
            "one/ctx/Dockerfile": "FROM scratch",
        },
    )
    web, extra = _read(tmp_path, "one/compose.yaml", "two/more.yaml").builds
    assert (web.context, extra.context) == (tmp_path / "one/ctx", tmp_path / "one")
    assert web.secrets == (f"id=s,src={tmp_path}/one/two",)


def test_a_service_extends_one_of_the_same_file(tmp_path: Path) -> None:
    text = """
services:
  base: {build: {context: ., args: {A: 1, B: 2}, target: t}, image: i}
  middle: {extends: base, image: k, build: {args: {B: 3}}}
  top: {extends: {service: middle}, build: {target: u, tags: [j]}, image: l}
"""
    _write(tmp_path, {"compose.yaml": text})
    base, middle, top = _read(tmp_path).builds
    assert (base.args, base.target) == ({"A": "1", "B": "2"}, "t")
    assert (middle.args, middle.target) == ({"A": "1", "B": "3"}, "t")
    assert (top.args, top.target) == ({"A": "1", "B": "3"}, "u")
    assert [name.familiar for name in top.names] == ["l:latest", "j:latest"]


def test_a_service_of_another_file_has_its_paths_and_the_variables_of_the_project(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "compose.yaml": "services: {web: {extends: {file: sub/base.yaml, service: web}, build: {target: $T}}}",
            "sub/base.yaml": "services: {web: {extends: low, image: web}, low: {build: {context: ctx, args: [X=$T]}}}",
            "sub/ctx/Dockerfile": "FROM scratch",
            ".env": "T=here",
        },
    )
    (web,) = _read(tmp_path).builds
    assert (web.context, web.target, web.args, web.is_named) == (tmp_path / "sub/ctx", "here", {"X": "here"}, True)


def test_a_file_extends_a_service_of_the_file_before_it(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "compose.yaml": "services: {base: {build: {context: ., target: a}}}",
            "more.yaml": "services: {web: {extends: base, build: {args: {X: 1}}}}",
        },
    )
    base, web = _read(tmp_path, "compose.yaml", "more.yaml").builds
    assert (base.target, web.target, web.args) == ("a", "a", {"X": "1"})


def test_what_is_included_has_its_own_paths_and_variables(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "compose.yaml": """
include:
  - sub/compose.yaml
  - {path: [other/a.yaml, other/b.yaml], project_directory: ., env_file: other/e}
services: {web: {build: {context: ., additional_contexts: {db: service:db}}}}
""",
            "sub/compose.yaml": "include: deep/compose.yaml\nservices: {db: {build: {args: [A, B]}}}\n"
            "secrets: {s: {file: s}}",
            "sub/deep/compose.yaml": "services: {deep: {build: {}}}",
            "sub/.env": "A=inner\nB=inner",
            "other/a.yaml": "services: {o: {build: {args: {A: $A, E: $E}}}}",
            "other/b.yaml": "services: {o: {build: {target: $NOWHERE}}}",
            "other/e": "E=e",
        },
    )
    project = _read(tmp_path, environ={"A": "outer"})
    builds = {build.service: build for build in project.builds}
    assert builds["db"].args == {"A": "outer", "B": "inner"}
    assert builds["db"].context == tmp_path / "sub"
    assert builds["deep"].context == tmp_path / "sub/deep"
    assert (builds["o"].context, builds["o"].args) == (tmp_path, {"A": "outer", "E": "e"})
    assert builds["web"].needs == ("db",)
    assert project.unset == ("NOWHERE",)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"compose.yaml": "services: {a: {extends: b, build: .}}"}, "compose.yaml has no service 'b'"),
        ({"compose.yaml": "services: {top: {extends: webb}, web: {build: .}}"}, "did you mean web?"),
        (
            {"compose.yaml": "services: {a: {extends: b}, b: {extends: a, build: .}}"},
            "leads to itself again: a → b → a",
        ),
        ({"compose.yaml": "services: {a: {extends: {file: b.yaml}}}"}, "extends has no service"),
        ({"compose.yaml": "services: {a: {extends: {servce: b}}}"}, "did you mean service?"),
        ({"compose.yaml": "services: {a: {extends: {file: no.yaml, service: b}}}"}, "no.yaml"),
        ({"compose.yaml": "services: {a: {extends: [b]}}"}, "extends has to be a text"),
        (
            {
                "compose.yaml": "services: {a: {extends: {file: b.yaml, service: b}}}",
                "b.yaml": "services: {b: {extends: {file: compose.yaml, service: a}}}",
            },
            "leads to itself again: a → b → a",
        ),
        ({"compose.yaml": "include: compose.yaml\nservices: {a: {build: .}}"}, "this leads to itself again"),
        ({"compose.yaml": "include: [{file: x}]\nservices: {a: {build: .}}"}, "include has no key 'file'"),
        ({"compose.yaml": "include: [{env_file: x}]\nservices: {a: {build: .}}"}, "include has no path"),
        (
            {"compose.yaml": "include: oci://example.com/x\nservices: {a: {build: .}}"},
            "'oci://example.com/x' is no file",
        ),
        ({"compose.yaml": "services: {a: {extends: {file: 'git@h:r', service: b}}}"}, "'git@h:r' is no file"),
        ({"compose.yaml": "include: no.yaml\nservices: {a: {build: .}}"}, "cannot be read"),
        (
            {"compose.yaml": "include: b.yaml\nservices: {a: {build: .}}", "b.yaml": "services: {a: {build: .}}"},
            "'a' is in",
        ),
        (
            {
                "compose.yaml": "services: {a: {extends: {file: b.yaml, service: b}}}",
                "b.yaml": "services: {b: {build: {x: 1}}}",
            },
            "build has no key 'x'",
        ),
    ],
)
def test_faults(tmp_path: Path, files: dict[str, str], said: str) -> None:
    _write(tmp_path, files)
    with pytest.raises(UsageError) as caught:
        _read(tmp_path)
    assert said in f"{caught.value}\n{caught.value.message}\n{caught.value.hint}"


def test_a_fault_is_shown_in_the_file_that_it_is_in(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "compose.yaml": "services: {a: {build: .}}",
            "over.yaml": "services:\n  a:\n    build:\n      network: moon\n",
        },
    )
    with pytest.raises(UsageError, match=r"over\.yaml:4:16: build\.network is 'moon'"):
        _read(tmp_path, "compose.yaml", "over.yaml")


def test_files_and_services_without_end(tmp_path: Path) -> None:
    chain = "".join(f"  s{i}: {{extends: s{i + 1}}}\n" for i in range(500))
    _write(tmp_path, {"compose.yaml": f"services:\n{chain}  s500: {{build: .}}\n"})
    with pytest.raises(UsageError, match="more than 32"):
        _read(tmp_path)
    _write(tmp_path, {f"{i}.yaml": f"include: [{i + 1}.yaml]\n" for i in range(100)})
    with pytest.raises(UsageError, match="more than 32"):
        _read(tmp_path, "0.yaml")
    wide = "".join(f"  - {i}.yaml\n" for i in range(300))
    _write(tmp_path, {f"{i}.yaml": "services: {}" for i in range(300)} | {"compose.yaml": f"include:\n{wide}"})
    with pytest.raises(LimitExceeded, match="number of Compose files"):
        _read(tmp_path)
