"""Stages as a linter sees them: bases, variables, directories and users, with nothing fetched or executed.

What a build argument without a default would say is not known here; a rule that would need it says nothing.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from smidgen.dockerfile.expand import expand
from smidgen.dockerfile.graph import needed_stages
from smidgen.dockerfile.instruction import Arg, Copy, Dockerfile, Env, Instruction, Onbuild, Run, Stage, User, Workdir
from smidgen.dockerfile.mounts import from_of
from smidgen.errors import UsageError
from smidgen.lint.bases import BaseFacts, base_facts, tag
from smidgen.lint.variables import Assignments, Variables


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction and what holds before it.

    Attributes:
        instruction: The instruction.
        variables: Those whose value is known.
        directory: The working directory; variables that are not known stay as they are written.
        user: Who runs commands, or empty where nothing says it.
    """

    instruction: Instruction
    variables: Variables
    directory: str
    user: str

    def expand(self, text: str) -> str:
        """Expand what is known of *text*; what is not stays as it is written."""
        return expand_known(text, self.variables)


@dataclass(slots=True)
class StageFacts:
    """A stage.

    Attributes:
        stage: As it is written.
        base: What is known of the image that it, or the stage that it stands on, begins with.
        base_name: What its FROM says, expanded as far as known.
        parent: The stage that it stands on, or None.
        steps: Its instructions, in order.
        needs: Numbers of the stages that it takes files from, its parent among them.
        assigned: What it assigns to variables, and what the stages that it stands on do.
        directory: At its end.
        user: At its end.
        user_step: The last USER, in this stage or below, or None.
    """

    stage: Stage
    base: BaseFacts
    base_name: str
    parent: "StageFacts | None"
    steps: list[Step] = field(default_factory=list)
    needs: list[int] = field(default_factory=list)
    assigned: tuple[Assignments, ...] = ()
    directory: str = "/"
    user: str = ""
    user_step: Step | None = None

    @property
    def index(self) -> int:
        """Its number."""
        return self.stage.index

    @property
    def release(self) -> tuple[int, ...] | None:
        """The release of Go that its base has, such as (1, 25), as far as the tag says it; None where it does not."""
        root = list(self.chain())[-1]
        return parse_release(tag(root.base_name)) if self.base.kind == "golang" else None

    def has_release(self, *least: int) -> bool:
        """Tell whether its Go is *least* or newer; what is not known is."""
        return self.release is None or self.release[:2] >= least

    def chain(self) -> Iterator["StageFacts"]:
        """Give this stage and those that it stands on, the last first."""
        stage: StageFacts | None = self
        while stage is not None:
            yield stage
            stage = stage.parent

    def all_steps(self) -> Iterator[Step]:
        """Give the steps of this stage and those that it stands on, in the order in which they are carried out."""
        for stage in reversed(list(self.chain())):
            yield from stage.steps


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages.

    Attributes:
        all: In order.
        arguments: What FROM sees: values before the first FROM.
        needed: Numbers of those that the last one needs, itself among them.
    """

    all: tuple[StageFacts, ...]
    arguments: Mapping[str, str]
    needed: frozenset[int]

    @property
    def final(self) -> StageFacts:
        """The stage whose result is the image."""
        return self.all[-1]

    def find(self, name: str, *, before: int) -> StageFacts | None:
        """Give the stage that *name* means for an instruction of the stage number *before*, or None."""
        return find_stage(self.all[:before], name)


def find_stage(stages: Sequence[StageFacts], name: str) -> StageFacts | None:
    """Give the one of *stages* that *name*, a name or a number, means; the last of several."""
    lower = name.lower()
    for stage in reversed(stages):
        if stage.stage.from_.name == lower:
            return stage
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 6 else -1
    return stages[number] if 0 <= number < len(stages) else None


def read_stages(dockerfile: Dockerfile) -> Stages:
    """Read the stages of *dockerfile*."""
    arguments: dict[str, str] = {}
    for arg in dockerfile.meta_args:
        for name, default in arg.variables:
            if default is not None:
                arguments[name] = expand_known(default, arguments)
    read: list[StageFacts] = []
    for stage in dockerfile.stages:
        read.append(_read_stage(stage, arguments, read))
    needs = {stage.index: stage.needs for stage in read}
    return Stages(tuple(read), arguments, frozenset(needed_stages(len(read) - 1, needs)))


def expand_known(text: str, variables: Mapping[str, str]) -> str:
    """Expand what is known of *text* and take quotes away; what is not known stays as it is written."""
    if not any(letter in text for letter in "$'\"\\"):
        return text
    try:
        return expand(text, variables, keep_unset=True).text
    except UsageError:
        return text


def _read_stage(stage: Stage, arguments: Mapping[str, str], read: list[StageFacts]) -> StageFacts:
    name = expand_known(stage.from_.base, arguments)
    parent = next((one for one in reversed(read) if one.stage.from_.name == name.lower()), None)
    facts = StageFacts(stage, parent.base if parent else base_facts(name), name, parent)
    if parent is not None:
        facts.directory, facts.user, facts.user_step = parent.directory, parent.user, parent.user_step
        facts.needs.append(parent.index)
    facts.assigned = (Assignments(), *(parent.assigned if parent else ()))
    for number, instruction in enumerate(stage.instructions):
        step = Step(instruction, Variables(facts.assigned, number), facts.directory, facts.user)
        facts.steps.append(step)
        _follow(facts, step, arguments)
        facts.needs += _origins(instruction, read)
    return facts


def _follow(facts: StageFacts, step: Step, arguments: Mapping[str, str]) -> None:
    """Let a step change what holds."""
    own, number = facts.assigned[0], step.variables.at
    match step.instruction:
        case Env(pairs=pairs):
            for name, value in pairs:
                own.env.setdefault(name, []).append((number, step.expand(value)))
        case Arg(variables=variables):
            for name, default in variables:
                given = arguments.get(name) if default is None else step.expand(default)
                own.arg.setdefault(name, []).append((number, given))
        case Workdir(path=path):
            facts.directory = absolute(step.expand(path), facts.directory)
        case User(user=user):
            facts.user, facts.user_step = step.expand(user), step


def absolute(path: str, directory: str) -> str:
    """Give *path* without ``.`` and ``..``, relative to *directory* where it is not absolute."""
    return posixpath.normpath("/" + posixpath.join(directory, path)).replace("//", "/")


def parse_release(text: str) -> tuple[int, ...] | None:
    """Give the numbers of a release such as ``1.25.4-alpine``; None for what is none."""
    numbers = text.partition("-")[0].split(".")
    if len(numbers) < 2 or not all(number.isdigit() and len(number) < 6 for number in numbers):
        return None
    return tuple(int(number) for number in numbers[:3])


def _origins(instruction: Instruction, read: list[StageFacts]) -> Iterator[int]:
    each = instruction.trigger if isinstance(instruction, Onbuild) else instruction
    names: list[str] = []
    if isinstance(each, Copy) and each.from_:
        names.append(each.from_)
    elif isinstance(each, Run):
        names += [name for mount in each.mounts if (name := from_of(mount))]
    for name in names:
        found = find_stage(read, name)
        if found is not None:
            yield found.index
