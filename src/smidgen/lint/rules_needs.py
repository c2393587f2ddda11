"""Rules on files that the program needs at run time. The program itself says which: it is compiled and read."""

from collections.abc import Iterator
from typing import Final

from smidgen.dockerfile.instruction import Add, Copy, Env, Run, Volume, Workdir
from smidgen.lint.finding import Edit, Fix, Found, Severity
from smidgen.lint.marks import at_text
from smidgen.lint.rule import Rule
from smidgen.lint.rules_image import installed
from smidgen.lint.stages import StageFacts, Step
from smidgen.lint.subject import Subject
from smidgen.needs.need import Confidence, FactKind, Need, NeedKind

_TEXTS: Final = {
    NeedKind.CA: ("ca-cert", "/etc/ssl", "/etc/pki", "certs", "cacert", ".pem", ".crt"),
    NeedKind.TZ: ("zoneinfo", "tzdata"),
    NeedKind.TMP: ("/tmp",),  # noqa: S108 (the image's)
}
_VARIABLES: Final = {NeedKind.CA: ("SSL_CERT_FILE", "SSL_CERT_DIR"), NeedKind.TZ: ("ZONEINFO",)}
_PACKAGES: Final = {NeedKind.CA: ("ca-certificates", "ca-certificates-bundle"), NeedKind.TZ: ("tzdata",)}
_SURE: Final = (Confidence.CERTAIN, Confidence.LIKELY)


def _certificates(subject: Subject) -> Iterator[Found]:
    if subject.final.base.certificates is not False or _provided(subject, NeedKind.CA):
        return
    if (need := _need(subject, NeedKind.CA)) is None:
        return
    yield _missing(
        subject,
        need,
        'the image has no CA certificates: connections with TLS end with "certificate signed by unknown authority"',
        hint="COPY --from a stage that has /etc/ssl/certs/ca-certificates.crt",
        fix=_copy_fix(
            subject,
            "copy the certificates",
            "COPY --from={stage} /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt",
        ),
    )


def _zones(subject: Subject) -> Iterator[Found]:
    if subject.final.base.zones is not False or _provided(subject, NeedKind.TZ):
        return
    if (need := _need(subject, NeedKind.TZ)) is None:
        return
    yield _missing(
        subject,
        need,
        'the image has no zone data: time.LoadLocation ends with "unknown time zone"',
        hint='COPY --from a stage that has /usr/share/zoneinfo, or import _ "time/tzdata"',
        fix=_copy_fix(
            subject,
            "copy Go's zone data",
            "COPY --from={stage} /usr/local/go/lib/time/zoneinfo.zip /zoneinfo.zip",
            "ENV ZONEINFO=/zoneinfo.zip",
        ),
    )


def _temporary(subject: Subject) -> Iterator[Found]:
    if subject.final.base.tmp is not False or _provided(subject, NeedKind.TMP):
        return
    if (need := _need(subject, NeedKind.TMP)) is None:
        return
    yield _missing(
        subject, need, "the image has no /tmp", hint="write WORKDIR /tmp and WORKDIR / before USER", fix=None
    )


def _starts_programs(subject: Subject) -> Iterator[Found]:
    if subject.final.base.kind not in {"scratch", "distroless"} or not subject.program_builds:
        return
    program = subject.program
    fact = (
        next((one for one in program.report.facts if one.kind is FactKind.STARTS_PROGRAMS), None) if program else None
    )
    if fact is not None:
        by = f" ({fact.callers[0]})" if fact.callers else ""
        yield at_text(
            _anchor(subject),
            "",
            f"the program starts other programs{by}, which {subject.final.base.name} does not have",
            hint="copy them into the image, if that code is used",
        )


def _need(subject: Subject, kind: NeedKind) -> Need | None:
    program = subject.program if subject.program_builds else None
    need = program.report.need(kind) if program else None
    return need if need is not None and need.included and need.confidence in _SURE else None


def _provided(subject: Subject, kind: NeedKind) -> bool:
    """Tell whether something in the final stage may bring it; what could bring anything does."""
    final = subject.final
    for step in final.all_steps():
        match step.instruction:
            case Copy() | Add():
                if _brings(step, kind):
                    return True
            case Env(pairs=pairs):
                if any(name in _VARIABLES.get(kind, ()) for name, _ in pairs):
                    return True
            case Run() if any(text in step.instruction.location.code for text in _TEXTS[kind]):
                return True
            case Volume(paths=paths) if kind is NeedKind.TMP and "/tmp" in paths:  # noqa: S108 (the image's)
                return True
            case Workdir(path=path) if kind is NeedKind.TMP and path.startswith("/tmp"):  # noqa: S108 (the image's)
                return True
    packages = {name for name, _ in installed(subject, final)}
    return bool(packages & set(_PACKAGES.get(kind, ())))


def _brings(step: Step, kind: NeedKind) -> bool:
    instruction = step.instruction
    assert isinstance(instruction, Copy | Add)  # noqa: S101 (the caller looks)
    texts = [step.expand(text) for text in (*instruction.sources, instruction.destination)]
    if any(part in text for text in texts for part in _TEXTS[kind]):
        return True
    # A whole tree laid over the root may have anything in it.
    whole = step.expand(instruction.destination) in {"/", "/.", "/etc", "/etc/", "/usr", "/usr/"}
    return whole and any(_is_tree(text) for text in texts[:-1])


def _is_tree(text: str) -> bool:
    last = text.rstrip("/").rpartition("/")[2]
    return text.endswith(("/", "/.", "*")) or last in {"", ".", "rootfs", "root", "dist", "etc", "fs"}


