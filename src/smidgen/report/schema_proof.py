"""The shape of ``smidgen prove --json``: one object an image, stable within a ``schema`` value.

Sizes are in bytes, times in milliseconds.
"""

from typing import Literal

import msgspec


class HttpResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was requested, and what came back.

    Attributes:
        port: On the loopback of the container.
        path: With its query.
        status: Of the last answer; null where there was none.
        first_answer_ms: From the start of the program to its first answer; null where there was none.
    """

    port: int
    path: str
    status: int | None
    first_answer_ms: float | None


class FindingResult(msgspec.Struct, frozen=True, kw_only=True):
    """Paths that the program looked for and did not find, or could not write, and that have one cause.

    Attributes:
        kind: ``ca``, ``tz``, ``passwd``, ``tmp``, ``program``, ``library``, ``write``, ``file`` or ``harmless``.
        harmless: Nothing need be done.
        summary: One sentence.
        remedy: Options of ``smidgen build`` that would help, or empty.
        paths: Sorted.
    """

    kind: str
    harmless: bool
    summary: str
    remedy: str
    paths: tuple[str, ...]


class ProofReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document.

    Attributes:
        passed: It did all that was asked.
        failures: Why not, in sentences.
        runtime: ``runc``, ``crun`` or ``bwrap``.
        user: ``uid:gid`` that the program had.
        writable: Directories that it could write to; everything else was read-only.
        started: It was executed.
        http: Null where nothing was requested.
        set_up_ms: What the runtime took before it started the program; null where it cannot be known.
        resident: Memory when it had answered, or when the watching ended; null where it had gone by then.
        peak: The most memory until then.
        ended: It ended by itself, rather than when it was told to.
        exit_code: 128 + N for signal N; null where it had to be killed.
        stopped_ms: From the stop signal to its end; null where it ended by itself or had to be killed.
        traced: What it looked for is known.
        untraced_because: Why not, or empty.
        output: The end of what it wrote.
        notes: What differs from what was asked.
    """

    schema: Literal["smidgen.proof/v1"] = "smidgen.proof/v1"
    image: str
    digest: str
    platform: str
    passed: bool
    failures: tuple[str, ...]
    runtime: str
    user: str
    writable: tuple[str, ...]
    started: bool
    http: HttpResult | None
    set_up_ms: float | None
    resident: int | None
    peak: int | None
    ended: bool
    exit_code: int | None
    stopped_ms: float | None
    traced: bool
    untraced_because: str
    findings: tuple[FindingResult, ...]
    output: str
    notes: tuple[str, ...]
