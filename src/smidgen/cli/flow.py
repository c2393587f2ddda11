"""``smidgen flow``: a build flow, as Habitus's ``build.yml`` has it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from smidgen.cli.console import console
from smidgen.cli.options import engine_option, json_option, many, runtime_option, store_option, verbosity_options
from smidgen.errors import UsageError

if TYPE_CHECKING:
    from smidgen.flow.build_file import Flow
    from smidgen.flow.options import FlowOptions
    from smidgen.flow.run import DoneStep

_BUILD_FILE: Final = "build.yml"
_PROVIDERS: Final = ("file", "env")


@click.command(short_help="Build several Dockerfiles in order, with files that go from one to the next.")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Build file.  [default: build.yml in DIR]")
@click.option(
    "-d",
    "directory",
    type=click.Path(path_type=Path),
    default=".",
    metavar="DIR",
    help="Working directory.  [default: .]",
)
@many("--build-arg", "--build", metavar="NAME[=VALUE]", says="Value of an ARG in every Dockerfile.")
@many("--env", metavar="NAME=VALUE", says="What _env(NAME) in the build file is, instead of the environment.")
@click.option("--uid", default="", metavar="ID", help="Appended to the names of images, for builds at the same time.")
@click.option("--no-cache", is_flag=True, help="Do every step again.")
@click.option("--no-cleanup", is_flag=True, help="Neither run cleanup commands nor squash.")
@click.option("--keep-all", is_flag=True, help="Images that other steps depend on keep their names.")
@click.option("--keep-artifacts", is_flag=True, help="Leave artifacts in the working directory.")
@click.option("--secrets", is_flag=True, help="Let commands of the build read the secrets of the flow.")
@click.option(
    "--sec-providers", default="file,env", metavar="LIST", show_default=True, help="Where secrets may come from."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where secrets are served on the loopback.  [default: any]"
)
@click.option("--after-build-commands", is_flag=True, help="Run after_build_command on this machine.")
@click.option(
    "--network", type=click.Choice(["default", "none", "host"]), default="default", help="Network of commands."
)
@click.option("--timeout", metavar="TIME", help="Most time that a command may take, such as 90s or 15m.")
@engine_option
@runtime_option("commands")
@click.option("--platform", metavar="OS/ARCH[/VARIANT]", help="Of all images.  [default: this machine's]")
@click.option("--push", is_flag=True, help="Also push the images that no other step depends on.")
@click.option("--to-dockerfile", is_flag=True, help="Print the flow as one Dockerfile with stages; build nothing.")
@store_option
@json_option
@verbosity_options
def command(*, store: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Build several Dockerfiles in order, with files that go from one to the next.

    The build file is that of Habitus, versions 2016-02-13 and 2016-03-14.

    Prints the references of the images that no other step depends on, with their digests.
    """
    from smidgen.sandbox.own_namespace import inside

    if given["to_dockerfile"] and (given["platform"] or given["push"]):
        name = "push" if given["push"] else "platform"
        raise UsageError(f"--to-dockerfile builds nothing, so there is no --{name}", hint="build what it prints")
    options = _options(given)
    flow = _flow(given)
    if given["to_dockerfile"]:
        from smidgen.flow.to_dockerfile import to_dockerfile

        console.result(to_dockerfile(flow, options.directory, options.build_args).rstrip("\n"))
        return 0
    code = inside(console.arguments)
    if code is not None:
        return code
    _build(flow, options, store, given)
    return 0


def _build(flow: "Flow", options: "FlowOptions", store: Path | None, given: dict[str, Any]) -> None:
    from smidgen.cli.step_lines import StepLines
    from smidgen.flow.run import run_flow
    from smidgen.store.content import ContentStore

    content = ContentStore.open(store)
    done = run_flow(flow, options, content, StepLines())
    kept = [one for one in done if one.keeps_name]
    if given["engine"] is not None:
        from smidgen.transfer.engine import load_into

        load_into(given["engine"], content, [(one.step.name, one.image.descriptor) for one in kept])
    if given["push"]:
        from smidgen.cli.build_push import push_built

        push_built(content, [(one.image.descriptor, (one.step.name,)) for one in kept])
    if given["as_json"]:
        console.json(_report(done))
        return
    for one in kept:
        console.result(one.step.name.pinned(one.image.digest))


def _flow(given: dict[str, Any]) -> "Flow":
    from smidgen.flow.parse import read_flow

    file, directory = given["file"], given["directory"]
    if not directory.is_dir():
        raise UsageError(f"the working directory {str(directory)!r} is not a directory")
    if given["uid"] and not given["uid"].isalnum():
        raise UsageError(f"--uid is {given['uid']!r}", hint="expected letters and digits")
    return read_flow(file or directory / _BUILD_FILE, _variables(given["env"]), uid=given["uid"])


def _variables(texts: Iterable[str]) -> dict[str, str]:
    from smidgen.config.words import parse_assignment

    return dict(map(parse_assignment, texts)) or dict(os.environ)


def _options(given: dict[str, Any]) -> "FlowOptions":
    from smidgen.dockerfile.execute.flags import parse_build_args, parse_duration
    from smidgen.flow.options import FlowOptions
    from smidgen.oci.platform import Platform, host_platform

    providers = frozenset(given["sec_providers"].split(","))
    if unknown := providers.difference(_PROVIDERS):
        raise UsageError(f"--sec-providers has {', '.join(sorted(unknown))}", hint="expected file, env or file,env")
    return FlowOptions(
        directory=given["directory"],
        build_args=parse_build_args(given["build_arg"], os.environ),
        use_cache=not given["no_cache"],
        cleanup=not given["no_cleanup"],
        keep_all=given["keep_all"],
        keep_artifacts=given["keep_artifacts"],
        after_build_commands=given["after_build_commands"],
        secret_providers=providers if given["secrets"] else frozenset(),
        port=given["port"],
        network=given["network"],
        platform=Platform.parse(given["platform"]) if given["platform"] else host_platform(),
        timeout=parse_duration(given["timeout"]) if given["timeout"] else None,
        runtime=given["runtime"],
        environ=os.environ,
    )


def _report(done: "Iterable[DoneStep]") -> Any:  # noqa: ANN401
    from smidgen.report.schema_flow import FlowArtifact, FlowReport, FlowStepReport

    return FlowReport(
        steps=tuple(
            FlowStepReport(
                label=one.step.label,
                level=one.level,
                name=one.step.name.familiar,
                tagged=one.keeps_name,
                digest=one.image.digest,
                pull_size=one.image.pull_size,
                layers=len(one.image.layers),
                artifacts=tuple(
                    FlowArtifact(source=artifact.source, path=placed.path, size=placed.size)
                    for artifact, placed in zip(one.step.artifacts, one.artifacts, strict=True)
                ),
            )
            for one in done
        )
    )
