"""``smidgen explain`` as a user sees it."""

from pathlib import Path

import pytest

from smidgen.image.image import Image
from smidgen.layer.entry import Entry
from smidgen.oci.config import RunConfig
from smidgen.store.content import ContentStore
from support.command import Smidgen
from support.elf_maker import RX, ElfMaker
from support.needs_programs import STANDARD
from support.small_images import put_image

PROGRAM = "certificate_pool"


@pytest.fixture
def program() -> Path:
    return STANDARD.build() / PROGRAM


@pytest.fixture
def web(smidgen: Smidgen, program: Path) -> Path:
    """The image ``web:1`` in the store, and an archive of it."""
    store = ContentStore.open(smidgen.store)
    entries = [Entry.file("web", program, mode=0o755)]
    Image(store, put_image(store, entries, run=RunConfig(entrypoint=("/web",)))).tag("web:1")
    archive = smidgen.cwd / "web.tar"
    smidgen("save", "web:1", "-o", archive)
    return archive


def test_an_executable(smidgen: Smidgen, program: Path) -> None:
    lines = smidgen("explain", program).lines
    text = "\n".join(lines)
    assert lines[0].startswith(f"{program}  Go program (go")
    for expected in ("static, no cgo", "crypto/x509", ".gopclntab", "needs ca", "more packages: --top 0 shows all"):
        assert expected in text


def test_json_of_an_executable_down_to_its_functions(smidgen: Smidgen, program: Path) -> None:
    report = smidgen("explain", program, "--json", "--depth", "function", "--package", "crypto/x509").json
    total = report["bytes"]
    assert total["total"] == program.stat().st_size
    assert 0.9 * total["total"] <= total["exact"] <= total["attributed"] <= total["total"]
    assert 0 < total["pull"] < total["total"]
    packages = [package for section in report["binary"]["sections"] for package in section["packages"]]
    assert {package["name"].split("/")[1] for package in packages} == {"x509"}
    names = {part["name"] for package in packages for part in package["parts"] if part["kind"] == "code"}
    assert "crypto/x509.(*CertPool).AppendCertsFromPEM" in names


@pytest.mark.parametrize("form", ["name", "archive", "layout"])
def test_an_image_wherever_it_is(smidgen: Smidgen, web: Path, form: str) -> None:
    target = {"name": "web:1", "archive": str(web), "layout": f"oci:{smidgen.store}:web:1"}[form]
    if form == "layout":
        target = f"oci:{smidgen.store}"
    report = smidgen("explain", "--json", target).json
    image = report["image"]
    assert image["root"]
    assert image["program"] == "/web"
    (layer,) = image["layers"]
    (file,) = layer["files"]
    assert file["binary"]["sections"]
    assert [need["place"] for need in image["needs"] if need["kind"] == "ca"] == [""]


def test_depth_top_and_order(smidgen: Smidgen, web: Path) -> None:
    assert web.exists()
    outcome = smidgen("explain", "web:1", "--depth", "image")
    assert "LAYER" not in outcome.stdout
    assert "runs as" in outcome.stdout
    by_name = smidgen("explain", "web:1", "--sort", "name", "--top", "3", "--depth", "function").lines
    packages = [line.split()[0] for line in by_name[by_name.index(next(at for at in by_name if "PACKAGE" in at)) :]]
    assert packages[1] == "C" or packages[1] < packages[5]


def test_what_cannot_be_explained(smidgen: Smidgen, tmp_path: Path) -> None:
    text, cut = tmp_path / "text", tmp_path / "cut"
    text.write_text("hello\n")
    cut.write_bytes(b"\x7fELF" + bytes(8))
    for target, expected in (
        (str(text), "archive"),
        (str(cut), "invalid executable"),
        ("docker://example.com/a:1", "fetch it first: smidgen pull example.com/a:1"),
        ("nothing:1", "not found"),
        (f"oci:{tmp_path}", "layout"),
    ):
        outcome = smidgen("explain", target, fails=True)
        assert expected in outcome.stderr, outcome
        assert "Traceback" not in outcome.stderr
        assert outcome.stdout == ""


def test_a_program_that_upx_packed_says_so(smidgen: Smidgen) -> None:
    maker = ElfMaker()
    maker.add(b"packed " * 100, flags=RX)
    packed = smidgen.cwd / "packed"
    packed.write_bytes(maker.build() + b"UPX!")
    lines = smidgen("explain", packed).lines
    assert "packed             by UPX: nothing inside can be told apart, unpack it with `upx -d` first" in lines[1]
    assert smidgen("explain", packed, "--json").json["binary"]["packed"]
