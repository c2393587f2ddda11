"""The C compiler for a platform: what it is told, where its scripts are, and what its complaints mean."""

import os
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smidgen.errors import BuildError, InvalidPlatform, ToolchainNotFound, UsageError
from smidgen.gobuild.cgo.compiler import compiler_for
from smidgen.gobuild.cgo.debian import package_of_header, package_of_library
from smidgen.gobuild.cgo.faults import advice, shortened
from smidgen.gobuild.cgo.home import zig_home
from smidgen.gobuild.cgo.replacements import replacement_of
from smidgen.gobuild.cgo.sysroot import Sysroot, find_sysroot
from smidgen.gobuild.cgo.target import Target, c_target
from smidgen.gobuild.cgo.zig import Zig, find_zig
from smidgen.gobuild.flags import FlagSet
from smidgen.gobuild.options import BuildOptions
from support.written_files import write_files

_AMD64 = c_target({"GOARCH": "amd64"})


@pytest.mark.parametrize(
    ("variables", "triple", "cpu"),
    [
        ({"GOARCH": "amd64"}, "x86_64-linux-musl", ""),
        ({"GOARCH": "amd64", "GOAMD64": "v3"}, "x86_64-linux-musl", "x86_64_v3"),
        ({"GOARCH": "arm64", "GOARM64": "v8.0"}, "aarch64-linux-musl", ""),
        ({"GOARCH": "arm64", "GOARM64": "v8.2,lse"}, "aarch64-linux-musl", "generic+v8_2a"),
        ({"GOARCH": "arm64", "GOARM64": "v9.0"}, "aarch64-linux-musl", "generic+v9a"),
        ({"GOARCH": "arm"}, "arm-linux-musleabihf", "generic+v7a"),
        ({"GOARCH": "arm", "GOARM": "6"}, "arm-linux-musleabihf", "arm1176jzf_s"),
        ({"GOARCH": "arm", "GOARM": "7,softfloat"}, "arm-linux-musleabi", "generic+v7a"),
        ({"GOARCH": "386"}, "x86-linux-musl", "pentium4"),
        ({"GOARCH": "riscv64", "GORISCV64": "rva20u64"}, "riscv64-linux-musl", ""),
        ({"GOARCH": "riscv64", "GORISCV64": "rva22u64"}, "riscv64-linux-musl", "baseline_rv64+rva22u64"),
        ({"GOARCH": "ppc64le", "GOPPC64": "power9"}, "powerpc64le-linux-musl", "pwr9"),
        ({"GOARCH": "s390x"}, "s390x-linux-musl", ""),
        ({"GOARCH": "loong64"}, "loongarch64-linux-musl", "la64v1_0-lsx"),
        ({"GOARCH": "mips"}, "mips-linux-musleabihf", "mips32"),
        ({"GOARCH": "mipsle", "GOMIPS": "softfloat"}, "mipsel-linux-musleabi", "mips32+soft_float"),
        ({"GOARCH": "mips64"}, "mips64-linux-muslabi64", "mips3"),
    ],
)
def test_platforms_have_targets(variables: dict[str, str], triple: str, cpu: str) -> None:
    target = c_target(variables)
    assert (target.triple, target.cpu) == (triple, cpu)


def test_soft_floats_are_another_architecture_for_debian() -> None:
    assert c_target({"GOARCH": "arm", "GOARM": "6,softfloat"}).debian == "armel"
    assert c_target({"GOARCH": "arm"}).multiarch == "arm-linux-gnueabihf"


def test_a_platform_without_a_compiler_is_refused() -> None:
    with pytest.raises(InvalidPlatform, match=r"linux/ppc64.*Go cannot link C") as raised:
        c_target({"GOARCH": "ppc64"})
    assert "linux/amd64" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("variables", "platform", "instead"),
    [
        ({"GOARCH": "mips64le", "GOMIPS64": "softfloat"}, "linux/mips64le/softfloat", "linux/mips64le/hardfloat"),
        ({"GOARCH": "arm", "GOARM": "5"}, "linux/arm/v5", "linux/arm/v6"),
    ],
)
def test_a_variant_without_a_c_library_is_refused(variables: dict[str, str], platform: str, instead: str) -> None:
    with pytest.raises(InvalidPlatform, match=platform) as raised:
        c_target(variables)
    assert instead in str(raised.value.hint)


