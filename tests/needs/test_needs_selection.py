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


def _of_base(kind: NeedKind) -> str:
    return {NeedKind.CA: "/etc/ssl/cert.pem", NeedKind.PASSWD: "/etc/passwd", NeedKind.MIME: "/etc/mime.types"}.get(
        kind, ""
    )


def test_base_has_it() -> None:
    selection = select(REPORT, place_in_base=_of_base)
    assert selection.kinds == {NeedKind.TMP}
    assert (selection.decisions[0].origin, selection.decisions[0].why) == (
        Origin.BASE,
        "provided by the base: /etc/ssl/cert.pem",
    )
    # What would not go in anyway is not looked for.
    assert selection.decisions[-1].origin is Origin.DETECTED
    assert not selection.warnings


def test_asked_for_over_the_base() -> None:
    assert NeedKind.CA in select(REPORT, asked={NeedKind.CA: "--with"}, place_in_base=_of_base).kinds


def test_implied_is_satisfied_by_the_base() -> None:
    implied = {NeedKind.PASSWD: "--user", NeedKind.TZ: "--tz"}
    selection = select(REPORT, implied=implied, place_in_base=_of_base)
    assert selection.kinds == {NeedKind.TMP, NeedKind.TZ}
    by_kind = {one.kind: one for one in selection.decisions}
    assert (by_kind[NeedKind.PASSWD].origin, by_kind[NeedKind.TZ].origin) == (Origin.BASE, Origin.ASKED)
    assert by_kind[NeedKind.TZ].why == "asked for with --tz"
    assert NeedKind.PASSWD in select(REPORT, implied=implied).kinds


def test_asked_for_and_refused() -> None:
    with pytest.raises(UsageError, match="ca is asked for with --ca-bundle and refused with --without"):
        select(REPORT, asked={NeedKind.CA: "--ca-bundle"}, refused={NeedKind.CA: "--without"})
