"""What could be built otherwise: advice from settings, from flags, and from what is in the program."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from smidgen.config.resolve import SCRATCH
from smidgen.config.settings import Settings
from smidgen.gobuild.flags import join_quoted
from smidgen.layer.compression import Compression
from smidgen.needs.need import FactKind
from smidgen.shrink.advice import Advice, Standing
from smidgen.shrink.subject import Subject

_STATIC: Final = "static"
_PGO_FILE: Final = "default.pgo"
_MODERN: Final = "v3"
#: Flags that build something into a program to watch it.
_WATCHING: Final = ("race", "msan", "asan", "cover")
# net/http speaks HTTP/2 where a handshake of TLS agreed on it, as a server or by its Transport, or where it is asked
# to without TLS (Go 1.24). A program in which none of these is linked never does. crypto/tls's clientHandshake proves
# nothing: every server has it. Source: net/http's server.go (Serve, maybeServeUnencryptedHTTP2) and transport.go.
_SPEAKS_HTTP2: Final = (
    "crypto/tls.(*Conn).serverHandshake",
    "net/http.(*Transport).dialConn",
    "net/http.(*Protocols).SetUnencryptedHTTP2",
)


def propose(subject: Subject, place: Path | None) -> Iterator[Advice]:
    """Give what is not in force yet and could save bytes.

    Args:
        subject: The program.
        place: The directory of its package, where it has one here.
    """
    yield from _debugging(subject)
    yield from _flags(subject)
    yield from _tags(subject)
    yield from _code(subject, place)
    yield from _packing(subject.settings)
    yield from _bases(subject)


def origin_of(settings: Settings, field: str) -> str:
    """Say where a setting came from, for people; empty for a default."""
    origin = settings.provenance.get(field)
    return "" if origin is None or origin.kind == "default" else str(origin)


def _debugging(subject: Subject) -> Iterator[Advice]:
    settings, facts = subject.settings, subject.explained.facts
    if settings.disable_optimizations:
        yield Advice(
            name="optimise",
            title="compile for production",
            how=f"take disable_optimizations away ({origin_of(settings, 'disable_optimizations')})",
            loses="stepping through every line in a debugger",
            standing=Standing.YOURS,
            settings=msgspec.structs.replace(settings, disable_optimizations=False),
            is_slow=True,
            costs_speed=True,
        )
    where = origin_of(settings, "strip")
    if not facts.stripped:
        yield Advice(
            name="strip",
            title="leave symbols and debug data out",
            how=f"strip: true{f' instead of {where}' if where else ''}",
            loses="debuggers and `go tool nm`; stack traces and profiles keep names and lines",
            standing=Standing.YOURS,
            settings=msgspec.structs.replace(settings, strip=True),
        )
    if facts.debug and not facts.stripped:
        yield Advice(
            name="debug-data",
            title="leave debug data out, and keep symbols",
            how="ldflags: -w",
            loses="debuggers; `go tool nm` goes on",
            standing=Standing.PRICE,
            settings=msgspec.structs.replace(settings, ldflags=(*settings.ldflags, "-w")),
        )


def _flags(subject: Subject) -> Iterator[Advice]:
    """Advise against flags of the user's, or of GOFLAGS, that make programs larger."""
    flags = subject.flags
    if flags.value("trimpath") in {"false", "0"}:
        yield _without(subject, "trimpath", "directories in stack traces", "leave directories of this machine out")
    if flags.value("buildmode") == "pie":
        yield _without(
            subject, "buildmode", "an address that differs from start to start", "a program with a fixed address"
        )
    for name in _WATCHING:
        if flags.value(name) not in {"", "false", "0"}:
            yield _without(subject, name, "what it watches for", f"without -{name}")


