"""Compiles main packages: one ``go build`` for all packages of a platform, platforms side by side.

Source: ``go help build`` (``-o`` with a directory), ``go help install`` (``PATH@VERSION``, where executables for
another platform go).
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from smidgen.errors import CompileError
from smidgen.gobuild.batch import Batch, Binary, Compiled, Job
from smidgen.gobuild.environment import GoSettings, go_environment, platform_variables
from smidgen.gobuild.flags import FlagSet
from smidgen.gobuild.options import BuildOptions
from smidgen.gobuild.process import Command, Outcome, Process, available_cores, run_all
from smidgen.gobuild.target import MainPackage
from smidgen.gobuild.template_values import TemplateSource, expand_options
from smidgen.gobuild.toolchain import Toolchain
from smidgen.oci.platform import Platform

# A command is often waiting, or busy on one core: a few more of them than cores are done sooner.
_AT_ONCE = 4
_GRAPH_NAME = ".actions.json"


def compile_packages(
    jobs: Sequence[Job],
    *,
    toolchain: Toolchain,
    environ: Mapping[str, str],
    output: str,
    templates: TemplateSource | None = None,
    progress: Callable[[str], None] | None = None,
    started: tuple[Command, Process] | None = None,
    heard: Callable[[str], bool] | None = None,
) -> Compiled:
    """Compile every job for its platforms.

    Args:
        jobs: What to compile.
        toolchain: With what.
        environ: The user's environment.
        output: An empty directory; executables are left below it.
        templates: Values for templates in options; without it they are taken as they are.
        progress: Told in words what begins, what Go downloads, and what is done.
        started: A process that was started beforehand, with *output* as its own; used if it is what is needed.
        heard: Told each other line that Go, or the linker, writes to standard error; tells whether it has use for
            it, and then it is no part of an error.

    Raises:
        CompileError: Go refused a package; its own words are kept.
        UsageError: A flag or a template cannot be meant.
    """
    tell = progress or (lambda _text: None)
    batches = tuple(_batches(jobs))
    places = [os.path.join(output, str(number)) for number in range(len(batches))]
    prepared = [
        _prepared(batch, place, toolchain, environ, templates) for batch, place in zip(batches, places, strict=True)
    ]
    commands = [command for command, _ in prepared]
    expanded = [batch for _, batch in prepared]
    running, started_ns = _running(started, commands[0])

    def ended(position: int, outcome: Outcome) -> None:
        batch = batches[position]
        if outcome.exit_code != 0:
            if heard is not None:
                outcome = replace(outcome, stderr=_not_heard(outcome.stderr, heard))
            raise _refused(expanded[position], outcome, toolchain, environ)
        tell(f"compiled {_names(batch)} for {batch.platform}")

    def said(position: int, line: str) -> None:
        # Go tells of downloads while it works; all else it says is an error, kept for the end.
        if line.startswith("go: downloading"):
            tell(f"{batches[position].platform}: {line.removeprefix('go: ')}")
        elif heard is not None:
            heard(line)

    for batch in batches:
        tell(f"compiling {_names(batch)} for {batch.platform}")
    run_all(commands, at_once=max(_AT_ONCE, available_cores()), ended=ended, said=said, started=running)
    binaries = _binaries(jobs, batches, places)
    done = (replace(batch, graph=_graph(place)) for batch, place in zip(expanded, places, strict=True))
    return Compiled(binaries=binaries, batches=tuple(done), started_ns=started_ns)


def _prepared(
    batch: Batch, place: str, toolchain: Toolchain, environ: Mapping[str, str], templates: TemplateSource | None
) -> tuple[Command, Batch]:
    """Make *place*, where executables of *batch* go; give the command, and the batch with its templates expanded."""
    with suppress(FileExistsError):
        os.mkdir(place)
    command, options = _command(batch, place, toolchain, environ, templates)
    return _with_c(replace(batch, options=options), command, toolchain)


def _with_c(batch: Batch, command: Command, toolchain: Toolchain) -> tuple[Command, Batch]:
    """Get C compiled too, if the batch asks for it: the command and the batch, with what is known of it."""
    if not batch.options.cgo:
        return command, batch
    from smidgen.gobuild.cgo.environment import c_setting, prepare  # few programs have C in them

    setting = c_setting(batch.options, command.environ, toolchain.goroot)
    if batch.version:
        # Which packages it has cannot be asked; they are of the module cache, where nothing changes.
        setting.compiler.write()
        return command, batch
    tags = FlagSet(batch.options, GoSettings(command.environ, toolchain.goroot).get("GOFLAGS")).values("tags")
    prepared = prepare(
        setting,
        command.environ,
        go=toolchain.path,
        root=batch.root,
        arguments=[_argument(package) for package in batch.packages],
        flags=[f"-tags={text}" for text in tags],
    )
    environ = {**command.environ, **prepared.inputs.variables(command.environ)}
    return replace(command, environ=environ), replace(batch, c=prepared)


def _running(started: tuple[Command, Process] | None, first: Command) -> tuple[dict[int, Process], int]:
    """Keep the process that was started beforehand if *first* is what it runs, else end it; and say since when."""
    if started is not None:
        command, process = started
        if command == first:
            return {0: process}, process.started_ns
        process.kill()
    return {}, time.time_ns()


def _binaries(jobs: Sequence[Job], batches: Sequence[Batch], places: Sequence[str]) -> tuple[Binary, ...]:
    """Name the executables in the order of the jobs, and of each job's platforms."""
    built = {
        (package, batch.platform, batch.options): _executable(batch, place, package)
        for batch, place in zip(batches, places, strict=True)
        for package in batch.packages
    }
    return tuple(
        Binary(path=built[job.package, platform, job.options], package=job.package, platform=platform)
        for job in jobs
        for platform in job.platforms
    )


