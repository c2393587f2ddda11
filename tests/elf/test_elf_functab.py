"""Go function tables of every kind, class and byte order, made here byte by byte."""

from itertools import product

import pytest

from smidgen.elf.functab import Function, FunctionTable, read_function_table
from smidgen.elf.header import parse_elf
from smidgen.errors import InvalidExecutable
from support.elf_maker import MAGIC, RW, RX, ElfMaker, FunctionTableMaker

FUNCTIONS = (
    ("go:buildid", 0, 0),
    ("internal/cpu.Initialize", 64, 120),
    ("main.(*Größe[go.shape.int]).Area", 160, 7),
    ("main.main", 192, 12),
)
INLINED = ("fmt.Println", "main.double", "a")
LAYOUTS = list(product(["1.16", "1.18", "1.20"], [64, 32], "<>"))
MACHINES = {(64, "<"): 62, (64, ">"): 22, (32, "<"): 40, (32, ">"): 8}
QUANTA = {62: 1, 22: 2, 40: 4, 8: 4}


def program(
    layout: str = "1.20",
    bits: int = 64,
    endian: str = "<",
    *,
    section: str = ".gopclntab",
    kind: int = 2,
    text_in_head: bool = True,
    module_data: bool = True,
    loader_fills_in: bool = False,
) -> bytes:
    """Make a program with a function table."""
    machine = MACHINES[bits, endian]
    maker = ElfMaker(bits=bits, endian=endian, machine=machine, kind=kind)
    text = maker.add(b"\x90" * 512, flags=RX, section=".text" if section else "")
    table = FunctionTableMaker(
        layout, bits, endian, FUNCTIONS, INLINED, text=text, quantum=QUANTA[machine], text_in_head=text_in_head
    )
    data = table.build()
    if section == "merged":
        address = maker.add(b"\xf1\xff\xff\xff\0\0\x01\x08" + b"\0" * 88 + data, section=".data.rel.ro") + 96
    else:
        address = maker.add(data, section=section)
    words = table.module_data(address)
    if loader_fills_in:
        place = maker.next_address() + 16
        # A relative relocation of x86-64 is of type 8.
        rows = [row for i in (0, 1, 22, 23) for row in (place + 8 * i, 8, words[i])]
        maker.add(b"\xcc" * 16 + bytes(8 * len(words)), flags=RW)
        relocations = maker.add(maker.words(*rows))
        maker.add(maker.words(7, relocations, 8, 8 * len(rows), 0, 0), kind=2)
    elif module_data:
        maker.add(maker.words(address, 5) + maker.words(*words), flags=RW, section=".noptrdata" if section else "")
    return maker.build()


def table_of(data: bytes) -> FunctionTable:
    table = read_function_table(parse_elf(data))
    assert table is not None
    return table


def expected(text: int, *, lines: bool) -> list[Function]:
    ends = [entry for _, entry, _ in FUNCTIONS[1:]] + [FUNCTIONS[-1][1] + 64]
    rows = zip(FUNCTIONS, ends, strict=True)
    return [Function(name, text + entry, end - entry, line if lines else 0) for (name, entry, line), end in rows]


@pytest.mark.parametrize(("layout", "bits", "endian"), LAYOUTS)
@pytest.mark.parametrize("section", [".gopclntab", ".data.rel.ro.gopclntab", ""])
def test_functions(layout: str, bits: int, endian: str, section: str) -> None:
    data = program(layout, bits, endian, section=section)
    table = table_of(data)
    assert table.header.layout == layout
    assert list(table.functions()) == expected(0x400000 + 1024, lines=layout == "1.20")
    assert list(table.names()) == [name for name, _, _ in FUNCTIONS] + list(INLINED)


def test_table_within_another_section() -> None:
    """GNU ld merges .data.rel.ro.gopclntab into .data.rel.ro; the magic alone is not yet a table."""
    assert list(table_of(program(section="merged")).functions()) == expected(0x400400, lines=True)


@pytest.mark.parametrize(("bits", "endian"), [(64, "<"), (64, ">"), (32, "<"), (32, ">")])
@pytest.mark.parametrize("kind", [2, 3])
def test_text_start_from_module_data(bits: int, endian: str, kind: int) -> None:
    """Since Go 1.26 the table's head does not have it."""
    table = table_of(program("1.20", bits, endian, kind=kind, text_in_head=False))
    assert table.text_start == 0x400400


def test_text_start_from_relocations() -> None:
    table = table_of(program(kind=3, text_in_head=False, loader_fills_in=True))
    assert table.text_start == 0x400400
    assert list(table.functions()) == expected(0x400400, lines=True)


def test_no_text_start_anywhere() -> None:
    table = table_of(program(text_in_head=False, module_data=False))
    assert table.has("main.main"), "names do not need it"
    assert table.is_linked("main.main")
    with pytest.raises(InvalidExecutable, match="no module data"):
        table.functions()


