"""Dynamic programs on scratch: each starts with its exact closure, is reproducible, and says what is missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

from smidgen.image.image import Image
from smidgen.store.content import ContentStore
from support.c_programs import Workshop
from support.command import Smidgen

pytestmark = pytest.mark.e2e

# Debian's own programs, with words that make each do something.
_DEBIAN = {
    "git": ("git", "--version"),
    "openssl": ("openssl", "dgst", "-sha256", "/etc/passwd"),
    "perl": ("perl", "-e", "print 6*7"),
}
_NAMES = """
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    struct passwd *user = getpwuid(65534);
    struct addrinfo *found = 0;
    int refused = getaddrinfo("localhost", 0, 0, &found);
    char name[] = "/tmp/x-XXXXXX";
    printf("%s %s %s\\n", user ? user->pw_name : "nobody there", refused ? gai_strerror(refused) : "found",
           mkstemp(name) < 0 ? "no file" : "file");
    return 0;
}
"""
_THROWS = """
#include <iostream>
#include <pthread.h>
#include <stdexcept>
void *end(void *) { pthread_exit(nullptr); }
int main() {
    try { throw std::runtime_error("caught"); }
    catch (const std::exception &error) { std::cout << error.what() << "\\n"; }
    pthread_t thread;
    pthread_create(&thread, nullptr, end, nullptr);
    pthread_join(thread, nullptr);
    std::cout << "ended" << std::endl;
}
"""
_GO = """package main

// double root(double);
// #cgo LDFLAGS: -lm
// #include <math.h>
import "C"

import (
	"fmt"
	"net"
	"os/user"
)

func main() {
	one, err := user.LookupId("65534")
	fmt.Println(one.Username, err)
	fmt.Println(net.LookupHost("localhost"))
	fmt.Printf("%.3f\\n", float64(C.sqrt(2)))
}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "shop")


@pytest.fixture(autouse=True)
def _made(shop: Workshop) -> None:
    shop.root.mkdir()


def _files(smidgen: Smidgen, name: str) -> list[str]:
    return [line for line in smidgen("ls", "-R", name).lines if not line.endswith("/")]


@pytest.mark.parametrize("program", sorted(_DEBIAN))
def test_a_program_of_the_system_starts_on_scratch(smidgen: Smidgen, program: str) -> None:
    name, *words = _DEBIAN[program]
    path = shutil.which(name)
    assert path
    expected = subprocess.run([path, *words], check=True, capture_output=True, text=True).stdout
    smidgen("build", "--binary", Path(path).resolve(), "-t", "it:1", "--with", "passwd", "--no-prove")
    if "/etc/passwd" in words:
        assert smidgen("run", "it:1", "--", *words).stdout.startswith("SHA2-256(/etc/passwd)= ")
    else:
        assert smidgen("run", "it:1", "--", *words).stdout == expected


def test_names_users_and_temporary_files_of_a_c_program(smidgen: Smidgen, shop: Workshop) -> None:
    program = shop.program("names", _NAMES)
    outcome = smidgen("build", "--binary", program, "-t", "names:1")
    assert "proved: names:1 starts" in outcome.stderr
    assert smidgen("run", "names:1").stdout == "nobody found file\n"
    assert _files(smidgen, "names:1") == [
        "/etc/group",
        "/etc/nsswitch.conf",
        "/etc/passwd",
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
        "/names",
    ]


def test_a_cpp_program_with_exceptions_and_threads(smidgen: Smidgen, shop: Workshop) -> None:
    program = Workshop(shop.root, compiler="g++").program("throws", _THROWS)
    smidgen("build", "--binary", program, "-t", "throws:1")
    assert smidgen("run", "throws:1").stdout == "caught\nended\n"
    assert "/lib/x86_64-linux-gnu/libgcc_s.so.1" in _files(smidgen, "throws:1")


def test_libraries_beside_the_program_and_one_that_is_loaded_later(smidgen: Smidgen, shop: Workshop) -> None:
    shop.library("lib/libplug.so.1", 'const char *plug(void) { return "plugged"; }')
    shop.library("lib/libmine.so", 'const char *mine(void) { return "mine"; }')
    source = """#include <dlfcn.h>
    #include <stdio.h>
    const char *mine(void);
    int main(void) {
        void *library = dlopen("libplug.so.1", RTLD_NOW);
        const char *(*plug)(void) = library ? (const char *(*)(void))dlsym(library, "plug") : 0;
        printf("%s %s\\n", mine(), plug ? plug() : dlerror());
        return 0;
    }"""
    program = shop.program("bin/app", source, "-Llib", "-lmine", "-Wl,-rpath,$ORIGIN/../lib", "-Wl,--disable-new-dtags")
    smidgen("build", "--binary", program, "-t", "app:1")
    assert smidgen("run", "app:1").stdout == "mine plugged\n"
    layers = _layers(smidgen, "app:1")
    # What changes least is at the bottom: the C library, the other libraries, the program.
    assert len(layers) == 3
    shop.program("bin/app", source + "\nint more = 5;", "-Llib", "-lmine", "-Wl,-rpath,$ORIGIN/../lib")
    smidgen("build", "--binary", program, "-t", "app:2", "--library", "libplug.so.1")
    assert _layers(smidgen, "app:2")[:2] == layers[:2]
    moved = shop.root / "elsewhere"
    shutil.copytree(shop.root / "lib", moved / "lib")
    shutil.copytree(shop.root / "bin", moved / "bin")
    again = smidgen("build", "--binary", moved / "bin/app", "-t", "app:3", "--no-prove")
    assert _layers(smidgen, "app:3") == _layers(smidgen, "app:2")
    assert again.lines[0].split("@")[1] == smidgen("build", "--binary", program, "-t", "app:2").lines[0].split("@")[1]


