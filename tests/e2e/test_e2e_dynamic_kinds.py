"""Dynamic programs of several languages and machines on scratch: each looks for its libraries in a way of its own."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from support.c_programs import Workshop
from support.command import Smidgen
from support.debian_libraries import debian_libraries
from support.source_programs import RUST_PROGRAM

pytestmark = pytest.mark.e2e

_NIM: Final = """\
import std/[httpclient, net, os, re]
echo "hello world".replace(re"o\\s+w", "O-W")
echo newContext(verifyMode = CVerifyPeer) != nil
if paramCount() > 0:
  try: echo newHttpClient(timeout = 2000).getContent(paramStr(1))
  except CatchableError as error: echo "refused: ", error.msg
"""
_PLUGIN: Final = """package main

import "net"

func Look() string { names, err := net.LookupHost("localhost"); if err != nil { return err.Error() }; return names[0] }
"""
_HOST: Final = """package main

import (
	"fmt"
	"os"
	"plugin"
)

func main() {
	one, err := plugin.Open(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	look, err := one.Lookup("Look")
	if err != nil {
		panic(err)
	}
	fmt.Println(look.(func() string)())
}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    root = tmp_path / "shop"
    root.mkdir()
    return Workshop(root)


def _files(smidgen: Smidgen, name: str) -> list[str]:
    return [line for line in smidgen("ls", "-R", name).lines if not line.endswith("/")]


def _nim(shop: Workshop, root: Path) -> Path:
    """Compile by a Nim that was unpacked, and not installed."""
    library = root / "usr/lib/nim/lib"
    settings = (root / "etc/nim/nim.cfg").read_text().replace("$lib", str(library))
    (shop.root / "home/nim").mkdir(parents=True)
    (shop.root / "home/nim/nim.cfg").write_text(settings)
    (shop.root / "web.nim").write_text(_NIM)
    words = ("c", f"--lib:{library}", "-d:ssl", "--opt:none", "--hints:off", "--nimcache:cache", "web.nim")
    environment = os.environ | {"XDG_CONFIG_HOME": str(shop.root / "home")}
    command = [str(root / "usr/bin/nim"), *words]
    done = subprocess.run(command, cwd=shop.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return shop.root / "web"


def test_nim_with_openssl_and_pcre_that_it_loads_by_itself(smidgen: Smidgen, shop: Workshop) -> None:
    root = debian_libraries("amd64", "libc6", "libpcre3", "libssl3", "nim")
    program = _nim(shop, root)
    words = ("--sysroot", root)
    smidgen("build", "--binary", program, "-t", "web:1", *words)
    lines = smidgen("run", "web:1", "--", "https://localhost:1/").lines
    assert lines[:2] == ["hellO-World", "true"]
    assert lines[2].startswith("refused: ")
    names = {path.rpartition("/")[2] for path in _files(smidgen, "web:1")}
    assert {"libssl.so.3", "libcrypto.so.3", "libpcre.so.3", "cert.pem", "ca-certificates.crt"} <= names
    shown = smidgen("closure", program, *words).stdout
    # It has the names of thirty releases of OpenSSL in it, which are no news each.
    assert shown.count("not found") <= 2
    assert "and one is enough" in shown


def test_rust_against_glibc(smidgen: Smidgen, shop: Workshop) -> None:
    source = RUST_PROGRAM["src/main.rs"]
    command = ["rustc", "-O", "-Cstrip=symbols", "-", "-o", "greet"]
    subprocess.run(command, input=source, text=True, check=True, cwd=shop.root)
    smidgen("build", "--binary", shop.root / "greet", "-t", "greet:1")
    assert smidgen("run", "greet:1", "--", "localhost").lines[0].startswith("Ok(")
    names = {path.rpartition("/")[2] for path in _files(smidgen, "greet:1")}
    assert names >= {"libc.so.6", "libgcc_s.so.1", "greet", "nsswitch.conf"}


def test_a_go_program_with_a_plugin(smidgen: Smidgen, shop: Workshop) -> None:
    """The plugin is put in by hand, and calls glibc for what the program itself does not."""
    for name, source in (("plug", _PLUGIN), ("host", _HOST)):
        (shop.root / name).mkdir()
        (shop.root / name / "main.go").write_text(source)
    (shop.root / "go.mod").write_text("module example.com/it\n\ngo 1.21\n")
    environment = os.environ | {"CGO_ENABLED": "1", "CC": "gcc"}
    for words in (["-buildmode=plugin", "-o", "plug.so", "./plug"], ["-o", "it", "./host"]):
        subprocess.run(["go", "build", "-trimpath", *words], check=True, cwd=shop.root, env=environment)
    build = ("build", "--binary", "shop/it", "-t", "it:1", "--cmd", "/plugins/plug.so")
    assert "loads Go plugins, which the image does not have" in smidgen(*build, "--no-prove").stderr
    assert "warning" not in smidgen(*build, "--add", "shop/plug.so:/plugins/").stderr
    assert smidgen("run", "it:1").stdout in {"127.0.0.1\n", "::1\n"}
    assert "/etc/nsswitch.conf" in _files(smidgen, "it:1")


def test_a_static_program_that_can_be_loaded_anywhere(smidgen: Smidgen, shop: Workshop) -> None:
    source = '#include <stdio.h>\nint main(void) { puts("anywhere"); return 0; }'
    program = shop.program("app", source, "-static-pie")
    smidgen("build", "--binary", program, "-t", "app:1")
    assert smidgen("run", "app:1").stdout == "anywhere\n"
    assert _files(smidgen, "app:1") == ["/app"]


def test_an_arm64_program_of_debian_with_its_sysroot(smidgen: Smidgen) -> None:
    packages = ("libc6", "libreadline8", "libsqlite3-0", "libtinfo6", "sqlite3", "zlib1g")
    root = debian_libraries("arm64", *packages)
    program = root / "usr/bin/sqlite3"
    lacking = smidgen("build", "--binary", program, "-t", "sql:1", fails=True)
    assert "/lib/ld-linux-aarch64.so.1, which" in lacking.stderr
    assert "dpkg --add-architecture arm64 && apt-get update && apt-get install libc6:arm64" in lacking.stderr
    smidgen("build", "--binary", program, "-t", "sql:1", "--sysroot", root, "--no-prove")
    assert "/lib/ld-linux-aarch64.so.1" in _files(smidgen, "sql:1")
    query = "select group_concat(value) from json_each('[6,7]')"
    assert smidgen("run", "sql:1", "--", ":memory:", query).stdout == "6,7\n"
