"""C programs by a build script: static for any platform, in images from scratch, and run."""

import re
from pathlib import Path

import pytest

from support.command import Smidgen, must
from support.debian_libraries import debian_libraries
from support.source_programs import C_PROGRAM, smidgen_with_c
from support.written_files import write_files

pytestmark = pytest.mark.e2e

_CXX = {
    "main.cpp": """\
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>
int main() {
    std::vector<std::string> words{"a", "b"};
    try { throw std::runtime_error("caught"); } catch (std::exception const &error) { words.push_back(error.what()); }
    for (auto const &word : words) std::cout << word << ' ';
    std::cout << std::endl;
}
""",
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.20)\nproject(words CXX)\nadd_executable(words main.cpp)\n",
    "smidgen.yaml": "build:\n  - cmake -S . -B build\n  - cmake --build build\nbin: build/words\n",
}

_CONFIGURED = {
    "configure.ac": """\
AC_INIT([packed], [1.0])
AC_PROG_CC
AC_CHECK_HEADERS([zlib.h], [], [AC_MSG_ERROR([no zlib.h])])
AC_SEARCH_LIBS([compress], [z], [], [AC_MSG_ERROR([no libz])])
AC_SEARCH_LIBS([sqlite3_libversion], [sqlite3], [], [AC_MSG_ERROR([no libsqlite3])], [-lm])
AC_CHECK_FUNCS([getaddrinfo __sprintf_chk gnu_get_libc_version])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
""",
    "Makefile.in": """\
packed: main.o
\t@CC@ @CFLAGS@ @LDFLAGS@ -o $@ main.o @LIBS@ -lm
main.o: main.c
\t@CC@ @CFLAGS@ @DEFS@ -c main.c
""",
    "main.c": """\
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

int main(void) {
    unsigned char from[100] = {0}, to[200];
    unsigned long size = sizeof to;
    assert(compress(to, &size, from, sizeof from) == Z_OK);
    sqlite3 *opened = 0;
    assert(sqlite3_open(":memory:", &opened) == SQLITE_OK && !sqlite3_exec(opened, "CREATE TABLE t (a)", 0, 0, 0));
#ifdef HAVE_GNU_GET_LIBC_VERSION
    puts("of another C library");
#endif
    printf("%lu bytes\\n", size);
    return 0;
}
""",
    "smidgen.yaml": "build:\n  - ./configure --host=$TARGET\n  - make\nbin: packed\n",
}


@pytest.fixture
def smidgen(tmp_path: Path) -> Smidgen:
    write_files(tmp_path / "app", C_PROGRAM)
    return smidgen_with_c(tmp_path)


def test_a_makefile_gives_an_image_for_each_platform(smidgen: Smidgen) -> None:
    built = smidgen("build", "--platform", "linux/amd64,linux/arm64", "./app")
    assert "proved: number:latest starts on linux/amd64" in built.stderr
    assert "proved: number:latest starts on linux/arm64" in built.stderr
    assert "+ resolver (likely): The program looks up hosts. [getaddrinfo]" in built.stderr
    for platform in ("linux/amd64", "linux/arm64"):
        assert smidgen("run", "--platform", platform, "number").stdout == "main.c: the number is 1\n"
    assert not (smidgen.cwd / "app" / "number").exists(), "the source is left alone"


def test_nothing_is_started_where_nothing_changed(smidgen: Smidgen) -> None:
    first = smidgen("build", "./app")
    trace = smidgen.cwd / "trace"
    again = smidgen.through(["strace", "-f", "-qq", "-e", "trace=execve", "-o", trace], "build", "./app")
    assert again.stdout == first.stdout
    assert "(nothing changed)" in again.stderr
    started = set(re.findall(r'execve\("[^"]*/([^"/]+)"[^\n]* = 0', trace.read_text()))
    assert not started & {"sh", "make", "zig", "cc", "runc", "crun", "bwrap"}, started
    write_files(smidgen.cwd / "app", {"inner/number.h": "#define NUMBER 2\n"})
    assert smidgen("build", "./app").stdout != first.stdout
    assert smidgen("run", "number").stdout == "main.c: the number is 2\n"


def test_two_directories_give_one_image(smidgen: Smidgen) -> None:
    write_files(smidgen.cwd / "some" / "other" / "place", C_PROGRAM)
    first = smidgen("build", "--no-prove", "--verify-reproducible", "./app")
    assert "reproducible: the same digests" in first.stderr
    second = smidgen("build", "--no-prove", "--no-cache", "./some/other/place")
    assert second.stdout == first.stdout


def test_symbols_stay_where_they_are_wanted(smidgen: Smidgen) -> None:
    (small,), (large,) = (
        smidgen("build", "--no-prove", "--json", option, "./app").json["images"] for option in ("--strip", "--no-strip")
    )
    assert small["size"] * 2 < large["size"]
    included = [[one for one in image["platforms"][0]["needs"] if one["included"]] for image in (small, large)]
    assert included[0] == included[1]


