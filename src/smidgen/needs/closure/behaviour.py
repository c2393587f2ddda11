"""Needs of a dynamic executable, from what it and its libraries import: a name of a function is a proof of its use.

What the program itself imports is *likely* used. What only a library imports is *possible*: a program seldom uses all
of a library.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from smidgen.needs.closure.opened import Opened
from smidgen.needs.closure.root import Root
from smidgen.needs.closure.unseen import ACCOUNTS, HOSTS, is_of_c_library, users
from smidgen.needs.need import Confidence, Fact, FactKind, Need, NeedKind, NeedsReport

_MAX_CONF: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class _Rule:
    """What it means to import one of some functions."""

    kind: NeedKind
    symbols: frozenset[str]
    use: str
    included: bool = True


_RULES: Final = (
    _Rule(
        NeedKind.CA,
        frozenset(
            {"SSL_CTX_set_default_verify_paths", "SSL_CTX_set_default_verify_dir", "SSL_CTX_set_default_verify_file"}
            | {"X509_STORE_set_default_paths", "X509_STORE_set_default_paths_ex", "X509_get_default_cert_file"}
            | {"gnutls_certificate_set_x509_system_trust", "gnutls_x509_trust_list_add_system_trust"}
        ),
        "checks certificates against those of the system",
    ),
    _Rule(
        NeedKind.TZ,
        frozenset({"_ZNSt6chrono11locate_zoneESt17basic_string_viewIcSt11char_traitsIcEE", "tzalloc"}),
        "looks up time zones",
    ),
    _Rule(
        NeedKind.TZ,
        frozenset({"localtime", "localtime_r", "mktime", "tzset"}),
        "computes local time, which is UTC without a zone",
        included=False,
    ),
    _Rule(NeedKind.PASSWD, ACCOUNTS, "looks up users or groups"),
    _Rule(
        NeedKind.TMP,
        frozenset(
            {"mkstemp", "mkostemp", "mkstemps", "mkstemp64", "mkostemp64", "mkstemps64", "mkdtemp"}
            | {"tmpfile", "tmpfile64", "tmpnam", "tempnam", "mktemp"}
        ),
        "makes temporary files",
    ),
    _Rule(NeedKind.RESOLVER, HOSTS, "looks up hosts"),
)
# These hold the places for whoever asks them, so that who asks is the proof.
_TLS_LIBRARIES: Final = re.compile(r"lib(?:crypto|ssl|gnutls|p11-kit)\b.*")
_STARTERS: Final = frozenset(
    {"execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "posix_spawn", "posix_spawnp"}
    | {"system", "popen"}
)
_CONVERTERS: Final = frozenset({"iconv_open"})
_LOCALES: Final = frozenset({"setlocale", "newlocale"})
# What says that nothing could be read, which is read here.
_READ_HERE: Final = frozenset({FactKind.DYNAMIC, FactKind.NOT_GO, FactKind.CGO})
_BUILT_IN_SERVICES: Final = frozenset({"files", "dns", "compat", "db"})


def closure_needs(
    objects: Sequence[Opened],
    program: NeedsReport,
    root: Root,
    *,
    musl: bool,
    unknown: Iterable[str],
    lacking: Sequence[str] = (),
    has_added: bool = False,
) -> NeedsReport:
    """Tell what a program needs together with its libraries.

    Args:
        objects: The program first, then its libraries, then those that were packed or added.
        program: What was read from the program alone: precise for Go, guesses for others.
        root: Where nsswitch.conf is.
        musl: Whether the C library is musl.
        unknown: Paths of the objects that load libraries whose names could not be read.
        lacking: What libraries that were added lack, in sentences.
        has_added: There are such libraries: what the program loads by itself is seen to.
    """
    go = program.readable
    found = {need.kind: need for need in _imported(objects)}
    if NeedKind.CA not in found:
        found |= {need.kind: need for need in _with_bundle(objects)}
    for need in program.needs:
        # Go's function table knows more than imports do, but for what glibc asks where Go's own resolver does not;
        # guesses from texts know less.
        known_need = found.get(need.kind)
        if known_need is None or (go and (need.included or not known_need.included)):
            found[need.kind] = need
    facts = [fact for fact in program.facts if fact.kind not in _READ_HERE]
    known = {fact.kind for fact in facts}
    facts += [fact for fact in _facts(objects, root, musl=musl, unknown=unknown) if fact.kind not in known]
    if has_added:
        facts = [replace(fact, warning=False) if fact.kind is FactKind.LOADS_PLUGINS else fact for fact in facts]
    if lacking:
        facts.append(Fact(kind=FactKind.ADDED, symbol="", message="\n  ".join(lacking), warning=True))
    kinds, order = list(NeedKind), list(FactKind)
    return NeedsReport(
        needs=tuple(sorted(found.values(), key=lambda need: kinds.index(need.kind))),
        facts=tuple(sorted(facts, key=lambda fact: order.index(fact.kind))),
        readable=program.readable,
    )


def linked_needs(names: frozenset[str], program: NeedsReport) -> NeedsReport:
    """Tell what a static program needs from the names of the functions that are linked into it.

    A linker takes of a library what is called, so that a name is nearly the proof that an import is.

    Args:
        names: Of its functions.
        program: What was read from it without names.
    """
    found: dict[NeedKind, Need] = {}
    for rule in _RULES:
        symbol = min(rule.symbols & names, default="")
        if symbol and rule.kind not in found:
            found[rule.kind] = Need(
                kind=rule.kind,
                confidence=Confidence.LIKELY if rule.included else Confidence.POSSIBLE,
                symbol=symbol,
                reason=f"The program {rule.use}.",
                included=rule.included,
            )
    for need in program.needs:
        found.setdefault(need.kind, need)
    facts = [fact for fact in program.facts if fact.kind is not FactKind.NOT_GO]
    facts += _starting(names)
    kinds = list(NeedKind)
    needs = tuple(sorted(found.values(), key=lambda need: kinds.index(need.kind)))
    return NeedsReport(needs=needs, facts=tuple(facts), readable=program.readable)


def _imported(objects: Sequence[Opened]) -> list[Need]:
    needs: dict[NeedKind, Need] = {}
    if objects[0].unpacks_itself:
        needs[NeedKind.TMP] = Need(
            kind=NeedKind.TMP,
            confidence=Confidence.CERTAIN,
            symbol=objects[0].unpacks_itself,
            reason=f"{objects[0].unpacks_itself}'s programs unpack themselves into /tmp.",
            included=True,
        )
    for rule in _RULES:
        user = next((one for one in users(objects, rule.symbols) if not _is_tls(one[0], objects[0])), None)
        if user is None or rule.kind in needs:
            continue
        one, symbol = user
        own = one is objects[0]
        needs[rule.kind] = Need(
            kind=rule.kind,
            confidence=Confidence.LIKELY if own and rule.included else Confidence.POSSIBLE,
            symbol=symbol,
            reason=f"{'The program' if own else posixpath.basename(one.path)} {rule.use}.",
            included=rule.included,
            callers=(one.path,),
        )
    for need in _of_python(objects):
        if need.kind not in needs or not needs[need.kind].included:
            needs[need.kind] = need
    return list(needs.values())


def _of_python(objects: Sequence[Opened]) -> Iterator[Need]:
    """Tell what Python's own modules need, which call no function of C for it."""
    python = next((one for one in objects if one.is_python), None)
    if python is not None:
        yield Need(
            kind=NeedKind.TMP,
            confidence=Confidence.POSSIBLE,
            symbol="Py_Initialize",
            reason="The program has Python in it, whose modules make temporary files.",
            included=True,
            callers=(python.path,),
        )
    # It is a library of its own, which tools take along only where it is imported.
    module = next((one for one in objects if posixpath.basename(one.path).startswith("_zoneinfo.")), None)
    if module is not None:
        yield Need(
            kind=NeedKind.TZ,
            confidence=Confidence.POSSIBLE,
            symbol="zoneinfo",
            reason="The program has Python's module for time zones in it.",
            included=True,
            callers=(module.path,),
        )


