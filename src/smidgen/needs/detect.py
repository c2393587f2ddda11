"""Detection: what an executable needs at run time, read from the executable itself.

A Go program tells precisely, stripped or not, because its runtime keeps the names of all functions. For any other
program nothing is included by itself: texts such as ``/etc/ssl/certs`` show what a library in it *could* read, and
they are in nearly every static program of C or Rust, so that a guess would be wrong more often than right. What
they hint at is said, and ``--with`` adds it.
"""

from smidgen.elf.buildinfo import read_build_info
from smidgen.elf.functab import read_function_table
from smidgen.elf.header import ElfFile
from smidgen.needs.evidence import Evidence
from smidgen.needs.need import Confidence, Fact, FactKind, Need, NeedKind, NeedsReport
from smidgen.needs.rules import go_needs, subject_of

_TEXTS = (
    (NeedKind.CA, (b"/etc/ssl/certs", b"/etc/ssl/cert.pem", b"/etc/pki/tls")),
    (NeedKind.TZ, (b"/usr/share/zoneinfo",)),
    (NeedKind.PASSWD, (b"/etc/passwd", b"/etc/group")),
    (NeedKind.TMP, (b"/tmp/", b"TMPDIR")),
    (NeedKind.RESOLVER, (b"/etc/nsswitch.conf",)),
    (NeedKind.MIME, (b"/etc/mime.types", b"/usr/share/mime")),
)

_STARTERS = (
    "os/exec.(*Cmd).Start",
    "os/exec.(*Cmd).Run",
    "os/exec.(*Cmd).Output",
    "os/exec.(*Cmd).CombinedOutput",
    "os.StartProcess",
    "syscall.StartProcess",
    "syscall.ForkExec",
    "syscall.Exec",
)
_SYSLOG = ("log/syslog.New", "log/syslog.Dial", "log/syslog.NewLogger")


def detect_needs(elf: ElfFile) -> NeedsReport:
    """Tell what a parsed executable needs beside itself.

    Raises:
        InvalidExecutable: Its function table is damaged.
    """
    table = read_function_table(elf)
    facts = list(_linking_facts(elf))
    if table is None:
        facts.append(_unreadable_fact(elf))
        return NeedsReport(needs=_guesses(elf), facts=_in_order(facts), readable=False)
    evidence = Evidence(elf, table, own=("main.", *_module_prefixes(elf)))
    facts += _behaviour_facts(evidence)
    return NeedsReport(needs=go_needs(evidence), facts=_in_order(facts))


def _module_prefixes(elf: ElfFile) -> tuple[str, ...]:
    """Give what the names of functions in the program's own module start with."""
    info = read_build_info(elf)
    path = info.main.path if info and info.main else ""
    if not path:
        return ()
    # The linker writes dots behind the last slash of a package's path as %2e.
    parent, slash, last = path.rpartition("/")
    return (f"{parent}{slash}{last.replace('.', '%2e')}.", f"{path}/")


def _guesses(elf: ElfFile) -> tuple[Need, ...]:
    needs = []
    for kind, texts in _TEXTS:
        text = next((text for text in texts if elf.data.find(text) >= 0), None)
        if text is not None:
            needs.append(
                Need(
                    kind=kind,
                    confidence=Confidence.POSSIBLE,
                    symbol=text.decode(),
                    reason=f'The program has the text "{text.decode()}", which may be a path that it reads.',
                    included=False,
                )
            )
    return tuple(needs)


def _linking_facts(elf: ElfFile) -> list[Fact]:
    if elf.is_static:
        return []
    wanted = ", ".join(part for part in (elf.interpreter, *elf.needed) if part)
    return [
        Fact(
            kind=FactKind.DYNAMIC,
            symbol=elf.interpreter or elf.needed[0],
            message=f"The program is dynamically linked: it does not start without {wanted}.",
            warning=True,
        )
    ]


def _unreadable_fact(elf: ElfFile) -> Fact:
    if elf.is_upx_packed:
        return Fact(
            kind=FactKind.PACKED,
            symbol="UPX!",
            message="The program is packed with UPX, so what it needs cannot be read from it: "
            "say it with --with, or build from the program as it was before.",
            warning=True,
        )
    return Fact(
        kind=FactKind.NOT_GO,
        symbol="",
        message="The program is not Go, so what it needs cannot be read from it: add it with --with.",
        warning=False,
    )


def _behaviour_facts(evidence: Evidence) -> list[Fact]:
    facts = []
    if (found := _starters(evidence)) is not None:
        symbol, users = found
        facts.append(
            Fact(
                kind=FactKind.STARTS_PROGRAMS,
                symbol=symbol,
                message=f"{subject_of(users)} starts other programs, which the image does not have: "
                "put them in with --add if they are used.",
                warning=True,
                callers=users,
            )
        )
    if evidence.has("plugin.Open"):
        facts.append(
            Fact(
                kind=FactKind.LOADS_PLUGINS,
                symbol="plugin.Open",
                message="The program loads Go plugins, which the image does not have: put them in with --add.",
                warning=True,
            )
        )
    if evidence.has_c_code:
        facts.append(
            Fact(
                kind=FactKind.CGO,
                symbol="runtime/cgo",
                message="The program has C code in it (cgo), whose needs cannot be read: add them with --with.",
                warning=False,
            )
        )
    if (syslog := evidence.first(_SYSLOG)) is not None:
        facts.append(
            Fact(
                kind=FactKind.SYSLOG,
                symbol=syslog,
                message="The program can write to syslog, which a container does not have unless /dev/log is mounted.",
                warning=False,
            )
        )
    return facts


def _starters(evidence: Evidence) -> tuple[str, tuple[str, ...]] | None:
    """Give the first function through which other programs are started, and all users of such functions."""
    first, users = None, set[str]()
    for symbol in _STARTERS:
        found = evidence.users(symbol, besides=("os/exec.", "os.StartProcess", "os.startProcess", "syscall."))
        if found is not None:
            first = first or symbol
            users.update(found)
    return (first, tuple(sorted(users))) if first else None


def _in_order(facts: list[Fact]) -> tuple[Fact, ...]:
    order = list(FactKind)
    return tuple(sorted(facts, key=lambda fact: order.index(fact.kind)))
