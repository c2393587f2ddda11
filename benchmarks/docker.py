"""``docker build`` of the Dockerfile that articles about small Go images give.

The image that it starts from, ``golang``, cannot be had everywhere, so a stand-in is made of this machine's own Go:
the same compiler for all contenders. A daemon of its own is started, with nothing in it.
"""

import json
import re
import subprocess
import tarfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import start
from benchmarks.programs import Checkout

from support.dockerd import Docker
from support.go_tools import go

_DOCKERFILE = """\
FROM golang:1.23 AS build
WORKDIR /src
COPY {modules} ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=linux go build -ldflags="-s -w" -o /out/app {package}

FROM scratch
COPY --from=build /out/app /app
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
USER 65534:65534
EXPOSE 8080
ENTRYPOINT ["/app"]
"""


def version(docker: Docker) -> str:
    """Give the versions of client and daemon."""
    return docker("version", "--format", "client {{.Client.Version}}, daemon {{.Server.Version}}").strip()


def make_go_image(docker: Docker, work: Path) -> None:
    """Import this machine's Go, a shell, certificates and zones as ``golang:1.23``."""
    root = Path(start([go(), "env", "GOROOT"], cwd=work).strip())
    archive = work / "golang.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("tmp", "root", "go", "etc", "src"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(directory)
        tar.add(root, "usr/local/go")
        tar.add("/usr/share/zoneinfo", "usr/share/zoneinfo")
        for source, name in _shell():
            tar.add(source.resolve(), name)
        tar.add(Path("/etc/ssl/certs/ca-certificates.crt").resolve(), "etc/ssl/certs/ca-certificates.crt")
    environment = ("PATH=/usr/local/go/bin:/bin", "GOPATH=/go", "HOME=/root", "GOTOOLCHAIN=local")
    changes = [part for value in environment for part in ("--change", f"ENV {value}")]
    docker("import", *changes, archive, "golang:1.23")
    archive.unlink()


def _shell() -> Iterator[tuple[Path, str]]:
    """Give the files that /bin/sh is made of, with their names in the image."""
    yield Path("/bin/sh"), "bin/sh"
    linked = subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(0x", linked):
        yield Path(path), path.lstrip("/")


@dataclass
class DockerBuild:
    """``docker build``, with the classic builder that needs no component from a registry."""

    docker: Docker
    name: str = "docker build"

    def prepare(self, checkout: Checkout) -> None:
        """Do all that comes before compiling, so that downloads are in docker's cache and not in a measurement."""
        dockerfile = self._dockerfile(checkout)
        whole = dockerfile.read_text()
        dockerfile.write_text(whole.partition("COPY . .")[0])
        self._run(checkout)
        dockerfile.write_text(whole)

    def build(self, checkout: Checkout) -> None:
        """Build for this machine."""
        self._dockerfile(checkout)
        self._run(checkout)

    def pull_size(self, checkout: Checkout, registry: str) -> int:
        """Push the image, and give the bytes that a machine with nothing would pull."""
        name = f"{registry}/{checkout.program.name}"
        self.docker("tag", checkout.program.name, name)
        self.docker("push", "-q", name)
        with urllib.request.urlopen(f"http://{registry}/v2/{checkout.program.name}/manifests/latest") as answer:
            text = answer.read()
        manifest = json.loads(text)
        return int(len(text) + manifest["config"]["size"] + sum(layer["size"] for layer in manifest["layers"]))

    def _dockerfile(self, checkout: Checkout) -> Path:
        target = checkout.directory / "Dockerfile"
        modules = "go.mod go.sum" if (checkout.directory / "go.sum").exists() else "go.mod"
        target.write_text(_DOCKERFILE.format(modules=modules, package=checkout.program.package))
        (checkout.directory / ".dockerignore").unlink(missing_ok=True)
        return target

    def _run(self, checkout: Checkout) -> None:
        environment = self.docker.environment | {"DOCKER_BUILDKIT": "0"}
        command = ["docker", "build", "-q", "--network", "host", "-t", checkout.program.name, "."]
        start(command, cwd=checkout.directory, env=environment)
