"""Renders pipelines for GitHub and GitLab. Pure functions.

Source: "Workflow syntax for GitHub Actions" of docs.github.com; "CI/CD YAML syntax reference" of docs.gitlab.com.
"""

from collections.abc import Iterator
from typing import Final

from smidgen.project.program import Program, Project
from smidgen.project.smidgen_yaml import word

_PLATFORMS: Final = "linux/amd64,linux/arm64"
_GITHUB: Final = """\
# Written by `smidgen init --ci github`.
name: image
on:
  push:
    branches: [main]
    tags: ["v*"]
  pull_request:
permissions:
  contents: read
  packages: write
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0  # tags, for versions
      - uses: actions/setup-go@v5
        with:
          go-version-file: go.mod
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install 'smidgen[run]'
      # Ubuntu keeps user namespaces, which containers are made of, from ordinary users.
      - run: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
      - run: smidgen doctor
      - name: Build, and see that it starts
        run: |
@BUILD@
      - name: Push
        if: github.event_name != 'pull_request'
        env:
          TOKEN: ${{ secrets.GITHUB_TOKEN }}
        run: |
          printf %s "$TOKEN" | smidgen login -u "$GITHUB_ACTOR" --password-stdin ghcr.io
          image="ghcr.io/${GITHUB_REPOSITORY,,}"
          tag="${GITHUB_REF_NAME//\\//-}"
@PUSH@
"""
_GITLAB: Final = """\
# Written by `smidgen init --ci gitlab`. `smidgen prove` and `smidgen build -f` start containers of their own, for which
# a runner that uses Docker needs `privileged = true`.
build-image:
  image: python:3.12
  variables:
    SMIDGEN_STORE: $CI_PROJECT_DIR/.cache/smidgen
    GOCACHE: $CI_PROJECT_DIR/.cache/go-build
    GOMODCACHE: $CI_PROJECT_DIR/.cache/go-mod
    GIT_DEPTH: "0"  # tags, for versions
  cache:
    paths: [.cache]
  script:
    - pip install 'smidgen[go,run]'
    - smidgen doctor
@BUILD@
    - printf %s "$CI_REGISTRY_PASSWORD" | smidgen login -u "$CI_REGISTRY_USER" --password-stdin "$CI_REGISTRY"
@PUSH@
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH || $CI_COMMIT_TAG
"""


def render_github(project: Project, *, from_dockerfile: bool) -> str:
    """Render ``.github/workflows/image.yml``."""
    build = "\n".join(f"          {line}" for line in _builds(project, from_dockerfile=from_dockerfile, proved=True))
    push = "\n".join(
        f"          {line}" for line in _pushes(project, "$image", "$tag", from_dockerfile=from_dockerfile)
    )
    return _GITHUB.replace("@BUILD@", build).replace("@PUSH@", push)


def render_gitlab(project: Project, *, from_dockerfile: bool) -> str:
    """Render ``.gitlab-ci.yml``."""
    image, tag = "$CI_REGISTRY_IMAGE", "$CI_COMMIT_REF_SLUG"
    build = "\n".join(f"    - {line}" for line in _builds(project, from_dockerfile=from_dockerfile, proved=False))
    push = "\n".join(f"    - {line}" for line in _pushes(project, image, tag, from_dockerfile=from_dockerfile))
    return _GITLAB.replace("@BUILD@", build).replace("@PUSH@", push)


def _builds(project: Project, *, from_dockerfile: bool, proved: bool) -> Iterator[str]:
    for program in project.programs:
        name = program.component
        if from_dockerfile:
            yield f"smidgen build -f Dockerfile{_target(project, program)} -t {name} ."
            continue
        yield f"smidgen build {word(program.directory)} -t {name}"
        if proved and not program.servers and program.scanned.ports and program.scanned.health:
            # One that needs a database would wait for it in vain.
            yield f"smidgen prove {name} --http :{next(iter(program.scanned.ports))}{program.scanned.health}"


def _pushes(project: Project, image: str, tag: str, *, from_dockerfile: bool) -> Iterator[str]:
    for program in project.programs:
        below = f"/{program.component}" if len(project.programs) > 1 else ""
        name = f'"{image}{below}:{tag}"'
        # With cgo there is one platform: that of the machine that builds.
        platform = "" if program.uses_cgo else f" --platform {_PLATFORMS}"
        if from_dockerfile:
            yield f"smidgen build -f Dockerfile{_target(project, program)} -t {name}{platform} --push ."
        else:
            yield f"smidgen build {word(program.directory)} -t {name}{platform} --push"


def _target(project: Project, program: Program) -> str:
    return f" --target {program.component}" if len(project.programs) > 1 else ""
