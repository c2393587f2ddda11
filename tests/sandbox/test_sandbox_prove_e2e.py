"""``smidgen prove`` with every runtime, as root and not: what it demands, measures and finds missing."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest

from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.sandbox.identity import find_identity
from smidgen.sandbox.launch import Wishes
from smidgen.sandbox.prove import HttpCheck, Proof, ProveOptions, prove_image
from smidgen.store.content import ContentStore
from support.command import Outcome
from support.sandbox_rights import ALL, Rights

pytestmark = pytest.mark.e2e

# crun with one id only differs from runc in nothing that matters here.
PAIRS = [
    (runtime, name) for runtime in ("runc", "crun", "bwrap") for name in ALL if (runtime, name) != ("crun", "single")
]
LIMIT = 120
TEMPORARY = Entry.directory("tmp", mode=0o1777)


@dataclass(frozen=True)
class Prover:
    """``smidgen prove`` with a runtime and certain rights."""

    rights: Rights
    store: ContentStore
    runtime: str

    def __call__(self, *arguments: str, code: int = 0) -> Outcome:
        options = ("--store", self.store.root, "--runtime", self.runtime)
        command = self.rights.command("prove", *options, *arguments)
        environment = self.rights.environment({})
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=LIMIT, cwd="/"
        )
        outcome = Outcome(tuple(command), done.returncode, done.stdout, done.stderr)
        assert outcome.exit_code == code, outcome
        return outcome

    def json(self, *arguments: str, code: int = 0) -> Any:
        return self("--json", *arguments, code=code).json


@pytest.fixture(params=PAIRS, ids="-".join)
def prove(request: pytest.FixtureRequest, rights: Callable[[str], Rights], store: ContentStore) -> Prover:
    runtime, name = request.param
    return Prover(rights(name), store, runtime)


@pytest.fixture
def plain_prove(rights: Callable[[str], Rights], store: ContentStore) -> Prover:
    return Prover(rights(ALL[0]), store, "auto")


@pytest.fixture
def proof(store: ContentStore) -> Callable[..., Proof]:
    """Prove in this process, through the function that others call."""

    def run(*arguments: str, name: str = "probe", http: str = "", **options: Any) -> Proof:
        check = HttpCheck.parse(http) if http else None
        wishes = Wishes(arguments=arguments)
        return prove_image(Image.resolve(store, name), ProveOptions(wishes=wishes, http=check, **options))

    return run


def kinds(proof: Proof) -> dict[str, tuple[str, ...]]:
    return {finding.kind: finding.paths for finding in proof.findings if not finding.harmless}


class TestEveryRuntime:
    def test_a_server(self, prove: Prover) -> None:
        report = prove.json("--http", ":8080/healthz", "probe")
        assert report["schema"] == "smidgen.proof/v1"
        assert report["passed"]
        assert report["failures"] == []
        assert report["started"]
        assert report["http"]["status"] == 200
        assert 0 < report["http"]["first_answer_ms"] < 10_000
        assert 1_000_000 < report["resident"] <= report["peak"] < 100_000_000
        assert report["stopped_ms"] > 0
        assert report["exit_code"] is not None
        assert report["traced"]
        assert [one for one in report["findings"] if not one["harmless"]] == []
        kind = find_identity().rights.value if prove.rights.name == "own" else prove.rights.name
        exact = prove.runtime == "bwrap" or kind != "single"
        assert report["user"] == ("65534:65534" if exact else "0:0")
        assert bool(report["notes"]) != exact

    def test_what_it_lacks(self, prove: Prover) -> None:
        report = prove.json("probe", "read", "/etc/app.yaml", "/etc/passwd")
        assert report["passed"]
        assert report["exit_code"] == 0
        assert report["peak"] > 1_000_000
        found = {one["kind"]: one["paths"] for one in report["findings"] if not one["harmless"]}
        assert found == {"file": ["/etc/app.yaml"], "passwd": ["/etc/passwd"]}

    def test_conditions(self, prove: Prover, image: Callable[..., None]) -> None:
        image("super", TEMPORARY, Entry.directory("data", mode=0o777), run=RunConfig(entrypoint=("/probe",)))
        status = prove.json("super", "status")["output"]
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0
        assert facts["NoNewPrivs"] == "1"
        assert facts["Seccomp"] == "2"
        report = prove.json("super", "write", "/data/x", "/tmp/x", "/x")
        assert "/data/x open /data/x: read-only file system" in report["output"]
        assert "/tmp/x <nil>" in report["output"]
        assert report["writable"] == ["/tmp"]
        (finding,) = [one for one in report["findings"] if one["paths"] == ["/data/x"]]
        assert (finding["kind"], finding["remedy"]) == ("write", "--volume /data")
        assert prove.json("super", "interfaces")["output"].startswith("lo up|loopback")

    def test_a_program_that_fails(self, prove: Prover) -> None:
        outcome = prove("probe", "exit", "3", code=1)
        assert "it ended with exit code 3, expected 0" in outcome.stderr
        assert "  to standard error" in outcome.stderr
        assert "does not run" in outcome.stdout


class TestFindings:
    def test_certificates(self, proof: Callable[..., Proof]) -> None:
        found = kinds(proof("fetch", "https://127.0.0.1:1"))
        assert found == {}
        assert "/etc/ssl/cert.pem" in kinds(proof("read", "/etc/ssl/cert.pem", "/etc/pki/tls/cacert.pem"))["ca"]

    def test_zones(self, proof: Callable[..., Proof], image: Callable[..., None]) -> None:
        run = RunConfig(entrypoint=("/probe",))
        (finding,) = [one for one in proof("zone", "Europe/Berlin").findings if one.kind == "tz"]
        assert finding.remedy == "--with tz"
        assert "Europe/Berlin" in finding.summary
        image("zones", Entry.file("usr/share/zoneinfo/Europe/Berlin", _zone()), run=run)
        assert kinds(proof("zone", "Europe/Berlin", name="zones")) == {}

    def test_accounts(self, proof: Callable[..., Proof]) -> None:
        assert "/etc/passwd" in kinds(proof("user", "somebody"))["passwd"]

    def test_temporary_files(self, proof: Callable[..., Proof], image: Callable[..., None]) -> None:
        (path,) = kinds(proof("temporary"))["tmp"]
        assert path.startswith("/tmp/probe")
        image("temporary", TEMPORARY, run=RunConfig(entrypoint=("/probe",), user="65534:65534"))
        seen = proof("temporary", name="temporary")
        assert kinds(seen) == {}
        assert seen.output == "<nil>\n"

    def test_other_programs(self, proof: Callable[..., Proof]) -> None:
        found = kinds(proof("start", "git", "status"))
        assert "/usr/bin/git" in found["program"]
        assert kinds(proof("start", "/bin/sh", "-c", "true"))["program"] == ("/bin/sh",)

    def test_paths_relative_to_the_working_directory(
        self, proof: Callable[..., Proof], image: Callable[..., None]
    ) -> None:
        image("placed", run=RunConfig(entrypoint=("/probe",), working_dir="/srv/app"))
        assert kinds(proof("read", "conf/app.yaml", name="placed"))["file"] == ("/srv/app/conf/app.yaml",)

    def test_an_image_for_386(self, proof: Callable[..., Proof], image: Callable[..., None]) -> None:
        image("small", run=RunConfig(entrypoint=("/probe",)), architecture="386")
        seen = proof("read", "/etc/passwd", name="small")
        assert kinds(seen) == {"passwd": ("/etc/passwd",)}

    def test_an_emulated_image_is_not_traced_and_says_so(
        self, proof: Callable[..., Proof], image: Callable[..., None]
    ) -> None:
        image("other", run=RunConfig(entrypoint=("/probe",)), architecture="arm64")
        seen = proof("serve", ":8080", "0s", name="other", http=":8080/healthz")
        assert seen.passed
        assert seen.findings == ()
        assert "emulator" in seen.untraced


# A kernel that knows no user notification: seccomp(2) with its flag (8) is refused, without it is not.
_OLD_KERNEL = """
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 3, 317), (0x20, 0, 0, 24), (0x45, 0, 1, 8)]
code += [(6, 0, 0, 0x50016), (6, 0, 0, 0x7FFF0000)]
buffer = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in code))
filter_ = struct.pack("@HP", len(code), ctypes.addressof(buffer))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, filter_, 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of seccomp(2) is x86_64's")
class TestOldKernel:
    def prove(self, prover: Prover, *arguments: str) -> Any:
        command = prover.rights.command("prove", "--json", "--store", prover.store.root, *arguments)
        command = [sys.executable, "-c", _OLD_KERNEL, *command]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=prover.rights.environment({}),
            check=True,
            timeout=LIMIT,
            cwd="/",
        )
        return json.loads(done.stdout)

    def test_a_server_is_proved_but_not_traced(self, plain_prove: Prover) -> None:
        report = self.prove(plain_prove, "probe", "--http", ":8080/healthz")
        assert report["passed"]
        assert report["http"]["status"] == 200
        assert report["resident"] > 1_000_000
        assert report["traced"] is False
        assert "the kernel does not allow it" in report["untraced_because"]

    def test_a_program_too(self, plain_prove: Prover) -> None:
        report = self.prove(plain_prove, "--grace", "500ms", "probe", "sleep")
        assert report["passed"]
        assert report["started"]
        assert report["traced"] is False


