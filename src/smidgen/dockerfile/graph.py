"""Which stages a target needs, in an order in which they can be built."""

from collections.abc import Mapping, Sequence


def needed_stages(target: int, needs: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    """Give the numbers of the stages that *target* needs, each after those that it needs; *target* is the last.

    Args:
        target: Its number.
        needs: The stages that each stage needs itself. A stage needs earlier ones only, so there is no cycle.
    """
    found: set[int] = set()
    waiting = [target]
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.add(stage)
            waiting.extend(needs[stage])
    # A stage only needs those before it, so that the order of the file is an order to build in.
    return tuple(sorted(found))
