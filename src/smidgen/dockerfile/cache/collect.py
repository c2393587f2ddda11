"""What a build that is done has for the caches of other machines."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from smidgen.dockerfile.cache.document import CachedStep
from smidgen.dockerfile.execute.keys import key
from smidgen.dockerfile.execute.layers import Chain, chain_name

if TYPE_CHECKING:
    from smidgen.dockerfile.execute.builder import Builder
    from smidgen.dockerfile.execute.stage import StageRun


def collect_steps(builder: "Builder", *, all_stages: bool) -> tuple[CachedStep, ...]:
    """Give what the steps of a build came to, packed; the layers of caches stay where they are.

    Args:
        builder: Has built, and was not closed yet.
        all_stages: Not only those whose layers are the image's.

    Raises:
        SmidgenError: A layer cannot be packed.
    """
    found: list[CachedStep] = []
    for stage in builder.all_begun():
        if all_stages or builder.is_exported(stage.planned.index):
            found += _steps(builder, stage, all_stages=all_stages)
    return tuple(found)


def _steps(builder: "Builder", stage: "StageRun", *, all_stages: bool) -> Iterator[CachedStep]:
    chain, count = stage.known()
    layers = builder.layers
    below = len(chain) - count
    for at in range(count):
        outcome = stage.outcome(at)
        layer = layers.described(chain[: below + at + 1])
        parent = chain_name(layers, chain[: below + at])
        if outcome is None or parent is None:
            return
        step_key, record = outcome
        yield CachedStep(
            key=step_key,
            content=record.content,
            parent=parent,
            sources={one: _source(builder, int(one), all_stages=all_stages) for one in record.sources},
            format=layers.format.name,
            layer=layer,
        )
    if all_stages:
        stage.save_layers(chain)


def _source(builder: "Builder", index: int, *, all_stages: bool) -> str:
    """Name what a stage gave: by its layers where they are in the cache, else by what it was made from."""
    stage = builder.stage(index)
    if all_stages or builder.is_exported(index):
        chain, count = stage.known()
        name = _packed_name(builder, chain) if count == len(stage.steps) else None
        if name is not None:
            return name
    return key("stage", stage.keys.last)


def _packed_name(builder: "Builder", chain: Chain) -> str | None:
    for at in range(len(chain)):
        if builder.layers.diff_id_of(chain[at]) is None:
            builder.layers.packed(chain[: at + 1])
    return chain_name(builder.layers, chain)