class TestVerdicts:
    def test_a_server_that_needs_a_while(self, proof: Callable[..., Proof]) -> None:
        seen = proof("serve", ":8080", "3s", http=":8080/healthz", timeout=LIMIT)
        assert seen.passed
        # That it has to wait.
        assert seen.first_answer is not None
        assert seen.first_answer < 3000
        assert seen.status == 200

    def test_a_server_that_is_never_well(self, proof: Callable[..., Proof]) -> None:
        seen = proof(http=":8080/missing", timeout=3)
        assert seen.failures == (":8080/missing answered with status 404, expected 2xx",)

    def test_a_server_elsewhere(self, proof: Callable[..., Proof]) -> None:
        seen = proof(http=":8081", timeout=1)
        assert "did not answer within 1 s" in seen.failures[0]
        assert "refused" in seen.failures[0]
        assert seen.first_answer is None

    def test_a_server_that_ends(self, proof: Callable[..., Proof]) -> None:
        seen = proof("exit", "4", http=":8080")
        assert seen.failures == ("it ended with exit code 4 before it answered at :8080/",)

    def test_a_low_port_is_not_an_ordinary_users(self, proof: Callable[..., Proof]) -> None:
        seen = proof("serve", ":80", "0s", http=":80/healthz")
        assert not seen.passed
        assert "permission denied" in seen.output

    def test_a_program_that_goes_on(self, proof: Callable[..., Proof]) -> None:
        seen = proof("signal", grace=3)
        assert seen.passed
        assert not seen.ended
        assert seen.resident is not None
        assert seen.exit_code == 7
        assert "got terminated" in seen.output

    def test_a_program_that_does_not_stop(self, proof: Callable[..., Proof]) -> None:
        seen = proof("deaf", grace=3)
        assert seen.passed
        assert (seen.stopped, seen.exit_code) == (None, None)

    def test_an_expected_exit_code(self, proof: Callable[..., Proof]) -> None:
        assert proof("exit", "3", expect_exit=3).passed
        # 255 is -1, and no signal has the number 127.
        assert proof("exit", "255", expect_exit=None).passed

    def test_its_last_words(self, proof: Callable[..., Proof]) -> None:
        assert set(proof("exit", "3").output.splitlines()) == {"to standard output", "to standard error"}

    def test_for_people(self, plain_prove: Prover) -> None:
        text = plain_prove("probe", "--http", ":8080/healthz").stdout
        assert text.startswith("probe:latest  runs  linux/amd64, ")
        assert "looked for nothing that is not there" in text

    def test_no_such_program(self, plain_prove: Prover) -> None:
        assert "not in the image" in plain_prove("--entrypoint", "/nope", "probe", code=127).stderr


def _zone() -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo/Europe/Berlin").read_bytes()
