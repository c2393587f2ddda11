"""The same Dockerfiles built with docker (BuildKit): the same settings, history and files."""

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import msgspec
import pytest

from smidgen.image.image import Image
from smidgen.oci.reference import Reference
from smidgen.store.archive import read_archive, write_archive_file
from support.dockerd import Docker, docker
from support.dockerfile_bench import Bench, Log, Made, described

pytestmark = pytest.mark.e2e
__all__ = ["docker"]

# Directories that a runtime mounts on: BuildKit leaves them in the first layer of a base that lacks them.
_MOUNTED = frozenset({"dev", "proc", "sys"})

CASES = {
    "owners and directories": """
        FROM busybox AS one
        RUN mkdir /o && echo 1 > /o/1 && chown -R 5:6 /o && chmod 700 /o && ln -s /etc /l
        USER app
        WORKDIR /home/app/z
        RUN touch q
        COPY f .
        COPY --chown=app:staff d /home/app/d
        COPY d /l
        FROM busybox
        COPY --from=one /o /p
        COPY --from=one /home/app /o/1 /q/
        COPY d/*.txt f* /w/
        COPY d /etc
        COPY empty /x
        """,
    "what commands change": """
        FROM busybox
        RUN mkdir -p /x/y /vol && chmod 750 /x && echo a > /a && mkdir -m 1777 /s && mkdir -m 2755 /g
        RUN rm -rf /x /etc/group && mkdir /x && echo b > /x/b && touch /g/x && chmod 4755 /g/x
        VOLUME /vol
        RUN echo 2 > /vol/b
        COPY d /s
        RUN rm /s/a.txt
        COPY d/a.txt /s/a.txt
        ADD t.tar /t/
        ADD t.tar.gz /u
        """,
    "settings": """
        FROM busybox
        ENV A=1 B="x y"
        ARG C=3
        ENV D=$C
        LABEL l=m "n o"=p
        VOLUME /v /w
        STOPSIGNAL 9
        HEALTHCHECK NONE
        SHELL ["/bin/sh", "-ec"]
        RUN echo $C$D > /cd
        ENTRYPOINT echo hi
        CMD ["x"]
        USER 5:6
        ONBUILD RUN x
        """,
}


def _context(bench: Bench) -> None:
    bench.write({"f": "file\n", "d/a.txt": "A", "d/sub/b": "B", "d/sub/c.txt": "C"})
    (bench.context / "empty").mkdir()
    (bench.context / "d/sub").chmod(0o711)
    (bench.context / "f").chmod(0o640)
    (bench.context / "d/l").symlink_to("a.txt")
    for name, mode in (("t.tar", "w"), ("t.tar.gz", "w:gz")):
        with tarfile.open(bench.context / name, mode) as tar:  # type: ignore[call-overload]
            member = tarfile.TarInfo("in/z")
            member.size, member.uid, member.gid, member.mode = 1, 7, 8, 0o604
            tar.addfile(member, io.BytesIO(b"z"))


def _built_by_docker(docker: Docker, bench: Bench, dockerfile: Path, place: Path) -> Made:
    # Debian's client has BuildKit built in; others need a plugin for it.
    client = "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else "docker"
    environment = {**docker.environment, "DOCKER_BUILDKIT": "1"}

    def run(*arguments: str | Path) -> None:
        done = subprocess.run([client, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    base = Reference.parse("busybox:latest")
    write_archive_file(bench.store, [(base, bench.store.resolve(base))], place / "base.tar")
    run("load", "-i", place / "base.tar")
    run("build", "-q", "--network=host", "-t", "peer", "-f", dockerfile, bench.context)
    run("save", "-o", place / "peer.tar", "peer")
    with bench.store.writing(), (place / "peer.tar").open("rb") as file:
        ((_, descriptor),) = read_archive(bench.store, file)
    return Made(Image(bench.store, descriptor), Log())


@pytest.mark.parametrize("name", CASES)
def test_docker_makes_the_same(docker: Docker, bench: Bench, tmp_path: Path, name: str) -> None:
    _context(bench)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(CASES[name])
    ours = bench.build(CASES[name])
    theirs = _built_by_docker(docker, bench, dockerfile, tmp_path)
    assert json.loads(msgspec.json.encode(ours.run)) == json.loads(msgspec.json.encode(theirs.run))
    assert len(ours.image.layers) == len(theirs.image.layers)
    assert [empty for _, empty in ours.history] == [empty for _, empty in theirs.history]
    files = [
        {path: described(entry) for path, entry in made.entries.items() if path not in _MOUNTED}
        for made in (ours, theirs)
    ]
    assert files[0] == files[1]
