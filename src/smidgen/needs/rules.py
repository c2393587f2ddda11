"""Rules: from the functions of a Go program to what it needs.

A rule looks at who uses a function. That a function is linked says little: every server has the code that loads CA
certificates, and Go's linker keeps all exported methods once a template is used anywhere.

Source: the files of Go's standard library named at each rule. Measured on the programs in ``tests/needs``.
"""

import re
from dataclasses import dataclass

from smidgen.needs.evidence import POINTER, Evidence
from smidgen.needs.need import Confidence, Need, NeedKind

_NAMED_USERS = 2

_SYSTEM_ROOTS = "crypto/x509.loadSystemRoots"
_OWN_VERIFIERS = ("crypto/tls.", "crypto/x509.")
_VERIFY = "crypto/x509.(*Certificate).Verify"
_ROUND_TRIPPERS = ("net/http.send", "net/http/httputil.(*ReverseProxy).ServeHTTP")
_GRPC_CLIENTS = (
    "google.golang.org/grpc.NewClient",
    "google.golang.org/grpc.Dial",
    "google.golang.org/grpc.DialContext",
)

_ACCOUNT_RULES = (
    ("os/user.Current", "asks who it runs as, which fails without passwd unless $USER and $HOME are set"),
    ("os/user.Lookup", "looks up users by name"),
    ("os/user.LookupId", "looks up users by number"),
    ("os/user.LookupGroup", "looks up groups by name"),
    ("os/user.LookupGroupId", "looks up groups by number"),
    ("os/user.(*User).GroupIds", "lists the groups of a user"),
)
# The archives of whoever imports it would have names beside the numbers; without, they have the numbers.
_NO_ACCOUNT_USERS = ("os/user.", "archive/tar.")
_ACCOUNT_LIBRARIES = ("github.com/moby/sys/user.", "github.com/opencontainers/runc/libcontainer/user.")

# modernc.org/libc has it for a C library's sake, and what is built on it does not call that.
_C_LIBRARY = "modernc.org/libc."
_PASSWD_TEXT = re.compile(rb"/etc/(?:passwd|group)")

_TEMPORARY_RULES = (
    ("os.CreateTemp", "makes temporary files"),
    ("os.MkdirTemp", "makes temporary directories"),
    ("os.TempDir", "asks for the directory of temporary files"),
)
_READ_FORM = "mime/multipart.(*Reader).readForm"
_FORM_READERS = (
    "net/http.(*Request).ParseMultipartForm",
    "net/http.(*Request).FormFile",
    "net/http.(*Request).FormValue",
    "net/http.(*Request).PostFormValue",
    "mime/multipart.(*Reader).ReadForm",
)
# The standard library itself, and pages for debugging that read a form for its query.
_NO_FORM_READERS = ("net/http.", "mime/multipart.", "net/http/pprof.", "golang.org/x/net/trace.")

# A path below /tmp, and not below /var/tmp; where no function brings the text "/tmp", also /tmp itself. What stands in
# front is the end of another text, unless it is one of these. Clients of databases have it to look for a socket.
_NOT_OTHER = rb"(?<!/var)(?<!/usr)(?<!/private)"
_TEMPORARY_PATH = re.compile(_NOT_OTHER + rb"/tmp/(?!mysql\.sock)[\w.%-]+")
_TEMPORARY_TEXT = re.compile(_NOT_OTHER + rb"/tmp(?!/mysql\.sock)")
_SOCKET_SEEKERS = ("github.com/jackc/pgx/v5/pgconn.defaultHost", "github.com/jackc/pgx/v4/pgconn.defaultHost")
_SQLITE = "modernc.org/sqlite/lib._unixTempFileDir"
_SQLITE_IN_C = "github.com/mattn/go-sqlite3."

_NAME_LOOKUPS = (
    "net.Dial",
    "net.DialTimeout",
    "net.(*Dialer).Dial",
    "crypto/tls.dial",
    "net/http.(*Transport).dialConn",
    "net.LookupHost",
    "net.LookupIP",
    "net.LookupAddr",
    "net.LookupCNAME",
    "net.LookupMX",
    "net.LookupSRV",
    "net.LookupTXT",
)


@dataclass(frozen=True, slots=True)
class _Claim:
    """That a program needs something.

    Attributes:
        symbol: The function that proves it.
        what: What the program does with it, behind "The program".
        users: Who uses the function, or empty where that is not known.
        confidence: None means by whose code uses it.
    """

    symbol: str
    what: str
    users: tuple[str, ...]
    confidence: Confidence | None = None


