"""Proving that an image runs: started under conditions as hostile as production's, and watched.

An image that is asked over HTTP runs twice: once untouched, for its times and its memory, and once with
its file accesses watched, as that costs time. An image that is only started runs once, watched.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from smidgen.errors import UsageError
from smidgen.image.image import Image
from smidgen.layer.capabilities import FileCapabilities
from smidgen.needs.probe.address import probed_address
from smidgen.oci.config import Healthcheck
from smidgen.oci.platform import Platform
from smidgen.sandbox.cell.job import Probe
from smidgen.sandbox.identity import find_identity
from smidgen.sandbox.launch import Plan, Wishes, plan
from smidgen.sandbox.loader_words import refusal, unready
from smidgen.sandbox.missing import Finding, classify
from smidgen.sandbox.observe import Observation, Watching, observe
from smidgen.sandbox.program import capabilities_of, embeds_zones
from smidgen.sandbox.rootfs import prepared_rootfs
from smidgen.sandbox.run import parse_signal
from smidgen.sandbox.runtime import find_runtime

# The exit code of a program that signal N ended is this and N.
_SIGNALS: Final = 128
# Source: signal(7); programs end with 255 (-1) by themselves.
_LAST_SIGNAL: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCheck:
    """A request that a healthy program answers with 2xx."""

    port: int
    path: str = "/"

    @classmethod
    def parse(cls, text: str) -> "HttpCheck":
        """Parse ``[:]PORT[/PATH]``, also written ``http://localhost:PORT/PATH``.

        Raises:
            UsageError: Another form.
        """
        rest = text
        for prefix in ("http://localhost:", "http://127.0.0.1:", ":"):
            rest = rest.removeprefix(prefix)
        port, slash, path = rest.partition("/")
        if not port.isdecimal() or len(port) > 5 or not 1 <= int(port) <= 65535 or any(c.isspace() for c in path):
            raise UsageError(f"invalid address {text!r}", hint="expected :PORT/PATH, such as :8080/healthz")
        return cls(port=int(port), path=f"{slash or '/'}{path}")

    def __str__(self) -> str:
        return f":{self.port}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveOptions:
    """What an image is put through.

    Attributes:
        wishes: How the container differs from what the image says; it is hostile in any case.
        http: What to request, or None: then what the image's health check requests by smidgen's probe, unless the
            program is given other arguments; else it is enough to start.
        timeout: How long the program may take to answer well, in seconds.
        grace: How long a program that is not asked is watched, in seconds, if it does not end before.
        expect_exit: The exit code of a program that ends by itself; None for any, as long as no signal ended it.
        platform: Which image of an index; None is this machine's.
    """

    wishes: Wishes = field(default_factory=Wishes)
    http: HttpCheck | None = None
    timeout: float = 10.0
    grace: float = 2.0
    expect_exit: int | None = 0
    platform: Platform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was seen.

    Attributes:
        image: The name of the image.
        digest: Of the image for *platform*.
        platform: ``os/architecture``.
        failures: Why it did not pass, in sentences; empty when it did.
        runtime: What ran it.
        user: ``uid:gid`` of the program.
        writable: Directories it could write to.
        started: The program was started, and not by name only.
        http: What was requested, or None.
        status: Of the last answer, or None where there was none.
        first_answer: Milliseconds from the program's start to its first answer, or None.
        set_up: Milliseconds that the runtime took before it started the program, or None.
        resident: Bytes of memory when it had answered, or when the watching ended, or None.
        peak: The most it had until then, or None.
        ended: It ended by itself, rather than when it was told to.
        exit_code: 128 + N for signal N; None where it did not stop when it was told to, and was killed.
        stopped: Milliseconds from the stop signal to its end, or None where it ended by itself or did not stop.
        findings: What it looked for in vain.
        untraced: Why *findings* is empty whatever it looked for; empty where it was traced.
        output: The end of what it wrote.
        notes: What differs from what was asked.
    """

    image: str
    digest: str
    platform: str
    failures: tuple[str, ...]
    runtime: str
    user: str
    writable: tuple[str, ...]
    started: bool
    http: HttpCheck | None
    status: int | None
    first_answer: float | None
    set_up: float | None
    resident: int | None
    peak: int | None
    ended: bool
    exit_code: int | None
    stopped: float | None
    findings: tuple[Finding, ...]
    untraced: str
    output: str
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it did all that was asked."""
        return not self.failures


def prove_image(image: Image, options: ProveOptions) -> Proof:
    """Run *image* under hostile conditions and tell what was seen.

    Read-only root file system, no capabilities, no new privileges, the image's own user, a network with
    loopback only, docker's masked paths and system calls; ``/tmp`` and volumes can be written where the
    image has them, and are thrown away.

    Raises:
        ProgramNotFound: The image does not have the program.
        RuntimeNotFound: There is nothing to run it with.
        SandboxError: The container could not be set up.
    """
    identity = find_identity()
    find_runtime(options.wishes.runtime, identity, 0, 0)
    single = image.for_platform(options.platform)
    if options.http is None and not options.wishes.arguments and options.wishes.entrypoint is None:
        options = replace(options, http=_health_request(single.config.run.healthcheck))
    wishes = replace(options.wishes, hostile=True, private_network=True)
    with prepared_rootfs(single, identity) as root:
        made = plan(single, root, identity, wishes)
        stop_signal = parse_signal(single.config.run.stop_signal)
        seen, traced = _watch(made, options, stop_signal)
        zones = embeds_zones(root, made.program)
        capabilities = capabilities_of(root, made.program)
    findings, untraced = _findings(made, traced, zones=zones)
    return Proof(
        image=single.name,
        digest=single.digest,
        platform=str(single.platform),
        failures=_failures(seen, options, capabilities),
        runtime=made.runtime.kind.value,
        user=f"{made.container.user.uid}:{made.container.user.gid}",
        writable=made.writable,
        started=seen.started,
        http=options.http,
        status=seen.status,
        first_answer=seen.first_answer,
        set_up=seen.set_up,
        resident=seen.resident,
        peak=seen.peak,
        ended=seen.ended,
        exit_code=seen.exit_code,
        stopped=seen.stopped,
        findings=findings,
        untraced=untraced,
        output=seen.output,
        notes=made.notes,
    )


def _health_request(check: Healthcheck | None) -> HttpCheck | None:
    """Give what the image's own health check requests, where that is HTTP on the loopback."""
    address = probed_address(check.test) if check is not None else None
    if address is None or not address.startswith(("http://localhost:", "http://127.0.0.1:")):
        return None
    try:
        return HttpCheck.parse(address)
    except UsageError:
        # An image may say what it likes: then there is nothing to ask.
        return None


