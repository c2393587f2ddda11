"""Whole builds: stages, layers, configuration."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.errors import DockerfileError
from smidgen.oci.config import RunConfig
from smidgen.oci.platform import Platform
from support.dockerfile_bench import Bench


def test_scratch_with_a_file(bench: Bench) -> None:
    bench.write({"hello": "hi\n"})
    made = bench.build('FROM scratch\nCOPY hello /bin/hello\nCMD ["/bin/hello"]\n')
    assert made.files == {"bin": "directory 0755 0:0", "bin/hello": "file 0644 0:0 3"}
    assert made.run.cmd == ("/bin/hello",)
    assert [empty for _, empty in made.history] == [False, True]


def test_the_article_with_two_stages(bench: Bench) -> None:
    bench.write({"main.c": "source\n"})
    made = bench.build(
        """
        FROM busybox AS builder
        RUN echo appuser:x:1001:1001::/:/bin/sh >> /etc/passwd
        COPY main.c /build/app/
        WORKDIR /build
        RUN cp app/main.c /app && chmod 755 /app

        FROM scratch
        COPY --from=builder /etc/passwd /etc/passwd
        COPY --from=builder /app /app
        USER appuser
        ENTRYPOINT ["/app"]
        """
    )
    assert "appuser" in made.content("etc/passwd")
    assert made.files["app"] == "file 0755 0:0 7"
    assert (made.run.user, made.run.entrypoint) == ("appuser", ("/app",))
    assert len(made.image.layers) == 2


def test_a_stage_that_nothing_needs_is_not_built(bench: Bench) -> None:
    made = bench.build("FROM busybox AS no\nRUN exit 3\nFROM busybox AS yes\nRUN echo yes > /yes\n")
    assert made.log.began == ["RUN echo yes > /yes"]


def test_target_stops_at_a_stage(bench: Bench) -> None:
    made = bench.build("FROM busybox AS one\nRUN echo 1 > /one\nFROM one\nRUN echo 2 > /two\n", target="one")
    assert "one" in made.files
    assert "two" not in made.files


def test_a_stage_on_another_has_its_layers_and_settings(bench: Bench) -> None:
    made = bench.build("FROM busybox AS one\nENV A=1\nRUN echo $A > /one\nFROM one\nENV B=${A}2\nRUN echo $B > /two\n")
    assert (made.content("one"), made.content("two")) == ("1\n", "12\n")
    assert [text for text, _ in made.history][-4:] == [
        "ENV A=1",
        "RUN /bin/sh -c echo $A > /one # buildkit",
        "ENV B=12",
        "RUN /bin/sh -c echo $B > /two # buildkit",
    ]


def test_stages_are_built_side_by_side(bench: Bench) -> None:
    # Each waits for a file that the other makes in a directory that both mount.
    stage = "RUN --mount=type=cache,target=/c touch /c/{0}; i=0; while [ ! -e /c/{1} ]; do sleep 0.05; i=$((i+1)); "
    stage += "[ $i -lt 600 ]; done"
    made = bench.build(
        f"FROM busybox AS a\n{stage.format('a', 'b')}\nRUN echo a > /a\n"
        f"FROM busybox AS b\n{stage.format('b', 'a')}\nRUN echo b > /b\n"
        "FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\n"
    )
    assert set(made.files) == {"a", "b"}


def test_onbuild_of_a_base_comes_first_and_once(bench: Bench) -> None:
    from support.dockerfile_bench import busybox_entries

    bench.base("onbuild", busybox_entries(), run=RunConfig(on_build=("RUN echo on > /on", "ENV ON=1")))
    made = bench.build("FROM onbuild\nRUN test -f /on && echo $ON > /after\n")
    assert made.content("after") == "1\n"
    assert made.run.on_build is None


def test_labels_and_annotations(bench: Bench) -> None:
    options = ExecuteOptions(context=None, labels={"b": "2"}, annotations={"note": "x"})
    made = bench.build("FROM busybox\nLABEL a=1 b=1\n", options=options)
    assert made.run.labels == {"a": "1", "b": "2"}
    assert made.image.manifest.annotations == {"note": "x"}


def test_source_date_epoch_sets_all_times(bench: Bench) -> None:
    text = "FROM busybox\nRUN echo 1 > /one\n"
    made = bench.build(text, args={"SOURCE_DATE_EPOCH": "1700000000"})
    assert made.entries["one"].mtime == 1700000000
    assert made.image.config.created == "2023-11-14T22:13:20Z"
    assert bench.build(text).entries["one"].mtime == 0


def test_keep_times(bench: Bench) -> None:
    made = bench.build(
        "FROM busybox\nRUN touch -d @12345 /one\n", options=ExecuteOptions(context=None, keep_times=True)
    )
    assert made.entries["one"].mtime == 12345


class _Nothing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def do_HEAD(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def empty_registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_absent_base_is_named(bench: Bench, empty_registry: str) -> None:
    with pytest.raises(DockerfileError, match=rf"Dockerfile:1:6: no image for {empty_registry}/missing"):
        bench.build(f"FROM {empty_registry}/missing\nRUN true\n")
    with pytest.raises(DockerfileError, match=rf"(?s)Dockerfile:2:1: .*{empty_registry}/v2/missing"):
        bench.build(f"FROM scratch\nCOPY --from={empty_registry}/missing /a /b\n")


def test_a_missing_source_is_named_with_its_line(bench: Bench) -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:2:1: /nothing not found"):
        bench.build("FROM scratch\nCOPY nothing /\n")


def test_several_platforms_make_an_index(bench: Bench) -> None:
    bench.write({"f": "1"})
    platforms = (Platform.parse("linux/amd64"), Platform.parse("linux/arm64"))
    made = bench.build("FROM scratch\nARG TARGETARCH\nCOPY f /f\nENV ARCH=$TARGETARCH\n", platforms=platforms)
    assert made.image.platforms == platforms
    for one in made.image.images:
        assert f"ARCH={one.platform.architecture}" in (one.config.run.env or ())


class _File(_Nothing):
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("If-None-Match"))
        if self.asked[-1] == '"1"':
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"text")


def test_files_that_are_fetched(bench: Bench) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _File) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://user:hidden@127.0.0.1:{server.server_port}/dir/name?token=x"
        text = f"FROM scratch\nADD {url} /d/\nADD --chmod=644 {url} /e\n"
        made = bench.build(text)
        again = bench.build(text)
        wrong = f"FROM scratch\nADD --checksum=sha256:{'0' * 64} {url} /d\n"
        with pytest.raises(DockerfileError, match=r"has digest sha256:982d9e3e"):
            bench.build(wrong)
        server.shutdown()
    assert {path: made.files[path] for path in ("d/name", "e")} == {
        "d/name": "file 0600 0:0 4",
        "e": "file 0644 0:0 4",
    }
    assert again.image.digest == made.image.digest
    assert again.log.began == []
    assert _File.asked.count(None) == 1
