"""The Dockerfiles of articles about Go images, as they stand: each builds, runs, and its image answers a request.

They lie in ``tests/support/articles``; their programs are ours. Their base images are stand-ins, of which
``tests/support/stand_in_files/README.md`` says what they are. All builds share a store, as the compiler runs long.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from smidgen.store.content import ContentStore
from support import stand_ins
from support.command import Smidgen
from support.serving import fetch, free_port
from support.serving_process import serving_process
from support.tiny_executable import tiny_executable

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not stand_ins.has_builder(), reason="stand-ins are made by root, with mmdebstrap"),
]

_ARTICLES = Path(__file__).parent.parent / "support/articles"
_MODULE = "module example.com/app\n\ngo 1.23\n"


@dataclass(frozen=True)
class _Article:
    """A Dockerfile, and what is around it.

    Attributes:
        dockerfile: Its name in ``articles``, without suffix.
        sources: Files of the context: name there → file of ``articles``, or a text.
        greeting: What its image answers, but for the user.
        user: As whom its program runs.
        files: What the image has besides its program.
    """

    dockerfile: str
    sources: Mapping[str, Path | str]
    greeting: str = "hello from user"
    user: int = 0
    files: tuple[str, ...] = ()

    def write(self, context: Path) -> Path:
        """Write the context, and give the Dockerfile."""
        for name, source in self.sources.items():
            target = context / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, Path):
                shutil.copyfile(source, target)
            else:
                target.write_text(source)
        return Path(shutil.copyfile(_ARTICLES / f"{self.dockerfile}.Dockerfile", context / "Dockerfile"))


def _program(directory: str, greeting: str = "greeting") -> dict[str, Path | str]:
    return {
        f"{directory}main.go": _ARTICLES / "server.go",
        f"{directory}greeting.go": _ARTICLES / f"{greeting}.go",
        "go.mod": _MODULE,
    }


# Without it the Dockerfile itself would be copied, and no two of them would share a stage.
_IGNORED = {".dockerignore": _ARTICLES / "dockerignore"}
_IN_CMD = _program("cmd/app/") | {"go.sum": ""} | _IGNORED
_AT_ROOT = _program("") | {"go.sum": "", "README.md": "for people"} | _IGNORED
_OF_C = _program("", "greeting_of_c") | {"go.sum": ""}
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_ZONE = "usr/share/zoneinfo/Europe/Berlin"
_COMPILERS = ("golang:1.25.4-alpine", "golang:1.23", "golang:1.8", "golang:1.23-alpine")

#: Those of one entry have a first stage in common, which is to be built once.
_ARTICLES_BY_STAGE = (
    (_Article("single-file", _program("app/"), user=1000, files=("etc/passwd",)),),
    (_Article("debian", _AT_ROOT, files=("usr/local/go/bin/go", "app/go.mod")),),
    (
        _Article("scratch", _IN_CMD, user=65534, files=(_CERTIFICATES, _ZONE)),
        _Article("distroless-nonroot", _IN_CMD, user=65532, files=(_CERTIFICATES, _ZONE)),
    ),
    (_Article("alpine", _AT_ROOT, files=("usr/local/go/bin/go", "app/go.mod")),),
    (_Article("stages", _AT_ROOT, files=("bin/busybox", "app/main")),),
    (
        _Article("stripped", _AT_ROOT, files=("bin/busybox", "app/main", _CERTIFICATES)),
        _Article("stripped-scratch", _AT_ROOT, files=(_CERTIFICATES,)),
    ),
    (_Article("distroless", _AT_ROOT, files=(_CERTIFICATES, _ZONE)),),
    (_Article("cgo", _OF_C, greeting="7 letters of C for user", files=("bin/busybox", _CERTIFICATES)),),
)


@pytest.fixture(scope="session")
def store() -> Iterator[Path]:
    """A store with the images that compile; where one test process runs all tests here, they are unpacked once."""
    with tempfile.TemporaryDirectory(prefix="smidgen-articles-") as name:
        root = Path(name) / "store"
        stand_ins.share(_COMPILERS, ContentStore.open(root))
        yield root


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A registry with all other stand-ins, and the setting that finds it."""
    names = ("alpine", "gcr.io/distroless/static-debian12", "gcr.io/distroless/static-debian12:nonroot")
    with serving_process(stand_ins.store_of(*names).root, "--read-only") as serving:
        path = tmp_path_factory.mktemp("mirrors") / "registries.conf"
        path.write_text(stand_ins.mirrors(serving.address))
        yield path


