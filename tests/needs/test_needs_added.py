"""What lies in a program or is added beside it: libraries that are loaded with it, and what they need of the system."""

import zlib
from pathlib import Path
from struct import pack

import pytest
import zstandard

from smidgen.errors import DynamicExecutable
from smidgen.needs.closure.added import Addition
from smidgen.needs.closure.closure import Closure, Library, Reason
from smidgen.needs.closure.placing import closure_layers
from smidgen.needs.closure.resolve import resolve_closure
from smidgen.needs.closure.whole import check_whole
from smidgen.needs.need import FactKind, NeedKind
from support.c_programs import Workshop

pytestmark = pytest.mark.e2e

_LOADS = "#include <dlfcn.h>\nint main(int n, char **names) { return dlopen(names[1], RTLD_NOW) == 0; }"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def _named(closure: Closure, name: str) -> Library:
    return next(one for one in closure.libraries if one.name == name)


def _names(closure: Closure) -> set[str]:
    return {one.name for one in closure.libraries}


def _function(name: str, calls: str = "") -> str:
    body = f"{calls}()" if calls else "0"
    declared = f"int {calls}(void); " if calls else ""
    return f"{declared}int {name}(void) {{ return {body}; }}"


# Added files


def test_what_added_libraries_need_goes_with_them(shop: Workshop) -> None:
    shop.library("plugins/libinner.so", _function("inner"))
    shop.library("plugins/plug.so", _function("plug", "inner"), "-Lplugins", "-linner", "-Wl,--no-as-needed", "-lm")
    (shop.root / "plugins/notes.txt").write_text("data")
    (shop.root / "plugins/cut.so").write_bytes((shop.root / "plugins/plug.so").read_bytes()[:300])
    program = shop.program("app", _LOADS)
    assert "libm.so.6" not in _names(resolve_closure(program))
    files = sorted((shop.root / "plugins").iterdir())
    added = [Addition(f"/plugins/{one.name}", one) for one in files]
    closure = resolve_closure(program, added=added)
    math = _named(closure, "libm.so.6")
    assert (math.reason, math.needed_by) == (Reason.ADDED, (str(shop.root / "plugins/plug.so"),))
    # The other one that is needed is added as well.
    assert "libinner.so" not in _names(closure)
    check_whole(closure)
    assert FactKind.ADDED not in {fact.kind for fact in closure.report.facts}


def test_what_an_added_library_lacks_is_a_warning(shop: Workshop) -> None:
    shop.library("stub/libnowhere-9.so.4", _function("nowhere"))
    plug = shop.library("plug.so", _function("plug", "nowhere"), "-Lstub", "-l:libnowhere-9.so.4")
    closure = resolve_closure(shop.program("app", _LOADS), added=[Addition("/plug.so", plug)])
    check_whole(closure)
    (fact,) = [one for one in closure.report.facts if one.kind is FactKind.ADDED]
    assert fact.warning
    assert f"libnowhere-9.so.4, which {plug} needs, was not found in " in fact.message


def test_what_an_added_library_calls_counts(shop: Workshop) -> None:
    source = "#include <netdb.h>\nint plug(void) { return getaddrinfo(0, 0, 0, 0); }"
    plug = shop.library("plug.so", source)
    program = shop.program("app", _LOADS)
    assert resolve_closure(program).report.need(NeedKind.RESOLVER) is None
    need = resolve_closure(program, added=[Addition("/plug.so", plug)]).report.need(NeedKind.RESOLVER)
    assert need is not None
    assert need.reason == "plug.so looks up hosts."


def test_own_libraries_stay_beside_the_program_if_it_finds_them_there(shop: Workshop) -> None:
    inner = shop.library("app/lib/libinner.so", _function("inner"), "-Wl,--no-as-needed", "-lm")
    flags = ("-Lapp/lib", "-linner", "-Wl,-rpath,$ORIGIN/lib")
    program = shop.program("app/app", "int inner(void); int main(void) { return inner(); }", *flags)
    added = [Addition("/opt/it/lib/libinner.so", inner), Addition("/opt/it/app", program)]
    closure = resolve_closure(program, added=added, program_at="/opt/it/app")
    assert _names(closure) == {closure.interpreter, "libm.so.6", "libc.so.6"}
    check_whole(closure)
    # In another directory, or with the program elsewhere, its loader does not find them: they are taken along.
    for inside, at in (("/opt/it/libinner.so", "/opt/it/app"), ("/opt/it/lib/libinner.so", "")):
        closure = resolve_closure(program, added=[Addition(inside, inner)], program_at=at)
        assert _named(closure, "libinner.so").path == str(inner)


