"""A flow as one Dockerfile: the same images come of it."""

import pytest

from smidgen.errors import DockerfileError
from smidgen.flow.parse import parse_flow
from smidgen.flow.to_dockerfile import to_dockerfile
from support.flow_bench import FlowBench


def _rendered(bench: FlowBench, steps: str, **args: str) -> str:
    indented = "".join(f"    {line}\n" for line in steps.strip("\n").splitlines())
    flow = parse_flow(f"build:\n  version: 2016-03-14\n  steps:\n{indented}", {"KEY": "k3y"})
    return to_dockerfile(flow, bench.directory, args)


def _same(bench: FlowBench, steps: str, label: str) -> str:
    """Check that the flow and its Dockerfile give the same files and the same settings."""
    text = _rendered(bench, steps)
    one = bench.bench.build(text)
    made = bench.run(steps).made(label)
    assert one.files == made.files
    assert (one.run.env, one.run.cmd, one.run.working_dir) == (made.run.env, made.run.cmd, made.run.working_dir)
    return text


_BUILDER = "FROM busybox\nRUN mkdir -p /o/d && echo 1 > /o/app && echo 2 > /o/d/2 && chown -R 1:2 /o\n"


def test_artifacts_become_copies_from_stages(bench: FlowBench) -> None:
    bench.write(
        {
            "builder.df": _BUILDER,
            "Dockerfile": "# of all\nFROM scratch\nCOPY app /bin/app\nCOPY to/d /d\n# the rest\nCOPY other app / \n"
            'COPY . /all/\nCMD ["/bin/app"]\n',
            "other": "o",
            ".dockerignore": "*.df\nDockerfile\n",
        }
    )
    steps = """
builder: {name: builder, dockerfile: builder.df, artifacts: [/o/app, '/o/d:to']}
web: {name: web, depends_on: [builder]}
"""
    text = _same(bench, steps, "web")
    assert "# docker build --target web -t web:latest .\n" in text
    assert "\nCOPY --from=builder --chown=0:0 /o/app /bin/app\n" in text
    assert "\nCOPY other /\nCOPY --from=builder --chown=0:0 /o/app /\n" in text


def test_contexts_arguments_stages_and_images(bench: FlowBench) -> None:
    bench.write(
        {
            "base/D": "ARG FROM=busybox\nARG V=meta\nFROM ${FROM} AS base\nARG V\nARG W\nARG X=own\n"
            "RUN echo $V $W $X > /args\nFROM base AS unused\nFROM base\nCOPY f /f\n",
            "base/f": "f",
            "app/Dockerfile": "FROM my-base AS two\nRUN cp /args /copied\nFROM scratch\nCOPY --from=two /copied /1\n"
            "COPY --from=my-base /f /2\nCOPY --from=0 /f /3\n",
        }
    )
    steps = """
The Base: {name: my-base, context: base, dockerfile: D, args: {W: 'a "$b" \\c'}}
app: {name: app, context: app, depends_on: [The Base]}
"""
    text = _same(bench, steps, "app")
    assert "FROM busybox AS the-base-base\n" in text
    assert "FROM the-base AS app-two\n" in text
    assert "COPY base/f /f\n" in text
    assert "unused" not in text


def test_a_mount_from_another_step(bench: FlowBench) -> None:
    bench.write(
        {
            "a/Dockerfile": _BUILDER,
            "b/Dockerfile": "FROM busybox\nRUN --mount=from=a,target=/m,source=/o cp /m/app /app\n",
        }
    )
    text = _same(bench, "one: {name: a, context: a}\nb: {name: b, context: b}", "b")
    assert "--mount=from=one,target=/m" in text


def test_what_cannot_be_said_is_a_comment(bench: FlowBench) -> None:
    bench.write({"Dockerfile": "FROM busybox\n"})
    text = _rendered(
        bench,
        """
A b:
  name: a
  no_cache: true
  command: "upload\\n--key=_env(KEY)"
  after_build_command: echo done
  cleanup: {commands: [rm -f "/x y"]}
  secrets: {token: {type: env, value: TOKEN}}
""",
    )
    assert "k3y" not in text
    assert text.splitlines()[2:] == [
        "",
        "# A b: a:latest",
        "# no_cache: build with --no-cache-filter a-b",
        "# secret: build with --secret id=token,env=HABITUS_TOKEN; read it with RUN --mount=type=secret",
        "# cleanup: its commands are at the end of the stage, and layers are not squashed",
        "# command, which is not done here: upload --key=_env(KEY)",
        "# after_build_command, which is not done here: echo done",
        "FROM busybox AS a-b",
        'RUN ["rm", "-f", "/x y"]',
    ]


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("COPY a* /", r"Dockerfile:2:1: one Dockerfile cannot say this: the pattern a\* means the artifact app"),
        ("ADD app.tar /", "ADD unpacks /o/app.tar"),
        ("COPY --parents app /", "it has --parents"),
        ("RUN --mount=target=/m true", "a mount of the context"),
        ("ONBUILD COPY app /", "ONBUILD would do it"),
    ],
)
def test_what_would_be_another_image_is_an_error(bench: FlowBench, instruction: str, message: str) -> None:
    bench.write({"b.df": _BUILDER, "Dockerfile": f"FROM busybox\n{instruction}\n"})
    steps = "b: {name: b, dockerfile: b.df, artifacts: [/o/app, /o/app.tar]}\nw: {name: w, depends_on: [b]}"
    with pytest.raises(DockerfileError, match=message):
        _rendered(bench, steps)
