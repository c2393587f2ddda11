"""Proofs of images that were just built: those asked for by ``--prove``, and those of programs with C.

An image of a program with C, or with libraries, is proved unless ``--no-prove`` is given, as not all that C code needs
at run time can be read from it. That an image was proved is remembered by its digest, so that a build that changed
nothing runs nothing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec

from smidgen.cli.console import console
from smidgen.errors import SandboxError
from smidgen.gobuild.built import Built, BuiltPlatform
from smidgen.report.proof import failure_text, proof_report, render_proof
from smidgen.report.schema_proof import FindingResult, ProofReport
from smidgen.sandbox.prove import HttpCheck, ProveOptions, prove_image

# Long enough for what is missing at the start to show.
_GRACE = 1.0


def asked_proofs(images: Sequence[Built], http: str | None) -> tuple[tuple[ProofReport, ...], list[str]]:
    """Run each image for this machine, and say what failed; it was built, whatever comes of it."""
    options = ProveOptions(http=None if http is None else HttpCheck.parse(http))
    reports = []
    for built in images:
        proof = proof_report(prove_image(built.image, options))
        console.note(render_proof(proof, style=console.style, verbose=console.verbosity > 0))
        reports.append(proof)
    return tuple(reports), [failure_text(proof) for proof in reports if not proof.passed]


def opaque_proofs(images: Sequence[Built]) -> tuple[tuple[ProofReport, ...], list[str]]:
    """Run each image with C, for every platform that can be run here, to see that it starts; and say what failed."""
    reports = []
    for built, one in _opaque(images):
        marker = os.path.join(one.image.store.root, "cache", "proved", one.image.digest.partition(":")[2])
        if os.path.exists(marker):
            continue
        options = ProveOptions(grace=_GRACE, expect_exit=None, platform=one.platform)
        try:
            proof = proof_report(prove_image(built.image, options))
        except SandboxError as error:
            hint = f" ({error.hint})" if error.hint else ""
            console.note(f"not proved for {one.platform}: {error.message}{hint}")
            continue
        proof = _with_libraries(proof)
        reports.append(proof)
        if proof.passed:
            console.note(_short(proof))
            with suppress(OSError):
                os.makedirs(os.path.dirname(marker), exist_ok=True)
                os.close(os.open(marker, os.O_WRONLY | os.O_CREAT, 0o600))
        else:
            console.note(render_proof(proof, style=console.style, verbose=console.verbosity > 0))
    return tuple(reports), [failure_text(proof) for proof in reports if not proof.passed]


def _opaque(images: Sequence[Built]) -> Iterator[tuple[Built, BuiltPlatform]]:
    for built in images:
        for one in built.platforms:
            if one.is_opaque:
                yield built, one


def _with_libraries(proof: ProofReport) -> ProofReport:
    """Let a program fail that looked in vain for a library, and ended with anything but 0."""
    lacking = [finding.summary for finding in proof.findings if finding.kind == "library" and not finding.harmless]
    if not proof.passed or not proof.ended or not proof.exit_code or not lacking:
        return proof
    failure = f"it ended with exit code {proof.exit_code} after it looked in vain for {', '.join(lacking)}"
    return msgspec.structs.replace(proof, passed=False, failures=(failure,))


def _matters(finding: FindingResult) -> bool:
    # Files that a program does not find are settings more often than faults, and /var/tmp is asked for before /tmp;
    # `smidgen prove` has them all.
    is_elsewhere = finding.kind == "tmp" and not any(path.startswith("/tmp") for path in finding.paths)  # noqa: S108
    return not finding.harmless and finding.kind != "file" and not is_elsewhere


def _short(proof: ProofReport) -> str:
    how = f"ended with exit code {proof.exit_code}" if proof.ended else "kept running"
    said = [f"proved: {proof.image} starts on {proof.platform} ({proof.runtime}), and {how}"]
    said += [f"  {finding.summary}: {finding.remedy}" for finding in proof.findings if _matters(finding)]
    return "\n".join(said)
