"""Which registries this user has credentials for. Neither names of users nor secrets are given."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from smidgen.doctor.finding import Area, Finding, State
from smidgen.errors import CredentialsError
from smidgen.registry.answers import harmless
from smidgen.registry.auth_files import AuthFile, auth_paths, docker_config

_LOG_IN = "public images need none; `smidgen login REGISTRY` before the first push"
_SHOWN = 8


def registry_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the files that keep credentials; helpers are looked for, and not asked."""
    found = [finding for path in dict.fromkeys(auth_paths(environ)) for finding in _of_file(path, environ)]
    if not found:
        place = docker_config(environ)
        said = f"none; the first place is {harmless(str(place))}"
        found = [_finding(State.ABSENT, said, _LOG_IN)]
    yield from found


def _of_file(path: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    try:
        file = AuthFile.read(path, environ)
    except CredentialsError as error:
        yield _finding(State.BAD, error.message, error.hint or "")
        return
    if file is None:
        return
    where = harmless(str(path))
    if registries := file.registries():
        yield _finding(State.GOOD, f"for {_listed(registries)}; in {where}")
    for helper, served in file.helpers():
        program = harmless(helper.program, 90)
        whom = _listed(served) if served else "all registries"
        if helper.is_installed():
            yield _finding(State.GOOD, f"{program} is asked for {whom}; in {where}")
        else:
            said = f"{program}, which is to be asked for {whom}, is not installed; in {where}"
            yield _finding(State.BAD, said, f"install it, or take it out of {where}")


def _finding(state: State, said: str, advice: str = "") -> Finding:
    return Finding(area=Area.REGISTRIES, name="credentials", state=state, said=said, advice=advice)


def _listed(registries: tuple[str, ...]) -> str:
    shown = ", ".join(harmless(one, 90) for one in registries[:_SHOWN])
    rest = len(registries) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