def commands_of(
    jobs: Sequence[Job],
    *,
    toolchain: Toolchain,
    environ: Mapping[str, str],
    place: str,
    templates: TemplateSource | None = None,
) -> tuple[Command, ...]:
    """Give the commands that ``compile_packages`` starts for source that is at hand; nothing is started or made.

    Args:
        jobs: As there.
        toolchain: As there.
        environ: As there.
        place: What stands for the output directory of every command.
        templates: As there.
    """
    batches = (batch for batch in _batches(jobs) if not batch.version)
    return tuple(_command(batch, place, toolchain, environ, templates)[0] for batch in batches)


def _batches(jobs: Iterable[Job]) -> Iterable[Batch]:
    """Put together what one command can compile; packages of equal names would overwrite each other."""
    groups: dict[tuple[str, str, BuildOptions, Platform, int], list[MainPackage]] = {}
    for job in jobs:
        # `go install` takes packages of one module only, so those at a version go alone.
        key_of_version = f"{job.package.import_path}@{job.package.version}" if job.package.version else ""
        for platform in job.platforms:
            number = 0
            while any(
                package.name == job.package.name and package != job.package
                for package in groups.get((job.package.root, key_of_version, job.options, platform, number), ())
            ):
                number += 1
            group = groups.setdefault((job.package.root, key_of_version, job.options, platform, number), [])
            if job.package not in group:
                group.append(job.package)
    for (root, _, options, platform, _), packages in groups.items():
        yield Batch(
            root=root,
            version=packages[0].version,
            options=options,
            platform=platform,
            packages=tuple(packages),
        )


def _command(
    batch: Batch, place: str, toolchain: Toolchain, environ: Mapping[str, str], templates: TemplateSource | None
) -> tuple[Command, BuildOptions]:
    """Give the command for *batch*, and its options with their templates expanded."""
    options = batch.options
    variables = go_environment(environ, batch.options, batch.platform)
    if options.libc:
        from smidgen.gobuild.glibc import c_variables  # few programs are linked like that

        variables |= c_variables(variables, batch.platform)
    if options.cgo:
        from smidgen.gobuild.cgo.environment import c_setting  # few programs have C in them

        variables |= c_setting(options, variables, toolchain.goroot).compiler.variables()
    settings = GoSettings(variables, toolchain.goroot)
    if templates is not None:
        options = expand_options(options, templates.values(variables, toolchain.path, batch.root or place))
    flags = FlagSet(options, settings.get("GOFLAGS")).arguments()
    if batch.version:
        # `go install` has no -o: its executables go below GOPATH, so that is ours, with the module cache left in
        # place. A GOBIN, which Go refuses for another platform, can also come from the file of `go env -w`.
        gopath = _gopath(settings)
        own = {"GOENV": "off", "GOBIN": "", "GOPATH": place}
        own["GOMODCACHE"] = settings.get("GOMODCACHE") or os.path.join(gopath, "pkg", "mod")
        variables = settings.all() | variables | own
        # What Go knows of the checksum database is kept below GOPATH, and is to be used and remembered.
        with suppress(OSError):
            os.makedirs(os.path.join(gopath, "pkg"), exist_ok=True)
            os.symlink(os.path.join(gopath, "pkg"), os.path.join(place, "pkg"))
        arguments = [f"{package.import_path}@{package.version}" for package in batch.packages]
        return Command((toolchain.path, "install", "-C", place, *flags, *arguments), variables), options
    graph = f"-debug-actiongraph={os.path.join(place, _GRAPH_NAME)}"
    arguments = [_argument(package) for package in batch.packages]
    # A trailing slash makes -o a directory even for one package.
    command = (toolchain.path, "build", "-C", batch.root, "-o", place + os.sep, graph, *flags, *arguments)
    return Command(command, variables), options


def _argument(package: MainPackage) -> str:
    if not package.directory:
        return package.import_path
    return "./" + os.path.relpath(package.directory, package.root)


def _gopath(settings: GoSettings) -> str:
    """Source: ``go help gopath``: the first entry is where Go keeps things."""
    return settings.get("GOPATH").split(os.pathsep)[0] or os.path.join(settings.get("HOME"), "go")


def _executable(batch: Batch, place: str, package: MainPackage) -> str:
    if not batch.version:
        return os.path.join(place, package.name)
    variables = platform_variables(batch.platform)
    across = os.path.join(place, "bin", f"{variables['GOOS']}_{variables['GOARCH']}", package.name)
    return across if os.path.exists(across) else os.path.join(place, "bin", package.name)


def _graph(place: str) -> str:
    path = os.path.join(place, _GRAPH_NAME)
    return path if os.path.exists(path) else ""


def _names(batch: Batch) -> str:
    return ", ".join(package.import_path for package in batch.packages)


def _not_heard(said: bytes, heard: Callable[[str], bool]) -> bytes:
    return b"".join(line for line in said.splitlines(keepends=True) if not heard(line.decode(errors="replace")))


def _refused(batch: Batch, outcome: Outcome, toolchain: Toolchain, environ: Mapping[str, str]) -> CompileError:
    from smidgen.gobuild.cgo.refused import explained  # few builds fail

    said = (outcome.stderr or outcome.stdout).decode(errors="replace")
    how = f"exit code {outcome.exit_code}" if outcome.exit_code >= 0 else f"signal {-outcome.exit_code}"
    output, hint = explained(batch, said, toolchain, environ)
    message = f"cannot compile {_names(batch)} for {batch.platform}: go ended with {how}"
    return CompileError(message, output=output, hint=hint)
