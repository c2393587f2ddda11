"""Rules on secrets. What is found is never shown: neither in a message nor in the line beside it."""

import posixpath
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from smidgen.dockerfile.instruction import Add, Arg, Copy, Env, Run
from smidgen.lint.finding import Found, Severity
from smidgen.lint.places import context_sources
from smidgen.lint.rule import Rule
from smidgen.lint.stages import Step
from smidgen.lint.subject import Subject
from smidgen.lint.variables import Variables

_NAME: Final = re.compile(
    r"(?i)(?:^|_)(?:api_?key|access_?key|secret|secret_?key|private_?key|token|passw(?:or)?d|pword|pwd|credentials?|auth)"
    r"(?:_|\Z)"
)
_NOT_ITSELF: Final = re.compile(
    r"(?i)(?:public|_file\Z|_path\Z|_dir\Z|_url\Z|_name\Z|_id\Z|_length\Z|_ttl\Z|_header\Z)"
)
#: What looks like a secret, wherever it stands. Source: the issuers' documentation of prefixes.
_VALUE: Final = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|sk_live_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{30,}|npm_[A-Za-z0-9]{30,}"
    r"|pypi-[A-Za-z0-9_-]{30,})|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_IN_ADDRESS: Final = re.compile(r"\bhttps?://[^\s/:@\"']*:([^\s/@\"']+)@")
_ARGUMENT_IN_ADDRESS: Final = re.compile(r"\bhttps?://(?:[^\s/@\"']*:)?\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?@")
_FILES: Final = re.compile(
    r"(?i)^(?:\.env(?:\.(?!example|sample|template|dist)[\w-]+)?|\.netrc|\.npmrc|\.pypirc|\.git-credentials|id_rsa|id_dsa"
    r"|id_ecdsa|id_ed25519|.*\.(?:key|p12|pfx|jks|keystore)|.*(?:key|private).*\.pem|credentials\.json|service-account.*\.json"
    r"|\.docker/config\.json|kubeconfig|\.aws|\.ssh|\.kube|terraform\.tfstate)\Z"
)


def _variables(subject: Subject) -> Iterator[Found]:
    for arg in subject.dockerfile.meta_args:
        yield from _declared(Step(arg, Variables((), 0), "/", ""), is_shipped=False)
    final = {stage.index for stage in subject.final.chain()}
    for stage in subject.stages.all:
        for step in stage.steps:
            yield from _declared(step, is_shipped=stage.index in final)


def _declared(step: Step, *, is_shipped: bool) -> Iterator[Found]:
    instruction = step.instruction
    location = instruction.location
    pairs: tuple[tuple[str, str | None], ...] = ()
    if isinstance(instruction, Env):
        pairs = instruction.pairs
    elif isinstance(instruction, Arg):
        pairs = instruction.variables
    for name, value in pairs:
        secret = value or ""
        named = _NAME.search(name) and not _NOT_ITSELF.search(name)
        typed = _VALUE.search(secret)
        is_arg = isinstance(instruction, Arg)
        if not typed and (not named or (not is_arg and _is_harmless(secret))):
            continue
        where = "is in the image for everybody to read" if is_shipped else "is in the build's cache and records"
        how = "its value" if value is None or is_arg else "the value"
        yield Found(
            location=location,
            message=f"{name} looks like a secret, and {how} {where}",
            at=max(0, location.code.find(name)),
            length=len(name),
            hint="give it to the one command that uses it: RUN --mount=type=secret,id=NAME; at run time, to the "
            "container",
            severity=Severity.ERROR if is_shipped or typed else Severity.WARNING,
            secret=secret,
        )


def _is_harmless(value: str) -> bool:
    """Tell whether a value only clears or refers: nothing, a variable, a place of secrets."""
    plain = value.strip("\"'")
    return (
        not plain or plain.startswith(("$", "/run/secrets", "/var/run/secrets")) or plain in {"true", "false", "none"}
    )


