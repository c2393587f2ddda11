"""``smidgen build``."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
import msgspec

from smidgen import api
from smidgen.cli import quick
from smidgen.cli.console import coloured, console, uncoloured
from smidgen.cli.options import Command, engine_option, json_option, store_option, verbosity_options
from smidgen.cli.progress import Progress
from smidgen.cli.quick_note import Said, leave
from smidgen.config.fields import flag_name
from smidgen.config.settings import Flags
from smidgen.errors import PolicyError, UsageError
from smidgen.gobuild.built import Built
from smidgen.gobuild.pipeline import BuildRequest, Outcome
from smidgen.report.build import build_report, render_build, render_warnings, unchanged
from smidgen.report.schema_build import BuildReport, PushResult
from smidgen.report.schema_proof import ProofReport
from smidgen.store.content import ContentStore
from smidgen.store.faults import reporting

if TYPE_CHECKING:
    from smidgen.transfer.engine import Engine


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where images go beside the store."""

    oci_layout: Path | None
    tarball: Path | None
    engine: "Engine | None"

    def __bool__(self) -> bool:
        return bool(self.oci_layout or self.tarball or self.engine)

    def write(self, store: ContentStore, images: Sequence[Built], say: Callable[[str], None]) -> None:
        """Write all images to each output."""
        items = [(name, built.image.descriptor) for built in images for name in built.names]
        if self.oci_layout is not None or self.tarball is not None:
            from smidgen.store.archive import write_archive_file, write_layout

            if self.oci_layout is not None:
                write_layout(store, items, self.oci_layout)
                say(f"wrote the image layout {self.oci_layout}")
            if self.tarball is not None:
                write_archive_file(store, items, self.tarball)
                say(f"wrote the archive {self.tarball}")
        if self.engine is not None:
            from smidgen.transfer.engine import load_into

            say(f"loading into {self.engine}")
            load_into(self.engine, store, items)


class _Option(NamedTuple):
    """A setting that can be given on the command line: the field of Flags, and how help shows it."""

    field: str
    metavar: str
    help: str
    short: str = ""
    many: bool = True


# In the order of --help. What a value may be is decided in smidgen.config, once for flags and files.
_SETTINGS: Final = (
    _Option("names", "NAME[:TAG]", "Name of the image; may be given several times.", many=True),
    _Option(
        "platforms", "OS/ARCH[/VARIANT],…", "Platforms; `all` for all supported.  [default: linux on this machine]"
    ),
    _Option("go", "PATH", "The go command.  [default: the one on PATH, else that of smidgen[go]]", many=False),
    _Option("bin", "NAME", "Which executable of a project that is not Go, where it makes several.", many=False),
    _Option("ldflags", "FLAGS", "More linker flags, beside -s -w; ko's templates are expanded."),
    _Option("variables", "PKG.NAME=VALUE", "Set a string variable of the program; templates are expanded."),
    _Option("build_tags", "TAG,…", "Build tags."),
    _Option("gcflags", "FLAGS", "Compiler flags."),
    _Option("flags", "FLAGS", "Any other flags of `go build`.", many=False),
    _Option("build_env", "NAME=VALUE", "Environment of `go build`."),
    _Option("libc", "glibc", "Link C code dynamically, by gcc, and take its libraries along.", many=False),
    _Option("sysroot", "DIR", "Where C code finds libraries; with --cgo static ones, and headers.", many=False),
    _Option("libraries", "NAME,…", "Libraries that a dynamic program may load beside those that it needs."),
    _Option(
        "base",
        "BASE",
        "What the image stands on: static, an image of a registry, store:NAME, oci:DIR.  [default: scratch]",
        many=False,
    ),
    _Option("user", "USER", "UID[:GID] or a name, which passwd then has.  [default: 65534:65534]", many=False),
    _Option("entrypoint", "COMMAND", "Start this instead of the program; words, or a JSON list.", many=False),
    _Option("cmd", "ARGUMENTS", "Default arguments; words, or a JSON list.", many=False),
    _Option("env", "NAME[=VALUE]", "Environment of the program.", short="-e"),
    _Option("ports", "PORT[/PROTOCOL]", "A port that the program listens on."),
    _Option("workdir", "PATH", "Working directory.", many=False),
    _Option("labels", "NAME=VALUE", "Label of the image's configuration."),
    _Option("annotations", "NAME=VALUE", "Annotation of the manifest, beside those from git."),
    _Option("volumes", "PATH", "A path for data that is kept elsewhere."),
    _Option("stop_signal", "SIGNAL", "Signal that ends the program.", many=False),
    _Option(
        "healthcheck",
        "TEXT",
        "[--interval=30s …] and http://:PORT/PATH, tcp://:PORT, grpc://:PORT[/SERVICE], CMD COMMAND; or NONE.",
        many=False,
    ),
    _Option(
        "linux_capabilities", "CAPABILITY[=FLAGS]", "A capability of the program's file, such as cap_net_bind_service."
    ),
    _Option("add", "SRC:DST[:MODE[:UID:GID]]", "Files or directories to put in; SRC may be a pattern."),
    _Option("compression", "ALGORITHM[:LEVEL]", "gzip (1-12), zstd (1-22) or none.  [default: gzip:6]", many=False),
    _Option("needs_with", "NEED,…", "Put in ca, tz, passwd, tmp, resolver, mime though not found needed."),
    _Option("needs_without", "NEED,…", "Leave it out though found needed."),
    _Option("zones", "ZONE,…", "Only these time zones, such as Europe/Berlin."),
    _Option("ca_bundles", "FILE", "PEM file of private CAs to trust beside the public ones."),
)


