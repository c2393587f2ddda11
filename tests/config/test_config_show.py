"""``smidgen config``, its documents, and the pages about them."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from smidgen.cli.root import root
from smidgen.config.discover import load_config
from smidgen.config.resolve import resolve_settings
from smidgen.config.schema import json_schema, render_json_schema
from smidgen.config.settings import Flags, Settings
from smidgen.errors import ConfigError, NotFound, UsageError
from smidgen.report.config import config_report, render_config
from smidgen.report.schema_config import ConfigReport
from support.config_files import block, config_of, settings_of

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = DOCS / "how-to" / "configuration.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", HOW_TO.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
OWN_EXAMPLES = [example for example in EXAMPLES if not example.startswith("# .ko.yaml")]
KO_EXAMPLES = [example for example in EXAMPLES if example.startswith("# .ko.yaml")]


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "cmd" / "app").mkdir(parents=True)
    (tmp_path / "go.mod").write_text("module example.com/me\n\ngo 1.21\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def smidgen(*arguments: str) -> Result:
    result = CliRunner().invoke(root, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def values_of(settings: Settings) -> dict[str, Any]:
    apart = {"names", "go", "provenance", "warnings", "target"}
    return {name: getattr(settings, name) for name in settings.__struct_fields__ if name not in apart}


def test_show_says_where_each_value_came_from(repo: Path) -> None:
    (repo / "smidgen.yaml").write_text(
        block("""
            repository: ghcr.io/me
            platforms: [linux/amd64, linux/arm64]
            env:
              LOG_LEVEL: info
              DEBUG: on
            needs: {with: [ca, tz], zones: [Europe/Berlin]}
            targets:
              - target: example.com/me/cmd/...
                env: {LOG_LEVEL: "it's # loud: very"}
                healthcheck: {test: /app -health, interval: 90s}
                ports: 8080
        """)
        + "\n"
    )
    result = smidgen("config", "show", "./cmd/app")
    assert result.stderr == "smidgen.yaml, for ./cmd/app\n"
    assert (
        result.stdout
        == block("""
        repository: ghcr.io/me                 # smidgen.yaml:1
        tags: [latest]                         # default
        platforms: [linux/amd64, linux/arm64]  # smidgen.yaml:2
        base: scratch                          # default
        user: 65534:65534                      # default
        env:
          LOG_LEVEL: "it's # loud: very"       # smidgen.yaml:9
          DEBUG: on                            # smidgen.yaml:5
        ports: [8080/tcp]                      # smidgen.yaml:11
        healthcheck:
          test: [CMD, /app, "-health"]         # smidgen.yaml:10
          interval: 1m30s                      # smidgen.yaml:10
        kodata: true                           # default
        single_layer: false                    # default
        compression: gzip:6                    # default
        needs:
          with: [ca, tz]                       # smidgen.yaml:6
          zones: [Europe/Berlin]               # smidgen.yaml:6
        cgo: false                             # default
        strip: true                            # default
        disable_optimizations: false           # default
        # not set: names, name, entrypoint, cmd, workdir, volumes, stop_signal, linux_capabilities, labels, \