def _with_bundle(objects: Sequence[Opened]) -> list[Need]:
    for one in objects:
        name = posixpath.basename(one.path)
        if one is not objects[0] and (is_of_c_library(one.path) or _is_tls(one, objects[0])):
            continue
        if one.bundle:
            who = "The program" if one is objects[0] else name
            return [
                Need(
                    kind=NeedKind.CA,
                    confidence=Confidence.POSSIBLE,
                    symbol=one.bundle,
                    reason=f"{who} has the path of a bundle of certificates in it.",
                    included=True,
                    callers=(one.path,),
                )
            ]
    return []


def _is_tls(one: Opened, program: Opened) -> bool:
    return one is not program and _TLS_LIBRARIES.fullmatch(posixpath.basename(one.path)) is not None


def _facts(objects: Sequence[Opened], root: Root, *, musl: bool, unknown: Iterable[str]) -> list[Fact]:
    program = objects[0]
    facts = _starting(program.imports)
    if blind := tuple(unknown):
        facts.append(_loads(program, blind))
    if not musl:
        facts += _of_glibc(objects, root)
    return facts


def _starting(names: frozenset[str]) -> list[Fact]:
    starters = sorted(_STARTERS & names)
    if not starters:
        return []
    shell = " through a shell" if {"system", "popen"} & names else ""
    return [
        Fact(
            kind=FactKind.STARTS_PROGRAMS,
            symbol=starters[0],
            message=f"The program starts other programs{shell}, which the image does not have: "
            "put them in with --add if they are used.",
            warning=True,
        )
    ]


