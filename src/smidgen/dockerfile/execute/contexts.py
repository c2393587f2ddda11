"""Directories of this machine that a build takes files from, and what ``--build-context`` may be instead."""

from dataclasses import replace
from pathlib import Path

from smidgen.dockerfile.execute.options import ExecuteOptions
from smidgen.dockerfile.execute.sources import Status, Tree
from smidgen.dockerfile.ignore import NAME, IgnoreRules, load_ignore_rules, parse_rules
from smidgen.dockerfile.origins import ImageOrigin, MainContext, NamedContext, Origin
from smidgen.dockerfile.plan import Plan
from smidgen.errors import UsageError
from smidgen.layer.merged import Merged
from smidgen.oci.reference import Reference

_IMAGE = "docker-image://"


class Contexts:
    """The contexts of one build.

    Attributes:
        looked: What was looked at, with what ``lstat`` said where it is known.
    """

    def __init__(self, plan: Plan, options: ExecuteOptions) -> None:
        self._plan = plan
        self._options = options
        self._trees: dict[str, Tree] = {}
        self.looked: dict[str, Status | None] = {}

    def image_of(self, origin: Origin) -> Origin:
        """Give *origin*, or the image that it is another name of."""
        if isinstance(origin, NamedContext):
            value = self._plan.options.contexts[origin.name]
            if value.startswith(_IMAGE):
                reference = Reference.parse(value.removeprefix(_IMAGE)).with_default_tag()
                return ImageOrigin(reference, self._plan.options.target_platform)
        return origin

    def directory(self, origin: MainContext | NamedContext) -> Path:
        """Give the directory of a context.

        Raises:
            UsageError: There is none.
        """
        if isinstance(origin, MainContext):
            if self._options.context is None:
                raise UsageError("there is no build context", hint="give a directory: smidgen build -f Dockerfile .")
            return self._options.context.resolve()
        directory = Path(self._plan.options.contexts[origin.name])
        if not directory.is_dir():
            raise UsageError(
                f"the build context {origin.name!r} is {str(directory)!r}, which is no directory",
                hint=f"give a directory or {_IMAGE}REF",
            )
        return directory.resolve()

    def tree(self, origin: MainContext | NamedContext) -> Tree:
        """Give the files of a context that its ignore rules leave."""
        directory = self.directory(origin)
        if str(directory) not in self._trees:
            is_main = isinstance(origin, MainContext)
            rules = load_ignore_rules(directory, self._options.dockerfile if is_main else None)
            self._trees[str(directory)] = Tree(
                Merged([directory]), keep=rules.keeps, prune=rules.hides_all, with_owners=False, looked=self.looked
            )
            self._note_rules(directory)
        return self._trees[str(directory)]

    def _note_rules(self, directory: Path) -> None:
        places = [directory / NAME]
        if self._options.dockerfile is not None:
            places.append(self._options.dockerfile.absolute().with_name(self._options.dockerfile.name + NAME))
        self.looked.update((str(place), None) for place in places)

    def has_rules(self, origin: MainContext | NamedContext) -> bool:
        """Tell whether ignore rules hide anything of a context."""
        dockerfile = self._options.dockerfile if isinstance(origin, MainContext) else None
        return bool(load_ignore_rules(self.directory(origin), dockerfile).rules)


def excluding(tree: Tree, patterns: tuple[str, ...]) -> Tree:
    """Give *tree* without what ``--exclude`` names."""
    rules = IgnoreRules(parse_rules("\n".join(patterns), name="--exclude"))
    return replace(tree, exclude=rules.hides)