def test_zig_is_found_in_the_package_then_on_the_path(tmp_path: Path) -> None:
    write_files(tmp_path, {"site/ziglang/zig": "", "bin/zig": ""})
    for path in (tmp_path / "site/ziglang/zig", tmp_path / "bin/zig"):
        path.chmod(0o755)
    environ = {"PATH": str(tmp_path / "bin")}
    assert find_zig(environ, python_path=["/none", str(tmp_path / "site")]).path == str(tmp_path / "site/ziglang/zig")
    assert find_zig(environ, python_path=[]).path == str(tmp_path / "bin/zig")
    with pytest.raises(ToolchainNotFound) as raised:
        find_zig({"PATH": "/none"}, python_path=[])
    assert "pip install 'smidgen[cgo]'" in str(raised.value.hint)


def test_the_same_release_elsewhere_is_the_same_compiler(tmp_path: Path) -> None:
    """Go knows a compiler by its path and its text: neither says where or when zig was installed."""
    zig = '#!/bin/sh\necho "$ZIG_LIB_DIR" "$@"\n'
    compilers = []
    for place, release in (("one", "0.16.0"), ("two", "0.16.0"), ("three", "0.17.1")):
        packages = write_files(
            tmp_path / place,
            {"ziglang/zig": zig, "ziglang/lib/x": "", f"ziglang-{release}.dist-info/RECORD": "", "zig-1.py": ""},
        )
        (packages / "ziglang/zig").chmod(0o755)
        found = find_zig({}, python_path=[str(packages)])
        compilers.append(compiler_for(_AMD64, found, Sysroot(), {"XDG_CACHE_HOME": str(tmp_path / "cache")}))
        compilers[-1].write()
    first, second, third = compilers
    assert (first.directory, first.scripts) == (second.directory, second.scripts)
    assert first.directory != third.directory
    said = [f"{first.home.library} cc -target x86_64-linux-musl -fno-sanitize=undefined -c x.c"]
    assert _said(f"{first.directory}/cc", "-c", "x.c") == said
    # It is the first one's file, whatever becomes of that: zig compiles the C library again for others.
    again = Path(first.home.library, "x")
    before = _identity(again)
    assert before == _identity(tmp_path / "one/ziglang/lib/x")
    shutil.rmtree(tmp_path / "one")
    second.write()
    assert _identity(again) == before
    assert _said(f"{first.directory}/cc", "-c", "x.c") == said


def test_zig_is_there_once_for_all(tmp_path: Path) -> None:
    packages = write_files(
        tmp_path, {"ziglang/zig": "#!/bin/sh\n", "ziglang/lib/x": "", "ziglang-1.dist-info/RECORD": ""}
    )
    (packages / "ziglang/zig").chmod(0o755)
    zig = find_zig({}, python_path=[str(packages)])
    home = zig_home(zig, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: home.provide(), range(4)))
    place = Path(home.path).parent
    assert sorted(one.name for one in place.iterdir()) == ["lib", "zig"]
    assert os.access(home.path, os.X_OK)
    assert [one.name for one in place.parent.iterdir()] == [place.name], "nothing is left behind"
    # What is compiled for all is where the user wants it, and zig with it, as the one is of no use without the other.
    elsewhere = zig_home(zig, {"XDG_CACHE_HOME": "/x", "ZIG_GLOBAL_CACHE_DIR": "/all"})
    assert elsewhere.path == f"/all/{zig.identity}/zig"
    assert elsewhere.caches() == {"ZIG_GLOBAL_CACHE_DIR": "/all", "ZIG_LOCAL_CACHE_DIR": "/x/smidgen/zig"}


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    write_files(tmp_path, {"ziglang/lib/x": "", "ziglang/zig": "", "cache": "a file"})
    zig = Zig(str(tmp_path / "ziglang/zig"), "1", str(tmp_path / "ziglang/lib"))
    with pytest.raises(BuildError, match=r"cannot write .*: Not a directory"):
        zig_home(zig, {"XDG_CACHE_HOME": str(tmp_path / "cache")}).provide()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def _scripts(tmp_path: Path, target: Target = _AMD64, sysroot: Sysroot | None = None, identity: str = "1") -> Path:
    echo = tmp_path / "zig"
    echo.write_text('#!/bin/sh\nfor a do echo "$a"; done\n')
    echo.chmod(0o755)
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache it's"), "PATH": os.environ["PATH"]}
    compiler = compiler_for(target, Zig(str(echo), identity), sysroot or Sysroot(), environ)
    compiler.write()
    compiler.write()
    Path(compiler.directory, "glibc.a").touch()
    return Path(compiler.directory)


