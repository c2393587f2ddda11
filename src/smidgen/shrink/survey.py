"""The whole way of ``smidgen shrink``: the program as it is, each advice on its own, and the safe ones together."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import msgspec

from smidgen.errors import SmidgenError
from smidgen.gobuild.variants import Variants
from smidgen.shrink.advice import Advice, Cost, Row, Standing, Survey
from smidgen.shrink.bench import Bench, Made
from smidgen.shrink.heavy import heavy_packages
from smidgen.shrink.propose import propose
from smidgen.shrink.subject import Subject, build_subject
from smidgen.store.content import ContentStore

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyOptions:
    """What is asked for.

    Attributes:
        thorough: Also what compiles every package once more.
    """

    thorough: bool = False


def survey(variants: Variants, store: ContentStore, options: SurveyOptions, *, tell: Tell) -> Survey:
    """Build the program, and then what is advised, and measure all of it; *store* only gets the program's base.

    Raises:
        CompileError: Go refused the program as it is.
        SmidgenError: It can have no image, or its base cannot be had.
    """
    with Bench.open(variants, store) as bench:
        subject = build_subject(bench, tell)
        return _Surveyor(bench, subject, options, tell).survey()


@dataclass(frozen=True, slots=True)
class _Surveyor:
    bench: Bench
    subject: Subject
    options: SurveyOptions
    tell: Tell

    def survey(self) -> Survey:
        variants, subject = self.bench.variants, self.subject
        advice = tuple(propose(subject, variants.place))
        rows = tuple(self._rows(advice))
        found = Survey(
            target=variants.request.targets[0],
            program=variants.package.import_path,
            platform=str(subject.settings.platforms[0]),
            go_version=subject.explained.facts.go_version,
            now=subject.made.figures,
            rows=rows,
            together=None,
            heavy=heavy_packages(subject, variants),
            untried=tuple(self._untried(advice)),
        )
        safe = {row.name for row in found.safe}
        return replace(found, together=self._together([one for one in advice if one.name in safe]))

    def _rows(self, advice: Iterable[Advice]) -> Iterator[Row]:
        for one in advice:
            if self.options.thorough or not one.is_slow or one.standing is Standing.YOURS:
                yield self._row(one)

    def _row(self, advice: Advice) -> Row:
        row = _unmeasured(advice)
        self.tell(f"trying {advice.name}: {advice.title}")
        try:
            made = self._made(advice)
        except SmidgenError as error:
            return replace(row, fault=_reason(error))
        return replace(row, figures=made.figures, costs=self._costs(advice, made))

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

    def _together(self, advice: list[Advice]) -> Row | None:
        if len(advice) < 2:
            return None
        settings = self.subject.settings
        for one in advice:
            changes = {key: getattr(one.settings, key) for key in one.keys}
            settings = msgspec.structs.replace(settings, **changes)
        keys = {key: value for one in advice for key, value in one.keys.items()}
        joined = Advice(
            name="all-safe",
            title="all of the safe ones together",
            how="all of the above",
            loses="; ".join(dict.fromkeys(one.loses for one in advice)),
            standing=Standing.SAFE,
            settings=settings,
            keys=keys,
            is_repacked=all(one.is_repacked for one in advice),
        )
        return self._row(joined)

    def _untried(self, advice: Iterable[Advice]) -> Iterator[str]:
        slow = [one.name for one in advice if one.is_slow and one.standing is not Standing.YOURS]
        if slow and not self.options.thorough:
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


def _reason(error: SmidgenError) -> str:
    """Say in a few words why something could not be built: the first line that Go wrote, if it wrote any."""
    output = str(getattr(error, "output", "")).strip()
    lines = [line for line in output.splitlines() if line and not line.startswith(("#", "go: downloading"))]
    return f"{error.message}: {lines[0]}" if lines else error.message
