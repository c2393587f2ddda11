"""Which steps can be built at the same time: those of one level need nothing of each other.

As with Habitus, a level begins when the one before it is done, so that a step finds the artifacts of all earlier
levels in its context, also of steps that it does not name.
"""

from collections.abc import Mapping

from smidgen.flow.build_file import Flow, FlowStep

Needs = Mapping[str, tuple[str, ...]]


def levels(flow: Flow, needs: Needs) -> tuple[tuple[FlowStep, ...], ...]:
    """Sort the steps of *flow* into levels, each in the order of the file.

    Args:
        flow: What is to be built.
        needs: The labels that each label depends on.

    Raises:
        ConfigError: Steps depend on each other in a circle.
    """
    left = {step.label: set(needs[step.label]) for step in flow.steps}
    found: list[tuple[FlowStep, ...]] = []
    while left:
        ready = [label for label, waiting in left.items() if not waiting]
        if not ready:
            circle = _circle(left)
            raise flow.error(
                f"steps depend on each other: {' → '.join(circle)}",
                flow.step(circle[0]).mark,
                hint="take one of them out of depends_on, or out of FROM",
            )
        found.append(tuple(flow.step(label) for label in ready))
        left = {label: waiting.difference(ready) for label, waiting in left.items() if label not in ready}
    return tuple(found)


def _circle(left: Mapping[str, set[str]]) -> list[str]:
    """Find a circle among steps each of which waits for another one."""
    trail = [next(iter(left))]
    while True:
        following = min(left[trail[-1]])
        if following in trail:
            return [*trail[trail.index(following) :], following]
        trail.append(following)
