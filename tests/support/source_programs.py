"""Programs that are not Go, with caches that outlive a run: the first one compiles a C library for each platform."""

import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from smidgen.gobuild.cgo.target import c_target
from smidgen.gobuild.cgo.zig import find_zig
from support.command import Smidgen
from support.go_tools import cache_directory, locked

C_PROGRAM: Final = {
    "main.c": """\
#include <netdb.h>
#include <stdio.h>
#include "inner/number.h"

int main(int count, char **arguments) {
    struct addrinfo *found = 0;
    if (count > 1) printf("%d\\n", getaddrinfo(arguments[1], "80", 0, &found));
    printf("%s: the number is %d\\n", __FILE__, NUMBER);
    return 0;
}
""",
    "inner/number.h": "#pragma once\n#define NUMBER 1\n",
    "Makefile": "number: main.c\n\t$(CC) $(CFLAGS) $(LDFLAGS) -o $@ main.c\n",
    "smidgen.yaml": "build: make\nbin: number\n",
}

RUST_PROGRAM: Final = {
    "Cargo.toml": '[package]\nname = "greet"\nversion = "0.1.0"\nedition = "2021"\n',
    "Cargo.lock": 'version = 4\n\n[[package]]\nname = "greet"\nversion = "0.1.0"\n',
    "src/main.rs": """\
use std::net::ToSocketAddrs;

fn main() {
    for name in std::env::args().skip(1) {
        println!("{:?}", (name.as_str(), 80).to_socket_addrs().map(Iterator::count));
    }
    println!("hello from {}", file!());
}
""",
}


def smidgen_with_c(root: Path, *architectures: str) -> Smidgen:
    """Give smidgen in *root*, which finds a C library for each of *architectures* (GOARCH) compiled already."""
    cache = cache_directory() / "zig" / version("ziglang")
    with locked(f"zig-{version('ziglang')}-sources") as place:
        for architecture in architectures:
            done = cache / f"{architecture}-sources.done"
            if not done.exists():
                cache.mkdir(parents=True, exist_ok=True)
                _compile_nothing(c_target({"GOARCH": architecture}).triple, cache)
                done.touch()
    environ = {"ZIG_GLOBAL_CACHE_DIR": str(cache), "XDG_CACHE_HOME": str(place / "sources")}
    return Smidgen(store=root / "store", cwd=root, environ=tuple(environ.items()))


def _compile_nothing(triple: str, cache: Path) -> None:
    zig = find_zig(os.environ).path
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
    words = ("-static", "-g", "-Wl,--gc-sections", "-fno-sanitize=undefined", "-Os", "-xc", "-")
    command = [zig, "cc", "-target", triple, *words, "-o", str(cache / f"{triple}-sources.out")]
    subprocess.run(command, input=b"int main(void) { return 0; }", check=True, env=os.environ | caches)


def smidgen_with_rust(root: Path) -> Smidgen:
    """Give smidgen in *root*, once Rust's standard library for musl is there."""
    with locked("rust-targets"):
        wanted = [f"{architecture}-unknown-linux-musl" for architecture in ("x86_64", "aarch64")]
        places = subprocess.run(
            ["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True
        ).stdout.strip()
        missing = [one for one in wanted if not Path(places, "lib", "rustlib", one, "lib").is_dir()]
        if missing:
            subprocess.run(["rustup", "target", "add", *missing], check=True)
    return Smidgen(store=root / "store", cwd=root, environ=(("XDG_CACHE_HOME", str(root / "cache")),))
