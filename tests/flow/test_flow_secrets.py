"""Secrets: served to commands, and nowhere else."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from smidgen.errors import ConfigError, StepFailed, UsageError
from smidgen.flow.secret_server import serving
from support.flow_bench import FlowBench

_SECRET = "s3cr3t-v4lu3"
_BOTH = frozenset({"file", "env"})
_STEP = "a: {name: a, secrets: {key: {type: file, value: key.txt}, token: {type: env, value: TOKEN}}}"
_GET = "wget -q -O - http://$habitus_host:$habitus_port/v1/secrets"


def _write(bench: FlowBench, *commands: str) -> None:
    arguments = "".join(f"ARG habitus_{name}\n" for name in ("host", "port", "user", "password"))
    bench.write(
        {
            "Dockerfile": f"FROM busybox\n{arguments}" + "".join(f"RUN {command}\n" for command in commands),
            "key.txt": f"{_SECRET}-file\n",
            ".dockerignore": "key.txt",
        }
    )


def _everything(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file() and not path.is_symlink())


def test_commands_read_secrets_over_http_and_as_mounts(bench: FlowBench) -> None:
    _write(
        bench,
        f"{_GET}/file/key | wc -c > /sizes",
        f"{_GET}/env/token | wc -c >> /sizes",
        "--mount=type=secret,id=token wc -c < /run/secrets/token >> /sizes",
        f"{_GET}/env/token; echo",
    )
    done = bench.run(_STEP, secret_providers=_BOTH, environ={"HABITUS_TOKEN": _SECRET})
    made = done.made("a")
    size = len(_SECRET)
    assert made.content("sizes") == f"{size + 6}\n{size}\n{size}\n"
    # It is shown nowhere.
    assert done.log.lines == ["***"]
    config = repr(made.image.config)
    assert "127.0.0.1" not in config
    assert _SECRET.encode() not in _everything(bench.bench.store.root)


def test_where_secrets_are_is_in_no_cache_key(bench: FlowBench) -> None:
    _write(bench, f"{_GET}/env/token | wc -c > /size")
    first = bench.run(_STEP, secret_providers=_BOTH, environ={"HABITUS_TOKEN": "four"})
    again = bench.run(_STEP, secret_providers=_BOTH, environ={"HABITUS_TOKEN": "other"})
    assert again.log.began == []
    assert again.step("a").image.digest == first.step("a").image.digest


def test_a_password_that_is_given_counts(bench: FlowBench) -> None:
    _write(
        bench,
        'wget -q -O - --header "Authorization: Basic $(printf "$habitus_user:$habitus_password" | base64)" '
        "http://127.0.0.1:$habitus_port/v1/secrets/env/token > /dev/null; echo $habitus_user $habitus_password > /seen",
    )
    args = {"habitus_user": "me", "habitus_password": "mine", "habitus_host": "192.0.2.1"}
    done = bench.run(_STEP, secret_providers=_BOTH, environ={"HABITUS_TOKEN": _SECRET}, build_args=args)
    assert done.made("a").content("seen") == "me mine\n"
    assert "mine" not in repr(done.step("a").image.config)


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        (frozenset[str](), r"4:\d+: the flow has secrets, and nothing is to serve them"),
        (frozenset({"file"}), r"the secret 'token' is of type env, which is not allowed"),
        (_BOTH, r"the secret 'token' is the variable HABITUS_TOKEN, which is not set"),
    ],
)
def test_secrets_that_cannot_be_had(bench: FlowBench, providers: frozenset[str], message: str) -> None:
    _write(bench, "true")
    with pytest.raises(ConfigError, match=message):
        bench.run(_STEP, environ={"TOKEN": "x"}, secret_providers=providers)


def test_a_secret_file_that_is_not_there(bench: FlowBench) -> None:
    _write(bench, "true")
    with pytest.raises(ConfigError, match=r"the secret 'k' cannot be read from none: No such file"):
        bench.run("a: {name: a, secrets: {k: {type: file, value: none}}}", secret_providers=_BOTH)


def test_a_secret_that_means_two_things(bench: FlowBench) -> None:
    _write(bench, "true")
    steps = "a: {name: a, secrets: {k: {type: env, value: A}}}\nb: {name: b, secrets: {k: {type: env, value: B}}}"
    with pytest.raises(ConfigError, match=r"5:28: the secret 'k' means something else in another step"):
        bench.run(steps, secret_providers=_BOTH, environ={"HABITUS_A": "1", "HABITUS_B": "2"})


def test_a_failing_command_does_not_show_a_secret(bench: FlowBench) -> None:
    _write(bench, f"{_GET}/env/token; echo; exit 1")
    with pytest.raises(StepFailed) as caught:
        bench.run(_STEP, secret_providers=_BOTH, environ={"HABITUS_TOKEN": _SECRET})
    assert _SECRET not in f"{caught.value.message}{caught.value.output}"


def _get(url: str, authorization: str | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"Authorization": authorization} if authorization else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_service_answers_only_those_who_know_the_password() -> None:
    basic = "Basic aGFiaXR1czpwdw=="  # habitus:pw
    with serving({("env", "a b"): b"1"}, password="pw") as service:
        top = f"http://127.0.0.1:{service.port}/v1"
        assert _get(f"{top}/secrets/env/a%20b") == (401, b"")
        assert _get(f"{top}/secrets/env/a%20b", "Basic \xe9") == (401, b"")
        assert _get(f"{top}/secrets/env/a%20b", basic) == (200, b"1")
        assert _get(f"{top}/secrets/file/a%20b", basic)[0] == 404
        assert _get(f"{top}/secrets/env/../env/a%20b", basic)[0] == 404
        assert _get(f"{top}/ping", basic) == (200, b'"ok"')
        assert _get(f"{top}/version", basic)[0] == 200
        with (
            pytest.raises(UsageError, match=f"cannot serve secrets at port {service.port}"),
            serving({}, port=service.port),
        ):
            pass
    with pytest.raises(urllib.error.URLError):
        _get(f"http://127.0.0.1:{service.port}/v1/ping", basic)
