"""C in Go programs: what it takes to compile it for any platform, statically, and to know when it changed.

The compiler is zig, which brings clang, a linker and the sources of musl, so that a program for any machine
needs nothing of this machine's C library. It is started by ``go build`` through small scripts.
"""
