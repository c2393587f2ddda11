"""``smidgen build --compose``: the services of a Compose file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from smidgen.cli.console import console
from smidgen.cli.options import engine_option, json_option, many, runtime_option, store_option, verbosity_options

if TYPE_CHECKING:
    from smidgen.dockerfile.compose.request import SharedOptions
    from smidgen.dockerfile.compose.service import Project, ServiceBuild
    from smidgen.dockerfile.execute.request import DockerfileOutcome
    from smidgen.store.content import ContentStore


@click.command(short_help="Build the services of a Compose file into images.")
@click.argument("services", metavar="[SERVICE]…", nargs=-1)
@click.option(
    "--compose", "files", multiple=True, required=True, metavar="FILE", help="A Compose file; a further one over it."
)
@click.option("-p", "--project-name", default="", metavar="NAME", help="Name of the project.")
@many("--profile", metavar="NAME", says="Also services of this profile; * for all.")
@many("--env-file", metavar="FILE", says="Variables, instead of those of .env beside the Compose file.")
@many("--build-arg", metavar="NAME[=VALUE]", says="Value of an ARG in every Dockerfile.")
@many("--ssh", metavar="default|NAME[=SOCKET]", says="An SSH agent for RUN --mount=type=ssh.")
@click.option("--no-cache", is_flag=True, help="Do every step again.")
@click.option("--pull", is_flag=True, help="Ask the registry for base images although the store has them.")
@click.option("--timeout", metavar="TIME", help="Most time that a RUN command may take, such as 90s or 15m.")
@click.option("--compression", default="gzip", metavar="ALGORITHM[:LEVEL]", help="Of layers: gzip, zstd or none.")
@click.option("--push", is_flag=True, help="Push the images of services that have an `image:`.")
@engine_option
@runtime_option("RUN commands")
@store_option
@json_option
@verbosity_options
def command(*, services: tuple[str, ...], files: tuple[str, ...], store: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Build the services of a Compose file into images.

    Each SERVICE that has a build section is built; all of them without SERVICE.

    Prints the references of the images, with their digests.
    """
    from smidgen.sandbox.own_namespace import inside

    project, shared = _project(list(map(Path, files)), services, given), _shared(given)
    code = inside(console.arguments)
    if code is not None:
        return code
    for name in project.unset:
        console.warning(f"the variable {name} is not set, and taken as empty")
    if (override := _override(files)) is not None:
        console.note(f"{override} is not read, as one file is named: give it with a further --compose")
    if project.left_out:
        console.note(f"left out, as their profiles are not active: {', '.join(project.left_out)}")
    _build(project, shared, store, given)
    return 0


def _override(files: tuple[str, ...]) -> Path | None:
    """Give the file that Compose merges into the only one of *files* when nobody names files."""
    path = Path(files[0])
    if len(files) > 1 or path.suffix not in {".yaml", ".yml"} or path.stem not in {"compose", "docker-compose"}:
        return None
    found = (path.with_name(f"{path.stem}.override{suffix}") for suffix in (".yaml", ".yml"))
    return next((one for one in found if one.exists()), None)


def _project(paths: list[Path], services: tuple[str, ...], given: dict[str, Any]) -> "Project":
    from smidgen.dockerfile.compose.read import ComposeOptions, read_compose

    options = ComposeOptions(
        services=services,
        profiles=given["profile"],
        project=given["project_name"],
        env_files=tuple(map(Path, given["env_file"])),
    )
    return read_compose(paths, options, os.environ)


def _shared(given: dict[str, Any]) -> "SharedOptions":
    from smidgen.dockerfile.compose.request import SharedOptions
    from smidgen.dockerfile.execute.flags import parse_duration
    from smidgen.layer.compression import Compression

    return SharedOptions(
        build_args=given["build_arg"],
        agents=given["ssh"],
        use_cache=not given["no_cache"],
        pull=given["pull"],
        timeout=parse_duration(given["timeout"]) if given["timeout"] else None,
        runtime=given["runtime"],
        compression=Compression.parse(given["compression"]),
    )


def _build(project: "Project", shared: "SharedOptions", store: Path | None, given: dict[str, Any]) -> None:
    """Build one service after the other: the steps of one are done side by side already."""
    from smidgen.cli.step_lines import StepLines
    from smidgen.dockerfile.compose.request import request_of
    from smidgen.dockerfile.execute.request import build_dockerfile
    from smidgen.store.content import ContentStore

    # What cannot be read is said before anything is built.
    requests = [request_of(build, shared, project.environ) for build in project.builds]
    content = ContentStore.open(store)
    built = []
    for build, request in zip(project.builds, requests, strict=True):
        console.note(f"building {build.service}")
        built.append((build, build_dockerfile(request, content, StepLines())))
    if given["engine"] is not None:
        from smidgen.transfer.engine import load_into

        images = [(name, outcome.image.descriptor) for build, outcome in built for name in build.names]
        load_into(given["engine"], content, images)
    if given["push"]:
        _push(content, built)
    _print(project, built, as_json=given["as_json"])


def _push(store: "ContentStore", built: "Sequence[tuple[ServiceBuild, DockerfileOutcome]]") -> None:
    from smidgen.cli.build_push import push_built

    for build, _ in built:
        if not build.is_named:
            console.note(f"not pushed, as it has no image: in the file: {build.service}")
    going = [(outcome.image.descriptor, build.names) for build, outcome in built if build.is_named]
    if going:
        push_built(store, going)


def _print(project: "Project", built: "Sequence[tuple[ServiceBuild, DockerfileOutcome]]", *, as_json: bool) -> None:
    from smidgen.cli.build_dockerfile import image_report, result_lines

    if as_json:
        from smidgen.report.schema_compose import ComposeReport, ComposeService

        services = tuple(
            ComposeService(service=build.service, image=image_report(outcome, build.names)) for build, outcome in built
        )
        console.json(ComposeReport(project=project.name, services=services))
        return
    for build, outcome in built:
        for line in result_lines(outcome, build.names):
            console.result(line)