def _without(subject: Subject, flag: str, loses: str, title: str) -> Advice:
    """Advise to take a flag of ``go build`` away, wherever it was given."""
    settings, flags = subject.settings, subject.flags
    raw = tuple(word for one in flags.raw if one.name != flag for word in one.arguments)
    inherited = [word for one in flags.inherited if one.name != flag for word in one.arguments]
    env = settings.build_env
    if any(one.name == flag for one in flags.inherited):
        env = {**env, "GOFLAGS": join_quoted(inherited)}
    here = origin_of(settings, "flags") if raw != settings.flags else "GOFLAGS"
    return Advice(
        name=f"no-{flag}",
        title=title,
        how=f"take -{flag} out of {here or 'flags'}",
        loses=loses,
        standing=Standing.YOURS,
        settings=msgspec.structs.replace(settings, flags=raw, build_env=env),
        is_slow=True,
    )


def _tags(subject: Subject) -> Iterator[Advice]:
    if "nethttpomithttp2" not in _tags_of(subject) and subject.has_package("net/http"):
        yield _http2(subject)
    traces = subject.has_package("golang.org/x/net/trace") and subject.has_package("google.golang.org/grpc")
    if traces and "grpcnotrace" not in _tags_of(subject):
        yield _grpc(subject)
    if subject.has("time/tzdata.loadFromEmbeddedTZData"):
        if "timetzdata" in _tags_of(subject):
            yield _zones_beside(subject)
    elif subject.has("time.LoadLocation") and not subject.settings.zones:
        yield _tag(
            subject,
            "timetzdata",
            name="zones-inside",
            title="time zones in the program instead of files beside it",
            loses="new rules of zones need another build, and libraries of other languages see no zones",
        )


def _http2(subject: Subject) -> Advice:
    """HTTP/2 can be left out; where nothing can speak it, that is proven and loses nothing."""
    silent = not subject.has(*_SPEAKS_HTTP2) and not subject.has_package("golang.org/x/net/http2")
    loses = "HTTP/2, as a server over TLS and as a client; HTTP/1.1 goes on"
    if silent:
        loses = (
            "nothing: no TLS server and no HTTP client is linked in, and what is left of net/http speaks HTTP/1.1 alone"
        )
    elif subject.explained.facts.keeps_methods:
        loses += "; whether this program speaks it cannot be told, as methods that nobody calls are linked in"
    return _tag(subject, "nethttpomithttp2", name="http2", title="net/http without HTTP/2", loses=loses, is_safe=silent)


def _grpc(subject: Subject) -> Advice:
    return _tag(
        subject,
        "grpcnotrace",
        name="grpc-trace",
        title="gRPC without golang.org/x/net/trace",
        loses="the pages /debug/requests and /debug/events, which only programs with grpc.EnableTracing fill",
    )


def _tag(subject: Subject, tag: str, *, name: str, title: str, loses: str, is_safe: bool = False) -> Advice:
    tags = (*_tags_of(subject), tag)
    return Advice(
        name=name,
        title=title,
        how=f"build_tags: [{', '.join(tags)}]",
        loses=loses,
        standing=Standing.SAFE if is_safe else Standing.PRICE,
        settings=msgspec.structs.replace(subject.settings, build_tags=tags),
        keys={"build_tags": tags},
    )


def _zones_beside(subject: Subject) -> Advice:
    tags = tuple(tag for tag in _tags_of(subject) if tag != "timetzdata")
    settings = subject.settings
    env = settings.build_env
    flags = tuple(word for flag in subject.flags.raw if flag.name != "tags" or tags for word in flag.arguments)
    if not tags and any(flag.name == "tags" for flag in subject.flags.inherited):
        kept = [word for flag in subject.flags.inherited if flag.name != "tags" for word in flag.arguments]
        env = {**env, "GOFLAGS": join_quoted(kept)}
    return Advice(
        name="zones-beside",
        title="time zones in a layer beside the program",
        how="take timetzdata out of build_tags: smidgen puts the files in",
        loses="the program alone, copied out of the image, would find no zones",
        standing=Standing.YOURS,
        settings=msgspec.structs.replace(settings, build_tags=tags, flags=flags, build_env=env),
    )


