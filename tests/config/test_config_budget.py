"""``budget`` of smidgen.yaml: what is read, and how what cannot be meant is refused."""

from decimal import Decimal
from pathlib import Path

import pytest

from smidgen.config.budget import Limit, budget_limits
from smidgen.config.discover import load_config
from smidgen.errors import ConfigError


def limits(directory: Path, text: str) -> tuple[Limit, ...]:
    (directory / "smidgen.yaml").write_text(text)
    config = load_config(directory, directory=directory, environ={})
    assert config is not None
    return budget_limits(config)


def test_every_key(tmp_path: Path) -> None:
    text = """
budget:
  size: 10MB
  pull_size: 4 MiB
  layer_size: 1.5kB
  layers: 5
  wasted: 0
  packages:
    net/http: 400kB
    github.com/aws/...: 5000000
  needs: [tz, ca]
  no_root: true
  static: yes
  growth: 2.5%
  pull_growth: 100kB
"""
    found = limits(tmp_path, text.replace("yes", "true"))
    assert [(one.key, one.name, one.value) for one in found] == [
        ("size", "", 10_000_000),
        ("pull_size", "", 4 << 20),
        ("layer_size", "", 1500),
        ("layers", "", 5),
        ("wasted", "", 0),
        ("packages", "net/http", 400_000),
        ("packages", "github.com/aws/...", 5_000_000),
        ("needs", "", 0),
        ("no_root", "", 0),
        ("static", "", 0),
        ("growth", "", 0),
        ("pull_growth", "", 100_000),
    ]
    assert found[7].allowed == {"tz", "ca"}
    assert found[10].percent == Decimal("2.5")
    assert [(one.file, one.line, one.column) for one in found[:6:5]] == [("smidgen.yaml", 3, 3), ("smidgen.yaml", 9, 5)]


def test_what_is_off_is_no_limit(tmp_path: Path) -> None:
    assert limits(tmp_path, "budget:\n  no_root: false\n  static: false\n") == ()
    assert limits(tmp_path, "budget:\n") == ()
    assert limits(tmp_path, "name: x\n") == ()
    assert len(limits(tmp_path, "budget:\n  needs: []\n")) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("size: big", "'big' is no size"),
        ("size: -1", "'-1' is no size"),
        ("size: 5%", "'5%' is no size"),
        ("growth: 5 percent", "or 5%"),
        ("layers: 2.5", "no number of layers"),
        ("packages: {net: much}", "'much' is no size"),
        ("needs: [air]", "air"),
        ("speed: 5", "speed"),
        ("size: [1]", "size"),
        ("size: 99999999999999999999MB", "is no size"),
    ],
)
def test_what_cannot_be_meant(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        limits(tmp_path, f"budget:\n  {text}\n")
    assert reason in f"{refused.value.message} {refused.value.hint}"
    assert (refused.value.line, refused.value.path) == (2, "smidgen.yaml")
