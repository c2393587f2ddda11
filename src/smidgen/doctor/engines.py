"""Docker and podman, which images can be handed over to."""

from collections.abc import Iterator, Mapping

from smidgen.doctor.finding import Area, Finding, State
from smidgen.doctor.programs import first_line
from smidgen.errors import SandboxError
from smidgen.transfer.daemon import Daemon, engine_address


def engine_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the engines of this machine."""
    yield _docker(environ)
    said = first_line(["podman", "--version"], environ).removeprefix("podman version ")
    advice = "" if said else "only `--load podman` needs it"
    state = State.GOOD if said else State.ABSENT
    yield Finding(area=Area.ENGINES, name="podman", state=state, said=said or "not on PATH", advice=advice)


def _docker(environ: Mapping[str, str]) -> Finding:
    advice = "only `--load docker` and `docker-daemon:` need it"
    address = engine_address(environ)
    if address is None:
        said = first_line(["docker", "version", "--format", "{{.Server.Version}}"], environ)
        text = f"{said}, through the docker command" if said else "the docker command does not reach an engine"
    else:
        try:
            said = Daemon(address).version()
            text = f"{said} at {address}"
        except SandboxError as error:
            said, text = "", error.message
    state = State.GOOD if said else State.ABSENT
    return Finding(area=Area.ENGINES, name="docker", state=state, said=text, advice="" if said else advice)
