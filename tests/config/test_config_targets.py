"""Which entry of ``targets:`` is for which target, and what several together say."""

import pytest

from smidgen.config.settings import Flags
from smidgen.config.values import Port, User
from support.config_files import settings_of


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("./cmd/app", True),
        ("./cmd/app/", True),
        ("./cmd/./x/../app", True),
        ("/repo/cmd/app", True),
        ("../repo/cmd/app", True),
        ("./...", True),
        ("./cmd/...", True),
        ("./cmd/app/...", True),
        ("./.../app", True),
        ("./c...p", True),
        ("./c...d/...p", True),
        ("./...c...", True),
        (".", False),
        ("./cmd", False),
        ("./cmd/ap", False),
        ("./cmd/app/x", False),
        ("./cmd/appx/...", False),
        ("./...x", False),
        ("example.com/me/cmd/app", True),
        ("example.com/me/...", True),
        ("example.com/...", True),
        ("...", True),
        ("example.com/me/cmd/app/...", True),
        ("example.com/me/cmd/app@latest", True),
        ("example.com/me", False),
        ("example.com/me/cmd/app/x", False),
        ("cmd/app", False),
    ],
)
def test_patterns_of_targets(pattern: str, matches: bool) -> None:  # noqa: FBT001
    settings = settings_of(f"targets: [{{target: '{pattern}', workdir: /matched}}]")
    assert (settings.workdir == "/matched") == matches


def test_an_import_path_with_a_version() -> None:
    text = "targets: [{target: golang.org/x/tools/cmd/..., workdir: /matched}]"
    settings = settings_of(text, target="golang.org/x/tools/cmd/stringer@v0.30.0", import_path=None)
    assert (settings.workdir, settings.target) == ("/matched", "golang.org/x/tools/cmd/stringer@v0.30.0")


def test_a_hostile_pattern_takes_no_time() -> None:
    text = f"targets: [{{target: './{'...a' * 200}...b', workdir: /matched}}]"
    assert settings_of(text, target="./" + "a" * 2000).workdir == ""


def test_entries_apply_in_the_order_of_the_file() -> None:
    text = """
        env: {A: global, B: global, C: global}
        ports: 1
        targets:
          - {target: ./cmd/app, env: {A: first, B: first}, ports: 2}
          - {target: ./..., env: {A: second}, user: 5}
    """
    settings = settings_of(text)
    assert settings.env == {"A": "second", "B": "first", "C": "global"}
    assert settings.ports == (Port(2),)
    assert settings.user == User(uid=5, gid=5)


def test_needs_are_joined_need_by_need() -> None:
    text = (
        "needs: {with: [ca, tz], without: [tmp]}\ntargets: [{target: ./cmd/app, needs: {with: [tmp], without: [ca]}}]"
    )
    settings = settings_of(text, flags=Flags(needs_without=("tz",)))
    assert settings.needs_with == {"tmp"}
    assert settings.needs_without == {"ca", "tz"}
    assert {key: str(origin) for key, origin in settings.provenance.items() if key.startswith("needs.")} == {
        "needs.ca": "smidgen.yaml:2",
        "needs.tz": "flag --without",
        "needs.tmp": "smidgen.yaml:2",
    }
