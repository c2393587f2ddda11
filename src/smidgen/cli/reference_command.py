"""Commands of the form ``COMMAND [OPTION] REF [OPTION] [ARG]``: what follows the options is the program's, verbatim."""

from typing import Final

import click

_END: Final = "--"


class ReferenceCommand(click.Command):
    """A command whose options may stand before or after its first argument, but not after the second.

    ``run REF -p 80:80 serve -p 1`` publishes a port and starts the program with ``serve -p 1``. An option
    that the command does not have is the program's already; ``--`` says so of one that it has.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse after moving the options that follow the first argument before it."""
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] not in {"-", _END}:
            at += max(1, self._length(args[at]))
        if args[at : at + 1] == [_END]:
            return super().parse_args(ctx, args)
        end = at + 1
        while end < len(args) and (length := self._length(args[end])):
            end += length
        rest = args[end + 1 :] if args[end : end + 1] == [_END] else args[end:]
        return super().parse_args(ctx, [*args[:at], *args[at + 1 : end], *args[at : at + 1], *rest])

    def _length(self, text: str) -> int:
        """Count the words that an option takes, itself and its value; 0 for what is no option of this command."""
        if text.startswith("--"):
            name, equals, _ = text.partition("=")
            option = self._option(name)
            return 0 if option is None else 1 if equals or _is_flag(option) else 2
        if len(text) < 2 or not text.startswith("-"):
            return 0
        for position, letter in enumerate(text[1:], 1):
            option = self._option(f"-{letter}")
            if option is None:
                return 0
            if not _is_flag(option):
                return 1 if text[position + 1 :] else 2
        return 1

    def _option(self, name: str) -> click.Option | None:
        for parameter in self.params:
            if isinstance(parameter, click.Option) and name in (*parameter.opts, *parameter.secondary_opts):
                return parameter
        return None


def _is_flag(option: click.Option) -> bool:
    return option.is_flag or option.count
