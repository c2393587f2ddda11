"""Closures: the same files as the loader itself opens, by the same rules, and what is missing, said in full."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from smidgen.errors import DynamicExecutable, InvalidExecutable
from smidgen.needs.closure.closure import Closure, Library, Reason
from smidgen.needs.closure.directories import configured_directories
from smidgen.needs.closure.placing import closure_layers, image_path
from smidgen.needs.closure.resolve import resolve_closure
from smidgen.needs.closure.root import Root
from smidgen.needs.closure.whole import check_whole
from smidgen.needs.need import Confidence, FactKind, NeedKind
from support.c_programs import Workshop, loaded_by_the_system

pytestmark = pytest.mark.e2e

_DEBIAN = [name for name in ("git", "bash", "python3.11", "gpg", "openssl", "tar", "gcc", "perl") if shutil.which(name)]
_CALL = "int {0}(void); int main(void) {{ return {0}(); }}"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def _named(closure: Closure, name: str) -> Library:
    return next(one for one in closure.libraries if one.name == name)


def _function(name: str, calls: str = "") -> str:
    return (
        f"int {calls}(void); int {name}(void) {{ return {calls}(); }}" if calls else f"int {name}(void) {{ return 0; }}"
    )


# The same as the loader


@pytest.mark.parametrize("name", _DEBIAN)
def test_it_is_what_the_loader_itself_opens(name: str) -> None:
    program = Path(shutil.which(name) or "")
    closure = resolve_closure(program)
    certain = {one.path for one in closure.libraries if one.reason in {Reason.NEEDED, Reason.INTERPRETER}}
    assert {os.path.realpath(path) for path in certain} == {
        os.path.realpath(path) for path in loaded_by_the_system(program)
    }
    assert closure.is_whole
    check_whole(closure)


@pytest.mark.parametrize("tag", ["--enable-new-dtags", "--disable-new-dtags"])
def test_paths_of_the_program_and_of_its_libraries(shop: Workshop, tag: str) -> None:
    # The inner library is only in the directory that the program names: an RPATH counts for it, a RUNPATH does not.
    shop.library("lib/libinner.so", _function("inner"))
    shop.library("lib/libouter.so", _function("outer", "inner"), "-Llib", "-linner")
    flags = ("-Llib", "-louter", "-Wl,-rpath-link,lib", f"-Wl,{tag}", "-Wl,-rpath,$ORIGIN/../lib")
    program = shop.program("bin/app", _CALL.format("outer"), *flags)
    closure = resolve_closure(program)
    outer = _named(closure, "libouter.so")
    assert outer.path == str(shop.root / "lib/libouter.so")
    assert outer.needed_by == (str(program),)
    assert image_path(outer, closure) == f"{closure.directories[0]}/libouter.so"
    found = subprocess.run([program], check=False, capture_output=True).returncode == 0
    assert closure.is_whole == found == (tag == "--disable-new-dtags")
    if found:
        assert outer.found_by == f"RPATH of {program}"
        assert {one.path for one in closure.libraries if one.reason is Reason.NEEDED} | {closure.interpreter} == (
            set(map(os.path.normpath, loaded_by_the_system(program)))
        )
    else:
        (missing,) = closure.missing
        assert (missing.name, missing.needed_by) == ("libinner.so", (outer.path,))
        with pytest.raises(DynamicExecutable, match=f"libinner.so, which {outer.path} needs, was not found in /"):
            check_whole(closure)


def test_a_name_is_looked_for_once(shop: Workshop) -> None:
    # Both directories have it: the program's is opened first, and serves the library too.
    shop.library("own/libz9.so", _function("z9"))
    shop.library("private/libz9.so", _function("z9"))
    shop.library("lib/libuser.so", _function("user", "z9"), "-Lprivate", "-lz9", "-Wl,-rpath,$ORIGIN/../private")
    program = shop.program(
        "app", "int z9(), user(); int main() { return z9() + user(); }", "-Lown", "-Llib", "-lz9", "-luser",
        "-Wl,-rpath,$ORIGIN/own:$ORIGIN/lib", "-Wl,-rpath-link,private", "-Wl,--no-as-needed",
    )  # fmt: skip
    closure = resolve_closure(program)
    assert [one.path for one in closure.libraries if one.name == "libz9.so"] == [str(shop.root / "own/libz9.so")]
    assert str(shop.root / "own/libz9.so") in loaded_by_the_system(program)
    assert _named(closure, "libz9.so").needed_by == (str(program), str(shop.root / "lib/libuser.so"))


def test_two_names_of_one_file_are_a_link(shop: Workshop) -> None:
    real = shop.library("libreal.so.1.2", _function("real"), soname="")
    for name in ("libreal.so.1", "libalias.so"):
        os.link(real, shop.root / name) if name == "libalias.so" else (shop.root / name).symlink_to(real.name)
    shop.library("libuser.so", _function("user", "real"), "-L.", "-l:libalias.so", "-Wl,-rpath,$ORIGIN")
    program = shop.program(
        "app", "int real(), user(); int main() { return real() + user(); }", "-L.", "-l:libreal.so.1", "-luser",
        "-Wl,-rpath,$ORIGIN",
    )  # fmt: skip
    closure = resolve_closure(program)
    library = _named(closure, "libreal.so.1")
    assert library.aliases == ("libalias.so",)
    _, layer = closure_layers(closure, certificates=False)
    entries = {entry.path.rpartition("/")[2]: entry for entry in layer.entries()}
    assert entries["libalias.so"].link == f"{closure.directories[0]}/libreal.so.1"


def test_sysroot_with_ld_so_conf_and_links_that_stay_inside(shop: Workshop) -> None:
    program = _in_sysroot(shop)
    closure = resolve_closure(program, sysroot=shop.root / "sysroot")
    assert closure.is_whole
    mine = _named(closure, "libmine.so.3")
    assert (mine.path, mine.found_by) == ("/opt/lib/libmine.so.3", "/etc/ld.so.conf.d/mine.conf")
    assert Path(mine.file).is_relative_to(shop.root / "sysroot")
    assert all(Path(one.file).is_relative_to(shop.root / "sysroot") for one in closure.libraries)
    assert [one.path for one in configured_directories(Root(shop.root / "sysroot"), "/lib64/ld-linux-x86-64.so.2")] == [
        "/opt/lib",
        "/opt/more",
    ]


def _in_sysroot(shop: Workshop) -> Path:
    """Make a sysroot that has glibc, and a library where only its ld.so.conf says."""
    built = shop.library("build/libmine.so.3", _function("mine"))
    program = shop.program("app", _CALL.format("mine"), "-Lbuild", "-l:libmine.so.3")
    root = shop.root / "sysroot"
    for directory in ("etc/ld.so.conf.d", "opt", "real", "lib/x86_64-linux-gnu", "lib64"):
        (root / directory).mkdir(parents=True)
    # Absolute, so that it leads out of a sysroot whose links are followed by the host.
    (root / "opt/lib").symlink_to("/real")
    shutil.copy(built, root / "real/libmine.so.3.1")
    (root / "real/libmine.so.3").symlink_to("../../../../../../../real/libmine.so.3.1")
    (root / "etc/ld.so.conf").write_text("# ours\ninclude ld.so.conf.d/*.conf\nhwcap 1 nosegneg\n/opt/more # more\n")
    (root / "etc/ld.so.conf.d/mine.conf").write_text("/opt/lib/\n")
    (root / "etc/ld.so.conf.d/loop.conf").write_text("include /etc/ld.so.conf\nrelative/is/ignored\n")
    for one in resolve_closure(Path("/bin/true")).libraries:
        shutil.copy(one.file, root / one.path.lstrip("/"))
    return program


def test_a_musl_program(shop: Workshop) -> None:
    musl = Workshop(shop.root, compiler="musl-gcc")
    musl.library("lib/libmine.so", _function("mine"))
    program = musl.program("app", _CALL.format("mine"), "-Llib", "-lmine", "-Wl,-rpath,$ORIGIN/lib")
    closure = resolve_closure(program)
    assert closure.c_library == "musl"
    assert [one.name for one in closure.libraries] == ["/lib/ld-musl-x86_64.so.1", "libmine.so"]
    # libc is the loader itself.
    assert closure.libraries[0].needed_by == (str(program), str(shop.root / "lib/libmine.so"))
    assert closure.directories == ("/lib", "/usr/local/lib", "/usr/lib")
    assert subprocess.run([program], check=False).returncode == 0
    assert closure.is_whole


# What is not in the dynamic section


def test_what_may_be_loaded_later(shop: Workshop) -> None:
    shop.library("libplug.so.1", _function("plug"))
    source = """#include <dlfcn.h>
    #include <pthread.h>
    #include <netdb.h>
    #include <pwd.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <time.h>
    int main(int argc, char **argv) {
        if (argc > 9) { getaddrinfo("x", "y", 0, 0); getpwnam("x"); mkstemp(argv[1]); system("x"); pthread_exit(0); }
        localtime((void *)argv);
        puts("perhaps libtalk.so.9 too");
        return dlopen("libplug.so.1", RTLD_NOW) == 0 || dlopen("libnowhere.so.7", RTLD_NOW) != 0;
    }"""
    program = shop.program("app", source, "-Wl,-rpath,$ORIGIN")
    closure = resolve_closure(program)
    plug = _named(closure, "libplug.so.1")
    assert (plug.reason, plug.confidence, plug.needed_by) == (Reason.DLOPEN, Confidence.LIKELY, (str(program),))
    assert _named(closure, "libgcc_s.so.1").reason is Reason.RUNTIME
    assert {(one.name, one.is_fatal) for one in closure.missing} == {
        ("libnowhere.so.7", False),
        ("libtalk.so.9", False),
    }
    assert closure.is_whole
    needs = {need.kind: (need.confidence, need.included) for need in closure.report.needs}
    assert needs == {
        NeedKind.TZ: (Confidence.POSSIBLE, False),
        NeedKind.PASSWD: (Confidence.LIKELY, True),
        NeedKind.TMP: (Confidence.LIKELY, True),
        NeedKind.RESOLVER: (Confidence.LIKELY, True),
    }
    assert FactKind.STARTS_PROGRAMS in {fact.kind for fact in closure.report.facts}
    assert FactKind.DYNAMIC not in {fact.kind for fact in closure.report.facts}


def test_a_dlopen_that_cannot_be_seen(shop: Workshop) -> None:
    source = "#include <dlfcn.h>\nint main(int n, char **names) { return dlopen(names[1], RTLD_NOW) == 0; }"
    program = shop.program("app", source)
    (fact,) = [one for one in resolve_closure(program).report.facts if one.kind is FactKind.LOADS_PLUGINS]
    assert fact.warning
    assert "--library" in fact.message
    plugin = shop.library("plugins/plugin.so", _function("plug"))
    closure = resolve_closure(program, asked=[str(plugin)])
    assert image_path(_named(closure, str(plugin)), closure) == str(plugin)
    with pytest.raises(DynamicExecutable, match=r"libnone\.so, which --library asks for, was not found in "):
        check_whole(resolve_closure(program, asked=["libnone.so"]))


def test_name_services_of_an_old_glibc(shop: Workshop) -> None:
    """Before 2.34 they are files of their own; the library here only says that it is of such a release."""
    root = shop.root / "sysroot"
    names = "getaddrinfo, getpwnam"
    (shop.root / "versions").write_text(f"GLIBC_2.2.5 {{ global: {names.replace(',', ';')}; }}; GLIBC_2.31 {{ }};")
    source = "int getaddrinfo(void) { return 0; } int getpwnam(void) { return 0; }"
    flags = ("-nostdlib", "-Wl,--version-script=versions", "-fno-builtin")
    libc = shop.library("sysroot/lib/x86_64-linux-gnu/libc.so.6", source, *flags)
    for name in ("libnss_files.so.2", "libnss_dns.so.2"):
        shop.library(f"sysroot/lib/x86_64-linux-gnu/{name}", "", "-nostdlib")
    (root / "lib64").mkdir()
    shutil.copy("/lib64/ld-linux-x86-64.so.2", root / "lib64")
    start = "int getaddrinfo(void), getpwnam(void); void _start(void) { getaddrinfo(); getpwnam(); }"
    program = shop.program("app", start, "-nostdlib", "-fno-builtin", str(libc))
    (root / "etc").mkdir()
    (root / "etc/nsswitch.conf").write_text("passwd: files sss\nhosts: files mymachines [NOTFOUND=return] dns # all\n")
    closure = resolve_closure(program, sysroot=root)
    assert closure.c_library == "glibc 2.31"
    services = {one.name for one in closure.libraries if one.reason is Reason.NSS}
    assert services == {"libnss_files.so.2", "libnss_dns.so.2"}
    (fact,) = [one for one in closure.report.facts if one.kind is FactKind.NAME_SERVICES]
    assert "also asks sss, mymachines" in fact.message


# What is missing or wrong


def test_a_library_of_another_architecture(shop: Workshop) -> None:
    library = shop.library("libmine.so", _function("mine"))
    program = shop.program("app", _CALL.format("mine"), "-L.", "-lmine", "-Wl,-rpath,$ORIGIN")
    data = bytearray(library.read_bytes())
    data[18:20] = (183).to_bytes(2, "little")
    library.write_bytes(data)
    closure = resolve_closure(program)
    with pytest.raises(DynamicExecutable, match=r"libmine\.so is for arm64, the program for amd64"):
        check_whole(closure)
    library.write_text("INPUT(libother.so)")
    with pytest.raises(
        DynamicExecutable, match=r"libmine\.so cannot be read as a library: the file starts with b'INPU'"
    ):
        check_whole(resolve_closure(program))


def test_versions_and_symbols_that_are_not_there(shop: Workshop) -> None:
    (shop.root / "one").write_text("MINE_1 { global: mine; };")
    (shop.root / "two").write_text("MINE_1 { }; MINE_2 { global: mine; };")
    shop.library("libmine.so", _function("mine"), "-Wl,--version-script=two")
    program = shop.program("app", _CALL.format("mine"), "-L.", "-lmine", "-Wl,-rpath,$ORIGIN", "-Wl,-z,now")
    assert resolve_closure(program).is_whole
    shop.library("libmine.so", _function("mine"), "-Wl,--version-script=one")
    with pytest.raises(DynamicExecutable, match=r"needs version MINE_2 of libmine\.so, which .* its newest is MINE_1"):
        check_whole(resolve_closure(program))
    assert subprocess.run([program], check=False, capture_output=True).returncode == 1
    shop.library("libmine.so", _function("other"))
    with pytest.raises(
        DynamicExecutable, match=r"takes mine@MINE_2 from a library, and none of its libraries defines it"
    ):
        check_whole(resolve_closure(program))


def test_a_library_that_only_this_machine_has(shop: Workshop) -> None:
    program = _in_sysroot(shop)
    (shop.root / "sysroot/lib/x86_64-linux-gnu/libc.so.6").unlink()
    closure = resolve_closure(program, sysroot=shop.root / "sysroot")
    with pytest.raises(DynamicExecutable, match=r"libc\.so\.6, which .* needs, was not found in /opt/lib") as caught:
        check_whole(closure)
    assert "libc.so.6, which is not in the sysroot" in (caught.value.hint or "")


def test_an_interpreter_that_is_not_there(shop: Workshop) -> None:
    program = shop.program("app", "int main() { return 0; }", "-Wl,--dynamic-linker=/lib/ld-linux-aarch64.so.1")
    closure = resolve_closure(program)
    assert not closure.is_whole
    with pytest.raises(DynamicExecutable, match=r"/lib/ld-linux-aarch64\.so\.1, which .*app needs, was not found"):
        check_whole(closure)


def test_the_package_of_a_library(shop: Workshop) -> None:
    stub = shop.library("stub/libsqlite3.so.0", _function("mine"))
    program = shop.program("app", _CALL.format("mine"), "-Lstub", "-l:libsqlite3.so.0")
    root = shop.root / "empty"
    root.mkdir()
    assert stub.exists()
    closure = resolve_closure(program, sysroot=root)
    assert [one.name for one in closure.missing] == [closure.interpreter]
    nowhere = shop.library("stub/libnever-heard-of.so.77", _function("mine"))
    program = shop.program("app", _CALL.format("mine"), "-Lstub", f"-l:{nowhere.name}")
    (missing,) = resolve_closure(program).missing
    assert missing.advice == "install the package that has it, or say where it is with --sysroot DIR"


def test_what_has_no_closure(shop: Workshop) -> None:
    with pytest.raises(DynamicExecutable, match="is a static executable"):
        resolve_closure(shop.program("app", "int main() { return 0; }", "-static"))
    with pytest.raises(DynamicExecutable, match="is a library"):
        resolve_closure(shop.library("libmine.so"))
    (shop.root / "script").write_text("#!/bin/sh\n")
    with pytest.raises(InvalidExecutable, match=r"script: the file starts with b'#!/b'"):
        resolve_closure(shop.root / "script")
