"""File capabilities: clauses as people write them, bytes as the kernel takes them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.errors import UsageError
from smidgen.layer.capabilities import CAPABILITY_XATTR, FileCapabilities, parse_capabilities, parse_term

_ALL = (1 << 41) - 1

# Clauses → permitted, inheritable, and whether in force at once; the forms are those of cap_from_text(3) and of ko.
_CLAUSES = {
    ("cap_net_bind_service",): (1 << 10, 0, True),
    ("NET_BIND_SERVICE",): (1 << 10, 0, True),
    ("chown,dac_override,dac_read_search=p",): (7, 0, False),
    ("chown,dac_override,dac_read_search=i",): (0, 7, False),
    ("chown=pe",): (1, 0, True),
    ("=pe",): (_ALL, 0, True),
    ("all=p",): (_ALL, 0, False),
    ("40", "62=p"): (1 << 40 | 1 << 62, 0, True),
    ("chown=ie", "chown=p"): (1, 0, False),
    ("chown=ie", "chown="): (0, 0, False),
    ("chown=ie", "chown+p"): (1, 1, True),
    ("chown=pie", "dac_override,chown-p"): (0, 1, True),
    ("chown=p+i",): (1, 1, False),
    ("chown=e",): (0, 0, True),
    ("=",): (0, 0, False),
    (): (0, 0, False),
}


@pytest.mark.parametrize("clauses", _CLAUSES, ids=" ".join)
def test_clauses(clauses: tuple[str, ...]) -> None:
    found = parse_capabilities(clauses)
    assert (found.permitted, found.inheritable, bool(found.effective)) == _CLAUSES[clauses]


@pytest.mark.parametrize(
    "text", ["", "cap_", "chown,", "chown,=p", "-p", "+p", "chown=x", "64", "-1", "cap_10", "net_bind"]
)
def test_what_is_no_clause(text: str) -> None:
    with pytest.raises(UsageError, match="unknown") as caught:
        parse_term(text)
    assert caught.value.hint


def test_bytes() -> None:
    # As `setcap cap_net_bind_service=ep` writes them.
    value = parse_capabilities(["cap_net_bind_service"]).encode()
    assert value.hex() == "0100000200040000000000000000000000000000"
    assert parse_capabilities(["chown=e"]).xattrs == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0100000200040000000000000000000000000000", "cap_net_bind_service=ep"),
        ("0000000301000000000000000000000000000000e8030000", "cap_chown=p"),
        ("00000002010000000200000001000000" + "00000000", "cap_chown,cap_mac_override=p cap_dac_override=i"),
        ("0100000200000000000000000000008000000000", "63=ep"),
    ],
)
def test_attributes_of_others(value: str, said: str) -> None:
    decoded = FileCapabilities.decode(bytes.fromhex(value))
    assert str(decoded) == said


@pytest.mark.parametrize("value", ["", "01000002", "01" * 20, "0100000300040000000000000000000000000000", "00" * 24])
def test_attributes_of_no_form(value: str) -> None:
    assert FileCapabilities.decode(bytes.fromhex(value)) is None


_SETS = st.integers(0, 2**64 - 1)


@given(permitted=_SETS, inheritable=_SETS, mask=st.sampled_from([0, 2**64 - 1]))
def test_round_trips(permitted: int, inheritable: int, mask: int) -> None:
    whole = FileCapabilities(permitted, inheritable, (permitted | inheritable) & mask)
    if not whole.encode():
        return
    decoded = FileCapabilities.decode(whole.encode())
    assert decoded is not None
    assert decoded.encode() == whole.encode()
    assert parse_capabilities(str(whole).split()).encode() == whole.encode()


def test_the_kernel_takes_them(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        # Who may set them is root; that the form is right, the test above says too.
        return
    file = tmp_path / "file"
    file.touch()
    value = parse_capabilities(["net_bind_service,40=eip"]).encode()
    os.setxattr(file, CAPABILITY_XATTR, value)
    assert os.getxattr(file, CAPABILITY_XATTR) == value