def _said(*command: str | Path) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


def test_scripts_compile_for_the_target(tmp_path: Path) -> None:
    place = _scripts(tmp_path, c_target({"GOARCH": "amd64", "GOAMD64": "v3"}))
    start = ["cc", "-target", "x86_64-linux-musl", "-fno-sanitize=undefined", "-mcpu=x86_64_v3"]
    given = ["-g", "-DSMIDGEN_INPUTS=0123", "-DX=a b", "it's"]
    assert _said(place / "cc", "-c", *given) == [*start, "-c", "-g", "-DX=a b", "it's"]
    # What is linked is static, and has no debug data that nobody asked the linker for.
    assert _said(place / "cc", *given) == [*start, "-O2", f"{place}/glibc.a", "-DX=a b", "it's", "-static"]
    # What is not kept is linked like what is, so that zig needs one C library only.
    assert _said(place / "cc", "-fPIC", "-O3", "-o", "/b/_cgo_.o", "x.o")[len(start) :] == [
        *("-O2", f"{place}/glibc.a", "-o", "/b/_cgo_.o", "x.o", "-s", "-static"),
    ]
    assert _said(place / "cc", "-fPIC", "-O3", "-c", "x.c")[len(start) :] == ["-fPIC", "-O3", "-c", "x.c"]
    assert _said(place / "c++", "-c", "x")[0] == "c++"
    assert _said(place / "ar", "rc", "x.a") == ["ar", "rc", "x.a"]
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_what_go_says_of_floats_is_not_for_zig(tmp_path: Path) -> None:
    place = _scripts(tmp_path, c_target({"GOARCH": "mips64le"}))
    start = ["cc", "-target", "mips64el-linux-muslabi64", "-fno-sanitize=undefined", "-mcpu=mips3"]
    assert _said(place / "cc", "-c", "-mhard-float", "x.c") == [*start, "-Wno-option-ignored", "-c", "x.c"]
    assert _said(place / "cc", "x.o")[-2:] == ["-static", "-Wl,--strip-debug"]


def test_scripts_of_another_compiler_are_elsewhere(tmp_path: Path) -> None:
    write_files(tmp_path, {"sys/usr/lib/libz.a": ""})
    sysroot = find_sysroot(str(tmp_path / "sys"), _AMD64)
    places = {_scripts(tmp_path), _scripts(tmp_path, identity="2"), _scripts(tmp_path, sysroot=sysroot)}
    assert len(places) == 3
    (with_libraries,) = [place for place in places if "sys" in (place / "cc").read_text()]
    assert f"-L{tmp_path}/sys/usr/lib" in _said(with_libraries / "cc", "x.o")


def test_pkg_config_finds_nothing_of_this_machine(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [_scripts(tmp_path) / "pkg-config", "--libs", "zlib"], check=False, capture_output=True, text=True
    )
    assert outcome.returncode == 1
    assert "--sysroot" in outcome.stderr


