"""The whole way of ``smidgen shrink``: the program as it is, each advice on its own, and the safe ones together."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import msgspec

from smidgen.errors import SmidgenError, UsageError
from smidgen.gobuild.variants import Variants
from smidgen.layer.compression import Compression
from smidgen.sandbox.prove import HttpCheck
from smidgen.shrink.advice import NAMES, Advice, Cost, Row, Standing, Survey
from smidgen.shrink.apply import joined_keys
from smidgen.shrink.bench import Bench, Made
from smidgen.shrink.heavy import heavy_packages
from smidgen.shrink.imports import Package, imports_of
from smidgen.shrink.propose import propose
from smidgen.shrink.source import SourceTrials, first_words
from smidgen.shrink.start import Running, measure_running
from smidgen.shrink.subject import Subject, build_subject
from smidgen.shrink.upx import upx_rows
from smidgen.store.content import ContentStore

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyOptions:
    """What is asked for.

    Attributes:
        thorough: Also what compiles every package once more.
        http: What the program answers, to measure what a request takes; None to start it only.
        only: Names of advice to try; empty for all.
        timeout: Seconds after which nothing more is begun; None for no limit.
    """

    thorough: bool = False
    http: HttpCheck | None = None
    only: frozenset[str] = frozenset()
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Refuse names that nothing has.

        Raises:
            UsageError: There is no such advice.
        """
        if unknown := sorted(self.only.difference(NAMES)):
            raise UsageError(f"there is no advice {unknown[0]!r}", hint=f"expected {', '.join(NAMES)}")

    def wants(self, name: str) -> bool:
        """Say whether the advice *name* is to be tried."""
        return not self.only or name in self.only


def survey(variants: Variants, store: ContentStore, options: SurveyOptions, *, tell: Tell) -> Survey:
    """Build the program, and then what is advised, and measure all of it; *store* only gets the program's base.

    Raises:
        CompileError: Go refused the program as it is.
        SmidgenError: It can have no image, or its base cannot be had.
    """
    deadline = None if options.timeout is None else time.monotonic() + options.timeout
    with Bench.open(variants, store) as bench:
        subject = build_subject(bench, tell)
        stopwatch = _Stopwatch(subject.made, options.http)
        return _Surveyor(bench, subject, options, tell, stopwatch, deadline).survey()


class _Stopwatch:
    """Runs variants; the program as it is runs once for all of them."""

    def __init__(self, made: Made, http: HttpCheck | None) -> None:
        self._made = made
        self._http = http

    @cached_property
    def now(self) -> Running:
        return self.measure(self._made)

    def measure(self, made: Made) -> Running:
        return measure_running(made.image, self._http)


@dataclass(frozen=True, slots=True)
class _Surveyor:
    bench: Bench
    subject: Subject
    options: SurveyOptions
    tell: Tell
    stopwatch: "_Stopwatch"
    deadline: float | None
    _late: list[str] = field(default_factory=list)

    def survey(self) -> Survey:
        variants, subject = self.bench.variants, self.subject
        advice = tuple(propose(subject, variants.place))
        imports = imports_of(subject.settings, variants)
        rows = (*self._rows(advice), *self._packed_rows(), *self._source_rows(imports))
        found = Survey(
            target=variants.request.targets[0],
            program=variants.package.import_path,
            platform=str(subject.settings.platforms[0]),
            go_version=subject.explained.facts.go_version,
            now=subject.made.figures,
            rows=rows,
            together=None,
            heavy=heavy_packages(subject, imports, variants.package.import_path),
            untried=tuple(self._untried(advice)),
        )
        together = self._together(found.safe)
        if self._late:
            late = f"{', '.join(self._late)}: the time of --timeout was over"
            found = replace(found, untried=(*found.untried, late))
        return replace(found, together=together)

    def _rows(self, advice: Iterable[Advice]) -> Iterator[Row]:
        for one in advice:
            if self._is_tried(one) and self._is_in_time(one.name):
                yield self._row(one)

    def _is_tried(self, advice: Advice) -> bool:
        if self.options.only:
            return advice.name in self.options.only
        return self.options.thorough or not advice.is_slow or advice.standing is Standing.YOURS

    def _wants(self, name: str) -> bool:
        return self.options.wants(name) and self._is_in_time(name)

    def _is_in_time(self, name: str) -> bool:
        """Tell whether *name* may still be tried, and remember that it was not."""
        if self.deadline is None or time.monotonic() < self.deadline:
            return True
        self._late.append(name)
        return False

    def _source_rows(self, imports: Mapping[str, Package]) -> Iterator[Row]:
        self.tell("trying what the source could do without")
        yield from SourceTrials(self.bench, self.subject, imports).rows(self._wants)

    def _row(self, advice: Advice) -> Row:
        row = _unmeasured(advice)
        self.tell(f"trying {advice.name}: {advice.title}")
        try:
            made = self._made(advice)
        except SmidgenError as error:
            return replace(row, fault=first_words(error))
        row = replace(row, figures=made.figures, costs=self._costs(advice, made))
        if not advice.costs_speed:
            return row
        if self.options.http is None:
            return replace(row, notes=("how much slower it is was not measured: --http :PORT/PATH says what to ask",))
        return self._run(row, made)

    def _made(self, advice: Advice) -> Made:
        if advice.is_repacked:
            return self.bench.make(advice.settings, self.subject.binary, like=self.subject.made.part)
        return self.bench.make(advice.settings, self.bench.compile(advice.settings))

    def _costs(self, advice: Advice, made: Made) -> tuple[Cost, ...]:
        if advice.is_repacked and advice.settings.compression != self.subject.settings.compression:
            # Once more as it is, so that both times are of the same work.
            before = self.bench.make(self.subject.settings, self.subject.binary, like=self.subject.made.part)
            return (Cost(what="time to pack the layers", unit="s", before=before.seconds, after=made.seconds),)
        return ()

    def _packed_rows(self) -> Iterator[Row]:
        self.tell("trying upx")
        for row, made in upx_rows(self.bench, self.subject, self._wants):
            yield self._run(row, made) if made is not None else row

    def _run(self, row: Row, made: Made) -> Row:
        """Say what running a variant costs, if it can be run here."""
        try:
            return replace(row, costs=(*row.costs, *self.stopwatch.now.costs(self.stopwatch.measure(made))))
        except SmidgenError as error:
            return replace(row, notes=(*row.notes, f"how it runs was not measured: {first_words(error)}"))

    def _together(self, rows: Sequence[Row]) -> Row | None:
        if len(rows) < 2 or not self._is_in_time("all-safe"):
            return None
        keys = joined_keys(rows)
        settings = self.subject.settings
        for name, value in keys.items():
            parsed = Compression.parse(value) if isinstance(value, str) else value
            settings = msgspec.structs.replace(settings, **{name: parsed})
        joined = Advice(
            name="all-safe",
            title="all of the safe ones together",
            how="--apply",
            loses="; ".join(dict.fromkeys(row.loses for row in rows)),
            standing=Standing.SAFE,
            settings=settings,
            keys=keys,
            is_repacked=set(keys) == {"compression"},
        )
        return self._row(joined)

    def _untried(self, advice: Iterable[Advice]) -> Iterator[str]:
        slow = [one.name for one in advice if not self._is_tried(one)]
        if slow and not self.options.only:
            yield f"{', '.join(slow)}: every package is compiled once more for each; --thorough does it"


def _unmeasured(advice: Advice) -> Row:
    return Row(
        name=advice.name,
        title=advice.title,
        how=advice.how,
        loses=advice.loses,
        standing=advice.standing,
        keys=advice.keys,
    )
