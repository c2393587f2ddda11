"""What BuildKit's front end makes of some hundred Dockerfiles, and we: config, history, checks, errors."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smidgen.dockerfile.origins import StageOrigin
from smidgen.dockerfile.parse import parse
from smidgen.dockerfile.plan import BuildOptions, plan
from smidgen.dockerfile.resolve import ResolvedStage, resolve_stage
from smidgen.dockerfile.state import state_of_image, state_of_stage
from smidgen.errors import UsageError
from smidgen.oci.platform import Platform

AMD64 = Platform.parse("linux/amd64")
HERE = Path(__file__).parent / "vectors" / "buildkit"
CASES: list[dict[str, Any]] = json.loads((HERE / "cases.json").read_text())
OUTCOMES: list[dict[str, Any]] = json.loads((HERE / "outcomes.json").read_text())

# Each is a difference on purpose; docs/dockerfile.md gives the reasons.
REFUSED_HERE_ALONE = {
    "FROM scratch\nSTOPSIGNAL 99": "is no signal",
    "FROM scratch\nRUN": "needs a command",
    "FROM scratch\nRUN []": "needs a command",
    "FROM scratch\nCOPY $X /": "is empty",
    "FROM scratch\nCOPY ../a b": "outside the context",
}
REFUSED_THERE_ALONE = {
    "FROM scratch\nENV A=1\nFROM scratch\n"
}  # --target with a number, as docker's old builder has it
CHECKED_HERE_ALONE = {"DestinationWithoutSlash"}


def outcome(case: dict[str, Any]) -> tuple[ResolvedStage, list[str]]:
    options = BuildOptions(
        build_platform=AMD64,
        target_platform=AMD64,
        build_args=case.get("args", {}),
        target=case.get("target", ""),
    )
    planned = plan(parse(case["dockerfile"], name="Dockerfile"), options)
    rules = [doubt.rule for doubt in planned.warnings]
    found: dict[int, ResolvedStage] = {}
    for stage in planned.stages:
        if isinstance(stage.base, StageOrigin):
            begin = state_of_stage(found[stage.base.index].state)
        else:
            begin = state_of_image(None, stage.platform or AMD64)
        found[stage.index] = resolve_stage(planned, stage, begin)
        rules += [doubt.rule for doubt in found[stage.index].warnings]
    return found[planned.target.index], rules


@pytest.mark.parametrize(
    ("case", "expected"), list(zip(CASES, OUTCOMES, strict=True)), ids=lambda value: repr(value)[16:70]
)
def test_as_buildkit_has_it(case: dict[str, Any], expected: dict[str, Any]) -> None:
    text = case["dockerfile"]
    if text in REFUSED_HERE_ALONE:
        with pytest.raises(UsageError, match=REFUSED_HERE_ALONE[text]):
            outcome(case)
        return
    if "error" in expected:
        if text not in REFUSED_THERE_ALONE:
            with pytest.raises(UsageError):
                outcome(case)
        return
    result, rules = outcome(case)
    config = json.loads(msgspec.json.encode(result.state.config))
    assert {key: value for key, value in config.items() if value} == {
        key: value for key, value in expected["config"].items() if value
    }
    assert result.state.author == expected.get("author", "")
    entries = [entry for entry in result.state.history if not entry.created_by.startswith("HEALTHCHECK")]
    # BuildKit 0.26 writes a health check as Go happens to quote it; since then, and here, with the names of its fields.
    history = [
        (text, empty)
        for text, empty in zip(expected.get("history", []), expected.get("empty", []), strict=True)
        if not text.startswith("HEALTHCHECK")
    ]
    assert [(entry.created_by, entry.empty_layer) for entry in entries] == history
    # Who writes ${X:-y} knows that X may not be set: no doubt of ours.
    if ":-" not in text:
        assert set(rules) - CHECKED_HERE_ALONE == set(expected.get("warnings", []))
