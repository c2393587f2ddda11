"""What is read from Go source files and module files."""

import pytest

from smidgen.gobuild.modfile import parse_module_file
from smidgen.gobuild.packages import pattern_expression
from smidgen.gobuild.source import embed_patterns, header, is_constrained_name, is_relevant, package_name
from smidgen.gobuild.target import executable_name


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"package main", ("main", False)),
        (b'\xef\xbb\xbf// Copyright\n\n/* a\npackage x */ package\tmain; import "x"', ("main", False)),
        (b"package/* odd */main\n", ("main", False)),
        (b"package // odd\nmain\n", ("main", False)),
        (b"//go:build linux\n\npackage main\n", ("main", True)),
        (b"// +build ignore\n\npackage main\n", ("main", True)),
        (b"package a\n//go:build linux\n", ("a", False)),
        ("package größe\n".encode(), ("größe", False)),
        (b"", (None, False)),
        (b"// nothing", (None, False)),
        (b"func main() {}", (None, False)),
        (b"/* never ends package main", (None, False)),
    ],
)
def test_package_name(data: bytes, expected: tuple[str | None, bool]) -> None:
    assert package_name(data) == expected


def test_embed_patterns() -> None:
    data = b'package a\n\n//go:embed a.txt "b c.txt" `d e`\n\t//go:embed all:static\nvar x string\n//go:embedded no\n'
    assert embed_patterns(data) == ("a.txt", "b c.txt", "d e", "all:static")
    assert embed_patterns(b"package a\n") == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x_linux.go", True), ("x_linux_amd64.go", True), ("linux.go", False), ("a_b.go", False), ("a.b_linux.go", False)],
)
def test_constrained_names(name: str, expected: bool) -> None:  # noqa: FBT001
    assert is_constrained_name(name) is expected


def test_relevant_names() -> None:
    names = ["a.go", "a_test.go", "_a.go", ".a.go", "README.md", "a.s", "a.syso", "go.mod", "default.pgo", "a.go~"]
    relevant = ["a.go", "a_test.go", "a.s", "a.syso", "go.mod", "default.pgo"]
    assert [name for name in names if is_relevant(name)] == relevant


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'package a\n\nimport (\n\t"b"\n)\n\nfunc f() {}\n', b'package a\n\nimport (\n\t"b"\n)\n\nfunc'),
        (b'package a\n\n/*\nfunc\n*/ import "x"\n', None),
        (b"package a\nimport `x\ntype `\n", None),
        (b"package a\nfunctional\n", None),
    ],
)
def test_header(data: bytes, expected: bytes | None) -> None:
    assert header(data) == (data if expected is None else expected)


def test_module_file() -> None:
    text = """// a comment
module "example.com/app" // another

go 1.24.0
toolchain go1.25.1

require (
	example.com/lib v1.2.3 // indirect
	example.com/b v0.0.0
)
require example.com/c v1.0.0
replace example.com/lib v1.2.3 => ../lib
replace (
	example.com/b => `./b c`
	example.com/c => example.com/fork v1.0.1
)
ignore ./web
"""
    parsed = parse_module_file(text)
    assert parsed.module == "example.com/app"
    assert (parsed.go, parsed.toolchain) == ("1.24.0", "go1.25.1")
    assert parsed.replaced == (("example.com/lib", "../lib"), ("example.com/b", "./b c"))
    assert parsed.ignored == ("./web",)


def test_work_file() -> None:
    parsed = parse_module_file("go 1.24\nuse (\n\t./a\n\t./b // why\n)\nuse ./c\nuse ()\nreplace x => ./x\n")
    assert parsed.used == ("./a", "./b", "./c")
    assert parsed.replaced == (("x", "./x"),)


def test_executable_names() -> None:
    assert executable_name("example.com/cmd/app") == "app"
    assert executable_name("example.com/app/v2") == "app"
    assert executable_name("example.com/app/v1") == "v1"
    assert executable_name("app") == "app"


def test_patterns() -> None:
    below = pattern_expression("/a/cmd/...")
    assert below.match("/a/cmd")
    assert below.match("/a/cmd/x/y")
    assert not below.match("/a/cmdx")
    middle = pattern_expression("/a/.../b")
    assert middle.match("/a/x/y/b")
    assert not middle.match("/a/b/c")
