"""What goes in: the user's word, the base, the program, in that order."""

import pytest

from smidgen.errors import UsageError
from smidgen.needs.need import Confidence, Need, NeedKind, NeedsReport
from smidgen.needs.selection import Origin, select


def need(kind: NeedKind, *, included: bool = True) -> Need:
    return Need(kind=kind, confidence=Confidence.LIKELY, symbol="a.b", reason="The program does it.", included=included)


REPORT = NeedsReport(needs=(need(NeedKind.CA), need(NeedKind.TMP), need(NeedKind.MIME, included=False)))


def test_detected() -> None:
    selection = select(REPORT)
    assert selection.kinds == {NeedKind.CA, NeedKind.TMP}
    assert [(one.kind, one.included, one.origin) for one in selection.decisions] == [
        (NeedKind.CA, True, Origin.DETECTED),
        (NeedKind.TMP, True, Origin.DETECTED),
        (NeedKind.MIME, False, Origin.DETECTED),
    ]
    assert selection.decisions[0].why == "The program does it."


def test_asked_for_says_where() -> None:
    selection = select(REPORT, asked={NeedKind.MIME: "--with", NeedKind.TZ: "--tz"})
    assert selection.kinds == {NeedKind.CA, NeedKind.TZ, NeedKind.TMP, NeedKind.MIME}
    by_kind = {one.kind: one for one in selection.decisions}
    assert by_kind[NeedKind.TZ].why == "asked for with --tz"
    assert by_kind[NeedKind.TZ].need is None
    assert by_kind[NeedKind.MIME].need is not None


def test_refused_warns_where_it_is_needed() -> None:
    selection = select(REPORT, refused={NeedKind.CA: "--without", NeedKind.TZ: "--without"})
    assert selection.kinds == {NeedKind.TMP}
    assert selection.warnings == ("CA certificates left out (refused with --without), but the program does it.",)


def test_base_has_it() -> None:
    selection = select(REPORT, base={NeedKind.CA, NeedKind.PASSWD})
    assert selection.kinds == {NeedKind.TMP}
    assert selection.decisions[0].origin is Origin.BASE
    assert not selection.warnings


def test_asked_for_over_the_base() -> None:
    assert NeedKind.CA in select(REPORT, asked={NeedKind.CA: "--ca-bundle"}, base={NeedKind.CA}).kinds


def test_asked_for_and_refused() -> None:
    with pytest.raises(UsageError, match="ca is asked for with --ca-bundle and refused with --without"):
        select(REPORT, asked={NeedKind.CA: "--ca-bundle"}, refused={NeedKind.CA: "--without"})
