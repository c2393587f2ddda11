"""What goes wrong while an instruction is done, shown with that instruction."""

from collections.abc import Callable
from typing import TypeVar

from smidgen.dockerfile.steps import StepBase
from smidgen.errors import DockerfileError, SmidgenError, StepTimeout, StoreError

_T = TypeVar("_T")


def located(step: StepBase, work: Callable[[], _T]) -> _T:
    """Give what *work* gives.

    Raises:
        StoreError: The disk is full, or the like; it shows the instruction, which is not to blame.
        DockerfileError: Anything else, at the instruction.
    """
    try:
        return work()
    except (DockerfileError, StepTimeout):
        raise
    except StoreError as error:
        raise StoreError(step.location.fault(error.message).message, hint=error.hint) from error
    except SmidgenError as error:
        raise step.location.fault(error.message, hint=error.hint) from error
