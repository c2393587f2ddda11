"""What to do where ``go`` refused a program that has C in it, or that would have."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from smidgen.gobuild.cgo.environment import c_setting
from smidgen.gobuild.cgo.faults import advice, shortened
from smidgen.gobuild.cgo.question import packages_with_c
from smidgen.gobuild.cgo.told import advice_without_c
from smidgen.gobuild.environment import go_environment
from smidgen.gobuild.toolchain import Toolchain

if TYPE_CHECKING:
    from smidgen.gobuild.batch import Batch

_SIGNS: Final = ("build constraints exclude all Go files", "undefined: ", "C source files not allowed")


def explained(batch: "Batch", output: str, toolchain: Toolchain, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Give what ``go`` said, without what nobody can use, and what to do about it where that is known.

    Args:
        batch: What it was to compile.
        output: What it said.
        toolchain: Asked which packages have C.
        environ: The user's environment.

    Raises:
        BuildError: Go cannot be started.
    """
    variables = go_environment(environ, batch.options, batch.platform)
    if batch.options.cgo:
        setting = c_setting(batch.options, variables, toolchain.goroot)
        return shortened(output), advice(output, setting.target, setting.sysroot)
    # How it looks when files with C are left out, and all else is there.
    is_on = batch.options.libc or variables["CGO_ENABLED"] != "0"
    if is_on or not any(text in output for text in _SIGNS):
        return output, None
    return output, advice_without_c(packages_with_c(batch, toolchain, environ))
