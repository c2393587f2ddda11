"""``smidgen build -f``: a Dockerfile, with docker's own flags."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from smidgen.cli.console import console
from smidgen.cli.options import engine_option, json_option, many, runtime_option, store_option, verbosity_options
from smidgen.cli.step_lines import StepLines
from smidgen.errors import UsageError

if TYPE_CHECKING:
    from smidgen.dockerfile.execute.flags import OutputFlag
    from smidgen.dockerfile.execute.request import DockerfileOutcome, DockerfileRequest
    from smidgen.dockerfile.instruction import Dockerfile
    from smidgen.layer.merged import Merged
    from smidgen.oci.reference import Reference
    from smidgen.report.schema_dockerfile import DockerfileReport
    from smidgen.store.content import ContentStore
    from smidgen.transfer.engine import Engine

_MAX_DOCKERFILE: Final = 16 << 20


@click.command(short_help="Build a Dockerfile into an image.")
@click.argument("context", metavar="[CONTEXT]", default=".")
@click.option("-f", "--file", "file", metavar="FILE", required=True, help="The Dockerfile; - is standard input.")
@many("-t", "--tag", "--name", metavar="NAME[:TAG]", says="Name of the image; may be given several times.")
@click.option("--target", default="", metavar="STAGE", help="Build this stage.  [default: the last]")
@many("--build-arg", metavar="NAME[=VALUE]", says="Value of an ARG; of the environment without =VALUE.")
@many("--build-context", metavar="NAME=DIR", says="One more context; or docker-image://REF.")
@many("--platform", metavar="OS/ARCH[/VARIANT],…", says="Platforms; several make an index.  [default: this machine]")
@many("--secret", metavar="id=NAME[,src=FILE][,env=VAR]", says="A secret for RUN --mount=type=secret.")
@many("--ssh", metavar="default|NAME[=SOCKET]", says="An SSH agent for RUN --mount=type=ssh.")
@click.option("--no-cache", is_flag=True, help="Do every step again.")
@many("--no-cache-filter", metavar="STAGE,…", says="Do the steps of these stages again.")
@many("--cache-from", metavar="REF|type=…", says="A cache of another machine: type=local,src=DIR|registry,ref=REF.")
@many("--cache-to", metavar="REF|type=…", says="Write one: type=local,dest=DIR|registry,ref=REF|inline[,mode=max].")
@click.option("--pull", is_flag=True, help="Ask the registry for base images although the store has them.")
@many("--label", metavar="NAME=VALUE", says="Label of the image's configuration.")
@many("--annotation", metavar="NAME=VALUE", says="Annotation of the manifest.")
@click.option(
    "--network", type=click.Choice(["default", "none", "host"]), default="default", help="Network of RUN commands."
)
@many("--add-host", metavar="NAME:ADDRESS", says="A line of /etc/hosts for RUN commands.")
@click.option("--timeout", metavar="TIME", help="Most time that a RUN command may take, such as 90s or 15m.")
@click.option("--compression", default="gzip", metavar="ALGORITHM[:LEVEL]", help="Of layers: gzip, zstd or none.")
@many("-o", "--output", metavar="DIR|type=…", says="Where to: a directory, or type=local|tar|oci|docker|image,dest=….")
@click.option("--push", is_flag=True, help="Push the image to the registries that its names say.")
@engine_option
@click.option("--tarball", type=click.Path(path_type=Path), help="Also write one archive that docker and others load.")
@click.option("--oci-layout", type=click.Path(path_type=Path), help="Also write an OCI image layout.")
@click.option("--iidfile", type=click.Path(path_type=Path), help="Write the image's digest to this file.")
@click.option("--metadata-file", type=click.Path(path_type=Path), help="Write facts about the build to this file.")
@runtime_option("RUN commands")
@store_option
@json_option
@verbosity_options
def command(*, store: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Build a Dockerfile into an image.

    CONTEXT is the directory that COPY and ADD take files from.

    Prints the reference of the image, with its digest.
    """
    from smidgen.sandbox.own_namespace import inside

    code = inside(console.arguments)
    if code is not None:
        return code
    return _build(store, given)


def _build(store: Path | None, given: dict[str, Any]) -> int:
    from smidgen.dockerfile.execute.flags import parse_output
    from smidgen.dockerfile.execute.request import build_dockerfile
    from smidgen.store.content import ContentStore

    outputs = [parse_output(text) for text in given["output"]]
    request = _request(given, outputs)
    pushes = given["push"] or any(output.push for output in outputs)
    if pushes and not request.names:
        raise UsageError("--push needs a name to push to", hint="give one with -t REGISTRY/NAME:TAG")
    started_ns = time.time_ns()
    content = ContentStore.open(store)
    lines = StepLines()
    outcome = build_dockerfile(request, content, lines, _files_user(outputs, lines))
    _write(outcome, request.names, outputs, given, content)
    if pushes:
        from smidgen.cli.build_push import push_built

        push_built(content, [(outcome.image.descriptor, request.names)])
    _tell(outcome, request.names, given)
    if not outputs and _is_plain(given):
        _leave_note(outcome, request, content, lines, started_ns)
    return 0


