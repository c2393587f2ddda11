"""The article of 2017 from its build.yml to its answer, and the command line."""

from pathlib import Path

import pytest

from support.command import Smidgen
from support.flow_bench import FlowBench
from support.served import served
from support.serving import fetch, free_port
from support.stand_ins import share

_ARTICLE = {
    "main.go": """package main

import (
	"fmt"
	"net/http"
)

func handler(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello world!")
}

func main() {
	http.HandleFunc("/", handler)
	fmt.Println("Simple Helloworld server is running on port 8080")
	http.ListenAndServe(":8080", nil)
}
""",
    "Dockerfile.builder": """# start a golang base image, version 1.8
FROM golang:1.8

#switch to our app directory
RUN mkdir -p /go/src/helloworld
WORKDIR /go/src/helloworld

#copy the source files
COPY main.go /go/src/helloworld

#disable crosscompiling
ENV CGO_ENABLED=0

#compile linux only
ENV GOOS=linux

#build the binary with debug information removed
RUN go build -ldflags '-w -s' -a -installsuffix cgo -o helloworld
""",
    "Dockerfile.production": """# start with a scratch (no layers)
FROM scratch

# copy our static linked library
COPY helloworld helloworld

# tell we are exposing our service on port 8080
EXPOSE 8080

# run it!
CMD ["./helloworld"]
""",
    "build.yml": """build:
  version: 2016-03-14 # version of the build schema.
  steps:
    builder:
      name: builder
      dockerfile: Dockerfile.builder
      artifacts:
        - /go/src/helloworld/helloworld
    production:
      name: helloworld:latest
      dockerfile: Dockerfile.production
      depends_on:
        - builder
""",
}


@pytest.mark.e2e
def test_the_flow_of_the_article(smidgen: Smidgen, bench: FlowBench) -> None:
    share(("golang:1.8",), bench.bench.store)
    bench.write(_ARTICLE)
    built = smidgen("flow")
    (reference,) = built.lines
    assert reference.startswith("helloworld:latest@sha256:")
    image = bench.image("helloworld")
    assert len(image.layers) == 1
    assert image.config.run.cmd == ("./helloworld",)
    assert sorted(path.name for path in bench.directory.iterdir()) == sorted(_ARTICLE)
    port = free_port()
    with smidgen.running("run", "-p", f"127.0.0.1:{port}:8080", "helloworld"):
        assert fetch(port, "/") == "hello world!"
    again = smidgen("flow", "--json")
    assert [step["digest"] for step in again.json["steps"]][1] == image.digest
    assert "CACHED" in again.stderr
    assert "DONE" not in again.stderr
    _the_same_as_one_dockerfile(smidgen, bench)


def _the_same_as_one_dockerfile(smidgen: Smidgen, bench: FlowBench) -> None:
    dockerfile = bench.directory / "Dockerfile"
    dockerfile.write_text(smidgen("flow", "--to-dockerfile").stdout)
    smidgen("build", "-f", dockerfile, "-t", "one", ".")
    assert bench.image("one").layers == bench.image("helloworld").layers


def _small(bench: FlowBench) -> None:
    bench.write(
        {
            "Dockerfile": "FROM busybox\nARG WHO\nRUN echo $WHO > /who\n",
            "build.yml": "build:\n  version: 2016-02-13\n  steps:\n    a: {name: a, artifacts: ['/who:out'], "
            "after_build_command: echo _env(SAID)}\n",
        }
    )


def test_results_are_on_standard_output_alone(smidgen: Smidgen, bench: FlowBench) -> None:
    _small(bench)
    arguments = ("--build", "WHO=me", "--env", "SAID=hello", "--uid", "7", "--keep-artifacts", "--after-build-commands")
    done = smidgen("flow", *arguments, "--json")
    (step,) = done.json["steps"]
    assert done.json["schema"] == "smidgen.flow/v1"
    assert (step["label"], step["level"], step["name"], step["tagged"]) == ("a", 1, "a-7:latest", True)
    assert step["artifacts"] == [{"source": "/who", "path": "out/who", "size": 3}]
    assert "hello" in done.stderr
    assert (bench.directory / "out/who").read_text() == "me\n"
    assert smidgen("flow", *arguments, "-q").stdout == f"a-7:latest@{step['digest']}\n"


def test_only_results_are_pushed(smidgen: Smidgen, bench: FlowBench) -> None:
    with served() as remote:
        bench.write(
            {
                "Dockerfile": "FROM busybox\nRUN echo x > /x\n",
                "Dockerfile.last": "FROM scratch\nCOPY x /x\n",
                "build.yml": "build:\n  version: 2016-03-14\n  steps:\n"
                f"    a: {{name: {remote.name('a:1')}, artifacts: [/x]}}\n"
                f"    b: {{name: {remote.name('b:1')}, dockerfile: Dockerfile.last, depends_on: [a]}}\n",
            }
        )
        done = smidgen("flow", "--push")
        assert done.lines == [f"{remote.name('b:1')}@{remote.tag('b', '1')}"]
        assert "pushed: " in done.stderr
        assert remote.tag("a", "1") is None


def test_another_directory_and_another_file(smidgen: Smidgen, bench: FlowBench, tmp_path: Path) -> None:
    _small(bench)
    there = ("-d", bench.directory, "--env", "SAID=x")
    reference = smidgen("flow", *there, cwd=tmp_path).stdout
    (bench.directory / "build.yml").rename(tmp_path / "other.yml")
    assert smidgen("flow", "-f", "other.yml", *there, cwd=tmp_path).stdout == reference


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to-dockerfile", "--push"), "--to-dockerfile builds nothing, so there is no --push"),
        (("--platform", "arm64"), "invalid platform 'arm64'"),
        (("-f", "none.yml"), "none.yml: cannot be read: No such file or directory"),
        (("-d", "none"), "the working directory 'none' is not a directory"),
        (("--sec-providers", "vault"), "--sec-providers has vault"),
        (("--uid", "a/b"), "--uid is 'a/b'"),
        (("--env", "X"), "'X' is not NAME=VALUE"),
        ((), "build.yml:4:64: _env(SAID): there is no variable 'SAID'"),
    ],
)
def test_what_cannot_be_meant(smidgen: Smidgen, bench: FlowBench, arguments: tuple[str, ...], message: str) -> None:
    _small(bench)
    failed = smidgen("flow", *arguments, fails=True)
    assert failed.exit_code == 2
    assert message in failed.stderr
    assert failed.stdout == ""
