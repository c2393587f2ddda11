"""Many pushes and pulls against a registry of whose requests a share fails by chance.

``soak`` serves the registry and starts workers, which are programs of their own: ``python -m support.registry_soak``.
A worker makes small images, pushes them, pulls them into an empty store, and compares every byte. It is given what is
secret through docker's configuration, as a user gives it.
"""

import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from smidgen.oci.reference import Reference
from smidgen.registry.pull import pull
from smidgen.registry.push import push
from smidgen.registry.session import Session
from smidgen.store.content import ContentStore
from support import faulty_registry_actions as act
from support.faulty_registry import Chaos, Mishap
from support.registry import Registry
from support.registry_access import Access
from support.registry_images import check_registry, check_store, index
from support.registry_session import credentials
from support.registry_wire import Answer, Request, Service, serving

USER = "soaked"
PASSWORD = "soak-password-51c7d2-secret"
_TOKEN_USES = 40
# As support.registry_access makes them.
_TOKEN = re.compile(rb"T-[A-Za-z0-9_-]{32}")


@dataclass
class Soaked:
    """What came of it.

    Attributes:
        requests: That the registry got.
        hits: Fault → how often.
        pushed: Images that arrived.
        pulled: Images that arrived.
        failures: What workers could not do.
        leaks: Where a secret was found.
        seconds: Wall time.
        peak: Bytes of memory of the largest worker.
        redirected: Requests that were sent to another server.
    """

    requests: int = 0
    hits: dict[str, int] = field(default_factory=dict)
    pushed: int = 0
    pulled: int = 0
    failures: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    seconds: float = 0
    peak: int = 0
    redirected: int = 0


def soak(directory: Path, *, images: int, workers: int, share: float = 0.2, seed: int = 1, threads: int = 4) -> Soaked:
    """Push and pull *images* small indexes of two images each, and give what came of it."""
    registry = Registry()
    access = Access({USER: PASSWORD}, token_uses=_TOKEN_USES)
    began = time.monotonic()
    result = Soaked()
    with serving(registry) as elsewhere:
        chaos = Chaos(share, faults(access, f"http://localhost:{elsewhere.port}/"), seed)
        with serving(chaos.around(access.around(registry))) as server:
            environ = credentials(directory / "docker", {server.host: (USER, PASSWORD)})
            shares = [images // workers + (at < images % workers) for at in range(workers)]
            processes = [
                _start(Job(str(directory / f"worker-{at}"), server.host, at, count, threads), environ)
                for at, count in enumerate(shares)
            ]
            outcomes = [(*process.communicate(), process.returncode) for process in processes]
        result.redirected = len(elsewhere.log)
        if any(name.lower() == "authorization" for one in elsewhere.log for name, _ in one.headers):
            result.leaks.append("a header for another server")
    result.seconds = time.monotonic() - began
    result.requests, result.hits = chaos.requests, chaos.hits
    for stdout, stderr, code in outcomes:
        if code:
            result.failures.append(stderr or f"exit code {code}")
            continue
        found = json.loads(stdout)
        result.pushed += found["pushed"]
        result.pulled += found["pulled"]
        result.failures += found["failures"]
        result.peak = max(result.peak, found["peak"])
    check_registry(registry)
    secrets = frozenset((PASSWORD, credentials_word(), *access.tokens))
    result.leaks += [
        f"what worker {at} wrote" for at, one in enumerate(outcomes) if holds(secrets, "".join(one[:2]).encode())
    ]
    result.leaks += [str(path) for path in leaking_files(directory, secrets) if path.name != "config.json"]
    return result


def credentials_word() -> str:
    """Give user and password as headers and docker's configuration have them."""
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def holds(secrets: Collection[str], data: bytes) -> bool:
    """Tell whether *data* has one of *secrets* in it. Tokens are looked for by their form: there may be thousands."""
    if any(word.decode() in secrets for word in _TOKEN.findall(data)):
        return True
    return any(secret.encode() in data for secret in secrets if not _TOKEN.fullmatch(secret.encode()))


def leaking_files(directory: Path, secrets: Collection[str]) -> list[Path]:
    """List the files below *directory* that have one of *secrets* in them."""
    wanted = frozenset(secrets)
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return [path for path in files if holds(wanted, path.read_bytes())]


def faults(access: Access, elsewhere: str) -> list[Mishap]:
    """List the faults that a client has to overcome."""

    def expire(request: Request, service: Service) -> Answer:
        if token := access.tokens.get(_bearer(request)):
            token.uses = 0
        return service(request)

    anywhere = [
        ("429, at once", act.status(429, retry_after="0")),
        ("429, in a second", act.status(429, retry_after="1")),
        ("429", act.status(429)),
        ("408", act.status(408)),
        ("500", act.status(500)),
        ("502, a page", act.page(502)),
        ("503", act.status(503)),
        ("504", act.status(504)),
        ("500 after the work", act.late(500)),
        ("no answer after the work", act.lost()),
        ("reset before the request", act.drop()),
        ("end before the request", act.drop(reset=False)),
        ("reset in the head", act.cut(40)),
        ("end in the head", act.cut(90, reset=False)),
        ("a stall", act.stall(0.2)),
    ]
    # What is checked by digest; a token that is damaged could be any other.
    content = [
        ("reset in the body", act.cut_body(300)),
        ("end in the body", act.cut_body(300, reset=False)),
        ("slow bodies", act.drip(2000, 0.002)),
        ("too short", act.short(1)),
        ("too long", act.longer(3)),
        ("a changed byte", act.corrupt(777)),
        ("no length", act.unmeasured()),
        ("in chunks", act.chunked()),
    ]
    return [
        *(Mishap(name, action) for name, action in anywhere),
        *(Mishap(name, action, lambda request: _is_read(request, "")) for name, action in content),
        Mishap("no digest", act.header("Docker-Content-Digest"), lambda request: "/manifests/" in request.path),
        Mishap("another server", act.redirect(elsewhere), lambda request: _is_read(request, "/blobs/sha256:")),
        Mishap("no ranges", act.ignore_range(), lambda request: request.headers.get("Range") is not None),
        Mishap("an expired token", expire, lambda request: _bearer(request) in access.tokens),
        Mishap(
            "reset in what we send",
            act.drop_body(3000),
            lambda request: int(request.headers.get("Content-Length") or 0) > 0,
        ),
    ]


def _bearer(request: Request) -> str:
    return (request.headers.get("Authorization") or "").partition(" ")[2]


def _is_read(request: Request, part: str) -> bool:
    is_content = "/v2/" in request.path and "/uploads/" not in request.path
    return request.method == "GET" and is_content and request.path != "/v2/" and part in request.path


@dataclass(frozen=True)
class Job:
    """What one worker has to do.

    Attributes:
        number: Of the worker.
        count: Of images.
    """

    directory: str
    host: str
    number: int
    count: int
    threads: int


def _start(job: Job, environ: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "support.registry_soak", json.dumps(asdict(job))]
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], "HOME": job.directory, "PYTHONPATH": paths, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# What follows runs in a worker.


