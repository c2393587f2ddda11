"""The ``build`` section of a service.

Source: Compose Specification, "Compose Build Specification".
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from smidgen.config.yaml_source import Entry, ListNode, MappingNode, Mark, Node, ScalarNode, shorten
from smidgen.dockerfile.cache.flags import parse_cache_from, parse_cache_to
from smidgen.dockerfile.compose.service import Network, ServiceBuild
from smidgen.dockerfile.compose.values import Values
from smidgen.dockerfile.execute.flags import parse_hosts
from smidgen.dockerfile.fields import render_field
from smidgen.oci.platform import Platform
from smidgen.oci.reference import Reference

_T = TypeVar("_T")
_KEYS: Final = frozenset(
    {
        *(
            "additional_contexts",
            "args",
            "cache_from",
            "cache_to",
            "context",
            "dockerfile",
            "dockerfile_inline",
            "extra_hosts",
            "labels",
        ),
        *("network", "no_cache", "no_cache_filter", "platforms", "pull", "secrets", "ssh", "tags", "target"),
    }
)
#: What smidgen cannot do; where it says no, there is nothing to be done.
_UNSUPPORTED: Final = {
    "entitlements": "commands have no rights but those that every build gives them",
    "isolation": "there is one kind, a Linux container",
    "privileged": "commands have no rights but those that every build gives them",
    "provenance": "leave it out, or say false",
    "sbom": "leave it out, or say false",
    "shm_size": "leave it out, or mount a tmpfs on /dev/shm: RUN --mount=type=tmpfs,target=/dev/shm",
    "ulimits": "set limits in the RUN command itself",
}
_SECRET_KEYS: Final = ("source", "target")
_NETWORKS: Final[dict[str, Network]] = {"default": "default", "none": "none", "host": "host"}
_IMAGE: Final = "docker-image://"
_SERVICE: Final = "service:"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a section refers to.

    Attributes:
        secrets: Secrets of the file by name, as ``--secret`` takes them, without their id; empty where they are kept
            elsewhere.
        images: Names of the images of all services, by service.
    """

    secrets: Mapping[str, str]
    images: Mapping[str, Reference]


def read_section(values: Values, service: MappingNode, entry: Entry, name: str, around: Surroundings) -> ServiceBuild:
    """Read the ``build`` of the service *name*, which is *entry* of *service*.

    Raises:
        ConfigError: Something is wrong, or nothing that smidgen can do.
    """
    node = entry.value
    if isinstance(node, ScalarNode):
        # A text is the context alone.
        node = MappingNode((Entry("context", node.mark, node),), node.mark)
    return _Section(values, service, values.mapping(node, "build"), name, around).read()