annotations, add, go, build, bin, flags, ldflags, gcflags, build_tags, variables, build_env, sysroot, libc, libraries
    """)
        + "\n"
    )


def test_show_without_a_file(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMIDGEN_GO", "/opt/go")
    result = smidgen("config", "show")
    assert result.stderr == "no configuration file, for .\n"
    assert "# go: /opt/go " in result.stdout
    assert "# environment SMIDGEN_GO" in result.stdout


def test_show_as_json(repo: Path) -> None:
    (repo / "other.yaml").write_text("cmd: [-v]\n")
    result = smidgen("config", "show", "--json", "--config", "other.yaml")
    assert result.stderr == ""
    report = msgspec.json.decode(result.stdout, type=ConfigReport)
    assert (report.schema, report.target, report.file, report.warnings) == ("smidgen.config/v1", ".", "other.yaml", ())
    (cmd,) = [setting for setting in report.settings if setting.key == "cmd"]
    assert cmd.value == ("-v",)
    assert [(origin.kind, origin.name, origin.line) for origin in cmd.origins] == [("file", "other.yaml", 1)]


def test_show_says_warnings(repo: Path) -> None:
    (repo / ".ko.yaml").write_text("unknown: 1\n")
    result = smidgen("config", "show", "-q")
    assert result.stderr == "warning: .ko.yaml:1:1: unknown key 'unknown' is passed over, as ko does\n"


def test_show_refuses_what_a_build_would(repo: Path) -> None:
    (repo / "smidgen.yaml").write_text("targets: [{target: ./cmd/app, user: a:b}]\n")
    assert smidgen("config", "show").exit_code == 0
    with pytest.raises(ConfigError, match=r"smidgen\.yaml:1:37: invalid user 'a:b'"):
        smidgen("config", "show", "./cmd/app")


def test_show_takes_one_program_that_is_there(repo: Path) -> None:
    with pytest.raises(UsageError, match="may mean several programs"):
        smidgen("config", "show", "./cmd/...")
    with pytest.raises(NotFound, match=r"the directory \./cmd/ap not found"):
        smidgen("config", "show", "./cmd/ap")
    assert smidgen("config", "show", "example.com/tool@latest").exit_code == 0


def test_the_schema_is_the_one_in_the_documentation() -> None:
    printed = smidgen("config", "schema").stdout
    assert printed == render_json_schema()
    assert (DOCS / "reference" / "smidgen.schema.json").read_text(encoding="utf-8") == printed, "run: make docs"


def test_the_schema_is_one_and_describes_every_key() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for shape in (schema, *schema["$defs"].values()):
        assert shape["additionalProperties"] is False
        for key, described in shape["properties"].items():
            assert described["description"], key
            resolver = jsonschema.Draft202012Validator({**described, "$defs": schema["$defs"]})
            for example in described.get("examples", ()):
                resolver.validate(example)


@pytest.mark.parametrize(
    "text",
    [
        "prots: 1",
        "needs: {with: [tls]}",
        "targets: [{name: x}]",
        "kodata: on the table",
        "env: {A: [1]}",
        "ports: {a: 1}",
        "healthcheck: {interval: 1s}",
    ],
)
def test_the_schema_refuses_what_is_refused(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), json_schema())
    with pytest.raises(ConfigError):
        config_of(text)


@pytest.mark.parametrize(
    "text",
    ["user: 1000", "env: {A: 1, B: true, C: 1.5}", "ports: [80, 81/udp]", "ports: 80", "tags: [1.0]", "stop_signal: 9"],
)
def test_the_schema_takes_what_needs_no_quotes(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), json_schema())
    settings_of(text)


@pytest.mark.parametrize("example", OWN_EXAMPLES)
def test_the_examples_of_the_how_to(example: str) -> None:
    jsonschema.validate(yaml.safe_load(example), json_schema())
    for target in ("./cmd/web", "./cmd/worker", "."):
        settings_of(example, target=target)


def test_the_how_to_shows_every_key() -> None:
    (everything,) = [example for example in OWN_EXAMPLES if "disable_optimizations" in example]
    shown = yaml.safe_load(everything)
    schema = json_schema()
    assert {*shown, "targets"} == set(schema["properties"])
    assert set(shown["needs"]) == set(schema["$defs"]["Needs"]["properties"])
    assert set(shown["healthcheck"]) == set(schema["$defs"]["Healthcheck"]["properties"])


@pytest.mark.parametrize("example", KO_EXAMPLES)
def test_the_examples_of_ko_in_the_how_to(repo: Path, example: str) -> None:
    (repo / ".ko.yaml").write_text(example)
    config = load_config(repo, directory=repo, environ={})
    settings = resolve_settings("./cmd/web", directory=repo, config=config, environ={})
    assert (settings.flags, settings.build_env) == (("-tags", "netgo"), {"GOPRIVATE": "git.example.com"})


def test_the_how_to_shows_what_show_prints() -> None:
    shown = HOW_TO.read_text(encoding="utf-8").split("$ smidgen config show ./cmd/app\n")[1].split("...\n")[0]
    report = config_report(settings_of(OWN_EXAMPLES[0]), file="smidgen.yaml")
    assert render_config(report).startswith(shown)


_TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_NAME = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0="), min_size=1, max_size=12).filter(
    str.strip
)
_VARIABLE = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,8}\Z")
_WORDS = st.lists(_TEXT, max_size=3)


@settings(deadline=None)
@given(
    env=st.dictionaries(_VARIABLE, _TEXT, max_size=4),
    labels=st.dictionaries(_NAME, _TEXT, max_size=4),
    words=_WORDS,
    ports=st.lists(st.integers(1, 65535).map(str), max_size=3),
    healthcheck=st.none() | st.sampled_from(["NONE", "/app", "--interval=1.5s --retries=3 CMD /app 'a b'"]),
    needs=st.sets(st.sampled_from(["ca", "tz", "tmp"])),
    kodata=st.none() | st.booleans(),
)
def test_what_show_prints_is_a_file_that_means_the_same(
    *,
    env: dict[str, str],
    labels: dict[str, str],
    words: list[str],
    ports: list[str],
    healthcheck: str | None,
    needs: set[str],
    kodata: bool | None,
) -> None:
    flags = Flags(
        env=tuple(f"{name}={value}" for name, value in env.items()),
        labels=tuple(f"{name}={value}" for name, value in labels.items()),
        cmd=json.dumps(words, ensure_ascii=False),
        ldflags=tuple(words),
        ports=tuple(ports),
        healthcheck=healthcheck,
        needs_with=tuple(needs),
        kodata=kodata,
    )
    settings = settings_of(flags=flags)
    again = settings_of(render_config(config_report(settings, file=None)))
    assert values_of(again) == values_of(settings)
