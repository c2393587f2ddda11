"""Reads the few things of Go source files that decide what a build looks at.

Source: The Go Programming Language Specification, "Packages"; ``go/build`` (``goodOSArchFile``, ``shouldBuild``,
``readGoInfo``); package ``embed``.
"""

import re

# Names that ``go/build`` looks at in a package's directory.
_SOURCE_NAME = re.compile(
    r"[^._].*\.(?:go|c|cc|cpp|cxx|m|h|hh|hpp|hxx|f|F|for|f90|s|S|sx|swig|swigcxx|syso)\Z", re.DOTALL
)

#: Other names in a package's directory that matter to a build.
SPECIAL_NAMES = frozenset(("go.mod", "default.pgo"))

# Systems and architectures that limit a file by its name. Source: ``internal/syslist``.
_LIMITED_NAME = re.compile(
    r"[^.]*_(?:aix|android|darwin|dragonfly|freebsd|hurd|illumos|ios|js|linux|nacl|netbsd|openbsd|plan9|solaris"
    r"|wasip1|windows|zos|386|amd64|amd64p32|arm|armbe|arm64|arm64be|loong64|mips|mipsle|mips64|mips64le|mips64p32"
    r"|mips64p32le|ppc|ppc64|ppc64le|riscv|riscv64|s390|s390x|sparc|sparc64|wasm)(?:\.|\Z)"
)

# What may stand before the package clause: space, a byte order mark, and comments.
_BEFORE_PACKAGE = re.compile(rb"(?:\xef\xbb\xbf|\s|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_PACKAGE = re.compile(rb"package(?:\s|//[^\n]*\n|/\*.*?\*/)+([^\s;/]+)", re.DOTALL)
_DECLARATION = re.compile(rb"^(?:func|type|var|const)\b", re.MULTILINE)
_CONSTRAINT = re.compile(rb"^[ \t]*//(?:go:build|[ \t]*\+build)[ \t]", re.MULTILINE)
_EMBED = re.compile(rb"//go:embed[ \t]+([^\r\n]+)")
_PATTERN = re.compile(r"\s*(\"(?:[^\"\\]|\\.)*\"|`[^`]*`|\S+)")


def is_package_file(name: str) -> bool:
    """Tell whether *name* is a Go file that can be part of a package's build."""
    return name.endswith(".go") and not name.startswith((".", "_")) and not name.endswith("_test.go")


def is_relevant(name: str) -> bool:
    """Tell whether a file called *name* in a package's directory can change what is built."""
    if name in SPECIAL_NAMES:
        return True
    return _SOURCE_NAME.match(name) is not None


def is_constrained_name(name: str) -> bool:
    """Tell whether the file's name limits it to a system or an architecture, as ``x_linux.go`` does."""
    return _LIMITED_NAME.match(name) is not None


def package_name(data: bytes) -> tuple[str | None, bool]:
    """Read a Go file's package clause.

    Returns:
        The package's name, None where there is no clause, and whether build constraints stand before it.
    """
    before = _BEFORE_PACKAGE.match(data)
    end = before.end() if before else 0
    clause = _PACKAGE.match(data, end)
    name = clause[1].decode(errors="replace") if clause else None
    return name, _CONSTRAINT.search(data, 0, end) is not None


def is_test_file(name: str) -> bool:
    """Tell whether *name* is a file of tests: of such only the header matters to a build."""
    return name.endswith("_test.go")


def header(data: bytes) -> bytes:
    """Give the part of a Go file that holds all its package clause, imports and build constraints.

    ``go build`` reads as much of test files, and refuses a package for what it finds there. The part can be longer
    than needed: everything, where comments make it hard to say.
    """
    declaration = _DECLARATION.search(data)
    part = data[: declaration.end()] if declaration else data
    is_plain = part.count(b"/*") == part.count(b"*/") and part.count(b"`") % 2 == 0
    return part if is_plain else data


def embed_patterns(data: bytes) -> tuple[str, ...]:
    """Give the patterns of all lines that look like ``//go:embed``, in a comment or a string or not."""
    if b"//go:embed" not in data:
        return ()
    lines = (line.decode(errors="surrogateescape") for line in _EMBED.findall(data))
    return tuple(dict.fromkeys(_unquoted(match[1]) for line in lines for match in _PATTERN.finditer(line)))


def _unquoted(pattern: str) -> str:
    if pattern.startswith("`"):
        return pattern[1:-1]
    if pattern.startswith('"'):
        # Go's other escapes stand for characters that embed refuses in file names, or that are written plainly.
        return re.sub(r"\\(.)", r"\1", pattern[1:-1])
    return pattern