class _Section:
    def __init__(
        self, values: Values, service: MappingNode, node: MappingNode, name: str, around: Surroundings
    ) -> None:
        self._values = values
        self._service = service
        self._node = node
        self._name = name
        self._around = around

    def read(self) -> ServiceBuild:
        self._check_keys()
        context = self._context()
        named = self._service.find("image") is not None
        contexts, needs = self._contexts()
        return ServiceBuild(
            service=self._name,
            names=self._names(),
            is_named=named,
            context=context,
            dockerfile=context / (self._text("dockerfile") or "Dockerfile"),
            dockerfile_text=self._inline(),
            args=self._args(),
            target=self._text("target"),
            labels={key: text or "" for key, (text, _) in self._pairs("labels").items()},
            platforms=self._platforms(),
            secrets=self._secrets(),
            agents=self._agents(),
            contexts=contexts,
            needs=needs,
            hosts=self._hosts(),
            network=self._network(),
            use_cache=not self._truth("no_cache"),
            no_cache_stages=frozenset(text for text, _ in self._texts("no_cache_filter")),
            pull=self._truth("pull"),
            cache_from=self._caches("cache_from", parse_cache_from),
            cache_to=self._caches("cache_to", parse_cache_to),
        )

    def _check_keys(self) -> None:
        for entry in self._node.entries:
            reason = _UNSUPPORTED.get(entry.key)
            if reason is None:
                continue
            is_off = isinstance(entry.value, ScalarNode) and entry.value.text in {"false", None}
            if not is_off:
                raise self._values.error(f"build.{entry.key} is not supported", entry.key_mark, hint=reason)
        self._values.check_keys(self._node, _KEYS | _UNSUPPORTED.keys(), "build")

    def _context(self) -> Path:
        entry = self._node.find("context")
        if entry is None:
            return self._values.source(self._node.mark).directory
        text = self._text("context") or "."
        if "://" in text or text.endswith(".git") or text.startswith("git@"):
            raise self._values.error(
                f"the context {shorten(text)!r} is no directory",
                entry.value.mark,
                hint="clone it, and give the directory",
            )
        path = self._path(text, entry.value.mark)
        if not path.is_dir():
            raise self._values.error(f"the context {shorten(text)!r} is not a directory", entry.value.mark)
        return path

    def _inline(self) -> str | None:
        entry = self._node.find("dockerfile_inline")
        if entry is None:
            return None
        if self._node.find("dockerfile") is not None:
            raise self._values.error(
                "build has dockerfile and dockerfile_inline", entry.key_mark, hint="leave one of them out"
            )
        return self._values.text(entry.value, "build.dockerfile_inline")

    def _args(self) -> dict[str, str]:
        found = {}
        for key, (text, mark) in self._pairs("args").items():
            value = self._values.source(mark).variables.values.get(key) if text is None else text
            if value is not None:
                found[key] = value
        return found

    def _reference(self, text: str, mark: Mark) -> Reference:
        return self._values.at(mark, lambda: Reference.parse(text).with_default_tag())

    def _names(self) -> tuple[Reference, ...]:
        found = [self._around.images[self._name]]
        found += [self._reference(text, mark) for text, mark in self._texts("tags")]
        for name in found:
            if name.digest is not None:
                hint = "its digest is known when it is built: leave it out"
                raise self._values.error(f"{name} is to be built, and has a digest", self._node.mark, hint=hint)
        return tuple(dict.fromkeys(found))

    def _platforms(self) -> tuple[Platform, ...]:
        given = [self._values.at(mark, partial(Platform.parse, text)) for text, mark in self._texts("platforms")]
        found = tuple(dict.fromkeys(given))
        entry = self._service.find("platform")
        if entry is None:
            return found
        text = self._values.text(entry.value, "platform")
        own = self._values.at(entry.value.mark, partial(Platform.parse, text))
        if found and own not in found:
            raise self._values.error(
                f"platform is {own}, which build.platforms does not have", entry.value.mark, hint=f"add {own} there"
            )
        return found or (own,)

    def _contexts(self) -> tuple[dict[str, str], tuple[str, ...]]:
        found: dict[str, str] = {}
        needs: dict[str, None] = {}
        for key, (text, mark) in self._pairs("additional_contexts").items():
            if not text:
                raise self._values.error(f"the context {shorten(key)!r} has no value", mark)
            if text.startswith(_SERVICE):
                needed = text.removeprefix(_SERVICE)
                if needed not in self._around.images:
                    raise self._values.error(f"there is no service {shorten(needed)!r}", mark)
                needs[needed] = None
                found[key] = f"{_IMAGE}{self._around.images[needed]}"
            elif text.startswith(_IMAGE):
                found[key] = f"{_IMAGE}{self._reference(text.removeprefix(_IMAGE), mark)}"
            elif "://" in text:
                hint = f"a directory, {_IMAGE}REF or {_SERVICE}NAME can be one"
                raise self._values.error(f"the context {shorten(text)!r} is not supported", mark, hint=hint)
            else:
                found[key] = str(self._path(text, mark))
        return found, tuple(needs)

    def _secrets(self) -> tuple[str, ...]:
        entry = self._node.find("secrets")
        if entry is None:
            return ()
        if not isinstance(entry.value, ListNode):
            raise self._values.error("build.secrets has to be a list", entry.value.mark)
        return tuple(self._secret(item) for item in entry.value.items)

    def _secret(self, node: Node) -> str:
        if isinstance(node, MappingNode):
            for one in node.entries:
                if one.key not in _SECRET_KEYS:
                    hint = "say it where it is mounted: RUN --mount=type=secret,id=…,uid=…,mode=…"
                    raise self._values.error(
                        f"{shorten(one.key)!r} of a build's secret is not supported", one.key_mark, hint=hint
                    )
            source = node.find("source")
            if source is None:
                raise self._values.error("a secret has no source", node.mark)
            name = self._values.text(source.value, "source")
            target = node.find("target")
            identity = name if target is None else self._values.text(target.value, "target")
        else:
            name = identity = self._values.text(node, "a secret")
        if name not in self._around.secrets:
            hint = "add it to the secrets at the end of the file, with a file or an environment"
            raise self._values.error(f"there is no secret {shorten(name)!r}", node.mark, hint=hint)
        if not self._around.secrets[name]:
            hint = "give it a file or an environment; what an engine keeps cannot be read here"
            raise self._values.error(f"the secret {shorten(name)!r} has no content", node.mark, hint=hint)
        return f"{render_field(f'id={identity}')},{self._around.secrets[name]}"

    def _agents(self) -> tuple[str, ...]:
        found = []
        for key, (text, mark) in self._pairs("ssh", text_is_name=True).items():
            found.append(key if text is None else f"{key}={self._path(os.path.expanduser(text), mark)}")
        return tuple(found)

    def _hosts(self) -> tuple[tuple[str, str], ...]:
        entry = self._node.find("extra_hosts")
        if entry is None:
            return ()
        if isinstance(entry.value, MappingNode):
            lines = [
                (f"{one.key}={text}", mark)
                for one in entry.value.entries
                for text, mark in self._values.texts(one.value, f"the host {shorten(one.key)!r}")
            ]
        else:
            lines = list(self._texts("extra_hosts"))
        return tuple(pair for text, mark in lines for pair in self._values.at(mark, partial(parse_hosts, [text])))

    def _caches(self, key: str, parse: Callable[[list[str]], tuple[_T, ...]]) -> tuple[_T, ...]:
        return tuple(one for text, mark in self._texts(key) for one in self._values.at(mark, partial(parse, [text])))

    def _network(self) -> Network:
        text = self._text("network") or "default"
        if text not in _NETWORKS:
            entry = self._node.find("network")
            assert entry is not None  # noqa: S101 (a text was read from it)
            hint = f"expected {', '.join(_NETWORKS)}"
            raise self._values.error(f"build.network is {shorten(text)!r}", entry.value.mark, hint=hint)
        return _NETWORKS[text]

    def _path(self, text: str, mark: Mark) -> Path:
        return Path(os.path.normpath(self._values.source(mark).directory / text))

    def _text(self, key: str) -> str:
        entry = self._node.find(key)
        return "" if entry is None else self._values.maybe_text(entry.value, f"build.{key}") or ""

    def _truth(self, key: str) -> bool:
        entry = self._node.find(key)
        return entry is not None and self._values.truth(entry.value, f"build.{key}")

    def _texts(self, key: str) -> tuple[tuple[str, Mark], ...]:
        entry = self._node.find(key)
        return () if entry is None else self._values.texts(entry.value, f"build.{key}")

    def _pairs(self, key: str, *, text_is_name: bool = False) -> dict[str, tuple[str | None, Mark]]:
        entry = self._node.find(key)
        if entry is None:
            return {}
        if text_is_name and isinstance(entry.value, ScalarNode):
            return {text: (None, mark) for text, mark in self._texts(key)}
        return self._values.pairs(entry.value, f"build.{key}")