@pytest.mark.parametrize("place", ["none", "empty"])
def test_a_sysroot_without_anything_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=f"--sysroot {tmp_path}/{place}"):
        find_sysroot(str(tmp_path / place), _AMD64)


@pytest.mark.parametrize(
    ("ldflags", "expected"),
    [
        ((), "-s -w -linkmode=external -extldflags=-static -buildid="),
        (("-extldflags '-Wl,-z,now -lz'",), "'-extldflags=-Wl,-z,now -lz -static'"),
        (("-extldflags=-lz", "-linkmode=internal"), "-linkmode=internal -linkmode=external '-extldflags=-lz -static'"),
    ],
)
def test_everything_is_linked_statically_beside_what_the_user_says(ldflags: tuple[str, ...], expected: str) -> None:
    (argument,) = [one for one in FlagSet(BuildOptions(cgo=True, ldflags=ldflags), "").arguments() if "ldflags" in one]
    assert expected in argument


def _advice(output: str, sysroot: Sysroot | None = None, host: str = "/nowhere") -> str:
    return str(advice(output, _AMD64, sysroot or Sysroot(), host=host))


def test_a_missing_header_is_named_with_its_package(tmp_path: Path) -> None:
    output = "# example.com/m\n./main.go:4:10: fatal error: 'zlib.h' file not found\n    4 | #include <zlib.h>\n"
    said = _advice(output)
    assert said.startswith("./main.go:4 includes zlib.h, of Debian's zlib1g-dev, which is not in zig")
    assert "apt-get install zlib1g-dev:amd64` and --sysroot /" in said
    write_files(tmp_path, {"usr/include/zlib.h": ""})
    assert f"({tmp_path}/usr/include/zlib.h of this machine is not taken unasked)" in _advice(
        output, host=str(tmp_path)
    )
    assert "--sysroot DIR" in _advice("x.c:1: fatal error: 'unknown.h' file not found")


def test_a_library_without_a_static_form_is_told_from_none(tmp_path: Path) -> None:
    write_files(tmp_path, {"libfoo.so": ""})
    zig = 'error: unable to find static system library "{}" using strategy no_fallback. searched paths:\n  {}/lib{}.a\n'
    assert f"as a shared library only ({tmp_path}/libfoo.so)" in _advice(zig.format("foo", tmp_path, "foo"))
    assert "-lz needs libz.a" in _advice(zig.format("z", tmp_path, "z"))


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [("nowhere", "as -lNAME"), ("pread64", "-D_LARGEFILE64_SOURCE"), ("__sprintf_chk", "compiled for musl")],
)
def test_an_undefined_symbol_is_explained(symbol: str, expected: str) -> None:
    said = _advice(f"ld.lld: error: undefined symbol: {symbol}\n>>> referenced by x.c:3\n")
    assert said.startswith(f"{symbol}, which x.c:3 refers to,")
    assert expected in said


def test_mixed_machines_and_descriptions_are_explained() -> None:
    assert "/l/libfoo.a(foo.o) was compiled for another machine" in _advice(
        "ld.lld: error: /l/libfoo.a(foo.o) is incompatible with elf_x86_64"
    )
    assert "zlib1g-dev" in _advice("pkg-config is not asked about --cflags -- zlib: the libraries of this machine\n")
    assert advice("undefined: x", _AMD64, Sysroot()) is None


def test_the_linker_s_own_call_is_left_out() -> None:
    call = "/c/smidgen/cgo/x86_64-linux-musl-0/cc -m64 -o $WORK/b001/exe/a.out /tmp/go.o\n"
    assert shortened(f"one\n{call}two\n") == "one\ntwo\n"


def test_packages_and_replacements_are_known() -> None:
    assert package_of_header("openssl/ssl.h") == "libssl-dev"
    assert package_of_header("mine.h") == ""
    assert package_of_library("sqlite3") == "libsqlite3-dev"
    assert replacement_of("github.com/mattn/go-sqlite3") == "modernc.org/sqlite"
    assert replacement_of("github.com/mattn/go-sqlite3-more") == ""
