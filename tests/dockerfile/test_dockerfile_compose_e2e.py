"""``smidgen build --compose`` as it is used."""

import pytest

from support.command import Smidgen
from support.dockerfile_bench import Bench

pytestmark = pytest.mark.e2e

_COMPOSE = """\
name: shop
services:
  web:
    image: example.com/shop/web:${TAG:-1}
    build:
      context: web
      args: {GREETING: "$GREETING"}
      additional_contexts: {base: "service:base"}
      secrets: [token]
  base:
    build:
      dockerfile_inline: |
        FROM busybox
        RUN echo from the base > /base
  tool: {build: web, profiles: [tools]}
  db: {image: "postgres:17"}
secrets:
  token: {file: token}
"""
_WEB = """\
FROM base
ARG GREETING
RUN --mount=type=secret,id=token echo "$GREETING, $(cat /base), $(wc -c < /run/secrets/token) secret bytes" > /said
"""


@pytest.fixture
def shop(bench: Bench, smidgen: Smidgen) -> Smidgen:
    bench.write({"compose.yaml": _COMPOSE, "web/Dockerfile": _WEB, ".env": "GREETING=hello\n", "token": "geheim"})
    return smidgen


def test_services_are_built_in_order_and_named(shop: Smidgen) -> None:
    built = shop("build", "--compose", "compose.yaml")
    names = [line.partition("@")[0] for line in built.lines]
    assert names == ["docker.io/library/shop-base:latest", "example.com/shop/web:1"]
    assert shop("run", "--network", "host", "example.com/shop/web:1", "cat", "/said").stdout == (
        "hello, from the base, 6 secret bytes\n"
    )
    assert "tool" in built.stderr
    again = shop("build", "--compose", "compose.yaml", "web", "--json", env={"TAG": "2", "GREETING": "hello"}).json
    assert [one["service"] for one in again["services"]] == ["base", "web"]
    assert again["services"][1]["image"]["tags"] == ["example.com/shop/web:2"]
    assert again["services"][1]["image"]["digest"] in built.stdout


def test_flags_count_more_than_the_file(shop: Smidgen) -> None:
    shop("build", "--compose=compose.yaml", "-p", "other", "--build-arg", "GREETING=bye", "-q", "web")
    assert shop("run", "--network", "host", "example.com/shop/web:1", "cat", "/said").stdout.startswith("bye, ")
    assert "other-base" in shop("images").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--compose", "none.yaml"], "none.yaml: cannot be read"),
        (["--compose", "compose.yaml", "webb"], "did you mean web?"),
        (["--compose", "compose.yaml", "db"], "no build section"),
        (["--compose", "compose.yaml", "--timeout", "soon"], "--timeout"),
        (["--compose", "compose.yaml", "--env-file", "none"], "none: cannot be read"),
        (["--compose", "compose.yaml", "-f", "web/Dockerfile"], "No such option"),
    ],
)
def test_what_cannot_be_meant(shop: Smidgen, arguments: list[str], said: str) -> None:
    refused = shop("build", *arguments, fails=True)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert refused.stdout == ""


def test_a_fault_is_shown_with_its_line_before_anything_is_built(shop: Smidgen, bench: Bench) -> None:
    bench.write({"compose.yaml": _COMPOSE.replace("secrets: [token]", "shm_size: 1g")})
    refused = shop("build", "--compose", "compose.yaml", fails=True)
    assert "compose.yaml:9:7: build.shm_size is not supported\n        shm_size: 1g\n        ^" in refused.stderr
    bench.write({"compose.yaml": _COMPOSE, "web/Dockerfile": "FROM base\nRUNN x\n"})
    refused = shop("build", "--compose", "compose.yaml", fails=True)
    assert "web/Dockerfile:2:1" in refused.stderr
    assert "shop-base" not in shop("images").stdout


def test_a_step_that_fails_says_of_which_service(shop: Smidgen, bench: Bench) -> None:
    bench.write({"web/Dockerfile": "FROM base\nRUN exit 3\n"})
    failed = shop("build", "--compose", "compose.yaml", fails=True)
    assert "web/Dockerfile:2:1" in failed.stderr
    assert "exit code 3" in failed.stderr
    assert "geheim" not in failed.stderr