def _layers(smidgen: Smidgen, name: str) -> tuple[str, ...]:
    return Image.resolve(ContentStore.open(smidgen.store), name).diff_ids


def test_a_program_for_musl(smidgen: Smidgen, shop: Workshop) -> None:
    program = Workshop(shop.root, compiler="musl-gcc").program("names", _NAMES)
    smidgen("build", "--binary", program, "-t", "names:1")
    assert smidgen("run", "names:1").stdout == "nobody found file\n"
    assert "/lib/ld-musl-x86_64.so.1" in _files(smidgen, "names:1")
    assert not any("libc.so.6" in path for path in _files(smidgen, "names:1"))


def test_go_with_c_against_glibc(smidgen: Smidgen, shop: Workshop) -> None:
    (shop.root / "go.mod").write_text("module example.com/who\n\ngo 1.21\n")
    (shop.root / "main.go").write_text(_GO.replace("// double root(double);\n", ""))
    smidgen("build", shop.root, "--libc", "glibc", "-t", "who:1", "--ldflags=-buildid=")
    assert smidgen("run", "who:1").lines[0] == "nobody <nil>"
    assert smidgen("run", "who:1").lines[-1] == "1.414"
    files = _files(smidgen, "who:1")
    assert "/lib/x86_64-linux-gnu/libm.so.6" in files
    # glibc asks nsswitch.conf, which Go's own resolver does without.
    assert "/etc/nsswitch.conf" in files
    again = smidgen("build", shop.root, "--libc", "glibc", "-t", "who:2", "--ldflags=-buildid=", "--no-prove")
    assert _layers(smidgen, "who:1") == _layers(smidgen, "who:2")
    assert again.exit_code == 0
    no_compiler = smidgen("build", shop.root, "--libc", "glibc", "--platform", "linux/s390x", fails=True)
    assert "s390x-linux-gnu-gcc is not on PATH" in no_compiler.stderr
    assert "apt-get install gcc-s390x-linux-gnu libc6-dev-s390x-cross" in no_compiler.stderr


def test_a_dynamic_go_program_without_its_libraries_is_refused(smidgen: Smidgen, shop: Workshop) -> None:
    (shop.root / "go.mod").write_text("module example.com/who\n\ngo 1.21\n")
    (shop.root / "main.go").write_text(_GO.replace("// double root(double);\n", ""))
    outcome = smidgen("build", shop.root, "-t", "who:1", env={"CGO_ENABLED": "1"}, fails=True)
    assert "an image from scratch has none of them" in outcome.stderr
    assert "--libc glibc" in outcome.stderr


def test_what_is_missing_is_said_and_nothing_is_built(smidgen: Smidgen, shop: Workshop) -> None:
    shop.library("lib/libmine-5.so.2", "int mine(void) { return 0; }")
    program = shop.program("app", "int mine(void); int main(void) { return mine(); }", "-Llib", "-l:libmine-5.so.2")
    outcome = smidgen("build", "--binary", program, "-t", "app:1", fails=True)
    assert f"libmine-5.so.2, which {program} needs, was not found in " in outcome.stderr
    assert "install the package that has it, or say where it is with --sysroot DIR" in outcome.stderr
    assert smidgen("images").lines[1:] == []
    shown = smidgen("closure", program, fails=True)
    assert "missing: libmine-5.so.2" in shown.stdout
    report = smidgen("closure", "--json", program, fails=True).json
    assert [one["name"] for one in report["missing"]] == ["libmine-5.so.2"]
    assert not report["whole"]
    nothing = smidgen("closure", shop.root / "none", fails=True)
    assert "no such file" in nothing.stderr


def test_a_program_that_does_not_survive_its_start_is_found_out(smidgen: Smidgen, shop: Workshop) -> None:
    # Nothing in the file tells that it loads this: only running it does.
    source = """#include <dlfcn.h>
    #include <stdlib.h>
    int main(void) { char name[] = {'l','i','b','z','.','s','o','.','1',0}; if (!dlopen(name, RTLD_NOW)) abort(); }"""
    program = shop.program("app", source)
    outcome = smidgen("build", "--binary", program, "-t", "app:1", fails=True)
    assert "ended it" in outcome.stderr
    assert "--library libz.so.1" in outcome.stderr
    smidgen("build", "--binary", program, "-t", "app:2", "--library", "libz.so.1")
    assert "/lib/x86_64-linux-gnu/libz.so.1" in _files(smidgen, "app:2")
