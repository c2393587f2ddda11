"""What was found in a project and what was written, for people and as plain values."""

from collections.abc import Callable, Collection, Iterable, Iterator

from smidgen.project.program import IMAGES, Program, Project
from smidgen.report.printable import encodable, printable
from smidgen.report.schema_init import DriverResult, InitReport, ProgramResult

Style = Callable[..., str]


def init_report(project: Project, files: Iterable[str], written: Collection[str]) -> InitReport:
    """Say in plain values what was found and written."""
    names = tuple(files)
    return InitReport(
        release=project.release,
        programs=tuple(_program(program) for program in project.programs),
        written=tuple(name for name in names if name in written),
        unchanged=tuple(name for name in names if name not in written),
    )


def _program(program: Program) -> ProgramResult:
    return ProgramResult(
        name=encodable(program.name),
        directory=encodable(program.directory),
        import_path=encodable(program.import_path),
        base=program.base.value,
        image=IMAGES[program.base],
        why=program.why,
        drivers=tuple(
            DriverResult(path=one.path, library=one.library.value, why=one.why, server=one.server)
            for one in program.drivers
        ),
        cgo=program.cgo,
        needs=tuple(kind.value for kind in program.needs),
        embedded=program.embedded,
        ports=tuple(program.scanned.ports),
        loopback_ports=tuple(program.scanned.loopback),
        health=program.health,
        files=tuple(map(encodable, program.scanned.files)),
        variables=tuple(program.scanned.variables),
    )


def render_init(project: Project, *, style: Style) -> str:
    """Render what was found for people; what was written is the command's result."""
    return "\n".join(line for program in project.programs for line in _lines(program, style))


def _lines(program: Program, style: Style) -> Iterator[str]:
    yield f"{style(printable(program.name), 'bold')}  {style(printable(program.directory), 'dim')}"
    yield f"  base    {IMAGES[program.base]}"
    yield from (f"          {style(printable(reason), 'dim')}" for reason in program.why)
    if program.scanned.ports:
        places = (f"{port} ({printable(str(place))})" for port, place in program.scanned.ports.items())
        yield f"  ports   {', '.join(places)}"
    for port, place in program.scanned.loopback.items():
        said = f"{printable(str(place))} listens on port {port} of the loopback: nobody outside can reach it"
        yield f"  {style('note:', 'yellow')} {said}"
    if program.health:
        yield f"  health  {program.health}"
    if program.needs:
        yield f"  needs   {', '.join(kind.label for kind in program.needs)}"
    if program.embedded:
        yield f"  embeds  {program.embedded} file{'' if program.embedded == 1 else 's'}"
    if program.scanned.files:
        yield f"  opens   {', '.join(map(printable, program.scanned.files))}"