def go_needs(evidence: Evidence) -> tuple[Need, ...]:
    """Give what a Go program needs, in the order of NeedKind.

    Raises:
        InvalidExecutable: The function table is damaged.
    """
    rules = (_certificates, _zones, _accounts, _temporary_files, _resolver, _media_types)
    return tuple(need for rule in rules if (need := rule(evidence)) is not None)


def _certificates(evidence: Evidence) -> Need | None:
    """CA certificates: ``crypto/x509/root_unix.go``, read by whoever verifies without roots of its own."""
    claim = _certificate_reader(evidence)
    if claim is None:
        return None
    if not evidence.has("crypto/x509.SetFallbackRoots"):
        return _need(evidence, NeedKind.CA, claim)
    return Need(
        kind=NeedKind.CA,
        confidence=Confidence.CERTAIN,
        symbol="crypto/x509.SetFallbackRoots",
        reason="The program brings CA certificates for a system without any.",
        included=False,
    )


def _certificate_reader(evidence: Evidence) -> _Claim | None:
    """Find who verifies certificates, the surest first."""
    loaders = evidence.with_suffix("x509.loadSystemRoots")
    if not loaders:
        return None
    pool = "crypto/x509.SystemCertPool"
    if (users := evidence.users(pool, besides=("crypto/x509.",))) is not None:
        return _Claim(pool, "reads the system's CA certificates", users)
    found = _tls_client(evidence)
    if found is None and (users := evidence.users(_VERIFY, besides=_OWN_VERIFIERS)) is not None:
        what = "verifies certificates, against the system's CA certificates where it names no others"
        found = _Claim(_VERIFY, what, users, Confidence.POSSIBLE)
    if found is None and (foreign := next((name for name in loaders if name != _SYSTEM_ROOTS), None)):
        what = "has another TLS library, which reads the system's CA certificates"
        found = _Claim(foreign, what, (), Confidence.POSSIBLE)
    return found


def _tls_client(evidence: Evidence) -> _Claim | None:
    client = "net/http.(*Transport).dialConn"
    if evidence.has(client):
        # Where methods are kept, that of a client that nobody uses can be among them.
        is_used = evidence.first(_ROUND_TRIPPERS) or not evidence.keeps_methods
        what = "has an HTTP client, which verifies servers when it uses HTTPS"
        return _Claim(client, what, (), Confidence.LIKELY if is_used else Confidence.POSSIBLE)
    client = "crypto/tls.dial"
    if evidence.has(client):
        return _Claim(client, "opens TLS connections, and verifies the servers", (), Confidence.LIKELY)
    # The client's handshake is no proof: it is in every server, for renegotiation.
    client = "crypto/tls.Client"
    users = evidence.users(client, besides=_no_tls_clients(evidence))
    if users is None:
        return None
    return _Claim(client, "can be a TLS client, and then verifies servers", users, Confidence.POSSIBLE)


def _no_tls_clients(evidence: Evidence) -> tuple[str, ...]:
    """Give who uses ``tls.Client`` without being a client."""
    # Since Go 1.24 a server of unencrypted HTTP/2 dresses its connection up as one with TLS.
    server = ("net/http.(*conn).maybeServeUnencryptedHTTP2", "net/http.unencryptedTLSConn")
    if evidence.first(_GRPC_CLIENTS):
        return server
    # gRPC's credentials are for both ends, so that a server has the client's too where methods are kept.
    return (*server, "google.golang.org/grpc/credentials.(*tlsCreds).ClientHandshake")


def _zones(evidence: Evidence) -> Need | None:
    """Time zones: ``time/zoneinfo.go``. The lower-case ``time.loadLocation`` alone serves only time.Local."""
    symbol, embedded = "time.LoadLocation", "time/tzdata.loadFromEmbeddedTZData"
    users = evidence.users(symbol)
    if users is None:
        return None
    if evidence.has(embedded):
        return Need(
            kind=NeedKind.TZ,
            confidence=Confidence.CERTAIN,
            symbol=embedded,
            reason="The program has the time zones in itself.",
            included=False,
        )
    return _need(evidence, NeedKind.TZ, _Claim(symbol, "loads time zones by name", users))


def _accounts(evidence: Evidence) -> Need | None:
    """Users and groups: ``os/user/lookup_unix.go``; ``lookup_stubs.go`` for Current without cgo."""
    for symbol, what in _ACCOUNT_RULES:
        if (users := evidence.users(symbol, besides=_NO_ACCOUNT_USERS)) is not None:
            return _need(evidence, NeedKind.PASSWD, _Claim(symbol, what, users))
    for prefix in _ACCOUNT_LIBRARIES:
        if evidence.has_prefix(prefix):
            what = "has a library that reads passwd and group"
            return _need(evidence, NeedKind.PASSWD, _Claim(f"{prefix}*", what, (), Confidence.POSSIBLE))
    if evidence.has_prefix("os/user.") or evidence.has_prefix(_C_LIBRARY):
        return None
    return _path(evidence, NeedKind.PASSWD, b"/etc/", _PASSWD_TEXT)


