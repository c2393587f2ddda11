"""From a Compose file to what is to be built.

Keys that have nothing to do with builds are passed over, those of ``build`` never.

Source: Compose Specification.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

from smidgen.config.yaml_source import Entry, MappingNode, shorten
from smidgen.dockerfile.compose.dot_env import read_dot_env
from smidgen.dockerfile.compose.load import Model, load_model
from smidgen.dockerfile.compose.section import Surroundings, read_section
from smidgen.dockerfile.compose.service import Project, ServiceBuild
from smidgen.dockerfile.fields import render_field
from smidgen.dockerfile.spelling import did_you_mean
from smidgen.errors import UsageError
from smidgen.oci.reference import Reference

_KEYS: Final = frozenset(
    {"configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes"}
)
_SECRET_KEYS: Final = frozenset({"driver", "driver_opts", "environment", "external", "file", "labels", "name"})
_PROJECT: Final = re.compile(r"^[a-z0-9][a-z0-9_-]*\Z")
_SERVICE: Final = re.compile(r"^[a-zA-Z0-9._-]+\Z")
_OUTSIDE: Final = re.compile(r"[^a-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeOptions:
    """What is said beside the file.

    Attributes:
        services: The ones to build; all for none.
        profiles: That are active, beside those of ``COMPOSE_PROFILES``.
        project: Name of the project, or empty.
        env_files: Instead of ``.env`` beside the file.
    """

    services: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project: str = ""
    env_files: tuple[Path, ...] = ()


def read_compose(paths: Sequence[Path], options: ComposeOptions, environ: Mapping[str, str]) -> Project:
    """Read the Compose files at *paths*, the later over the earlier.

    Raises:
        ConfigError: One cannot be read, or says what cannot be meant or done.
        LimitExceeded: They name too many others.
        UsageError: There is no such service, or nothing to build.
    """
    directory = Path(os.path.abspath(paths[0])).parent
    known = _variables(directory, options.env_files, environ)
    return _Reader(load_model(paths, known), directory, options).project()


def _variables(directory: Path, env_files: Iterable[Path], environ: Mapping[str, str]) -> dict[str, str]:
    default = directory / ".env"
    files = tuple(env_files) or ((default,) if default.exists() else ())
    found: dict[str, str] = {}
    for file in files:
        found |= read_dot_env(file, os.path.relpath(file) if file == default else str(file), found | dict(environ))
    return found | dict(environ)


class _Reader:
    def __init__(self, model: Model, directory: Path, options: ComposeOptions) -> None:
        self._model = model
        self._values = model.values
        self._directory = directory
        self._options = options

    def project(self) -> Project:
        root = self._model.root
        self._values.check_keys(root, _KEYS, "a Compose file")
        name = self._project_name(root)
        services = self._services(root)
        around = Surroundings(self._secrets(root), self._images(services, name))
        wanted, left_out = self._wanted(services)
        builds = self._builds(services, wanted, around)
        self._check_names(builds.values(), services)
        return Project(
            name=name,
            builds=tuple(builds[one] for one in self._ordered(builds, services)),
            others=tuple(one for one in wanted if one not in builds),
            left_out=left_out,
            environ=self._environ,
            unset=tuple(self._model.unset),
        )

    @property
    def _environ(self) -> Mapping[str, str]:
        return self._values.first.variables.values

    @property
    def _file(self) -> str:
        return self._values.first.document.name

    def _project_name(self, root: MappingNode) -> str:
        entry = root.find("name")
        said = self._options.project or self._environ.get("COMPOSE_PROJECT_NAME", "")
        if not said and entry is not None:
            said = self._values.text(entry.value, "name")
            if not _PROJECT.match(said):
                hint = "expected lower-case letters, digits, - and _"
                raise self._values.error(f"the project's name is {shorten(said)!r}", entry.value.mark, hint=hint)
        if said and not _PROJECT.match(said):
            raise UsageError(
                f"the project's name is {shorten(said)!r}", hint="expected lower-case letters, digits, - and _"
            )
        return said or _OUTSIDE.sub("", self._directory.name.lower()).lstrip("-_") or "compose"

    def _services(self, root: MappingNode) -> dict[str, MappingNode]:
        entry = root.find("services")
        if entry is None:
            raise self._values.error("there are no services", root.mark, hint="begin with services:")
        found = {}
        for one in self._values.mapping(entry.value, "services").entries:
            if not _SERVICE.match(one.key):
                raise self._values.error(f"no service can have the name {shorten(one.key)!r}", one.key_mark)
            found[one.key] = self._values.mapping(one.value, f"the service {one.key}")
        return found

    def _secrets(self, root: MappingNode) -> dict[str, str]:
        entry = root.find("secrets")
        found: dict[str, str] = {}
        for one in self._values.mapping(entry.value, "secrets").entries if entry else ():
            body = self._values.mapping(one.value, f"the secret {shorten(one.key)!r}")
            self._values.check_keys(body, _SECRET_KEYS, "a secret")
            file, variable = body.find("file"), body.find("environment")
            if file is not None:
                there = self._values.source(file.value.mark).directory
                path = there / os.path.expanduser(self._values.text(file.value, "file"))
                found[one.key] = render_field(f"src={path}")
            elif variable is not None:
                found[one.key] = render_field(f"env={self._values.text(variable.value, 'environment')}")
            else:
                found[one.key] = ""
        return found

    def _images(self, services: Mapping[str, MappingNode], project: str) -> dict[str, Reference]:
        return {name: self._image(service, name, project) for name, service in services.items()}

    def _image(self, service: MappingNode, name: str, project: str) -> Reference:
        entry = service.find("image")
        mark = service.mark if entry is None else entry.value.mark
        text = self._values.text(entry.value, f"the image of {name}") if entry else f"{project}-{name.lower()}"
        return self._values.at(mark, lambda: Reference.parse(text).with_default_tag())

    def _wanted(self, services: Mapping[str, MappingNode]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give the services that were named, or those of active profiles; and the others."""
        for name in self._options.services:
            if name not in services:
                hint = did_you_mean(name, services) or f"there are {', '.join(services)}"
                raise UsageError(f"{self._file} has no service {shorten(name)!r}", hint=hint)
            if services[name].find("build") is None:
                raise UsageError(
                    f"the service {name} has no build section", hint="its image is pulled when it is started"
                )
        if self._options.services:
            return tuple(dict.fromkeys(self._options.services)), ()
        by_variable = self._environ.get("COMPOSE_PROFILES", "").split(",")
        active = {*self._options.profiles, *(one.strip() for one in by_variable)}
        wanted = tuple(name for name, service in services.items() if self._is_active(service, active))
        return wanted, tuple(name for name in services if name not in wanted and services[name].find("build"))

    def _is_active(self, service: MappingNode, active: Collection[str]) -> bool:
        entry = service.find("profiles")
        profiles = self._values.texts(entry.value, "profiles") if entry else ()
        return not profiles or "*" in active or any(text in active for text, _ in profiles)

    def _builds(
        self, services: Mapping[str, MappingNode], wanted: Iterable[str], around: Surroundings
    ) -> dict[str, ServiceBuild]:
        """Read the builds of *wanted*, and of what they need."""
        found: dict[str, ServiceBuild] = {}
        waiting = list(wanted)
        while waiting:
            name = waiting.pop(0)
            entry = services[name].find("build")
            if name in found or entry is None:
                continue
            found[name] = read_section(self._values, services[name], entry, name, around)
            waiting += found[name].needs
        if not found:
            raise UsageError(f"{self._file} has no service to build", hint="give a service a build section")
        return found

    def _check_names(self, builds: Iterable[ServiceBuild], services: Mapping[str, MappingNode]) -> None:
        """Refuse two different images of one name: which of them it would be is left to chance."""
        first: dict[Reference, ServiceBuild] = {}
        for build in builds:
            for name in build.names:
                other = first.setdefault(name, build)
                if _without_names(other) != _without_names(build):
                    entry = services[build.service].find("build")
                    assert entry is not None  # noqa: S101 (it was read)
                    raise self._values.error(
                        f"{other.service} and {build.service} build different images of the name {name.familiar}",
                        entry.key_mark,
                        hint="give each an image: of its own",
                    )

    def _ordered(self, builds: Mapping[str, ServiceBuild], services: Mapping[str, MappingNode]) -> tuple[str, ...]:
        graph = {name: [need for need in build.needs if need in builds] for name, build in builds.items()}
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            entry: Entry | None = services[circle[0]].find("build")
            assert entry is not None  # noqa: S101 (it was read)
            message = f"services need each other's images: {' → '.join(circle)}"
            raise self._values.error(message, entry.key_mark, hint="take one of the additional_contexts out") from None


def _without_names(build: ServiceBuild) -> tuple[object, ...]:
    return (
        *(build.context, build.dockerfile, build.dockerfile_text, build.args, build.target, build.labels),
        *(build.platforms, build.contexts, build.secrets, build.hosts, build.network),
    )
