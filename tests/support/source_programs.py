"""Programs that are not Go, with caches that outlive a run: the first one compiles a C library for each platform."""

import subprocess
from pathlib import Path
from typing import Final

from support.cgo_programs import zig_caches
from support.command import Smidgen
from support.go_tools import locked

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

#: Packages of a workspace, ``app``, with two programs; one has C in it, and reads what is beside the workspace.
RUST_WORKSPACE: Final = {
    "app/Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["front", "back"]\n',
    "app/back/Cargo.toml": '[package]\nname = "back"\nversion = "0.1.0"\nedition = "2021"\n',
    "app/back/src/main.rs": 'fn main() { println!("back"); }\n',
    "app/front/Cargo.toml": """\
[package]
name = "front"
version = "0.1.0"
edition = "2021"

[dependencies]
beside = { path = "../../beside" }

[build-dependencies]
cc = "=1.2.40"
""",
    "app/front/build.rs": """\
fn main() {
    println!("cargo:rerun-if-changed=number.c");
    println!("cargo:rerun-if-changed={}/../../text.txt", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    cc::Build::new().file("number.c").compile("number");
}
""",
    "app/front/number.c": '#include <stdio.h>\nint number(void) { puts("C"); return fflush(stdout) + 41; }\n',
    "app/front/src/main.rs": """\
extern "C" {
    fn number() -> i32;
}

fn main() {
    println!("{} {} {}", unsafe { number() }, beside::text(), include_str!("../../../text.txt").trim());
}
""",
    "beside/Cargo.toml": '[package]\nname = "beside"\nversion = "0.1.0"\nedition = "2021"\n',
    "beside/src/lib.rs": 'pub fn text() -> &\'static str { "beside" }\n',
    "text.txt": "text\n",
}


def smidgen_with_c(root: Path) -> Smidgen:
    """Give smidgen in *root*; C libraries that its builds compile outlive the test run."""
    return Smidgen(store=root / "store", cwd=root, environ=tuple(zig_caches().items()))


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
    caches = zig_caches() | {"XDG_CACHE_HOME": str(root / "cache")}
    return Smidgen(store=root / "store", cwd=root, environ=tuple(caches.items()))