def _anchor(subject: Subject) -> Step:
    """Give the instruction of the final stage that brings the program, or its first one."""
    steps = subject.final.steps
    copies = [step for step in steps if isinstance(step.instruction, Copy) and step.instruction.from_]
    return (copies or steps)[0]


def _missing(subject: Subject, need: Need, message: str, *, hint: str, fix: Fix | None) -> Found:
    by = f" [{need.symbol}]" if need.symbol else ""
    # What a library may do with it is less sure than what the program's own code does.
    severity = None if need.confidence is Confidence.CERTAIN else Severity.WARNING
    return at_text(_anchor(subject), "", f"{message}. {need.reason}{by}", hint=hint, fix=fix, severity=severity)


def _copy_fix(subject: Subject, title: str, *lines: str) -> Fix | None:
    stage = _golang_stage(subject)
    anchor = _anchor(subject)
    if stage is None or not isinstance(anchor.instruction, Copy):
        return None
    name = stage.stage.from_.name or str(stage.index)
    edit: Edit = subject.insert_before(anchor, *(line.format(stage=name) for line in lines))
    return Fix(title, (edit,))


def _golang_stage(subject: Subject) -> StageFacts | None:
    return next((stage for stage in subject.needed if stage.base.kind == "golang" and stage is not subject.final), None)


def _zones_not_there(subject: Subject) -> Iterator[Found]:
    for step in subject.final.all_steps():
        instruction = step.instruction
        if not isinstance(instruction, Copy) or not instruction.from_:
            continue
        stage = subject.stages.find(step.expand(instruction.from_), before=subject.final.index)
        if stage is None or stage.base.libc != "musl" or stage.base.zones is not False:
            continue
        for source in instruction.sources:
            if "/usr/share/zoneinfo" in source and "tzdata" not in {name for name, _ in installed(subject, stage)}:
                yield at_text(
                    step,
                    source,
                    f"{stage.base.name} has no {source}: the build fails here",
                    hint="in that stage, RUN apk add --no-cache tzdata",
                )


def _needless(subject: Subject) -> Iterator[Found]:
    if not subject.program_builds:
        return
    for step in subject.final.steps:
        instruction = step.instruction
        if not isinstance(instruction, Copy) or not instruction.from_:
            continue
        for kind, texts, what in (
            (NeedKind.CA, ("ca-certificates", "/etc/ssl/certs"), "certificates"),
            (NeedKind.TZ, ("zoneinfo",), "zone data"),
        ):
            source = next((one for one in instruction.sources if any(text in one for text in texts)), None)
            if source is None or (program := subject.program) is None or not program.report.readable:
                continue
            need = program.report.need(kind)
            if need is None or not need.included:
                yield at_text(
                    step,
                    source,
                    f"{what} are copied, and nothing in the program uses them"
                    if kind is NeedKind.CA
                    else f"{what} is copied, and nothing in the program uses it",
                    hint="leave it out, unless something else in the image uses it",
                )


_SEEN: Final = (
    "The program is compiled, without cgo, and the names of the functions in it say what it needs, as "
    "in `smidgen build`. What is likely and not certain is a warning. Without Go, a "
    "context or a main package that can be found, the rule says nothing, and "
    "lint says why."
)

RULES: Final = (
    Rule(
        id="SM014",
        name="no-certificates",
        title="The program checks certificates, and the image has none",
        reason=f'Each connection with TLS ends with "x509: certificate signed by unknown authority". {_SEEN}',
        instead="COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/",
        severity=Severity.ERROR,
        check=_certificates,
        fixes="copies them from the golang stage",
    ),
    Rule(
        id="SM015",
        name="no-zones",
        title="The program loads time zones, and the image has none",
        reason=f'time.LoadLocation("Europe/Berlin") ends with "unknown time zone". {_SEEN}',
        instead="COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo\n# or, 400 kB:\n"
        "COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /\nENV ZONEINFO=/zoneinfo.zip",
        severity=Severity.ERROR,
        check=_zones,
        fixes="copies Go's own `zoneinfo.zip` from the golang stage and sets `ZONEINFO`",
    ),
    Rule(
        id="SM016",
        name="no-tmp",
        title="The program makes temporary files, and the image has no /tmp",
        reason=f"os.CreateTemp fails. {_SEEN}",
        instead="WORKDIR /tmp\nWORKDIR /",
        severity=Severity.WARNING,
        check=_temporary,
    ),
    Rule(
        id="SM017",
        name="starts-programs",
        title="The program starts other programs, and the image has none",
        reason=f'exec.Command fails with "executable file not found". {_SEEN}',
        instead="copy what is started into the image, or take a base that has it",
        severity=Severity.INFO,
        check=_starts_programs,
    ),
    Rule(
        id="SM018",
        name="needless-files",
        title="Files are copied that the program does not use",
        reason=f"Zone data is some 400 kB to 3 MB, certificates 220 kB. {_SEEN}",
        instead="leave the COPY out",
        severity=Severity.INFO,
        check=_needless,
    ),
    Rule(
        id="SM038",
        name="no-zones-in-alpine",
        title="Zone data is copied from an Alpine stage, which has none",
        reason="Alpine, and golang:…-alpine, have /usr/share/zoneinfo only with the package tzdata: COPY fails.",
        instead="RUN apk add --no-cache tzdata",
        severity=Severity.ERROR,
        check=_zones_not_there,
    ),
)
