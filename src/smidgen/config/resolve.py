"""The options in force for one target.

The order, the weakest first: defaults, the file's global part, its entries of ``targets`` that match in the order of
the file, the environment, flags. A stronger text, list or switch takes the place of a weaker one; maps are joined key
by key; ``with`` and ``without`` of needs are joined need by need.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from smidgen.config import values
from smidgen.config.fields import flag_place, is_local
from smidgen.config.flag_layer import layer_of_environment, layer_of_flags, layer_of_ko_environment
from smidgen.config.place import Given, Layer
from smidgen.config.settings import Flags, Origin, Settings
from smidgen.config.values import AddSpec, Port, User
from smidgen.errors import UsageError
from smidgen.layer.capabilities import parse_term
from smidgen.layer.compression import DEFAULT, Compression
from smidgen.oci.config import Healthcheck
from smidgen.oci.platform import Platform

if TYPE_CHECKING:
    from smidgen.config.file_layer import Config

_T = TypeVar("_T")
_DEFAULT: Final = Origin(kind="default")
_NO_FLAGS: Final = Flags()
_MAX_PORTS: Final = 1024
#: The empty image.
SCRATCH: Final = "scratch"


def resolve_settings(
    target: str,
    *,
    directory: Path,
    flags: Flags = _NO_FLAGS,
    config: "Config | None" = None,
    environ: Mapping[str, str] = os.environ,
    path: Path | None = None,
    import_path: str | None = None,
) -> Settings:
    """Join everything that says something about *target*.

    Args:
        target: As it was asked for: a directory, an import path, perhaps with ``@VERSION``, or a binary's file.
        directory: Where the command was started; relative paths of flags are relative to it.
        flags: The command line.
        config: The file that was found, or None.
        environ: The environment.
        path: The package's directory, or the binary's file; without it *target* below *directory*, if it is local.
        import_path: Without it *target*, if it is not local.

    Raises:
        UsageError: A value cannot be meant; says where it stood.
        ConfigError: The same, in a file: with line and caret.
    """
    if path is None and is_local(target):
        path = directory / target
    if import_path is None and not is_local(target):
        import_path = target
    layers: list[Layer] = []
    warnings: tuple[str, ...] = ()
    if config is not None:
        name = import_path.partition("@")[0] if import_path else None
        layers += config.layers(path=path, import_path=name)
        warnings = config.warnings
        if config.kind == "ko":
            layers.append(layer_of_ko_environment(environ, directory=directory))
    layers.append(layer_of_environment(environ, directory=directory))
    layers.append(layer_of_flags(flags, directory=directory, environ=environ))
    return _Resolver(layers, warnings=warnings).settings(target)


class _Resolver:
    """Takes each option from the strongest layer that has it, and notes where that was."""

    def __init__(self, layers: list[Layer], *, warnings: tuple[str, ...]) -> None:
        self._layers = layers
        self._warnings = list(warnings)
        self._provenance: dict[str, Origin] = {}

    def settings(self, target: str) -> Settings:
        needs = self._needs()
        return Settings(
            target=target,
            names=self._list("names", str),
            repository=self._text("repository", values.parse_repository, ""),
            name=self._text("name", values.parse_name, None),
            tags=self._list("tags", values.parse_tag, ("latest",), required="a tag"),
            go=self._text("go", str, None),
            build=tuple(line for line in self._list("build", _checked) if line.strip()),
            bin=self._text("bin", _checked, ""),
            flags=self._list("flags", _checked),
            ldflags=self._list("ldflags", _checked),
            gcflags=self._list("gcflags", _checked),
            strip=self._switch("strip", default=True),
            disable_optimizations=self._switch("disable_optimizations", default=False),
            build_tags=self._list("build_tags", _checked),
            variables=self._map("variables", _check_variable),
            build_env=self._map("build_env", values.check_environment_name),
            cgo=self._cgo(),
            sysroot=self._sysroot(),
            libc=self._text("libc", values.parse_libc, ""),
            libraries=tuple(dict.fromkeys(self._list("libraries", values.parse_library))),
            platforms=self._platforms(),
            base=self._base(),
            user=self._text("user", values.parse_user, User()),
            entrypoint=self._list("entrypoint", _checked, required="a program") or None,
            cmd=self._list("cmd", _checked),
            env=self._map("env", values.check_environment_name),
            ports=self._ports(),
            workdir=self._text("workdir", values.parse_path, ""),
            volumes=tuple(dict.fromkeys(self._list("volumes", values.parse_path))),
            stop_signal=self._text("stop_signal", values.parse_signal, ""),
            healthcheck=self._healthcheck(),
            linux_capabilities=self._list("linux_capabilities", parse_term),
            labels=self._map("labels", _check_key),
            annotations=self._map("annotations", _check_key),
            add=self._add(),
            kodata=self._switch("kodata", default=True),
            single_layer=self._switch("single_layer", default=False),
            compression=self._text("compression", Compression.parse, DEFAULT),
            needs_with=frozenset(need for need, is_wanted in needs.items() if is_wanted),
            needs_without=frozenset(need for need, is_wanted in needs.items() if not is_wanted),
            zones=tuple(dict.fromkeys(self._list("zones", values.parse_zone))),
            ca_bundles=self._ca_bundles(),
            provenance=self._provenance,
            warnings=tuple(self._warnings),
        )

    def _text(self, field: str, parse: Callable[[str], _T], default: _T) -> _T:
        given = next((layer.texts[field] for layer in reversed(self._layers) if field in layer.texts), None)
        self._provenance[field] = given.place.origin if given else _DEFAULT
        return given.parsed(parse) if given else default

    def _switch(self, field: str, *, default: bool) -> bool:
        given = next((layer.switches[field] for layer in reversed(self._layers) if field in layer.switches), None)
        self._provenance[field] = given.place.origin if given else _DEFAULT
        return given.value if given else default

    def _items(self, field: str, *, required: str = "") -> tuple[Given[str], ...] | None:
        given = next((layer.lists[field] for layer in reversed(self._layers) if field in layer.lists), None)
        self._provenance[field] = given.place.origin if given else _DEFAULT
        if given and required and not given.value:
            raise given.place.error(UsageError(f"{field} is an empty list, expected at least {required}"))
        return given.value if given else None

    def _list(
        self, field: str, parse: Callable[[str], _T], default: tuple[_T, ...] = (), *, required: str = ""
    ) -> tuple[_T, ...]:
        items = self._items(field, required=required)
        return default if items is None else tuple(item.parsed(parse) for item in items)

    def _map(self, field: str, check: Callable[[str], None]) -> Mapping[str, str]:
        joined: dict[str, Given[str]] = {}
        for layer in self._layers:
            if field in layer.replaced_maps:
                joined.clear()
            joined.update(layer.maps.get(field, {}))
        for name, given in joined.items():
            Given(name, given.key_place or given.place, given.root).parsed(check)
            given.parsed(values.check_text)
            self._provenance[f"{field}.{name}"] = given.place.origin
        return {name: given.value for name, given in joined.items()}

    def _platforms(self) -> tuple[Platform, ...]:
        items = self._items("platforms", required="a platform")
        if items is None:
            return (values.host_platform(os.uname().machine),)
        return tuple(dict.fromkeys(platform for item in items for platform in item.parsed(values.parse_platforms)))

    def _ports(self) -> tuple[Port, ...]:
        items = self._items("ports") or ()
        ports = sorted({port for item in items for port in item.parsed(values.parse_ports)})
        if items and len(ports) > _MAX_PORTS:
            raise items[-1].place.error(UsageError(f"{len(ports)} ports, expected at most {_MAX_PORTS}"))
        return tuple(ports)

    def _healthcheck(self) -> Healthcheck | None:
        given = next((layer.healthcheck for layer in reversed(self._layers) if layer.healthcheck), None)
        self._provenance["healthcheck"] = given.place.origin if given else _DEFAULT
        return given.value if given and given.value.test != ("NONE",) else None

    def _add(self) -> tuple[AddSpec, ...]:
        return tuple(_parse_add(item) for item in self._items("add") or ())

    def _ca_bundles(self) -> tuple[Path, ...]:
        items = self._items("ca_bundles") or ()
        return tuple(Path(os.path.normpath(item.root / item.parsed(_checked))) for item in items)

    def _cgo(self) -> bool:
        is_on = self._switch("cgo", default=False)
        libc = next((layer.texts["libc"] for layer in reversed(self._layers) if "libc" in layer.texts), None)
        if is_on and libc is not None and libc.value:
            raise libc.place.error(
                UsageError(
                    f"{libc.value!r} links C dynamically, and cgo ({self._provenance['cgo']}) statically",
                    hint="keep one of them; --no-cgo takes the second back",
                )
            )
        return is_on

    def _sysroot(self) -> str:
        given = next((layer.texts["sysroot"] for layer in reversed(self._layers) if "sysroot" in layer.texts), None)
        self._provenance["sysroot"] = given.place.origin if given else _DEFAULT
        return os.path.normpath(given.root / given.parsed(_checked)) if given and given.value else ""

    def _needs(self) -> dict[str, bool]:
        """Give, for each need that somebody spoke of, whether it is wanted."""
        wanted: dict[str, bool] = {}
        for layer in self._layers:
            seen: dict[str, bool] = {}
            for need, is_wanted, given in _spoken_needs(layer):
                if seen.setdefault(need, is_wanted) != is_wanted:
                    raise given.place.error(
                        UsageError(f"{need!r} is both wanted and not wanted", hint="keep one of them")
                    )
                self._provenance[f"needs.{need}"] = given.place.origin
            wanted.update(seen)
        return wanted

    def _base(self) -> str:
        given = next((layer.texts["base"] for layer in reversed(self._layers) if "base" in layer.texts), None)
        self._provenance["base"] = given.place.origin if given else _DEFAULT
        if given is None or given.value == SCRATCH:
            return SCRATCH
        from smidgen.image.base_name import BaseName  # for images that stand on something

        return given.parsed(lambda text: str(BaseName.parse(text, root=given.root)))


def _spoken_needs(layer: Layer) -> Iterator[tuple[str, bool, Given[str]]]:
    for field, is_wanted in (("needs_with", True), ("needs_without", False)):
        if field in layer.lists:
            for item in layer.lists[field].value:
                yield item.parsed(values.parse_need), is_wanted, item


def _parse_add(item: Given[str]) -> AddSpec:
    spec = item.parsed(lambda text: values.parse_add(text, item.root))
    if item.is_confined and (spec.source.startswith("/") or os.path.normpath(spec.source).split("/")[0] == ".."):
        # A file is written by others more often than a command line is: what it takes from this machine has a bound.
        raise item.place.error(
            UsageError(
                f"{spec.source!r} is outside of {item.root.name or '/'}, the directory of this file",
                hint=f"move the file there, or pass {flag_place('add').name} on the command line",
            )
        )
    return spec


def _checked(text: str) -> str:
    values.check_text(text)
    return text


def _check_key(name: str) -> None:
    values.check_text(name)
    if not name.strip():
        raise UsageError("a name is empty", hint="write NAME: VALUE")


def _check_variable(name: str) -> None:
    if not all(name.rpartition(".")[::2]) or any(character.isspace() or character == "=" for character in name):
        raise UsageError(
            f"{name!r} does not name a variable of the program", hint="expected PACKAGE.NAME such as main.version"
        )
