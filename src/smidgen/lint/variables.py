"""Variables of a stage at any of its instructions, without a copy for each."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: Name → (number of the instruction that sets it, value), in order; None where the value is not known.
History = dict[str, list[tuple[int, str | None]]]


@dataclass(slots=True)
class Assignments:
    """What the instructions of one stage assign.

    Attributes:
        env: By ENV, which stages that stand on this one inherit.
        arg: By ARG, which ENV of the same name beats.
    """

    env: History = field(default_factory=dict)
    arg: History = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variables(Mapping[str, str]):
    """The variables whose value is known before an instruction.

    Attributes:
        assigned: By each stage, that of the instruction first, then those that it stands on.
        at: The number of the instruction.
    """

    assigned: tuple[Assignments, ...]
    at: int

    def __getitem__(self, name: str) -> str:
        value = self._find(name)[1]
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names() if self._find(name)[1] is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def declares(self, name: str) -> bool:
        """Tell whether an ENV or ARG names it, its value being known or not."""
        return self._find(name)[0]

    def _find(self, name: str) -> tuple[bool, str | None]:
        for number, stage in enumerate(self.assigned):
            histories = (stage.env,) if number else (stage.env, stage.arg)
            for history in histories:
                entries = history.get(name, [])
                # All instructions of a stage below come before.
                count = len(entries) if number else bisect_left(entries, self.at, key=lambda one: one[0])
                if count:
                    return True, entries[count - 1][1]
        return False, None

    def _names(self) -> Iterator[str]:
        seen: set[str] = set()
        for number, stage in enumerate(self.assigned):
            for history in (stage.env,) if number else (stage.env, stage.arg):
                for name in history:
                    if name not in seen:
                        seen.add(name)
                        yield name


@dataclass(frozen=True, slots=True)
class Overlay(Mapping[str, str]):
    """Variables that a script sets, over those that it finds.

    Attributes:
        own: What is set.
        below: What was there.
    """

    own: Mapping[str, str]
    below: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        found = self.own.get(name)
        return self.below[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (name for name in self.below if name not in self.own)

    def __len__(self) -> int:
        return sum(1 for _ in self)