def _is_plain(given: dict[str, Any]) -> bool:
    """Tell whether the store is the only output, and files the only input."""
    outputs = ("push", "engine", "tarball", "oci_layout", "iidfile", "metadata_file", "as_json")
    marks = (*outputs, "no_cache", "no_cache_filter", "pull", "secret", "ssh", "cache_from", "cache_to")
    return given["file"] != "-" and not any(given[name] for name in marks)


def _leave_note(
    outcome: "DockerfileOutcome",
    request: "DockerfileRequest",
    store: "ContentStore",
    lines: StepLines,
    started_ns: int,
) -> None:
    """Note what the outcome followed from, so that the same build can be answered before anything is imported."""
    from smidgen.cli.quick_note import Said, leave_plain
    from smidgen.dockerfile.execute.looked import signatures

    if outcome.looked is None:
        return
    watched = signatures(
        {**outcome.looked, os.path.abspath(request.execute.dockerfile or ""): None}, before_ns=started_ns
    )
    if watched is None:
        return
    digests = [outcome.image.digest]
    for image in outcome.images:
        manifest = image.manifest
        digests += [image.digest, manifest.config.digest, *(layer.digest for layer in manifest.layers)]
    plain, in_colours = lines.again()
    result = "".join(f"{line}\n" for line in result_lines(outcome, request.names))
    leave_plain(console.arguments, store, digests, watched, Said(result=result, plain=plain, coloured=in_colours))


def _request(given: dict[str, Any], outputs: "Sequence[OutputFlag]") -> "DockerfileRequest":
    from smidgen.dockerfile.cache.flags import parse_cache_from, parse_cache_to
    from smidgen.dockerfile.execute import flags
    from smidgen.dockerfile.execute.options import ExecuteOptions
    from smidgen.dockerfile.execute.request import DockerfileRequest
    from smidgen.dockerfile.plan import BuildOptions
    from smidgen.layer.compression import Compression
    from smidgen.oci.platform import Platform, host_platform
    from smidgen.oci.reference import Reference

    host = host_platform()
    platforms = tuple(Platform.parse(one) for text in given["platform"] for one in text.split(","))
    dockerfile, path = _read(given["file"])
    compression = next((one.compression for one in outputs if one.compression), given["compression"])
    names = [*given["tag"], *(name for output in outputs for name in output.names)]
    return DockerfileRequest(
        dockerfile=dockerfile,
        platforms=platforms,
        build=BuildOptions(
            build_platform=host,
            target_platform=platforms[0] if platforms else host,
            target=given["target"],
            build_args=flags.parse_build_args(given["build_arg"], os.environ),
            contexts=flags.parse_pairs("--build-context", given["build_context"], value_needed=True),
        ),
        execute=ExecuteOptions(
            context=_context(given["context"]),
            dockerfile=path,
            use_cache=not given["no_cache"],
            no_cache_stages=frozenset(one for text in given["no_cache_filter"] for one in text.split(",")),
            network=given["network"],
            hosts=flags.parse_hosts(given["add_host"]),
            secrets=flags.parse_secrets(given["secret"], os.environ),
            agents=flags.parse_agents(given["ssh"], os.environ),
            timeout=flags.parse_duration(given["timeout"]) if given["timeout"] else None,
            labels=flags.parse_pairs("--label", given["label"]),
            annotations=flags.parse_pairs("--annotation", given["annotation"], value_needed=True),
            compression=Compression.parse(compression),
            keep_times=any(output.keep_times for output in outputs),
            runtime=given["runtime"],
            pull=given["pull"],
            cache_from=parse_cache_from(given["cache_from"]),
            cache_to=parse_cache_to(given["cache_to"]),
        ),
        names=tuple(dict.fromkeys(Reference.parse(name).with_default_tag() for name in names)),
    )


def _context(text: str) -> Path:
    if text == "-" or "://" in text or text.endswith(".git"):
        raise UsageError(f"the context {text!r} is no directory", hint="unpack or clone it, and give the directory")
    path = Path(text)
    if not path.is_dir():
        raise UsageError(
            f"the context {text!r} is not a directory", hint="give the directory that COPY takes files from"
        )
    return path


def _read(file: str) -> "tuple[Dockerfile, Path | None]":
    from smidgen.dockerfile.parse import decode_dockerfile, parse
    from smidgen.errors import LimitExceeded

    if file == "-":
        data, path = sys.stdin.buffer.read(_MAX_DOCKERFILE + 1), None
    else:
        path = Path(file)
        try:
            with path.open("rb") as stream:
                data = stream.read(_MAX_DOCKERFILE + 1)
        except OSError as error:
            raise UsageError(f"cannot read {file}: {error.strerror}", hint="name the Dockerfile after -f") from error
    if len(data) > _MAX_DOCKERFILE:
        raise LimitExceeded(f"size of {file} in bytes", limit=_MAX_DOCKERFILE)
    return parse(decode_dockerfile(data), name="stdin" if path is None else file), path