@pytest.mark.parametrize(("layout", "bits", "endian"), LAYOUTS)
def test_names(layout: str, bits: int, endian: str) -> None:
    table = table_of(program(layout, bits, endian))
    for name, _, _ in FUNCTIONS:
        assert table.has(name)
        assert table.is_linked(name)
    for name in INLINED:
        assert table.has(name)
        assert not table.is_linked(name)
    for name in ("", "main", "main.mai", "ain.main", "main.main\0", "\0", "main.main\0fmt.Println", "Größe"):
        assert not table.has(name)
        assert not table.is_linked(name)


def test_prefixes() -> None:
    table = table_of(program())
    assert table.has_prefix("main.")
    assert table.has_prefix("go:")
    assert table.has_prefix("fmt.Println")
    assert not table.has_prefix("ain.")
    assert not table.has_prefix("")
    assert not table.uses_cgo
    assert not table.method_elimination_off


def test_inlined_name_that_is_also_a_function() -> None:
    maker = ElfMaker()
    text = maker.add(b"\x90" * 512, flags=RX)
    functions = (("main.a", 0, 1), ("main.b", 16, 2), ("main.a", 32, 3))
    maker.add(FunctionTableMaker("1.20", 64, "<", functions, ("main.b",), text=text).build(), section=".gopclntab")
    table = table_of(maker.build())
    assert table.is_linked("main.a")
    assert table.is_linked("main.b")


def with_names(*names: str) -> FunctionTable:
    maker = ElfMaker()
    text = maker.add(b"\x90" * 512, flags=RX)
    functions = tuple((name, 16 * index, 1) for index, name in enumerate(names))
    maker.add(FunctionTableMaker("1.20", 64, "<", functions, text=text).build(), section=".gopclntab")
    return table_of(maker.build())


def test_cgo() -> None:
    assert with_names("runtime/cgo.(*Handle).Value", "main.main").uses_cgo
    assert with_names("main.main", "_cgo_9d1a_Cfunc_f").uses_cgo
    assert not with_names("main.main", "runtime.cgocall").uses_cgo


def test_method_elimination_off() -> None:
    names = [f"reflect.(*rtype).{name}" for name in ("ChanDir", "FieldAlign", "IsVariadic")]
    assert with_names(*names).method_elimination_off
    assert not with_names(*names[1:]).method_elimination_off


def test_no_table() -> None:
    maker = ElfMaker()
    maker.add(b"\xff" * 512, flags=RX, section=".text")
    assert read_function_table(parse_elf(maker.build())) is None


def damaged(offset: int, value: bytes) -> bytes:
    """Change the table of a program at an offset of the table."""
    data = bytearray(program())
    at = data.find(MAGIC["1.20"].to_bytes(4, "little")) + offset
    data[at : at + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (0, b"\xfb", "kind 0xfffffffb"),
        (0, b"\xf3", "kind 0xfffffff3"),
        (4, b"\x01", "goes on with"),
        (6, b"\x03", "goes on with"),
        (7, b"\x04", "goes on with"),
        (8, b"\0", "0 functions"),
        (8, b"\xff\xff\xff\xff", "functions does not fit"),
        (8, b"\xff" * 8, "functions does not fit"),
        (32, b"\0" * 8, "out of order"),
        (32, b"\xff" * 8, "out of order"),
        (64, b"\xff" * 8, "out of order"),
    ],
)
def test_damaged_head(offset: int, value: bytes, reason: str) -> None:
    with pytest.raises(InvalidExecutable, match=reason) as caught:
        read_function_table(parse_elf(damaged(offset, value)))
    assert caught.value.offset is not None


def test_hints_tell_older_from_newer() -> None:
    for magic, word in ((b"\xfb", "Go 1.16 or newer"), (b"\xf3", "newer Go")):
        with pytest.raises(InvalidExecutable) as caught:
            read_function_table(parse_elf(damaged(0, magic)))
        assert word in (caught.value.hint or "")


def rows_offset() -> int:
    return table_of(program()).header.rows - table_of(program()).header.offset


@pytest.mark.parametrize("value", [b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x10\x00\x00"])
def test_record_outside(value: bytes) -> None:
    table = table_of(damaged(rows_offset() + 4, value))
    with pytest.raises(InvalidExecutable, match="record lies outside"):
        list(table.functions())
    with pytest.raises(InvalidExecutable, match="record lies outside"):
        table.is_linked("main.main")
    assert table.has("main.main")


def test_entries_out_of_order() -> None:
    with pytest.raises(InvalidExecutable, match="order of their addresses"):
        list(table_of(damaged(rows_offset() + 8, b"\xff\xff\xff\x7f")).functions())


def test_name_outside() -> None:
    record = rows_offset() + 40
    with pytest.raises(InvalidExecutable, match="name at 0x7fffffff lies outside"):
        list(table_of(damaged(record + 4, b"\xff\xff\xff\x7f")).functions())
