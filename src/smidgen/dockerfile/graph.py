"""Which stages a target needs, in an order in which they can be built."""

from collections.abc import Mapping, Sequence


def needed_stages(target: int, needs: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    """Give the numbers of the stages that *target* needs, in the order of the file, with *target*.

    Args:
        target: Its number.
        needs: The stages that each stage needs itself.
    """
    found: set[int] = set()
    waiting = [target]
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.add(stage)
            waiting.extend(needs[stage])
    return tuple(sorted(found))


def find_cycle(needs: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    """Give stages of which each needs the next, and the last the first; none where there are no such stages."""
    # Stages that need only earlier ones, as nearly all files have them, have no cycle.
    if all(one < stage for stage, others in needs.items() for one in others):
        return ()
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        # It gives the first one again at the end, and each before what needs it.
        ring: list[int] = error.args[1]
        return tuple(reversed(ring[1:]))
    return ()
