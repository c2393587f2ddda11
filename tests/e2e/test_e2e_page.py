"""The page of ``smidgen explain --html`` in a browser: it draws, zooms, searches, and runs nothing of an image."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.oci.reference import Reference
from smidgen.report.schema_journey import JourneyReport, StationImage, StationResult, StationRun
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
told.fits = document.documentElement.scrollWidth <= innerWidth;
told.bars = document.querySelectorAll("table.chart svg rect").length;
told.heard = [...document.querySelectorAll("button, input, select")].every((one) =>
  one.textContent.trim() || one.labels?.length || one.getAttribute("aria-label"));
const block = document.querySelector("[data-filtered]"), filter = block.querySelector("input");
const visible = () => [...block.querySelectorAll("tbody tr")].filter((row) => row.checkVisibility()).length;
told.rows = visible() > 1;
filter.value = "ETC onerror";
filter.dispatchEvent(new Event("input"));
$("search").value = "onerror img";
$("search").dispatchEvent(new Event("input"));
setTimeout(() => {
  told.found = $("found").rows.length;
  told.filtered = [visible(), block.querySelector("[data-said]").textContent];
  document.title = JSON.stringify(told);
}, 500);
"""
_IMAGE = StationImage(
    name="x",
    size=10,
    pull_size=5,
    layers=1,
    files=1,
    executables=0,
    shells=(),
    packages=0,
    modules=0,
    user=HOSTILE,
    go="go1.26.8",
    cold_seconds=1,
    warm_seconds=0,
    pull_seconds=1,
    storage_cost=0,
    transfer_cost=0,
    month_cost=0,
)
_STATION = StationResult(
    name=HOSTILE,
    title="",
    bases=(),
    dockerfile=HOSTILE,
    fault="",
    image=_IMAGE,
    run=StationRun(first_answer_ms=1, resident=None),
)
_JOURNEY = JourneyReport(target=".", bandwidth=1, pulls=1, storage_price=0, transfer_price=0, stations=(_STATION,))


@pytest.fixture
def page(smidgen: Smidgen, tmp_path: Path) -> Path:
    store = ContentStore.open(smidgen.store)
    program = (STANDARD.build() / "https_get").read_bytes()
    files = [Entry.file("app", program, mode=0o755), Entry.file(f"etc/{HOSTILE}", b"x" * 2000)]
    run = RunConfig(entrypoint=("/app",), labels={HOSTILE: HOSTILE}, env=(f"A={HOSTILE}",))
    store.tag(Reference.parse("web:1"), put_image(store, files, run=run, compression="none"))
    store.tag(Reference.parse("web:0"), put_image(store, files[:1], run=run, compression="none"))
    (tmp_path / "journey.json").write_bytes(msgspec.json.encode(_JOURNEY))
    more = ("--against", "web:0", "--journey", "journey.json")
    outcome = smidgen("explain", "web:1", "--html", "page.html", *more)
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
    document = loaded_with(page, _STEPS, width=500)
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
        "fits": True,
        "bars": 5,
        "heard": True,
        "rows": True,
        "filtered": [1, "1 found"],
    }