def test_a_library_that_is_loaded_by_several_names_has_them_all(shop: Workshop) -> None:
    """Nim's programs try one name after the other, and are satisfied with any."""
    shop.library("lib/libtalk.so.3", _function("talk"))
    (shop.root / "lib/libtalk.so").symlink_to("libtalk.so.3")
    source = """#include <dlfcn.h>
    int main(void) { return dlopen("libtalk.so", RTLD_NOW) == 0 && dlopen("libtalk.so.3", RTLD_NOW) == 0; }"""
    closure = resolve_closure(shop.program("app", source, "-Wl,-rpath,$ORIGIN/lib"))
    library = _named(closure, "libtalk.so")
    assert library.aliases == ("libtalk.so.3",)
    layer = closure_layers(closure, certificates=False)[1]
    assert {entry.path.rpartition("/")[2] for entry in layer.entries()} == {"libtalk.so", "libtalk.so.3"}


# Packed files


def test_what_pyinstaller_packed(shop: Workshop) -> None:
    program = shop.program("app")
    inner = shop.library("libinner.so", _function("inner"))
    packed = shop.library("libpacked.so", _function("packed", "inner"), "-Wl,--no-as-needed", "-L.", "-linner", "-lm")
    contents = {"libpacked.so": packed.read_bytes(), "lib/libinner.so": inner.read_bytes(), "main": b"print(1)" * 20}
    plain = program.read_bytes()
    program.write_bytes(plain + _archive(contents))
    closure = resolve_closure(program)
    assert _named(closure, "libm.so.6").reason is Reason.PACKED
    assert closure.is_whole
    assert closure.report.need(NeedKind.TMP) is not None
    del contents["lib/libinner.so"]
    program.write_bytes(plain + _archive(contents))
    with pytest.raises(DynamicExecutable, match=r"libinner\.so, which .*libpacked\.so needs, was not found"):
        check_whole(resolve_closure(program))
    whole = plain + _archive(contents)
    for cut in range(len(plain), len(whole), 97):
        program.write_bytes(whole[:cut] + whole[-88:])
        assert resolve_closure(program).interpreter


def _archive(contents: dict[str, bytes]) -> bytes:
    """Pack files as PyInstaller does."""
    body = rows = b""
    for name, content in contents.items():
        data = zlib.compress(content)
        padded = name.encode().ljust(32, b"\0")
        rows += pack(">IIIIBc", 18 + len(padded), len(body), len(data), len(content), 1, b"b") + padded
        body += data
    length = len(body) + len(rows) + 88
    return body + rows + pack(">8sIIII64s", b"MEI\014\013\012\013\016", length, len(body), len(rows), 311, b"")


@pytest.mark.parametrize("compressed", [True, False])
def test_what_nuitka_packed(shop: Workshop, *, compressed: bool) -> None:
    program = shop.program("app", 'char *text = "NUITKA_ONEFILE_DIRECTORY"; int main(void) { return text[0] == 0; }')
    packed = shop.library("libpacked.so", _function("packed"), "-Wl,--no-as-needed", "-lm")
    contents = {"main": b"\x7fELF, but not really", "lib/libpacked.so": packed.read_bytes(), "data": b"text"}
    files = b"".join(
        name.encode() + b"\0\1" + len(content).to_bytes(8, "little") + content for name, content in contents.items()
    )
    payload = b"KAY" + zstandard.compress(files + b"\0") if compressed else b"KAX" + files + b"\0"
    plain = program.read_bytes()
    program.write_bytes(plain + payload)
    closure = resolve_closure(program)
    assert _named(closure, "libm.so.6").needed_by == (f"{program}/lib/libpacked.so",)
    need = closure.report.need(NeedKind.TMP)
    assert need is not None
    assert need.symbol == "Nuitka"
    for cut in range(0, len(payload), 211):
        program.write_bytes(plain + payload[:cut])
        assert resolve_closure(program).interpreter
