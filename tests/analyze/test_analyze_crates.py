"""Whose a symbol is in a program that is not Go."""

import pytest

from smidgen.analyze.binary.crates import owner_of


@pytest.mark.parametrize(
    ("symbol", "owner"),
    [
        ("_ZN5hello4main17h0123456789abcdefE", "hello"),
        ("_ZN5hello4main17h0123456789abcdefE.llvm.123", "hello"),
        ("_ZN71_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17h0123456789abcdefE", "alloc"),
        ("_ZN44_$LT$$RF$T$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE", "core"),
        ("_RNvCs1234_7mycrate3foo", "mycrate"),
        ("_RNvMs_NtCsbRRM3oTG7gS_4core3fmtNtB4_9Formatter3pad", "core"),
        ("_RINvNtC3std3mem8align_ofdE", "std"),
        ("_ZNSt3__112basic_stringIcE6appendEPKc", "C++ standard library"),
        ("_ZNKSt9exception4whatEv", "C++ standard library"),
        ("_ZTVSt9exception", "C++ standard library"),
        ("_ZN3app5Model4loadEv", ""),
        ("getaddrinfo", ""),
        ("_R", ""),
        ("_RNvC99999999999999999999a", "a"),
        ("", ""),
    ],
)
def test_symbols_have_crates(symbol: str, owner: str) -> None:
    assert owner_of(symbol) == owner