def _watch(made: Plan, options: ProveOptions, stop_signal: int) -> tuple[Observation, Observation]:
    """Run once or twice: for the times, and for the files."""
    if options.http is None:
        seen = observe(made, Watching(files=not made.emulated, limit=options.grace, stop_signal=stop_signal))
        return seen, seen
    probe = Probe(port=options.http.port, path=options.http.path, timeout=options.timeout)
    timed = observe(made, Watching(files=False, limit=options.timeout, stop_signal=stop_signal, probe=probe))
    if made.emulated or timed.untraced:
        return timed, timed
    return timed, observe(made, Watching(files=True, limit=options.timeout, probe=probe))


def _findings(made: Plan, traced: Observation, *, zones: bool) -> tuple[tuple[Finding, ...], str]:
    if made.emulated:
        return (), "the program runs in an emulator, whose own file accesses cannot be told from the program's"
    if traced.untraced:
        return (), traced.untraced
    path = next((line[5:] for line in made.container.environment if line.startswith("PATH=")), "")
    return classify(traced.sought, search_path=path.split(":"), embeds_zones=zones), ""


def _failures(seen: Observation, options: ProveOptions, capabilities: FileCapabilities) -> tuple[str, ...]:
    failure = None
    if seen.complaint:
        failure = f"the runtime could not start it: {seen.complaint}"
    elif options.http is not None:
        failure = _http_failure(seen, options.http, options.timeout)
    elif seen.ended and options.expect_exit is None:
        failure = _early_end(seen)
    elif seen.ended and seen.exit_code != options.expect_exit:
        failure = f"it ended with exit code {seen.exit_code}, expected {options.expect_exit}"
    elif not seen.started:
        failure = "the program was not started"
    if failure is None:
        return ()
    if capabilities.effective and seen.ended:
        # Source: capabilities(7), "Safety checking for capability-dumb binaries".
        why = "the kernel starts it only where the container may have that, and here it may not"
        return failure, f"its file has {capabilities}: {why}"
    return (failure,)


def _early_end(seen: Observation) -> str | None:
    """Tell what is wrong with the end of a program that may end as it likes."""
    if seen.exit_code is not None and _SIGNALS < seen.exit_code <= _SIGNALS + _LAST_SIGNAL:
        return f"signal {seen.exit_code - _SIGNALS} ended it"
    if refused := refusal(seen.exit_code, seen.output):
        return f"the loader did not start it: {refused}"
    if said := unready(seen.exit_code, seen.output):
        return f"it ended with exit code {seen.exit_code}, as a part of it could not be loaded: {said}"
    return None


def _http_failure(seen: Observation, http: HttpCheck, timeout: float) -> str | None:
    if seen.status is not None:
        return None if 200 <= seen.status < 300 else f"{http} answered with status {seen.status}, expected 2xx"
    if seen.ended:
        return f"it ended with exit code {seen.exit_code} before it answered at {http}"
    return f"{http} did not answer within {timeout:g} s: {seen.reason or 'no answer'}"