def _setting_options(command: Command) -> Command:
    for setting in reversed(_SETTINGS):
        names = [flag_name(setting.field)] + ([setting.short] if setting.short else [])
        if setting.field == "names":
            names.append("--tag")
        command = click.option(
            *names, setting.field, metavar=setting.metavar, multiple=setting.many, default=None, help=setting.help
        )(command)
    return command


@click.command(short_help="Build programs, or a ready binary, into images.")
@click.argument("targets", nargs=-1, metavar="[TARGET]…")
@click.option("--binary", type=click.Path(path_type=Path), help="Take this executable, with its libraries.")
@_setting_options
@click.option("--single-layer", is_flag=True, default=None, help="Put all files into one layer.")
@click.option("--kodata/--no-kodata", default=None, help="Put the package's kodata directory in.  [default: yes]")
@click.option("--strip/--no-strip", default=None, help="Leave symbols and debug data out.  [default: yes]")
@click.option("--cgo/--no-cgo", default=None, help="Compile C too, statically; takes smidgen[cgo].  [default: no]")
@click.option(
    "--disable-optimizations", is_flag=True, default=None, help="Compile for a debugger (-gcflags=all=-N -l)."
)
@click.option("--config", "config_file", metavar="FILE", envvar="SMIDGEN_CONFIG", help="Configuration file.")
@click.option("--oci-layout", type=click.Path(path_type=Path), help="Also write an OCI image layout.")
@click.option("--tarball", type=click.Path(path_type=Path), help="Also write one archive that docker and others load.")
@engine_option
@click.option("--push", is_flag=True, help="Also push each image, under all its names, to the registries of these.")
@click.option("--image-refs", type=click.Path(path_type=Path), help="Also write the references to this file.")
@click.option(
    "--prove/--no-prove",
    default=None,
    help="Run each image that this machine can run, as `smidgen prove` does.  [default: that all start but pure Go]",
)
@click.option("--http", metavar=":PORT/PATH", help="With --prove: request this until it answers with 2xx.")
@click.option("--verify-reproducible", is_flag=True, help="Build once more, elsewhere and otherwise, and compare.")
@click.option("--no-cache", is_flag=True, help="Compile even if nothing changed.")
@click.option("--offline", envvar="SMIDGEN_OFFLINE", is_flag=True, help="Take bases from the store; ask no registry.")
@click.option("--locked", is_flag=True, help="Refuse a base that smidgen.lock does not pin.")
@store_option
@json_option
@verbosity_options
def command(
    *,
    targets: tuple[str, ...],
    binary: Path | None,
    config_file: str | None,
    no_cache: bool,
    offline: bool,
    locked: bool,
    store: Path | None,
    as_json: bool,
    push: bool,
    image_refs: Path | None,
    prove: bool | None,
    http: str | None,
    verify_reproducible: bool,
    **rest: Any,  # noqa: ANN401
) -> int:
    """Build programs, or a ready binary, into images.

    A TARGET is a main package of Go: a directory, an import path, a pattern (./cmd/... for all below),
    or PATH@VERSION from the module proxy; or the directory of a program in Rust (Cargo.toml) or Zig
    (build.zig), or of one that a script makes, where smidgen.yaml says `build:`. No TARGET means the current directory.

    With -f FILE, a Dockerfile is built: see `smidgen build -f FILE --help`.

    Prints the reference of each image, with its digest.
    """
    if http is not None and not prove:
        raise UsageError("--http says what --prove is to ask for, but there is no --prove")
    outputs = Outputs(oci_layout=rest.pop("oci_layout"), tarball=rest.pop("tarball"), engine=rest.pop("engine"))
    started = time.monotonic()
    flags = _flags(rest)
    request = api.request(targets, binary=binary, flags=flags, config=config_file, use_cache=not no_cache)
    request = replace(request, head_start=quick.head_start, offline=offline, locked=locked)
    if push:
        request = _only_pushable(request)
    content = api.open_store(store)
    outcome = _build(request, content, outputs, verify_reproducible=verify_reproducible)
    report = build_report(outcome.images, seconds=time.monotonic() - started)
    said = _said(report)
    failures: list[str] = []
    if prove or (prove is None and _has_opaque(outcome.images)):
        proofs, failures = _proofs(outcome.images, http, asked=bool(prove))
        report = msgspec.structs.replace(report, proofs=proofs)
    sys.stderr.write(said.coloured if console.colours(sys.stderr) else said.plain)
    if push and not failures:
        report = msgspec.structs.replace(report, push=_pushed(content, outcome.images))
    if not (push and failures):
        # What is printed with --push has been pushed.
        _print(report, said, as_json=as_json, image_refs=image_refs)
    if outcome.watch is not None and not (
        outputs or push or as_json or image_refs or no_cache or prove or failures or console.verbosity > 0
    ):
        leave(console.arguments, outcome.images, outcome.watch, _said(unchanged(report)))
    if failures:
        raise PolicyError("\n".join(failures), hint="nothing was pushed" if push else None)
    return 0