def _files(subject: Subject) -> Iterator[Found]:
    for stage in subject.stages.all:
        for step in stage.steps:
            if not isinstance(step.instruction, Copy | Add):
                continue
            for source in context_sources(step):
                if _FILES.match(posixpath.basename(source)) or _FILES.match(source):
                    location = step.instruction.location
                    yield Found(
                        location=location,
                        message=f"{source} usually holds secrets, and a layer keeps it, also where a later step "
                        f"deletes it",
                        at=max(0, location.code.find(posixpath.basename(source))),
                        length=len(posixpath.basename(source)),
                        hint="RUN --mount=type=secret,id=NAME,target=PATH shows it to one command",
                    )


def _commands(subject: Subject) -> Iterator[Found]:
    for stage in subject.stages.all:
        for step in stage.steps:
            if not isinstance(step.instruction, Run):
                continue
            location = step.instruction.location
            for pattern in (_VALUE, _IN_ADDRESS):
                for match in pattern.finditer(location.code):
                    secret = match[match.lastindex or 0]
                    if secret.startswith("$"):
                        continue
                    yield Found(
                        location=location,
                        message="a secret is written in the command, and stays in the history of the image",
                        at=match.start(match.lastindex or 0),
                        hint="RUN --mount=type=secret,id=NAME, and revoke this one",
                        secret=secret,
                    )
            yield from _passed(step)


def _passed(step: Step) -> Iterator[Found]:
    code = step.instruction.location.code
    for match in _ARGUMENT_IN_ADDRESS.finditer(code):
        if step.variables.declares(match[1]):
            yield Found(
                location=step.instruction.location,
                message=f"${match[1]} is passed in an address: the build's records keep it, and git writes it to its "
                "configuration",
                at=match.start(1) - 1,
                length=len(match[1]) + 1,
                hint="RUN --mount=type=secret,id=netrc,target=/root/.netrc go mod download",
                severity=Severity.WARNING,
            )


RULES: Final = (
    Rule(
        id="SM021",
        name="secret-in-variable",
        title="A secret is in ARG or ENV",
        reason="ENV stays in the image's configuration, which whoever pulls it can read; ARG in its history and "
        "in the records "
        "of the build. The value is not shown.",
        instead="RUN --mount=type=secret,id=token,env=TOKEN go mod download",
        severity=Severity.ERROR,
        check=_variables,
        replaces=("SecretsUsedInArgOrEnv",),
    ),
    Rule(
        id="SM022",
        name="secret-in-file",
        title="A file that usually holds secrets is copied",
        reason="Each layer is an archive of its own: a later RUN rm hides the file and does not take it out.",
        instead="RUN --mount=type=secret,id=netrc,target=/root/.netrc go mod download",
        severity=Severity.ERROR,
        check=_files,
    ),
    Rule(
        id="SM023",
        name="secret-in-command",
        title="A secret is written in a command",
        reason="docker history shows every command of the final stage, and the build's records those of the others.",
        instead="RUN --mount=type=secret,id=netrc,target=/root/.netrc go mod download",
        severity=Severity.ERROR,
        check=_commands,
    ),
)
SECRET_FILES: Final = _FILES


# A shorter text would be masked in words that have nothing to do with it.
_SHORTEST: Final = 3
_MOST: Final = 1000


def find_secrets(subject: Subject) -> tuple[str, ...]:
    """Give every text of the file that may not be shown, the longest first; whichever rules are asked."""
    found = {
        text
        for check in (_variables, _commands)
        for one in islice(check(subject), _MOST)
        for text in (one.secret, one.secret.strip("\"'"))
        if len(text) >= _SHORTEST
    }
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def mask(text: str, secrets: tuple[str, ...]) -> str:
    """Put asterisks in the place of secrets, as many as they are long, so that columns stay."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, "*" * len(secret))
    return text