@pytest.fixture
def smidgen(store: Path, settings: Path, tmp_path: Path) -> Smidgen:
    return Smidgen(store, tmp_path, (("CONTAINERS_REGISTRIES_CONF", str(settings)),))


def _answer(smidgen: Smidgen, name: str) -> str:
    port = free_port()
    with smidgen.running("run", "-p", f"127.0.0.1:{port}:8080", name):
        # The files of a whole toolchain are unpacked first.
        return fetch(port, seconds=240)


@pytest.mark.parametrize("articles", _ARTICLES_BY_STAGE, ids=lambda articles: articles[0].dockerfile)
def test_the_dockerfile_of_an_article(smidgen: Smidgen, articles: tuple[_Article, ...]) -> None:
    for article in articles:
        name = f"article-{article.dockerfile}"
        dockerfile = article.write(smidgen.cwd / article.dockerfile)
        built = smidgen("build", "-f", dockerfile, "-t", name, dockerfile.parent)
        assert ("go build" in built.stderr) == (article is articles[0])
        assert _answer(smidgen, name) == f"{article.greeting} {article.user}"
        listed = smidgen("ls", "-R", name).lines
        assert {f"/{path}" for path in article.files} <= {*listed}
        # What the .dockerignore of the article names is not in an image that has the whole context.
        assert "/app/README.md" not in listed


def test_two_images_by_hand(smidgen: Smidgen, tmp_path: Path) -> None:
    """One image compiles, its outcome is copied to the disk, and another image takes it from there."""
    server, greeting = ((_ARTICLES / f"{name}.go").read_text() for name in ("server", "greeting"))
    (tmp_path / "main.go").write_text(server + greeting.removeprefix("package main\n"))
    for name in ("builder", "production"):
        shutil.copyfile(_ARTICLES / f"{name}.Dockerfile", tmp_path / f"Dockerfile.{name}")
    smidgen("build", "-f", "Dockerfile.builder", "-t", "builder:latest", ".")
    (tmp_path / "Dockerfile.copy").write_text(
        "FROM scratch\nCOPY --from=builder:latest /go/src/helloworld/helloworld /\n"
    )
    smidgen("build", "-f", "Dockerfile.copy", "-o", ".", ".")
    assert (tmp_path / "helloworld").stat().st_mode & 0o777 == 0o755
    smidgen("build", "-f", "Dockerfile.production", "-t", "helloworld:latest", ".")
    assert _answer(smidgen, "helloworld") == "hello from user 0"
    assert smidgen("ls", "helloworld").stdout == "helloworld\n"


def test_the_smallest_image_of_all(smidgen: Smidgen, tmp_path: Path) -> None:
    program = tmp_path / "helloworld"
    program.write_bytes(tiny_executable(b"Hi World\n"))
    program.chmod(0o755)
    shutil.copyfile(_ARTICLES / "smallest.Dockerfile", tmp_path / "Dockerfile")
    report = smidgen("build", "-f", "Dockerfile", "-t", "helloworld:smallest", "--json", ".").json
    assert smidgen("run", "helloworld:smallest").stdout == "Hi World\n"
    assert report["images"][0]["layers"] == 1
    # Of what is pulled, more is description than program.
    assert report["images"][0]["pull_size"] < 2000