def _build(request: BuildRequest, store: ContentStore, outputs: Outputs, *, verify_reproducible: bool) -> Outcome:
    """Build, and write the images to *outputs*, while the terminal says what is being done."""
    with Progress() as progress:
        outcome = api.build_watched(replace(request, transfers=progress), store=store, progress=progress.say)
        if verify_reproducible:
            progress.say("building once more, elsewhere and otherwise")
            varied = api.verify_reproducible(request, outcome.images)
            console.note(f"reproducible: the same digests with another {', '.join(varied)}")
        outputs.write(store, outcome.images, progress.say)
    return outcome


def _only_pushable(request: BuildRequest) -> BuildRequest:
    from smidgen.registry.pushable import check_pushable  # few builds push

    return replace(request, check_name=check_pushable)


def _pushed(store: ContentStore, images: Sequence[Built]) -> PushResult:
    from smidgen.cli.build_push import push_built  # few builds push

    return push_built(store, [(built.image.descriptor, built.names) for built in images])


def _has_opaque(images: Sequence[Built]) -> bool:
    """Tell whether there is a program whose needs cannot be read with certainty."""
    return any(one.is_opaque for built in images for one in built.platforms)


def _proofs(images: Sequence[Built], http: str | None, *, asked: bool) -> tuple[tuple[ProofReport, ...], list[str]]:
    # A sandbox costs a tenth of a small build's time to import.
    from smidgen.cli.build_proofs import asked_proofs, opaque_proofs

    return asked_proofs(images, http) if asked else opaque_proofs(images)


def _flags(given: dict[str, Any]) -> Flags:
    """An option that was not given is None for click, or an empty tuple where it may be given several times."""
    return Flags(**{name: value for name, value in given.items() if value not in (None, ())})


def _said(report: BuildReport) -> Said:
    def summary(style: Callable[..., str]) -> str:
        # With -q, what may hurt is still said.
        return render_warnings(report, style=style) if console.verbosity < 0 else render_build(report, style=style)

    result = "".join(f"{image.reference}\n" for image in report.images)
    return Said(result=result, plain=summary(uncoloured), coloured=summary(coloured))


def _print(report: BuildReport, said: Said, *, as_json: bool, image_refs: Path | None) -> None:
    if image_refs is not None:
        with reporting("write", image_refs):
            image_refs.write_text(said.result)
    if as_json:
        console.json(report)
    else:
        sys.stdout.write(said.result)
