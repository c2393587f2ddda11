"""From the text of a build file to a :class:`~smidgen.flow.build_file.Flow`.

Unlike Habitus, which passes over what it does not know, a key that means nothing is an error that shows its line.

Source: Habitus 1.0 (``build/manifest.go``).
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from smidgen.config.yaml_source import (
    Document,
    Entry,
    ListNode,
    MappingNode,
    Node,
    ScalarNode,
    parse_document,
    read_document,
    shorten,
)
from smidgen.errors import InvalidReference, UsageError
from smidgen.flow.build_file import Artifact, Flow, FlowStep, Provider, SecretSource, Text, inside
from smidgen.flow.variables import VARIABLE, substitute
from smidgen.oci.reference import Reference

VERSIONS: Final = ("2016-02-13", "2016-03-14")
_SECRETS_SINCE: Final = "2016-03-14"
#: Nobody writes so many by hand; all of one level are built at once.
MOST_STEPS: Final = 200
_TRUTHS: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"), False),
}
_PROVIDERS: Final[dict[str, Provider]] = {"file": "file", "env": "env"}


def read_flow(path: Path, environ: Mapping[str, str], *, uid: str = "") -> Flow:
    """Read the build file at *path*.

    Args:
        path: Of the file.
        environ: What ``_env`` gives.
        uid: Is appended to the names of images, so that several can build the same flow at once.

    Raises:
        ConfigError: It cannot be read, is no YAML, or says what cannot be meant.
    """
    return _Reader(read_document(path, str(path)), environ, uid).flow()


def parse_flow(text: str, environ: Mapping[str, str], *, name: str = "build.yml", uid: str = "") -> Flow:
    """Parse the text of a build file; see :func:`read_flow`.

    Raises:
        ConfigError: It says what cannot be meant.
    """
    return _Reader(parse_document(text, path=Path(name), name=name), environ, uid).flow()


class _Reader:
    def __init__(self, document: Document, environ: Mapping[str, str], uid: str) -> None:
        self._document = document
        self._environ = environ
        self._uid = uid
        self._version = ""

    def flow(self) -> Flow:
        root = self._document.root
        self._check_keys(root, ("build",), "a build file")
        build = root.find("build")
        if build is None:
            raise self._document.error("there is no build", root.mark, hint="begin the file with build:")
        body = self._mapping(build.value, "build")
        # Habitus reads work_dir and does nothing with it.
        self._check_keys(body, ("version", "work_dir", "steps"), "build")
        self._version = self._read_version(body)
        steps = body.find("steps")
        entries = self._mapping(steps.value, "steps").entries if steps is not None else ()
        if not entries:
            raise self._document.error("there are no steps", body.mark, hint="write them below steps:")
        if len(entries) > MOST_STEPS:
            raise self._document.error(f"there are {len(entries)} steps, the limit is {MOST_STEPS}", body.mark)
        made = tuple(self._step(entry) for entry in entries)
        self._check_names(made, entries)
        return Flow(document=self._document, version=self._version, steps=tuple(self._linked(made, entries)))

    def _read_version(self, body: MappingNode) -> str:
        entry = body.find("version")
        if entry is None:
            raise self._document.error(
                "there is no version", body.mark, hint=f"write version: {VERSIONS[-1]} below build:"
            )
        version = self._text(entry.value, "version").value
        if version not in VERSIONS:
            raise self._document.error(
                f"the version is {shorten(version)!r}", entry.value.mark, hint=f"expected {' or '.join(VERSIONS)}"
            )
        return version

    # Steps

    def _step(self, entry: Entry) -> FlowStep:
        body = self._mapping(entry.value, f"the step {shorten(entry.key)!r}")
        self._check_keys(body, _STEP_KEYS, "a step")
        if not entry.key.isprintable() or not entry.key:
            raise self._document.error(f"the step {entry.key!r} has no name that can be shown", entry.key_mark)
        if body.find("name") is None:
            raise self._document.error(
                f"the step {shorten(entry.key)!r} has no name",
                entry.key_mark,
                hint="write name: NAME[:TAG] of its image",
            )
        plain = self._name(body)
        return FlowStep(
            label=entry.key,
            name=_unique(plain, self._uid),
            called=plain.familiar.removesuffix(":latest"),
            dockerfile=self._path(body, "dockerfile") or "Dockerfile",
            context=self._path(body, "context"),
            target=self._optional(body, "target"),
            args=self._args(body),
            artifacts=tuple(map(self._artifact, self._texts(body, "artifacts"))),
            cleanup=self._cleanup(body),
            command=self._command(body, "command"),
            after_build_command=self._command(body, "after_build_command"),
            no_cache=self._truth(body, "no_cache"),
            secrets=tuple(self._secrets(body)),
            mark=entry.key_mark,
        )

    def _name(self, body: MappingNode) -> Reference:
        entry = body.find("name")
        assert entry is not None  # noqa: S101 (the caller looked)
        text = self._text(entry.value, "name")
        try:
            name = Reference.parse(text.value).with_default_tag()
        except InvalidReference as error:
            raise self._document.error(error.message, text.mark, hint=error.hint) from error
        if name.digest:
            raise self._document.error("an image that is to be built has no digest yet", text.mark, hint="leave it out")
        return name

    def _path(self, body: MappingNode, key: str) -> str:
        entry = body.find(key)
        if entry is None:
            return ""
        text = self._text(entry.value, key)
        path = inside(text.value)
        if path is None or (text.value.startswith("/") and key == "context"):
            raise self._document.error(
                f"{key} is {shorten(text.value)!r}, which is not below the working directory",
                text.mark,
                hint="give a directory that is above all of them with -d",
            )
        return path

    def _args(self, body: MappingNode) -> dict[str, str]:
        entry = body.find("args")
        if entry is None:
            return {}
        found = self._mapping(entry.value, "args").entries
        return {each.key: self._text(each.value, f"args.{each.key}", empty=True).value for each in found}

    def _artifact(self, text: Text) -> Artifact:
        source, colon, directory = text.value.partition(":")
        if ":" in directory or (colon and not directory):
            raise self._document.error("expected SOURCE[:DIRECTORY]", text.mark)
        path = inside(source)
        if not path:
            raise self._document.error(
                f"{shorten(source)!r} is no file of the image",
                text.mark,
                hint="expected an absolute path, such as /app",
            )
        target = inside(directory)
        if target is None:
            raise self._document.error(
                f"{shorten(directory)!r} is not below the working directory",
                text.mark,
                hint="artifacts go into directories below the one the flow works in",
            )
        return Artifact(source=f"/{path}", directory=target, mark=text.mark)

    def _cleanup(self, body: MappingNode) -> tuple[Text, ...]:
        entry = body.find("cleanup")
        if entry is None:
            return ()
        cleanup = self._mapping(entry.value, "cleanup")
        self._check_keys(cleanup, ("commands",), "cleanup")
        return self._texts(cleanup, "commands")

    def _command(self, body: MappingNode, key: str) -> Text | None:
        entry = body.find(key)
        return None if entry is None else self._text(entry.value, key)

    def _secrets(self, body: MappingNode) -> Iterator[SecretSource]:
        entry = body.find("secrets")
        if entry is None:
            return
        if self._version < _SECRETS_SINCE:
            raise self._document.error(
                f"version {self._version} has no secrets", entry.key_mark, hint=f"write version: {_SECRETS_SINCE}"
            )
        for each in self._mapping(entry.value, "secrets").entries:
            what = f"the secret {shorten(each.key)!r}"
            fields = self._mapping(each.value, what)
            self._check_keys(fields, ("type", "value"), "a secret")
            found = {key: fields.find(key) for key in ("type", "value")}
            kind, value = found["type"], found["value"]
            if kind is None or value is None:
                missing = "type" if kind is None else "value"
                raise self._document.error(f"{what} has no {missing}", each.key_mark, hint="it needs type and value")
            name = self._text(kind.value, "type").value
            if name not in _PROVIDERS:
                raise self._document.error(
                    f"{what} has the type {shorten(name)!r}", kind.value.mark, hint="expected file or env"
                )
            yield SecretSource(each.key, _PROVIDERS[name], self._text(value.value, "value").value, each.key_mark)

    # What steps say of each other

    def _check_names(self, steps: Iterable[FlowStep], entries: Iterable[Entry]) -> None:
        seen: dict[Reference, str] = {}
        for step, entry in zip(steps, entries, strict=True):
            if step.name in seen:
                name = self._mapping(entry.value, "").find("name")
                assert name is not None  # noqa: S101 (it was read)
                raise self._document.error(
                    f"the name {step.name.familiar} is that of the step {seen[step.name]!r} too",
                    name.value.mark,
                    hint="give each step a name of its own",
                )
            seen[step.name] = step.label

    def _linked(self, steps: tuple[FlowStep, ...], entries: Iterable[Entry]) -> Iterator[FlowStep]:
        # Habitus's own examples name the image here, and its code wants the label: both are understood.
        labels = {step.label: step.label for step in steps}
        known = {step.called: step.label for step in steps} | labels
        for step, entry in zip(steps, entries, strict=True):
            found: dict[str, None] = {}
            for text in self._texts(self._mapping(entry.value, ""), "depends_on"):
                label = known.get(text.value) or known.get(text.value.removesuffix(":latest"))
                if label is None:
                    close = difflib.get_close_matches(text.value, labels, 1)
                    hint = f"did you mean {close[0]}?" if close else f"the steps are {', '.join(labels)}"
                    raise self._document.error(f"there is no step {shorten(text.value)!r}", text.mark, hint=hint)
                found[label] = None
            yield replace(step, depends_on=tuple(found))

    # Values

    def _check_keys(self, node: MappingNode, known: tuple[str, ...], what: str) -> None:
        for entry in node.entries:
            if entry.key not in known:
                close = difflib.get_close_matches(entry.key, known, 1)
                hint = f"did you mean {close[0]}?" if close else f"expected {', '.join(known)}"
                raise self._document.error(f"{what} has no key {shorten(entry.key)!r}", entry.key_mark, hint=hint)

    def _mapping(self, node: Node, what: str) -> MappingNode:
        if isinstance(node, ScalarNode) and node.text is None:
            return MappingNode((), node.mark)
        if not isinstance(node, MappingNode):
            raise self._document.error(f"{what} has to be a mapping", node.mark, hint="write KEY: VALUE lines")
        for entry in node.entries:
            if VARIABLE.search(entry.key):
                raise self._document.error(
                    "_env() can stand in values, not in keys", entry.key_mark, hint="write the key out"
                )
        return node

    def _texts(self, body: MappingNode, key: str) -> tuple[Text, ...]:
        entry = body.find(key)
        if entry is None or (isinstance(entry.value, ScalarNode) and entry.value.text is None):
            return ()
        if not isinstance(entry.value, ListNode):
            raise self._document.error(f"{key} has to be a list", entry.value.mark, hint="write - before each element")
        return tuple(self._text(item, key) for item in entry.value.items)

    def _text(self, node: Node, what: str, *, empty: bool = False) -> Text:
        if not isinstance(node, ScalarNode):
            raise self._document.error(f"{what} has to be a text", node.mark)
        written = node.text or ""
        try:
            value = substitute(written, self._environ)
        except UsageError as error:
            raise self._document.error(error.message, node.mark, hint=error.hint) from error
        if not value.strip() and not empty:
            raise self._document.error(f"{what} is empty", node.mark)
        if "\0" in value:
            raise self._document.error(f"{what} has a NUL character", node.mark)
        return Text(value, written, node.mark)

    def _optional(self, body: MappingNode, key: str) -> str:
        entry = body.find(key)
        return "" if entry is None else self._text(entry.value, key, empty=True).value

    def _truth(self, body: MappingNode, key: str) -> bool:
        entry = body.find(key)
        if entry is None:
            return False
        text = self._text(entry.value, key).value
        if text not in _TRUTHS:
            raise self._document.error(f"{key} is {shorten(text)!r}", entry.value.mark, hint="expected true or false")
        return _TRUTHS[text]


_STEP_KEYS: Final = (
    "name",
    "dockerfile",
    "context",
    "args",
    "artifacts",
    "target",
    "cleanup",
    "depends_on",
    "command",
    "after_build_command",
    "no_cache",
    "secrets",
)


def _unique(name: Reference, uid: str) -> Reference:
    """Give the name that an image has where several build the same flow: ``app:1`` becomes ``app-UID:1``."""
    return msgspec.structs.replace(name, repository=f"{name.repository}-{uid.lower()}") if uid else name
