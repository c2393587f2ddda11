"""Whose a symbol is in a program that is not Go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smidgen.analyze.binary.crates import owner_of
from smidgen.analyze.binary.demangle import readable


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


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("_ZN5hello4main17h0123456789abcdefE", "hello::main"),
        ("_ZN5hello4main17h0123456789abcdefE.llvm.123", "hello::main"),
        (
            "_ZN66_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17h0123456789abcdefE",
            "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop",
        ),
        ("_ZN4core3ops8function6FnOnce40call_once$u7b$$u7b$vtable.shim$u7d$$u7d$17h0123456789abcdefE", None),
        ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
        ("_RNvMs_NtCsbRRM3oTG7gS_4core3fmtNtB4_9Formatter3pad", "<core::fmt::Formatter>::pad"),
        ("_RINvNtC3std3mem8align_ofdE", "std::mem::align_of"),
        ("_RNvXCs1_1aNtB2_1TNtCs2_1b1U3run", "<a::T as b::U>::run"),
        ("_RNvXCs1_1aReNtCs2_1b1U3run", "<&str as b::U>::run"),
        ("_RNCNvCs1_1a4main0B3_", "a::main::{closure}"),
        (
            "_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE6appendEPKc",
            "std::__1::basic_string::append",
        ),
        ("_ZNKSt9exception4whatEv", "std::exception::what"),
        ("_ZTVSt9exception", "vtable of std::exception"),
        ("_ZSt4cout", "std::cout"),
        ("_ZN3app5ModelC2Ev", "app::Model::Model"),
        ("_ZN3app5ModelD0Ev", "app::Model::~Model"),
        ("_ZN3app5ModelILi3EEplERKS1_", "app::Model::operator"),
        ("_ZN12_GLOBAL__N_13runEv", "(anonymous)::run"),
        ("_Z3addii", "add"),
        ("_ZN3app4ListIPNS_4NodeELm8EEaSEOS2_", "app::List::operator"),
        ("_ZN3app4MakeIJRA34_KcEEEvv", "app::Make"),
        ("_RINvNtCs7_4core6escape14escape_unicodeKja_ECsa_1b", "core::escape::escape_unicode"),
        (
            "_ZN9libunwind10CFI_ParserINS_17LocalAddressSpaceEE9decodeFDEERS1_mPNS2_8FDE_InfoEPNS2_8CIE_InfoEb",
            "libunwind::CFI_Parser::decodeFDE",
        ),
        ("getaddrinfo", "getaddrinfo"),
    ],
)
def test_names_are_as_their_language_writes_them(symbol: str, name: str | None) -> None:
    assert readable(symbol) == name or (name is None and readable(symbol) != symbol)


@pytest.mark.parametrize("symbol", ["_Z", "_ZN", "_ZNE", "_R", "_RB_", "_RNvB_1a", "_ZN9a", "_ZN3fooI" + "N" * 5000])
def test_what_is_no_name_stays(symbol: str) -> None:
    assert readable(symbol) == symbol


@given(st.text("_RZNIESTCsuB0123459abcLKXYMv$.", max_size=60))
def test_no_name_is_too_odd(text: str) -> None:
    for start in ("_R", "_Z", "_ZN"):
        assert readable(start + text)
