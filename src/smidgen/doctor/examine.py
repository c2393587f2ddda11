"""The whole examination of a machine."""

import os
import platform as machine
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from smidgen._version import __version__
from smidgen.doctor.building import building_findings
from smidgen.doctor.containers import RUNTIMES, container_findings
from smidgen.doctor.engines import engine_findings
from smidgen.doctor.finding import Ability, Area, Diagnosis, Finding, State
from smidgen.doctor.places import place
from smidgen.doctor.registries import registry_findings
from smidgen.layer.compression import library_versions
from smidgen.needs.provide import source_versions
from smidgen.oci.platform import host_platform
from smidgen.store.content import default_root


def examine_machine(
    environ: Mapping[str, str], *, store: Path | None, progress: Callable[[str], None] = lambda _text: None
) -> Diagnosis:
    """Look at everything that smidgen's commands depend on; nothing is changed, and no registry is asked.

    Args:
        environ: This process's environment.
        store: The content store; that of this user by default.
        progress: Is told in words what is looked at.
    """
    host = host_platform()
    findings: list[Finding] = []
    progress("looking at Go")
    findings += building_findings(environ)
    findings += _store(store or default_root(environ))
    progress("trying the runtimes")
    findings += container_findings(host)
    progress("looking for engines and credentials")
    findings += engine_findings(environ)
    findings += registry_findings(environ)
    return Diagnosis(
        version=__version__,
        platform=str(host),
        kernel=os.uname().release,
        python=machine.python_version(),
        packages=source_versions() | library_versions(),
        abilities=tuple(_abilities(findings)),
        findings=tuple(findings),
    )


def _store(root: Path) -> Iterator[Finding]:
    yield place(Area.STORE, "images", root, advice="choose another store with --store or SMIDGEN_STORE")


def _abilities(findings: Iterable[Finding]) -> Iterator[Ability]:
    by_name = {(finding.area, finding.name): finding for finding in findings}
    store = _in_the_way(by_name, (Area.STORE, "images"))
    go = _in_the_way(by_name, (Area.BUILD, "go"), (Area.BUILD, "go cache"))
    containers = _in_the_way(by_name, (Area.CONTAINERS, "temporary files")) or _runtimes(by_name)
    yield Ability(name="build Go programs", because=store or go)
    yield Ability(name="pack ready binaries", because=store)
    yield Ability(name="build Dockerfiles", because=store or containers)
    yield Ability(name="run and prove images", because=store or containers)


def _in_the_way(by_name: Mapping[tuple[Area, str], Finding], *keys: tuple[Area, str]) -> str:
    found = (by_name.get(key) for key in keys)
    return next((f"{one.name}: {one.said}" for one in found if one is not None and one.state is State.BAD), "")


def _runtimes(by_name: Mapping[tuple[Area, str], Finding]) -> str:
    found = [by_name[Area.CONTAINERS, kind.value] for kind in RUNTIMES]
    if any(one.state is State.GOOD for one in found):
        return ""
    broken = next((f"{one.name}: {one.said}" for one in found if one.state is State.BAD), "")
    return broken or "no runc, crun or bubblewrap on this machine"
