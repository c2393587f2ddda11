"""Rebased images and lock files, for people and for ``--json``."""

from collections.abc import Callable

from smidgen.gobuild.lock import Locked
from smidgen.gobuild.rebase import RebaseOutcome
from smidgen.report.schema_rebase import LockReport, PinResult, RebasedPlatform, RebaseReport
from smidgen.report.text import human_size

Style = Callable[..., str]


def rebase_report(outcome: RebaseOutcome) -> RebaseReport:
    """Say in plain values what was rebased."""
    done = outcome.rebased
    return RebaseReport(
        references=tuple(f"{one.familiar}@{done.image.digest}" for one in outcome.references),
        digest=done.image.digest,
        is_remote=outcome.remote,
        sent=outcome.sent,
        platforms=tuple(
            RebasedPlatform(
                platform=str(single.platform),
                digest=single.digest,
                old=old.name,
                old_digest=old.image.digest,
                new=new.name,
                new_digest=new.image.digest,
            )
            for single, old, new in zip(done.image.images, done.old, done.new, strict=True)
        ),
    )


def render_rebase(report: RebaseReport, *, style: Style) -> str:
    """Render a line for each platform, and what was sent."""
    lines = [
        f"{style(one.platform, 'cyan')}: from {one.old} ({one.old_digest[7:19]}) "
        f"onto {one.new} ({one.new_digest[7:19]})"
        for one in report.platforms
    ]
    if report.is_remote:
        lines.append(f"sent {human_size(report.sent)} to the registry")
    return "\n".join(lines)


def lock_report(locked: Locked) -> LockReport:
    """Say in plain values what the lock file has, and what changed."""
    return LockReport(
        file=str(locked.path),
        changed=locked.changed,
        bases=tuple(
            PinResult(
                reference=pin.reference,
                digest=pin.digest,
                was=locked.before.get(pin.reference, ""),
                platforms=tuple(pin.platforms),
            )
            for pin in locked.pins
        ),
        removed=locked.removed,
    )


def render_lock(report: LockReport, *, style: Style) -> str:
    """Render what changed, a line each, and the file."""
    lines = []
    for one in report.bases:
        if one.was and one.was != one.digest:
            lines.append(f"{style('~', 'yellow')} {one.reference}: was {one.was}")
        elif not one.was:
            lines.append(f"{style('+', 'green')} {one.reference}")
    lines += [f"{style('-', 'red')} {reference}" for reference in report.removed]
    count = len(report.bases)
    lines.append(f"{report.file}: {count} base{'' if count == 1 else 's'}{'' if report.changed else ', nothing new'}")
    return "\n".join(lines)
