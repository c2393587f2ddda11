"""The command group. A command's module is imported when that command runs, not before."""

import importlib
from typing import ClassVar

import click

from smidgen._version import __version__
from smidgen.cli.console import console

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class LazyGroup(click.Group):
    """A group that knows its commands by name and a line of help, and imports the one that is asked for."""

    #: Name → (module with a ``command``, line of help), in the order of ``--help``.
    commands_by_name: ClassVar[dict[str, tuple[str, str]]] = {
        "build": ("smidgen.cli.build", "Build programs, or a ready binary, into images."),
        "flow": ("smidgen.cli.flow", "Build several Dockerfiles in order, with files that go from one to the next."),
        "run": ("smidgen.cli.run", "Run an image."),
        "prove": ("smidgen.cli.prove", "Run an image under hostile conditions and report what it missed."),
        "closure": ("smidgen.cli.closure", "Show the libraries of an executable, and what is missing."),
        "journey": ("smidgen.cli.journey", "Build a program in seven ways, from the biggest image to the smallest."),
        "lint": ("smidgen.cli.lint", "Find what makes a Go program's Dockerfile large, slow, unsafe or wrong."),
        "images": ("smidgen.cli.images", "List the images of the store."),
        "history": ("smidgen.cli.history", "Show the layers of an image."),
        "inspect": ("smidgen.cli.inspect", "Show manifest and configuration of an image."),
        "ls": ("smidgen.cli.ls", "List the files of an image."),
        "waste": ("smidgen.cli.waste", "Show the bytes of an image that no container can read."),
        "explain": ("smidgen.cli.explain", "Show where every byte of an image or an executable is."),
        "explore": ("smidgen.cli.explore", "Browse layers, files and packages of an image, on the full screen."),
        "why": ("smidgen.cli.why", "Show why a package or a function is linked in."),
        "shrink": (
            "smidgen.cli.shrink",
            "Build a program in ways that make its image smaller, and show the price of each.",
        ),
        "diff": ("smidgen.cli.diff", "Show how two images, or two programs, differ."),
        "check": ("smidgen.cli.check", "Hold an image against the budget in smidgen.yaml."),
        "tag": ("smidgen.cli.tag", "Give an image another name."),
        "rm": ("smidgen.cli.rm", "Remove names of images."),
        "gc": ("smidgen.cli.gc", "Delete content that no image uses."),
        "save": ("smidgen.cli.save", "Write images to an archive that other tools load."),
        "load": ("smidgen.cli.load", "Read images from an archive or an OCI layout."),
        "serve": ("smidgen.cli.serve", "Serve the store as a registry."),
        "push": ("smidgen.cli.push", "Push images to a registry."),
        "pull": ("smidgen.cli.pull", "Pull images from a registry into the store."),
        "copy": ("smidgen.cli.copy", "Copy an image between registries, the store, layouts, archives and Docker."),
        "login": ("smidgen.cli.login", "Log in to a registry."),
        "logout": ("smidgen.cli.logout", "Log out of a registry."),
        "tags": ("smidgen.cli.tags", "List the tags of a repository."),
        "delete": ("smidgen.cli.delete", "Delete tags or images from a registry."),
        "lock": ("smidgen.cli.lock", "Pin the bases of smidgen.yaml in smidgen.lock."),
        "rebase": ("smidgen.cli.rebase", "Put an image onto another base, without building it again."),
        "init": (
            "smidgen.cli.init",
            "Look at a project, and write smidgen.yaml, a Dockerfile, a Compose file or a pipeline.",
        ),
        "doctor": ("smidgen.cli.doctor", "Say what this machine can do, and how to get what is missing."),
        "config": ("smidgen.cli.config", "Show the configuration and where each value came from."),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands, most used first."""
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of *cmd_name*."""
        if cmd_name not in self.commands_by_name:
            return None
        command = importlib.import_module(self.commands_by_name[cmd_name][0]).command
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Choose the command; ``build --compose`` and ``build -f`` have options of their own."""
        if args[:1] == ["build"] and _names_compose(args):
            from smidgen.cli.build_compose import command

            return "build", command, args[1:]
        if args[:1] == ["build"] and _names_dockerfile(args):
            from smidgen.cli.build_dockerfile import command

            return "build", command, args[1:]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.commands_by_name.items()])


def _names_dockerfile(args: list[str]) -> bool:
    return any(word == "--file" or word.startswith(("--file=", "-f")) for word in _options(args))


def _names_compose(args: list[str]) -> bool:
    return any(word == "--compose" or word.startswith("--compose=") for word in _options(args))


def _options(args: list[str]) -> list[str]:
    return args[: args.index("--")] if "--" in args else args


def _version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value:
        return
    click.echo(f"smidgen {__version__}")
    if context.params["verbose"]:
        from smidgen.layer.compression import library_versions
        from smidgen.needs.provide import source_versions

        for name, version in sorted((source_versions() | library_versions()).items()):
            click.echo(f"{name} {version}")
    context.exit()


@click.command(cls=LazyGroup, context_settings=_CONTEXT)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit; with -v also those of the packages that decide bytes of a layer.",
)
# Eager, so that --version knows of it wherever it stands.
@click.option("-v", "--verbose", count=True, is_eager=True, help="Say more; -vv adds tracebacks to errors.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but results, warnings and errors.")
def root(verbose: int, quiet: bool) -> None:
    """Turn a program into the smallest correct container image, and prove that it runs."""
    console.verbosity = -1 if quiet else verbose
