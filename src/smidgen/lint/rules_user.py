"""Rules on who the program runs as."""

from collections.abc import Iterator
from typing import Final

from smidgen.dockerfile.instruction import Add, Cmd, Copy, Entrypoint, Run
from smidgen.lint.finding import Fix, Found, Severity
from smidgen.lint.marks import at_text
from smidgen.lint.rule import Rule
from smidgen.lint.stages import Step
from smidgen.lint.subject import Subject

_ROOTS: Final = frozenset({"0", "root"})


def _no_user(subject: Subject) -> Iterator[Found]:
    final = subject.final
    if final.user_step is not None or not final.base.is_root or not _starts_something(subject):
        return
    step = _last_start(subject)
    fix = None
    if step is not None:
        edit = subject.insert_before(step, "USER 65532:65532")
        fix = Fix("run as 65532", (edit,), is_safe=False)
    location = step.instruction.location if step else final.stage.from_.location
    yield Found(
        location=location,
        message="nothing says who the program runs as, so it is root",
        length=len(location.code.split(maxsplit=1)[0]),
        hint="write USER 65532:65532 before it; a number needs no /etc/passwd",
        fix=fix,
    )


def _starts_something(subject: Subject) -> bool:
    """Tell whether the image is one to run: a stage of files alone (``FROM scratch`` and COPY) has no user."""
    if subject.final.base.kind != "scratch":
        return True
    return any(isinstance(step.instruction, Cmd | Entrypoint) for step in subject.final.all_steps())


def _last_start(subject: Subject) -> Step | None:
    """Give the first CMD or ENTRYPOINT of the final stage, before which USER can stand."""
    return next((step for step in subject.final.steps if isinstance(step.instruction, Cmd | Entrypoint)), None)


def _root(subject: Subject) -> Iterator[Found]:
    step = subject.final.user_step
    if step is not None and subject.final.user.partition(":")[0] in _ROOTS:
        yield at_text(
            step,
            subject.final.user,
            "the program runs as root",
            hint="write USER 65532:65532; a number needs no /etc/passwd",
        )


def _not_in_image(subject: Subject) -> Iterator[Found]:
    final = subject.final
    step = final.user_step
    name = final.user.partition(":")[0]
    if step is None or final.base.passwd is not False or not name or name.isdigit() or "$" in name or name in _ROOTS:
        return
    for each in final.all_steps():
        if isinstance(each.instruction, Run):
            return
        if isinstance(each.instruction, Copy | Add) and _may_bring_passwd(each):
            return
    yield at_text(
        step,
        name,
        f"{name!r} is a name, and {final.base.name} has no /etc/passwd that says its number: "
        "the container does not start",
        hint="write the number, such as USER 65532:65532, or COPY --from the stage's /etc/passwd",
    )


def _may_bring_passwd(step: Step) -> bool:
    instruction = step.instruction
    assert isinstance(instruction, Copy | Add)  # noqa: S101 (callers look)
    texts = (*instruction.sources, instruction.destination, *(each.name for each in instruction.documents))
    names = [step.expand(text) for text in texts]
    return any("passwd" in name or name.rstrip("/") in {"", "/etc"} for name in names) or "rootfs" in "".join(names)


RULES: Final = (
    Rule(
        id="SM011",
        name="no-user",
        title="Nothing says who the program runs as",
        reason="Then it is root. Whoever breaks into the program is root of the container, and closer to being "
        "root of the "
        "machine. Clusters with a policy refuse such images.",
        instead="USER 65532:65532",
        severity=Severity.WARNING,
        check=_no_user,
        fixes="adds `USER 65532:65532` before the first CMD or ENTRYPOINT; unsafe, as the program may write where "
        "only root may",
        is_fix_safe=False,
    ),
    Rule(
        id="SM012",
        name="root",
        title="The program runs as root",
        reason="As for SM011.",
        instead="USER 65532:65532",
        severity=Severity.WARNING,
        check=_root,
        replaces=("DL3002",),
    ),
    Rule(
        id="SM013",
        name="user-without-passwd",
        title="USER is a name, and the image has no /etc/passwd",
        reason="A runtime looks the number up in the image's /etc/passwd. Without one the container ends with "
        '"unable to find '
        'user: no matching entries in passwd file".',
        instead="USER 65532:65532\n# or\nCOPY --from=build /etc/passwd /etc/passwd\nUSER appuser",
        severity=Severity.ERROR,
        check=_not_in_image,
    ),
)
