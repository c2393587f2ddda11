"""What goes wrong while an instruction is done, shown with that instruction."""

from collections.abc import Callable
from typing import TypeVar

from smidgen.dockerfile.steps import StepBase
from smidgen.errors import DockerfileError, SmidgenError, StepTimeout, StoreError
from smidgen.store.faults import NO_SPACE, store_error

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
        raise _shown(step, error) from error
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise _shown(step, store_error(error, "write", error.filename or "the files of this step")) from error
    except SmidgenError as error:
        raise step.location.fault(error.message, hint=error.hint) from error


def _shown(step: StepBase, error: StoreError) -> StoreError:
    return StoreError(step.location.fault(error.message).message, hint=error.hint)