def _files_user(outputs: "Sequence[OutputFlag]", lines: StepLines) -> "Callable[[Merged, Path], None] | None":
    """Give what writes the files of an image to where --output wants files and not an image."""
    wanted = [output for output in outputs if output.type in {"local", "tar"}]
    if not wanted:
        return None

    def use(view: "Merged", place: Path) -> None:
        from smidgen.dockerfile.execute.export import export_directory, export_tar
        from smidgen.layer.snapshot import Times

        for output in wanted:
            times = Times(keep=output.keep_times)
            if output.type == "local":
                export_directory(view, Path(output.destination) / place, times)
                lines.note(f"wrote the files to {Path(output.destination) / place}")
            elif place != Path():
                raise UsageError("files of several platforms do not fit into one tar", hint="use type=local")
            else:
                with _opened(output.destination) as file:
                    export_tar(view, file, times)

    return use


@contextmanager
def _opened(destination: str) -> Iterator[Any]:
    from smidgen.store.faults import ELSEWHERE, reporting

    if destination == "-":
        if sys.stdout.isatty():
            raise UsageError("standard output is a terminal", hint="write to a file: --output type=tar,dest=FILE")
        yield sys.stdout.buffer
        return
    with reporting("write", destination, instead=ELSEWHERE), open(destination, "wb") as file:
        yield file


def _write(
    outcome: "DockerfileOutcome",
    names: "tuple[Reference, ...]",
    outputs: "Sequence[OutputFlag]",
    given: dict[str, Any],
    store: "ContentStore",
) -> None:
    """Write the image to each output that takes images."""
    all_names: tuple[Reference | None, ...] = names or (None,)
    items = [(name, outcome.image.descriptor) for name in all_names]
    files = [Path(output.destination) for output in outputs if output.type in {"oci", "docker"} and output.destination]
    for named in [*files, *([given["tarball"]] if given["tarball"] else [])]:
        from smidgen.store.archive import write_archive_file

        path = Path("/dev/stdout") if str(named) == "-" else named
        write_archive_file(store, items, path)
        console.detail(f"wrote the archive {path}")
    if given["oci_layout"]:
        from smidgen.store.archive import write_layout

        write_layout(store, items, given["oci_layout"])
    engine: Engine | None = given["engine"]
    if engine is None and any(output.type == "docker" and not output.destination for output in outputs):
        engine = "docker"
    if engine is not None:
        from smidgen.transfer.engine import load_into

        load_into(engine, store, items)


def _tell(outcome: "DockerfileOutcome", names: "tuple[Reference, ...]", given: dict[str, Any]) -> None:
    """Write what was built to standard output and to the files that were asked for."""
    import msgspec

    from smidgen.store.faults import ELSEWHERE, reporting

    image = outcome.image
    if (path := given["iidfile"]) is not None:
        with reporting("write", path, instead=ELSEWHERE):
            path.write_text(image.digest)
    if (path := given["metadata_file"]) is not None:
        facts = {
            "containerimage.config.digest": outcome.images[0].manifest.config.digest,
            "containerimage.descriptor": image.descriptor,
            "containerimage.digest": image.digest,
            "image.name": ",".join(str(name) for name in names),
        }
        with reporting("write", path, instead=ELSEWHERE):
            path.write_bytes(msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")
    if given["as_json"]:
        console.json(image_report(outcome, names))
        return
    if any(output.destination == "-" for output in map(_parsed, given["output"])):
        return  # standard output has the archive
    for line in result_lines(outcome, names):
        console.result(line)


def image_report(outcome: "DockerfileOutcome", names: "tuple[Reference, ...]") -> "DockerfileReport":
    """Give what ``--json`` says of an image."""
    from smidgen.report.schema_dockerfile import DockerfileImage, DockerfileReport

    return DockerfileReport(
        digest=outcome.image.digest,
        media_type=outcome.image.descriptor.media_type,
        tags=tuple(str(name) for name in names),
        images=tuple(
            DockerfileImage(
                platform=str(one.config.platform),
                digest=one.digest,
                config=one.manifest.config.digest,
                pull_size=one.pull_size,
                layers=len(one.layers),
            )
            for one in outcome.images
        ),
    )


def result_lines(outcome: "DockerfileOutcome", names: "tuple[Reference, ...]") -> list[str]:
    """Give what standard output says of an image: its names with its digest, or the digest alone."""
    import msgspec

    digest = outcome.image.digest
    return [str(msgspec.structs.replace(name, digest=digest)) for name in names] or [digest]


def _parsed(text: str) -> "OutputFlag":
    from smidgen.dockerfile.execute.flags import parse_output

    return parse_output(text)