def _loads(program: Opened, blind: tuple[str, ...]) -> Fact:
    own = program.path in blind
    names = ["The program" if path == program.path else posixpath.basename(path) for path in blind]
    return Fact(
        kind=FactKind.LOADS_PLUGINS,
        symbol="dlopen",
        message=f"{', '.join(names)} can load libraries whose names cannot be read "
        "from the files (dlopen): put in those that are used with --library NAME.",
        warning=own,
        callers=blind,
    )


def _of_glibc(objects: Sequence[Opened], root: Root) -> list[Fact]:
    facts = []
    others = _other_services(root)
    if others and any(users(objects, HOSTS | ACCOUNTS)):
        facts.append(
            Fact(
                kind=FactKind.NAME_SERVICES,
                symbol="/etc/nsswitch.conf",
                message=f"The nsswitch.conf here also asks {', '.join(others)}: these are left out, "
                "hosts come from files and DNS, users from files.",
                warning=False,
            )
        )
    if user := next(users(objects, _CONVERTERS), None):
        facts.append(
            Fact(
                kind=FactKind.CONVERSIONS,
                symbol=user[1],
                message="Character sets can be converted (iconv): glibc has those of Unicode and ASCII built in, the "
                "files of all others (gconv) are left out.",
                warning=False,
            )
        )
    if user := next(users(objects, _LOCALES), None):
        facts.append(
            Fact(
                kind=FactKind.LOCALES,
                symbol=user[1],
                message="A locale can be set: C, POSIX and C.UTF-8 work, the files of all others are left out.",
                warning=False,
            )
        )
    return facts


def _other_services(root: Root) -> list[str]:
    """Give the services of hosts, passwd and group that are not built into glibc, as nsswitch.conf has them."""
    file = root.file("/etc/nsswitch.conf")
    try:
        text = file.read_bytes()[:_MAX_CONF].decode("utf-8", "replace") if file is not None else ""
    except OSError:
        return []
    found: dict[str, None] = {}
    for line in text.splitlines():
        database, colon, services = line.partition("#")[0].partition(":")
        if colon and database.strip() in {"hosts", "passwd", "group"}:
            for one in re.sub(r"\[[^\]]*\]", " ", services).split():
                if one not in _BUILT_IN_SERVICES:
                    found[one] = None
    return list(found)
