"""Settings → the result of ``smidgen config show``: its JSON, and text that is itself a ``smidgen.yaml``."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from smidgen.config.healthcheck import render_duration
from smidgen.config.settings import Origin, Settings
from smidgen.oci.config import Healthcheck
from smidgen.report.schema_config import ConfigReport, OriginResult, SettingResult

_Value = str | bool | tuple[str, ...] | None

_PLAIN = re.compile(r"^[A-Za-z0-9/.][A-Za-z0-9/._@%+=-]*(?::[A-Za-z0-9/._@%+=-]+)*\Z")
_NULLS: Final = ("null", "Null", "NULL")
#: What libyaml does not take, or folds, inside of quotes.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
#: Settings that no file can give.
_NOT_IN_FILES: Final = ("names", "go")


def config_report(settings: Settings, *, file: str | None) -> ConfigReport:
    """Give *settings* as the document of ``--json``, in the order of the reference."""
    results = tuple(
        SettingResult(
            key=key, name=name, value=value, origins=tuple(_origin(settings.provenance[source]) for source in sources)
        )
        for key, name, value, sources in _rows(settings)
    )
    return ConfigReport(target=settings.target, file=file, settings=results, warnings=settings.warnings)


def _origin(origin: Origin) -> OriginResult:
    return OriginResult(kind=origin.kind, name=origin.name, line=origin.line)


def _rows(settings: Settings) -> Iterator[tuple[str, str, _Value, tuple[str, ...]]]:
    """Give key, name within it, value, and the keys of its provenance."""
    one: dict[str, _Value] = {
        "names": settings.names or None,
        "repository": settings.repository or None,
        "name": settings.name,
        "tags": settings.tags,
        "platforms": tuple(map(str, settings.platforms)),
        "base": settings.base,
        "user": str(settings.user),
        "entrypoint": settings.entrypoint,
        "cmd": settings.cmd or None,
        "env": None,
        "ports": tuple(map(str, settings.ports)) or None,
        "workdir": settings.workdir or None,
        "volumes": settings.volumes or None,
        "stop_signal": settings.stop_signal or None,
        "healthcheck": None,
        "linux_capabilities": settings.linux_capabilities or None,
        "labels": None,
        "annotations": None,
        "add": tuple(map(str, settings.add)) or None,
        "kodata": settings.kodata,
        "single_layer": settings.single_layer,
        "compression": str(settings.compression),
        "needs": None,
        "go": settings.go,
        "build": settings.build or None,
        "bin": settings.bin or None,
        "flags": settings.flags or None,
        "ldflags": settings.ldflags or None,
        "gcflags": settings.gcflags or None,
        "build_tags": settings.build_tags or None,
        "variables": None,
        "build_env": None,
        "cgo": settings.cgo,
        "sysroot": settings.sysroot or None,
        "libc": settings.libc or None,
        "libraries": settings.libraries or None,
        "strip": settings.strip,
        "disable_optimizations": settings.disable_optimizations,
    }
    for key, value in one.items():
        rows = tuple(_inner_rows(key, settings))
        yield from rows
        if not rows:
            yield key, "", value, (key,) if key in settings.provenance else ()


def _inner_rows(key: str, settings: Settings) -> Iterator[tuple[str, str, _Value, tuple[str, ...]]]:
    match key:
        case "env" | "labels" | "annotations" | "variables" | "build_env":
            for name, value in getattr(settings, key).items():
                yield key, name, value, (f"{key}.{name}",)
        case "healthcheck" if settings.healthcheck is not None:
            for name, value in _healthcheck(settings.healthcheck):
                yield key, name, value, (key,)
        case "needs":
            for name, needs in (("with", settings.needs_with), ("without", settings.needs_without)):
                if needs:
                    yield key, name, tuple(sorted(needs)), tuple(f"needs.{need}" for need in sorted(needs))
            if settings.zones:
                yield key, "zones", settings.zones, ("zones",)
            if settings.ca_bundles:
                yield key, "ca_bundles", tuple(map(str, settings.ca_bundles)), ("ca_bundles",)


def _healthcheck(check: Healthcheck) -> Iterator[tuple[str, _Value]]:
    yield "test", check.test
    for name in ("interval", "timeout", "start_period", "start_interval"):
        if nanoseconds := getattr(check, name):
            yield name, render_duration(nanoseconds)
    if check.retries:
        yield "retries", str(check.retries)


def render_config(report: ConfigReport) -> str:
    """Render *report* as a ``smidgen.yaml`` with a comment on each line that says where the value came from.

    What is not set, and what no file can give, is in comments of its own.
    """
    rows: list[tuple[str, str]] = []
    last = ""
    for setting in report.settings:
        if setting.value is None:
            continue
        origin = ", ".join(dict.fromkeys(_say(one) for one in setting.origins))
        value = _render(setting.value)
        if setting.name:
            if setting.key != last:
                rows.append((f"{setting.key}:", ""))
            rows.append((f"  {_scalar(setting.name)}: {value}", origin))
        elif setting.key in _NOT_IN_FILES:
            rows.append((f"# {setting.key}: {value}", origin))
        else:
            rows.append((f"{setting.key}: {value}", origin))
        last = setting.key
    width = min(max(len(text) for text, origin in rows if origin), 60)
    lines = [f"{text:<{width}}  # {origin}" if origin else text for text, origin in rows]
    if unset := [setting.key for setting in report.settings if setting.value is None]:
        lines.append(f"# not set: {', '.join(unset)}")
    return "\n".join(lines)


def _say(origin: OriginResult) -> str:
    return str(Origin(kind=origin.kind, name=_in_comment(origin.name), line=origin.line))


def _in_comment(text: str) -> str:
    # A file may have any name; a comment ends with its line.
    return text if text.isprintable() else repr(text)


def _render(value: str | bool | Iterable[str]) -> str:  # noqa: FBT001
    if isinstance(value, bool):
        return "true" if value else "false"
    return _scalar(value) if isinstance(value, str) else f"[{', '.join(map(_scalar, value))}]"


def _scalar(text: str) -> str:
    if _PLAIN.match(text) and text not in _NULLS:
        return text
    quoted = msgspec.json.encode(text).decode()
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)
