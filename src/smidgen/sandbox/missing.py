"""From the paths that a program looked for to what its image lacks: a pure function.

A path that does not exist is no fault by itself. Most are one of several places where the same thing is
sought, or things that the kernel or the engine provide, or that a program does without.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How a path stood when the program looked for it."""

    FOUND = "found"
    MISSING = "missing"
    NO_DIRECTORY = "no directory"  # to create a file in
    READ_ONLY = "read-only"  # where it wanted to write
    MISSING_PROGRAM = "missing program"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class Sought:
    """A path that a program looked for, absolute as the program sees it."""

    path: str
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What paths have in common.

    Attributes:
        kind: ``ca``, ``tz``, ``passwd``, ``tmp``, ``program``, ``library``, ``write``, ``file`` or ``harmless``.
        summary: One sentence.
        remedy: Options of ``smidgen build`` that would help, or empty.
        paths: Sorted.
    """

    kind: str
    summary: str
    remedy: str
    paths: tuple[str, ...]

    @property
    def harmless(self) -> bool:
        """Whether there is nothing to do."""
        return self.kind == "harmless"


# Directories and files that Go's crypto/x509, OpenSSL, GnuTLS and rustls-native-certs look into.
_CA: Final = re.compile(
    r"^/(?:etc/(?:ssl|pki|openssl|ca-certificates)|usr/(?:local/)?(?:lib/)?ssl|usr/share/ca-certificates"
    r"|usr/local/share/(?:certs|ca-certificates)|usr/share/ssl|system/etc/security/cacerts|var/ssl)(?:/|\Z)"
)
_CERTIFICATES: Final = re.compile(r"\.(?:pem|crt|cer|0)\Z")
# Go's time package (zoneinfo_unix.go), C libraries, and programs that read the list themselves.
_ZONES: Final = re.compile(
    r"^(?:/usr/share/zoneinfo|/usr/share/lib/zoneinfo|/usr/lib/locale/TZ|/etc/zoneinfo|.*/lib/time/zoneinfo\.zip)(?:/(.*))?\Z"
)
_ACCOUNTS: Final = frozenset({"/etc/passwd", "/etc/group", "/etc/shadow"})
_TEMPORARY: Final = re.compile(r"^/(?:var/|usr/)?tmp(?:/|\Z)")
_LIBRARY: Final = re.compile(r"^(?:lib.+|ld-.+)\.so(?:\.[0-9]+)*\Z")
_SYSTEM: Final = "a file of a whole system; programs do without"
_HARMLESS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (r"^/(?:proc|sys|dev)(?:/|\Z)", "the kernel's, not the image's"),
        (
            r"^/etc/(?:resolv\.conf|hosts|hostname|host\.conf|gai\.conf|nsswitch\.conf|mdns\.allow)\Z",
            "name resolution has defaults, and the engine provides its files",
        ),
        (r"^/etc/(?:services|protocols)\Z", "a program has the usual ports built in"),
        (r"^/etc/(?:localtime|timezone)\Z", "without it, local time is UTC"),
        (r"(?:/mime\.types|/mime/globs2?)\Z", "a program has the usual types built in; --with mime adds them"),
        (r"^/etc/(?:os-release|machine-id|debian_version|ld\.so\.(?:cache|preload|conf)|localhosts)\Z", _SYSTEM),
        (r"^/usr/lib/os-release\Z", _SYSTEM),
        (r"(?:^|/)openssl\.cnf\Z", "OpenSSL has defaults"),
        (
            r"(?:/(?:tls|haswell|xeon_phi|avx512_1|x86_64|i[3-6]86|aarch64|neon|vfp))+\Z",
            "libraries for special processors; programs do without",
        ),
        (r"^/(?:\.dockerenv|run/\.containerenv)\Z", "an engine's mark"),
        (r"^/(?:var/)?run/secrets/", "an engine provides it"),
        (r"^/(?:var/)?run/(?:nscd|systemd|dbus)(?:/|\Z)", "a system's service"),
        (
            r"(?:^|/)(?:locale|locale-archive|gconv|terminfo|glibc-hwcaps)(?:/|\Z)",
            "settings of a language or a terminal; programs do without",
        ),
    )
)
_OURS: Final = "/.smidgen-emulator"


def classify(
    sought: Iterable[Sought], *, search_path: Iterable[str] = (), embeds_zones: bool = False
) -> tuple[Finding, ...]:
    """Tell what an image lacks from what its program looked for.

    Args:
        sought: In any order.
        search_path: The program's own PATH, to tell programs that it looked for.
        embeds_zones: The program carries the zones itself, should it not find them.

    Returns:
        What to do first, what is harmless last.
    """
    every = {Sought(os.path.normpath(one.path), one.state) for one in sought if one.path != _OURS}
    left = _Paths(every)
    directories = frozenset(os.path.normpath(one) for one in search_path if one)
    findings: list[Finding] = []
    for rule in (_certificates, _accounts, _temporary, _written, _libraries):
        findings += rule(left)
    findings += _zones(left, embeds_zones=embeds_zones)
    findings += _programs(left, directories)
    findings += _known(left)
    findings += _files(left)
    return tuple(sorted(findings, key=lambda finding: (finding.harmless, finding.kind, finding.paths)))


class _Paths:
    """The paths that no rule has taken yet."""

    def __init__(self, sought: Iterable[Sought]) -> None:
        self._by_state: defaultdict[State, set[str]] = defaultdict(set)
        for one in sought:
            self._by_state[one.state].add(one.path)

    def found(self) -> frozenset[str]:
        """Give what exists; never taken."""
        return frozenset(self._by_state[State.FOUND] | self._by_state[State.PROGRAM])

    def take(self, wanted: Callable[[str], object], *states: State) -> tuple[str, ...]:
        """Take the paths in *states* that are *wanted*."""
        taken: set[str] = set()
        for state in states or (State.MISSING,):
            matching = {path for path in self._by_state[state] if wanted(path)}
            self._by_state[state] -= matching
            taken |= matching
        return tuple(sorted(taken))


def _harmless(summary: str, paths: tuple[str, ...]) -> Finding:
    return Finding(kind="harmless", summary=summary, remedy="", paths=paths)


def _certificates(left: _Paths) -> Iterable[Finding]:
    settings = left.take(lambda path: path.endswith("/openssl.cnf"))
    if settings:
        yield _harmless("OpenSSL has defaults", settings)
    paths = left.take(_CA.match)
    if not paths:
        return
    found = sorted(path for path in left.found() if _CA.match(path) and _CERTIFICATES.search(path))
    if found:
        yield _harmless(f"CA certificates were found at {found[0]}", paths)
        return
    yield Finding(kind="ca", summary="CA certificates: TLS connections will fail", remedy="--with ca", paths=paths)


def _accounts(left: _Paths) -> Iterable[Finding]:
    paths = left.take(_ACCOUNTS.__contains__)
    if paths:
        summary = "names of users and groups: looking one up will fail"
        yield Finding(kind="passwd", summary=summary, remedy="--with passwd", paths=paths)


def _temporary(left: _Paths) -> Iterable[Finding]:
    paths = left.take(_TEMPORARY.match, State.NO_DIRECTORY)
    gone = left.take(lambda path: path in {"/tmp", "/var/tmp"})  # noqa: S108
    if paths or gone:
        summary = "a directory for temporary files: creating one will fail"
        yield Finding(kind="tmp", summary=summary, remedy="--with tmp", paths=tuple(sorted({*paths, *gone})))
    own = left.take(_TEMPORARY.match)
    if own:
        yield _harmless("temporary files come from programs, not from images", own)


def _written(left: _Paths) -> Iterable[Finding]:
    for state, why in (
        (State.READ_ONLY, "it wanted to write there, but the root file system is read-only"),
        (State.NO_DIRECTORY, "it wanted to create a file there, but there is no such directory"),
    ):
        by_directory: defaultdict[str, set[str]] = defaultdict(set)
        for path in left.take(lambda path: not path.startswith(("/proc/", "/sys/", "/dev/")), state):
            by_directory[os.path.dirname(path)].add(path)
        for directory, paths in by_directory.items():
            yield Finding(
                kind="write",
                summary=f"{directory}: {why}",
                remedy=f"--volume {directory}",
                paths=tuple(sorted(paths)),
            )


def _libraries(left: _Paths) -> Iterable[Finding]:
    found = {os.path.basename(path) for path in left.found()}
    paths = left.take(lambda path: _LIBRARY.match(os.path.basename(path)))
    by_name: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        by_name[os.path.basename(path)].add(path)
    for name, places in by_name.items():
        if name in found:
            yield _harmless(f"the library {name} was found elsewhere", tuple(sorted(places)))
        else:
            yield Finding(
                kind="library",
                summary=f"the shared library {name}",
                remedy=f"--library {name}",
                paths=tuple(sorted(places)),
            )


def _zones(left: _Paths, *, embeds_zones: bool) -> Iterable[Finding]:
    paths = left.take(_ZONES.match)
    if not paths:
        return
    found = {match[1] for path in left.found() if (match := _ZONES.match(path)) and match[1]}
    wanted = {match[1] for path in paths if (match := _ZONES.match(path)) and match[1]}
    lacking = sorted(wanted - found)
    if found and not lacking:
        yield _harmless("the time zones were found elsewhere", paths)
    elif embeds_zones:
        yield _harmless("the program carries the time zones itself (time/tzdata)", paths)
    else:
        which = f" ({', '.join(lacking[:5])})" if lacking else ""
        yield Finding(kind="tz", summary=f"time zones{which}: loading one will fail", remedy="--with tz", paths=paths)


def _programs(left: _Paths, directories: frozenset[str]) -> Iterable[Finding]:
    found = {os.path.basename(path) for path in left.found() if os.path.dirname(path) in directories}
    paths = left.take(lambda path: os.path.dirname(path) in directories)
    started = left.take(lambda _: True, State.MISSING_PROGRAM)
    by_name: defaultdict[str, set[str]] = defaultdict(set)
    for path in (*paths, *started):
        by_name[os.path.basename(path)].add(path)
    for name, places in by_name.items():
        if name in found:
            yield _harmless(f"the program {name} was found elsewhere", tuple(sorted(places)))
        else:
            yield Finding(
                kind="program",
                summary=f"it starts another program, {name}, which is not in the image",
                remedy=f"--add {name}:{min(places)}:0755",
                paths=tuple(sorted(places)),
            )


def _known(left: _Paths) -> Iterable[Finding]:
    for pattern, why in _HARMLESS:
        paths = left.take(pattern.search, State.MISSING, State.NO_DIRECTORY, State.READ_ONLY)
        if paths:
            yield _harmless(why, paths)


def _files(left: _Paths) -> Iterable[Finding]:
    found = {os.path.basename(path) for path in left.found()}
    elsewhere = left.take(lambda path: os.path.basename(path) in found)
    if elsewhere:
        yield _harmless("a file of the same name was found elsewhere", elsewhere)
    for path in left.take(lambda _: True):
        name = os.path.basename(path) or "FILE"
        yield Finding(
            kind="file",
            summary=f"{path}: add it, if the program needs it",
            remedy=f"--add {name}:{path}",
            paths=(path,),
        )
