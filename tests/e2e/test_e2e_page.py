"""The page of ``smidgen explain --html`` in a browser: it draws, zooms, searches, and runs nothing of an image."""

import json
import re
from pathlib import Path

import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.reference import Reference
from smidgen.store.content import ContentStore
from support.browser import loaded, loaded_with
from support.command import Smidgen
from support.needs_programs import STANDARD
from support.small_images import put_image

pytestmark = pytest.mark.e2e

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'<"
_STEPS = """
const told = {}, $ = (id) => document.getElementById(id), path = () => $("path").children.length;
const names = () => [...$("rows").rows].map((row) => row.cells[0].textContent);
told.start = [path(), names().includes("net/http"), $("map").children.length > 50];
[...$("map").children].find((box) => box.title.startsWith("net/http:")).click();
told.zoomed = [path(), names().some((name) => name.startsWith("net/http.("))];
const key = (name) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
const first = document.activeElement;
key("ArrowRight");
told.moved = document.activeElement !== first && document.activeElement.parentElement === $("map");
key("Escape");
told.back = path();
$("measure").value = "pull";
$("measure").dispatchEvent(new Event("change"));
told.pull = $("map").firstChild.title.includes("to pull");
$("group").value = "section";
$("group").dispatchEvent(new Event("change"));
told.sections = names().includes(".text");
document.querySelector('#table th[data-at="0"] button').click();
told.sorted = JSON.stringify(names()) === JSON.stringify(names().sort((a, b) => a.localeCompare(b)));
const back = () => getComputedStyle(document.body).backgroundColor, before = back();
$("theme").click();
told.theme = back() !== before;
$("search").value = "onerror img";
$("search").dispatchEvent(new Event("input"));
setTimeout(() => {
  told.found = $("found").rows.length;
  document.title = JSON.stringify(told);
}, 500);
"""


@pytest.fixture
def page(smidgen: Smidgen, tmp_path: Path) -> Path:
    store = ContentStore.open(smidgen.store)
    program = (STANDARD.build() / "https_get").read_bytes()
    files = [Entry.file("app", program, mode=0o755), Entry.file(f"etc/{HOSTILE}", b"x" * 2000)]
    run = RunConfig(entrypoint=("/app",), labels={HOSTILE: HOSTILE}, env=(f"A={HOSTILE}",))
    store.tag(Reference.parse("web:1"), put_image(store, files, run=run, compression="none"))
    outcome = smidgen("explain", "web:1", "--html", "page.html")
    assert outcome.stdout == ""
    return tmp_path / "page.html"


def test_it_draws_and_runs_nothing_of_the_image(page: Path) -> None:
    document = loaded(page)
    assert "<title>web:1 · smidgen explain</title>" in document
    # The page's own script ran under the page's own policy.
    drawn = re.findall(r'<button type="button"[^>]*aria-label="([^"]+)"[^>]*style=', document)
    assert any(label.startswith("net/http: ") for label in drawn)
    assert len(page.read_bytes()) < 2_000_000


def test_it_zooms_searches_and_changes_its_colours(page: Path) -> None:
    document = loaded_with(page, _STEPS)
    title = re.search(r"<title>(.*?)</title>", document)
    assert title
    told = json.loads(title[1].replace("&quot;", '"'))
    assert told == {
        "start": [3, True, True],
        "zoomed": [4, True],
        "moved": True,
        "back": 3,
        "pull": True,
        "sections": True,
        "sorted": True,
        "theme": True,
        "found": 1,
    }
