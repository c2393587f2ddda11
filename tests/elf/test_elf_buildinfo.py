"""Go build information, in the forms that Go's releases write."""

import pytest

from smidgen.elf.buildinfo import BuildInfo, Module, read_build_info
from smidgen.elf.header import parse_elf
from smidgen.errors import InvalidExecutable
from support.elf_maker import RW, RX, ElfMaker, R

MAGIC = b"\xff Go buildinf:"
FRAME = bytes(range(16))
TEXT = (
    "path\texample.test/app/cmd/app\n"
    "mod\texample.test/app\t(devel)\t\n"
    "=>\t../fork\t\n"
    "dep\tgolang.org/x/text\tv0.3.0\th1:abc=\n"
    "=>\texample.test/text\tv0.4.0\th1:def=\n"
    "dep\texample.test/local\tv1.0.0\n"
    "news\tof a newer Go\n"
    "build\t-compiler=gc\n"
    'build\t-ldflags="-s -w -X \'main.version=1 \\"2\\"\'"\n'
    "build\t-tags=netgo,osusergo\n"
    "build\tCGO_ENABLED=0\n"
    "build\tGOARCH=amd64\n"
    "build\tGOAMD64=v3\n"
    'build\t"odd key"=`raw \\n`\n'
    "build\tvcs.modified=false\n"
)


def varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return out + bytes((number,))


def framed(text: str) -> bytes:
    return FRAME + text.encode() + FRAME


def inline(version: bytes = b"go1.26.8", text: bytes = framed(TEXT)) -> bytes:
    """Make the blob of Go 1.18 and newer."""
    head = (MAGIC + b"\x08\x02").ljust(32, b"\0")
    return head + varint(len(version)) + version + varint(len(text)) + text


def program(blob: bytes, *, section: str = ".go.buildinfo", flags: int = RW) -> bytes:
    maker = ElfMaker()
    maker.add(b"\x90" * 64, flags=RX, section=".text" if section else "")
    maker.add(blob, flags=flags, section=section)
    return maker.build()


def read(data: bytes) -> BuildInfo | None:
    return read_build_info(parse_elf(data))


@pytest.mark.parametrize(("section", "flags"), [(".go.buildinfo", RW), ("", RW), ("", R)])
def test_inline_strings(section: str, flags: int) -> None:
    info = read(program(inline(), section=section, flags=flags))
    assert info is not None
    assert info.go_version == "go1.26.8"
    assert info.path == "example.test/app/cmd/app"
    assert info.main == Module("example.test/app", "(devel)", "", Module("../fork"))
    assert info.dependencies == (
        Module("golang.org/x/text", "v0.3.0", "h1:abc=", replace=Module("example.test/text", "v0.4.0", "h1:def=")),
        Module("example.test/local", "v1.0.0"),
    )
    assert info.settings["-ldflags"] == "-s -w -X 'main.version=1 \"2\"'"
    assert info.settings["odd key"] == "raw \\n"
    assert info.settings["vcs.modified"] == "false"
    assert info.tags == ("netgo", "osusergo")
    assert info.variant == "v3"
    assert info.cgo_enabled is False


@pytest.mark.parametrize(("bits", "endian"), [(64, "<"), (64, ">"), (32, "<"), (32, ">")])
def test_pointed_strings(bits: int, endian: str) -> None:
    """Go 1.17 and older point at Go strings, which are a pointer and a length."""
    maker = ElfMaker(bits=bits, endian=endian)
    texts = [b"go1.17.13", framed(TEXT)]
    strings = [maker.add(maker.words(maker.add(text), len(text))) for text in texts]
    head = MAGIC + bytes((bits // 8, 1 if endian == ">" else 0))
    maker.add((head + maker.words(*strings)).ljust(32, b"\0"), flags=RW, section=".go.buildinfo")
    info = read(maker.build())
    assert info is not None
    assert info.go_version == "go1.17.13"
    assert len(info.dependencies) == 2


def test_without_modules() -> None:
    assert read(program(inline(text=b""))) == BuildInfo("go1.26.8")


def test_no_build_information() -> None:
    maker = ElfMaker()
    maker.add(b"\x90" * 64, flags=RX, section=".text")
    assert read(maker.build()) is None


def test_magic_off_its_alignment_is_chance() -> None:
    assert read(program(b"\0" * 8 + inline(), section="")) is None


@pytest.mark.parametrize(
    ("settings", "variant"),
    [
        ("GOARCH=amd64\nGOAMD64=v1", ""),
        ("GOARCH=arm\nGOARM=7", "v7"),
        ("GOARCH=arm\nGOARM=5,softfloat", "v5"),
        ("GOARCH=arm", ""),
        ("GOARCH=arm64\nGOARM64=v8.0", ""),
        ("", ""),
    ],
)
def test_variant(settings: str, variant: str) -> None:
    text = "".join(f"build\t{line}\n" for line in settings.split("\n") if line) + "\n"
    info = read(program(inline(text=framed(text))))
    assert info is not None
    assert info.variant == variant


@pytest.mark.parametrize(
    ("quoted", "plain"),
    [
        (r'"a\tb\n\x41\101\u00e9\U0001F600\\"', "a\tb\nAA\u00e9\U0001f600\\"),
        (r'"\ud800\U00110000"', "\ufffd\ufffd"),
        ('"', '"'),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_quoting(quoted: str, plain: str) -> None:
    info = read(program(inline(text=framed(f"build\tkey={quoted}\n"))))
    assert info is not None
    assert info.settings["key"] == plain


@pytest.mark.parametrize(
    "blob",
    [
        inline(version=b""),
        inline()[:33] + b"\xff" * 20,
        inline()[:32] + b"\xff\xff\xff\x7f",
        inline()[:32] + b"\xff" * 9 + b"\x7f",
        inline()[:48],
        inline(text=framed("build\tno equals sign\n")),
        inline(text=framed('build\t"no end\n')),
        (MAGIC + b"\x05\x00").ljust(64, b"\0"),
        (MAGIC + b"\x08\x00" + b"\x01" * 16).ljust(64, b"\0"),
    ],
)
def test_damage(blob: bytes) -> None:
    with pytest.raises(InvalidExecutable, match=r"offset|not in the file"):
        read(program(blob))
