"""Addresses of health checks: what they mean to the probe, and what is refused."""

import pytest

from smidgen.config.healthcheck import parse_instruction, parse_test
from smidgen.errors import UsageError
from smidgen.needs.probe.address import PROBE_PATH, parse_address, probe_words, probed_address

_GOOD = {
    "http://:8080/healthz": "http://localhost:8080/healthz",
    "http://:8080": "http://localhost:8080",
    "http://localhost:80/a?b=c&d=%20": "http://localhost:80/a?b=c&d=%20",
    "http://127.0.0.1:08080/": "http://127.0.0.1:8080/",
    "http://[::1]:65535/": "http://[::1]:65535/",
    "tcp://:5432": "tcp://localhost:5432",
    "tcp://:5432/": "tcp://localhost:5432",
    "grpc://:50051": "grpc://localhost:50051",
    "grpc://:50051/": "grpc://localhost:50051",
    "grpc://:50051/example.v1.Shop": "grpc://localhost:50051/example.v1.Shop",
}
_BAD = {
    "https://:8443/": "speaks no TLS",
    "grpcs://:50051": "speaks no TLS",
    "http://example.com:80/": "may not be this container",
    "http://10.0.0.1:80/": "may not be this container",
    "http://[::2]:80/": "may not be this container",
    "http://user@localhost:80/": "invalid address",
    "http:///healthz": "no port",
    "http://localhost/": "no port",
    "http://:0/": "no port",
    "http://:65536/": "no port",
    "http://:123456/": "no port",
    "http://:80a/": "invalid address",
    "http://:80/a b": "printable ASCII",
    "http://:80/\nx": "printable ASCII",
    "http://:80/ü": "printable ASCII",
    "http://:80/" + "a" * 1024: "printable ASCII",
    "http://:80/#top": "no path",
    "http://:80?a": "no path",
    "tcp://:80/path": "has no path",
    "grpc://:80/a?b": "no path",
    "http://": "no port",
    "http://[:80/": "invalid address",
}


@pytest.mark.parametrize("text", _GOOD)
def test_an_address_gets_its_host(text: str) -> None:
    assert parse_address(text) == _GOOD[text]
    assert parse_address(_GOOD[text]) == _GOOD[text]


@pytest.mark.parametrize("text", _BAD)
def test_a_bad_address_is_said_before_anything_is_built(text: str) -> None:
    with pytest.raises(UsageError, match=_BAD[text]) as caught:
        parse_test(text)
    assert caught.value.hint


def test_an_address_takes_the_place_of_a_command() -> None:
    check = parse_instruction("--interval=5s --timeout=3s http://:8080/healthz")
    assert check.test == ("CMD", PROBE_PATH, "http://localhost:8080/healthz")
    assert (check.interval, check.timeout) == (5_000_000_000, 3_000_000_000)
    assert probed_address(check.test) == "http://localhost:8080/healthz"


def test_a_longer_timeout_is_told_to_the_probe() -> None:
    check = parse_instruction("--timeout=90500ms tcp://:1")
    assert check.test == ("CMD", PROBE_PATH, "-t", "91", "tcp://localhost:1")
    assert probed_address(check.test) == "tcp://localhost:1"
    assert probe_words("tcp://:1", timeout=30_000_000_000) == (PROBE_PATH, "tcp://localhost:1")


def test_exec_is_a_command_of_the_image() -> None:
    check = parse_instruction("exec:/app -health 'a b'")
    assert check.test == ("CMD", "/app", "-health", "a b")
    assert probed_address(check.test) is None


def test_commands_stay_what_they_were() -> None:
    assert parse_instruction("CMD /app health").test == ("CMD", "/app", "health")
    assert parse_instruction("/app health").test == ("CMD", "/app", "health")
    assert parse_instruction("NONE").test == ("NONE",)
    assert probed_address(None) is None
    assert probed_address(("NONE",)) is None
    assert probed_address(("CMD", PROBE_PATH)) is None


@pytest.mark.parametrize("text", ["CMD http://:8080/", '["http://:8080/"]'])
def test_an_address_is_no_program(text: str) -> None:
    with pytest.raises(UsageError, match="is an address and no program") as caught:
        parse_instruction(text)
    assert caught.value.hint == "leave CMD out: http://:8080/"
