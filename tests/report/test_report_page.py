"""The page of ``smidgen explain --html``: what is in it, and that no text of an image can do anything there."""

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from smidgen.report.page_html import render_page
from smidgen.report.page_tree import KINDS, report_tree, written
from smidgen.report.schema_explain import (
    ExplainBytes,
    ExplainedContainer,
    ExplainedEntry,
    ExplainedModule,
    ExplainedPackage,
    ExplainedPart,
    ExplainedProgram,
    ExplainedSection,
    ExplainedTar,
    ExplainReport,
    ProgramNeed,
)

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"alert(1)\">'&amp;"
NOT_UTF_8 = os.fsdecode(b"caf\xe9")


def part(name: str, size: int, kind: str = "code") -> ExplainedPart:
    return ExplainedPart(name=name, kind=kind, size=size, exact=size, pull=size // 2)


def package(name: str, *parts: ExplainedPart) -> ExplainedPackage:
    size = sum(one.size for one in parts)
    return ExplainedPackage(name=name, kind="package", size=size, exact=size, pull=size // 2, parts=parts)


def section(name: str, *packages: ExplainedPackage) -> ExplainedSection:
    size = sum(one.size for one in packages)
    return ExplainedSection(
        name=name, offset=0, size=size, memory=size, exact=size, attributed=size, pull=size // 2, packages=packages
    )


def program(*sections: ExplainedSection) -> ExplainedProgram:
    size = sum(one.size for one in sections)
    need = ProgramNeed(kind="ca", confidence="likely", proof=HOSTILE, reason="It calls.", callers=(), place="")
    return ExplainedProgram(
        architecture="amd64",
        variant="",
        go_version="go1.26.8",
        static=True,
        interpreter="",
        libraries=(),
        stripped=True,
        debug=False,
        trimmed=True,
        pie=False,
        packed=False,
        cgo=False,
        keeps_methods=False,
        main="example.com/web",
        modules=(ExplainedModule(path=HOSTILE, version="v1", replaced_by=None),),
        settings={"-ldflags": HOSTILE},
        needs=(need,),
        facts=(HOSTILE,),
        problems=(),
        twin=False,
        size=size,
        exact=size,
        attributed=size,
        pull=size // 2,
        sections=sections,
    )


def entry(path: str, size: int, binary: ExplainedProgram | None = None) -> ExplainedEntry:
    return ExplainedEntry(
        path=path,
        kind="file",
        mode="0644",
        uid=0,
        gid=0,
        size=size,
        pull=size // 2,
        link=None,
        binary=binary,
        problem="",
    )


def layer(created_by: str, *files: ExplainedEntry) -> ExplainedTar:
    size = sum(file.size for file in files) + 1024
    return ExplainedTar(
        digest="sha256:" + "0" * 64,
        diff_id="sha256:" + "1" * 64,
        media_type="x",
        size=size,
        pull=size // 2,
        framing=1024,
        created_by=created_by,
        files=files,
    )


def image(*layers: ExplainedTar, name: str = "web:1") -> ExplainReport:
    total = sum(one.size for one in layers)
    return ExplainReport(
        name=name,
        bytes=ExplainBytes(total=total, exact=total, attributed=total, pull=total // 2 + 900),
        image=ExplainedContainer(
            digest="sha256:" + "2" * 64,
            platform="linux/amd64",
            user="",
            root=True,
            entrypoint=("/web",),
            cmd=(),
            working_dir="",
            env={"A": HOSTILE},
            ports=(),
            labels={HOSTILE: "x"},
            program="/web",
            needs=(),
            layers=layers,
        ),
    )


WEB = program(
    section(".text", package("net/http", part("net/http.Get", 400), part("net/http.Post", 300)), package("main")),
    section(".rodata", package("net/http", part("names", 100, "data"))),
)
REPORT = image(
    layer("COPY . /srv", entry("/srv/a/x", 3000), entry("/srv/a/y", 500), entry("/srv/b", 10)),
    layer(HOSTILE, entry("/web", WEB.size, WEB), entry(f"/{HOSTILE}", 7), entry(f"/{NOT_UTF_8}", 5)),
    name=HOSTILE,
)


class _Parsed(HTMLParser):
    """Elements, their attributes, and the texts of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside in self.texts:
            self.texts[self._inside].append(data)


def tree_of(page: str) -> Any:
    data, _ = _Parsed(page).texts["script"]
    return json.loads(data)["tree"]


def test_no_text_becomes_an_element() -> None:
    parsed = _Parsed(render_page(REPORT))
    assert len(parsed.texts["script"]) == 2
    assert parsed.texts["title"] == [f"{HOSTILE} · smidgen explain"]
    allowed = {"id", "class", "lang", "charset", "content", "name", "http-equiv", "type", "scope", "hidden", "href"}
    for tag, attributes in parsed.elements:
        assert tag not in {"img", "iframe", "link", "object", "base", "form"}
        extra = {one for one in attributes if not one.startswith(("aria-", "data-"))} - allowed
        assert extra <= {"role", "for", "value", "placeholder", "autocomplete", "tabindex"}, (tag, attributes)


def test_the_policy_allows_this_page_and_nothing_else() -> None:
    page = render_page(REPORT)
    parsed = _Parsed(page)
    (policy,) = [
        attributes["content"] or ""
        for _, attributes in parsed.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    for kind, texts in (("script-src", parsed.texts["script"][1:]), ("style-src", parsed.texts["style"])):
        (text,) = texts
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"sha256-\S+", "", page.replace(HOSTILE, "")))


def test_parts_add_up() -> None:
    def check(node: list[Any]) -> None:
        if len(node) > 5 and node[1] != KINDS.index("image"):
            for at in (2, 4):
                assert sum(child[at] for child in node[5]) == node[at], node
        for child in node[5] if len(node) > 5 else ():
            check(child)

    tree = tree_of(render_page(REPORT))
    check(tree)
    assert [child[0] for child in tree[5]][:2] == ["1 COPY . /srv", f"2 {HOSTILE}"[:122]]
    (srv,) = [child for child in tree[5][0][5] if child[0] == "srv/"]
    assert [(child[0], child[2]) for child in srv[5]] == [("a/", 3500), ("b", 10)]


def test_a_tree_that_is_too_large_is_summed_up() -> None:
    parts = [part(f"main.function{at}", 1 + at % 50) for at in range(20_000)]
    report = ExplainReport(
        name="x",
        bytes=ExplainBytes(total=1, exact=1, attributed=1, pull=1),
        binary=program(section(".text", package("main", *parts))),
    )
    whole = report_tree(report)
    data = msgspec.json.encode(written(whole, most=50_000))
    assert len(data) < 60_000
    (text,) = written(whole, most=50_000)[5]
    (main,) = text[5]
    assert main[5][-1][0].endswith(" smaller")
    assert sum(child[2] for child in main[5]) == main[2] == sum(one.size for one in parts)


@pytest.mark.parametrize("report", [REPORT, image(), image(layer(""))], ids=["full", "no layer", "no file"])
def test_every_report_renders(report: ExplainReport) -> None:
    page = render_page(report)
    assert page.startswith("<!doctype html>")
    page.encode("utf-8", "strict")
    assert "\\xe9" in page or report is not REPORT
