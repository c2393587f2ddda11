"""What ``smidgen init`` writes: files chosen by what was asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smidgen.project.compose import render_compose
from smidgen.project.dockerfile import render_dockerfile, render_ignore
from smidgen.project.pipelines import render_github, render_gitlab
from smidgen.project.program import Project
from smidgen.project.smidgen_yaml import render_yaml

#: Files of a pipeline, by the service that runs it.
PIPELINES = {"github": ".github/workflows/image.yml", "gitlab": ".gitlab-ci.yml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """What is asked for.

    Attributes:
        dockerfile: A Dockerfile, instead of smidgen.yaml.
        compose: A Compose file, too.
        pipeline: For which service, or None.
        force: Files that are there are overwritten.
    """

    dockerfile: bool = False
    compose: bool = False
    pipeline: Literal["github", "gitlab"] | None = None
    force: bool = False


def render_files(project: Project, options: InitOptions, directory: Path) -> dict[str, str]:
    """Give the files that are to be written, relative path → text.

    A smidgen.yaml that is there is left to its owner where something else was asked for.
    """
    files: dict[str, str] = {}
    if options.dockerfile:
        files |= {"Dockerfile": render_dockerfile(project), ".dockerignore": render_ignore(project)}
    elif not ((options.compose or options.pipeline) and not options.force and (directory / "smidgen.yaml").exists()):
        files["smidgen.yaml"] = render_yaml(project)
    if options.compose:
        probed = files.get("smidgen.yaml") is not None
        files["compose.yaml"] = render_compose(project, from_dockerfile=options.dockerfile, probed=probed)
    if options.pipeline is not None:
        render = {"github": render_github, "gitlab": render_gitlab}[options.pipeline]
        files[PIPELINES[options.pipeline]] = render(project, from_dockerfile=options.dockerfile)
    return files
