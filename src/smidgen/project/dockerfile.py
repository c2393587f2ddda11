"""Renders a Dockerfile and a .dockerignore. Pure functions."""

import fnmatch
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

import msgspec

from smidgen.needs.need import NeedKind
from smidgen.project.program import IMAGES, Base, Program, Project
from smidgen.project.smidgen_yaml import comment, word

_CACHES: Final = "--mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build"
_IGNORED: Final = (
    (".git", ".github", ".gitlab-ci.yml", ".idea", ".vscode"),
    ("Dockerfile*", ".dockerignore", "compose*.yaml", "smidgen.yaml", "smidgen.lock"),
    ("**/*_test.go", "**/node_modules"),
    ("**/.env", "**/.env.*", "**/*.pem", "**/*.key"),
)
_TITLES: Final = ("What no build reads.", "How it is built.", "Not in the program.", "Secrets.")


def render_dockerfile(project: Project) -> str:
    """Render the whole Dockerfile: a stage that compiles, and one for each program."""
    lines = ["# syntax=docker/dockerfile:1", "# Written by `smidgen init --dockerfile`.", *_build(project)]
    for program in project.programs:
        lines += ["", *_image(program, is_only=len(project.programs) == 1)]
    return "\n".join(lines) + "\n"


def _build(project: Project) -> Iterator[str]:
    cgo = any(program.uses_cgo for program in project.programs)
    # The C library of that Debian is the one of the bases for cgo.
    image = f"golang:{project.release}{'-bookworm' if cgo else ''}"
    yield ""
    if cgo:
        yield "# cgo: compiled on the machine that it is for, with the C library of the base below."
        yield f"FROM {image} AS build"
    else:
        yield "# Compiled on the machine that builds, for the one that is asked for: Go needs no emulator."
        yield f"FROM --platform=$BUILDPLATFORM {image} AS build"
    yield "WORKDIR /src"
    if project.downloads:
        yield "# Before the sources, so that they can change without a download."
        yield f"COPY {' '.join(project.downloads)} ./"
        yield "RUN --mount=type=cache,target=/go/pkg/mod go mod download"
    yield "COPY . ."
    target = "CGO_ENABLED=1" if cgo else "CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH"
    if not cgo:
        yield "ARG TARGETOS TARGETARCH"
    yield f"RUN {_CACHES} \\"
    commands = [
        f'{target} go build -trimpath -ldflags="-s -w" -o /out/{program.name} {word(program.directory)}'
        for program in project.programs
    ]
    for command in commands[:-1]:
        yield f"    {command} && \\"
    yield f"    {commands[-1]}"


def _image(program: Program, *, is_only: bool) -> Iterator[str]:
    yield from (f"# {comment(reason)}" for reason in program.why)
    yield f"FROM {IMAGES[program.base]}" + ("" if is_only else f" AS {program.component}")
    if program.base is Base.SCRATCH:
        if NeedKind.CA in program.needs:
            yield "COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt"
        if NeedKind.TZ in program.needs:
            yield "# Go's own zones, as every golang image has them."
            yield "COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /zoneinfo.zip"
            yield "ENV ZONEINFO=/zoneinfo.zip"
    if program.base is Base.FULL:
        yield "# Install the vendor's client here."
    for path in program.scanned.files:
        yield f"COPY {_list(path, f'/{PurePosixPath(path)}')}"
    yield f"COPY --from=build /out/{program.name} /{program.name}"
    yield "USER 65532:65532"
    if program.scanned.ports:
        yield f"EXPOSE {' '.join(map(str, program.scanned.ports))}"
    if program.scanned.self_check:
        test = _list(f"/{program.name}", *program.scanned.self_check)
        yield f"HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD {test}"
    elif program.health:
        yield f"# There is nothing in the image to ask {program.health} with; `smidgen build` brings a probe."
    yield f"ENTRYPOINT {_list(f'/{program.name}')}"


def render_ignore(project: Project) -> str:
    """Render .dockerignore; what is embedded in a program is never left out."""
    lines = ["# Written by `smidgen init --dockerfile`."]
    for title, patterns in zip(_TITLES, _IGNORED, strict=True):
        kept = [one for one in patterns if not _hides(one, project.embedded)]
        lines += [f"# {title}", *kept] if kept else []
    return "\n".join(lines) + "\n"


def _hides(pattern: str, paths: tuple[str, ...]) -> bool:
    plain = pattern.removeprefix("**/")
    return any(fnmatch.fnmatchcase(part, plain) for path in paths for part in path.split("/"))


def _list(*words: str) -> str:
    return msgspec.json.format(msgspec.json.encode(words), indent=0).decode()