def _push_and_pull(session: Session, host: str, source: ContentStore, directory: Path, seed: int) -> None:
    with source.writing():
        # Every third image is one that is there already.
        root = index(source, seed=seed - seed % 3 // 2, layers=2 + seed % 2, size=500 + seed * 7919 % 30_000)
    reference = Reference.parse(f"{host}/team/app-{seed % 7}:v{seed}")
    push(session, source, root, (reference,))
    target = ContentStore.open(directory / f"{seed}")
    with target.writing():
        pulled = pull(session, reference, target)
    assert pulled.digest == root.digest
    assert check_store(target, pulled) == check_store(source, root)
    for path in (target.root / "ingest").iterdir():
        raise AssertionError(f"left behind: {path}")


def _work(job: Job) -> None:
    directory = Path(job.directory)
    source = ContentStore.open(directory / "source")
    warnings: list[str] = []
    failures: list[str] = []
    done = []
    guard = threading.Lock()

    def one(at: int) -> None:
        try:
            with Session(warn=warnings.append) as session:
                _push_and_pull(session, job.host, source, directory, job.number * 100_000 + at)
            with guard:
                done.append(at)
        except Exception as error:  # noqa: BLE001 (all of them are to be told)
            with guard:
                failures.append(f"image {job.number}/{at}: {type(error).__name__}: {error}")

    with ThreadPoolExecutor(job.threads) as pool:
        list(pool.map(one, range(job.count)))
    # ru_maxrss would be that of the process which started this one, where that was the larger.
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    found = {"pushed": len(done), "pulled": len(done), "failures": failures, "peak": peak, "warnings": warnings}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    _work(Job(**json.loads(sys.argv[1])))
