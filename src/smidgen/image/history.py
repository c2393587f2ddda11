"""Which step of an image's history made which layer."""

from smidgen.image.image import Image
from smidgen.oci.config import History


def history_steps(image: Image) -> tuple[tuple[History, int | None], ...]:
    """Give the steps of a single image, oldest first, each with the number of its layer, from 0 for the bottom one.

    A step that made no layer has None. Not every builder writes a history, and some write fewer steps than they made
    layers: such a layer has an empty step.

    Raises:
        InvalidContent: Configuration and manifest do not agree on how many layers there are.
    """
    count = len(image.diff_ids)
    steps: list[tuple[History, int | None]] = []
    at = 0
    for step in image.config.history or ():
        if step.empty_layer or at >= count:
            steps.append((step, None))
        else:
            steps.append((step, at))
            at += 1
    steps += [(History(), number) for number in range(at, count)]
    return tuple(steps)