def _temporary_files(evidence: Evidence) -> Need | None:
    """The directory /tmp: ``os/tempfile.go``, ``os/file_unix.go``; ``mime/multipart/formdata.go`` for large uploads."""
    besides = ("os.CreateTemp", "os.MkdirTemp", "testing.", _READ_FORM)
    for symbol, what in _TEMPORARY_RULES:
        if (users := evidence.users(symbol, besides=besides)) is not None:
            unsure = not evidence.readable and evidence.has(_READ_FORM)
            return _need(evidence, NeedKind.TMP, _Claim(symbol, what, users, Confidence.POSSIBLE if unsure else None))
    for symbol in _FORM_READERS:
        if (users := evidence.users(symbol, besides=_NO_FORM_READERS)) is not None:
            what = "reads forms; uploads that do not fit into memory go to temporary files"
            return _need(evidence, NeedKind.TMP, _Claim(symbol, what, users, Confidence.POSSIBLE))
    if evidence.has(_SQLITE) or (evidence.has_c_code and evidence.has_prefix(_SQLITE_IN_C)):
        what = "has SQLite, which writes what does not fit into memory to temporary files"
        symbol = _SQLITE if evidence.has(_SQLITE) else f"{_SQLITE_IN_C}*"
        return _need(evidence, NeedKind.TMP, _Claim(symbol, what, (), Confidence.POSSIBLE))
    explained = evidence.has("os.tempDir") or evidence.first(_SOCKET_SEEKERS)
    return _path(evidence, NeedKind.TMP, b"/tmp", _TEMPORARY_PATH if explained else _TEMPORARY_TEXT)


def _path(evidence: Evidence, kind: NeedKind, start: bytes, pattern: re.Pattern[bytes]) -> Need | None:
    """Find a path written out in a program that calls none of the functions for it."""
    text = None if evidence.has_c_code else evidence.text(start, pattern)
    if text is None:
        return None
    return _need(evidence, kind, _Claim(text, f'has the text "{text}", which may be a path', (), Confidence.POSSIBLE))


def _resolver(evidence: Evidence) -> Need | None:
    """Names of hosts: ``net/conf.go``. Without nsswitch.conf Go asks /etc/hosts, then DNS, as our file says."""
    symbol = next((name for name in _NAME_LOOKUPS if evidence.has(name)), None)
    if symbol is None:
        return None
    return Need(
        kind=NeedKind.RESOLVER,
        confidence=Confidence.LIKELY,
        symbol=symbol,
        reason="The program looks up host names; engines bring resolv.conf and hosts, and Go needs no nsswitch.conf.",
        included=False,
    )


def _media_types(evidence: Evidence) -> Need | None:
    """Media types: ``mime/type_unix.go``."""
    symbol = "mime.TypeByExtension"
    users = evidence.users(symbol)
    if users is None:
        return None
    return Need(
        kind=NeedKind.MIME,
        confidence=Confidence.POSSIBLE,
        symbol=symbol,
        reason="The program asks for media types by file name; Go has a table of the usual ones.",
        included=False,
        callers=users,
    )


def _need(evidence: Evidence, kind: NeedKind, claim: _Claim) -> Need:
    """Make a need that goes into the image."""
    own = [user for user in claim.users if user.startswith(evidence.own)]
    return Need(
        kind=kind,
        confidence=claim.confidence or (Confidence.CERTAIN if own else Confidence.LIKELY),
        symbol=claim.symbol,
        reason=f"{subject_of(claim.users, own=own)} {claim.what}.",
        included=True,
        callers=claim.users,
    )


def subject_of(users: tuple[str, ...], *, own: list[str] | None = None) -> str:
    """Name who does something, for the beginning of a sentence: the program's own functions before a library's."""
    named = [readable_name(user) for user in (own or users) if user != POINTER][:_NAMED_USERS]
    if not named:
        return "The program"
    rest = len(users) - len(named)
    more = f" and {rest} more" if rest else ""
    return f"The program ({', '.join(named)}{more})"


def readable_name(function: str) -> str:
    """Undo the escapes of Go's linker in a package's path: ``gopkg.in/yaml%2ev3.Marshal``."""
    return function.replace("%2e", ".")