def _tags_of(subject: Subject) -> tuple[str, ...]:
    return tuple(tag for text in subject.flags.values("tags") for tag in text.replace(" ", ",").split(",") if tag)


def _code(subject: Subject, place: Path | None) -> Iterator[Advice]:
    """Advise what makes code smaller or larger; its speed changes, so all of this has a price."""
    settings, flags = subject.settings, subject.flags
    if not any("-l" in value.split() or value.endswith("=-l") for value in flags.values("gcflags")):
        yield Advice(
            name="no-inlining",
            title="functions are called and not inlined",
            how="gcflags: all=-l",
            loses="speed",
            standing=Standing.PRICE,
            settings=msgspec.structs.replace(settings, gcflags=(*settings.gcflags, "all=-l")),
            is_slow=True,
            costs_speed=True,
        )
    has_profile = place is not None and (place / _PGO_FILE).is_file()
    if flags.value("pgo") not in {"", "off"} or (has_profile and flags.value("pgo") != "off"):
        yield Advice(
            name="no-pgo",
            title="no optimisation by a profile",
            how="flags: -pgo=off",
            loses="speed",
            standing=Standing.PRICE,
            settings=msgspec.structs.replace(settings, flags=(*settings.flags, "-pgo=off")),
            is_slow=True,
            costs_speed=True,
        )
    platform = settings.platforms[0]
    if platform.architecture == "amd64" and not (platform.variant or subject.explained.facts.variant):
        yield Advice(
            name="amd64-v3",
            title="code for processors since 2013 to 2015",
            how=f"platforms: linux/amd64/{_MODERN}",
            loses="older processors, on which it does not start; often it is faster",
            standing=Standing.PRICE,
            settings=msgspec.structs.replace(settings, platforms=(msgspec.structs.replace(platform, variant=_MODERN),)),
            is_slow=True,
            costs_speed=True,
        )


def _packing(settings: Settings) -> Iterator[Advice]:
    """Advise other ways to compress layers."""
    now = settings.compression
    where = origin_of(settings, "compression")
    for text, loses, is_safe in (
        ("gzip:12", "time to build", True),
        (
            "zstd:19",
            "time to build; engines older than Docker 23 and containerd 1.5 cannot pull it",
            False,
        ),
    ):
        other = Compression.parse(text)
        if other.algorithm == now.algorithm and other.level <= now.level:
            continue
        if now.algorithm == "zstd" and other.algorithm == "gzip":
            continue
        yield Advice(
            name=text.partition(":")[0] if other.algorithm != now.algorithm else f"{other.algorithm}-harder",
            title=f"layers compressed by {text} instead of {now}",
            how=f"compression: {text}{f' instead of {where}' if where else ''}",
            loses=loses,
            standing=Standing.YOURS if where else Standing.SAFE if is_safe else Standing.PRICE,
            settings=msgspec.structs.replace(settings, compression=other),
            keys={} if where else {"compression": text},
            is_repacked=True,
        )


def _bases(subject: Subject) -> Iterator[Advice]:
    """Advise a smaller base to a static program that starts no others."""
    settings, facts = subject.settings, subject.explained.facts
    if settings.base == SCRATCH or not facts.static:
        return
    needs = subject.made.part.facts.report
    if any(fact.kind in {FactKind.STARTS_PROGRAMS, FactKind.LOADS_PLUGINS} and fact.warning for fact in needs.facts):
        return
    choices = {SCRATCH: "everything that the base has and the program does not need: a shell, if there is one"}
    if settings.base != _STATIC:
        choices[_STATIC] = "what the base has beside certificates, zones and users"
    for base, loses in choices.items():
        yield Advice(
            name=f"base-{base}",
            title=f"on {base} instead of {settings.base}",
            how=f"base: {base} instead of {origin_of(settings, 'base') or settings.base}",
            loses=loses,
            standing=Standing.YOURS,
            settings=msgspec.structs.replace(settings, base=base),
            is_repacked=True,
        )