def test_libraries_come_along_with_a_dynamic_program(smidgen: Smidgen) -> None:
    built = smidgen("build", "--libc", "glibc", "./app")
    assert re.search(r"^ +glibc \d", built.stderr, re.MULTILINE)
    assert smidgen("run", "number", "localhost").stdout == "0\nmain.c: the number is 1\n"


def test_cmake_links_cxx_statically(smidgen: Smidgen) -> None:
    write_files(smidgen.cwd / "words", _CXX)
    assert "proved: words:latest starts" in smidgen("build", "./words").stderr
    assert smidgen("run", "words").stdout == "a b caught \n"


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_configure_finds_libraries_of_debian(architecture: str, smidgen: Smidgen) -> None:
    project = write_files(smidgen.cwd / "packed", _CONFIGURED)
    must("autoconf", cwd=project)
    sysroot = debian_libraries(architecture, "libsqlite3-dev", "zlib1g-dev")
    options = ("--platform", f"linux/{architecture}", "--sysroot", sysroot)
    assert f"proved: packed:latest starts on linux/{architecture}" in smidgen("build", *options, "./packed").stderr
    assert smidgen("run", "--platform", f"linux/{architecture}", "packed").stdout == "12 bytes\n"


@pytest.mark.parametrize(
    ("script", "arguments", "expected"),
    [
        ("make nope", (), r"its build script ended with exit code 2\nmake: \*\*\* No rule to make target 'nope'"),
        (
            "echo '#include <zlib.h>' > z.c && $CC -c z.c",
            (),
            r"z\.c:1 includes zlib\.h, of Debian's zlib1g-dev.*apt-get download zlib1g-dev:amd64",
        ),
        ("$CC -o $OUT main.c -lz", (), r"-lz needs libz\.a, which is not in zig.*apt-get download zlib1g-dev:amd64"),
        (
            "echo 'int f(void); int main(void) { return f(); }' > u.c && $CC -o $OUT u.c",
            (),
            r"f, which .* refers to, is in no library that is linked.*in LDFLAGS, as -lNAME",
        ),
        (
            "$CC --version && gcc -c main.c && $CC -o $OUT main.o",
            ("--platform", "linux/arm64"),
            r"main\.o was compiled for another machine, expected aarch64-linux-musl",
        ),
        ("'true'", (), r"left nothing at \$OUT\nhint: the script ends with"),
        ("$CC -o x main.c && cp x y", (), r"left nothing at \$OUT\nhint: it made x, y: say `bin: x`"),
        ("$CC -o $OUT main.c", ("--bin", "x"), r"no executable x, which bin names\nhint: there is one at \$OUT"),
        ("gcc -o $OUT main.c", (), r"linked dynamically for linux/amd64: it needs .*libc\.so\.6\nhint: .*\$CC"),
        ("gcc -o $OUT main.c", ("--platform", "linux/arm64"), r"built for amd64, not for linux/arm64\nhint: .*\$CC"),
        ("echo hi > $OUT", (), "expected a Linux executable"),
        ("ln -s /bin/busybox $OUT", (), r"left nothing at \$OUT"),
        ("make", ("--platform", "linux/ppc64"), "C can be compiled for linux/amd64"),
        ("make", ("--tags", "x"), "--tags is for Go's compiler"),
        ("make", ("-X", "main.v=1"), "-X is for Go's compiler"),
        ("make", ("--goflags", "x"), "--goflags is for Go's compiler"),
        ("make", ("--sysroot", "/nowhere"), "there is no such directory"),
    ],
)
def test_what_a_user_must_mend_is_said(
    smidgen: Smidgen, script: str, arguments: tuple[str, ...], expected: str
) -> None:
    write_files(smidgen.cwd / "app", {"smidgen.yaml": f"build: {script}\n"})
    said = smidgen("build", *arguments, "./app", fails=True).stderr
    assert re.search(expected, said), said


def test_the_environment_stays_outside(smidgen: Smidgen) -> None:
    """A script gets what it needs, and no secret of the shell that smidgen was started from."""
    write_files(smidgen.cwd / "app", {"smidgen.yaml": "build: 'env | sort; exit 3'\n"})
    said = smidgen("build", "--build-env", "WANTED=1", "./app", fails=True, env={"TOKEN": "secret"}).stderr
    assert "WANTED=1" in said
    assert "TOKEN" not in said
    assert "TARGETARCH=amd64" in said


def test_go_and_c_are_built_together(smidgen: Smidgen) -> None:
    main = 'package main\n\nfunc main() { println("go") }\n'
    write_files(smidgen.cwd / "service", {"go.mod": "module example.com/service\n\ngo 1.24\n", "main.go": main})
    built = smidgen("build", "--no-prove", "./app", "./service")
    assert [line.partition(":")[0] for line in built.lines] == ["number", "service"]
    write_files(smidgen.cwd, {"smidgen.yaml": "targets:\n  - target: ./app\n    name: service\n"})
    (smidgen.cwd / "app" / "smidgen.yaml").unlink()
    failed = smidgen("build", "./app", fails=True)
    assert "no main package" in failed.stderr or "has no Go files" in failed.stderr, failed
