"""Where the process starts and where it ends: exit codes, errors, interrupts."""

import os
import signal
import sys

# A pipe whose reader has gone (`smidgen images | head -1`) ends the program quietly, as it does cat. The signal itself
# stays ignored, as Python has it: an engine that stops reading an archive must not end us.
_READER_GONE = 128 + signal.SIGPIPE


def main() -> None:
    """Run ``smidgen`` with the arguments of this process, then exit."""
    # Answered before anything is imported: completion scripts and CI ask for it at every step.
    if sys.argv[1:] == ["--version"]:
        from smidgen._version import __version__

        sys.stdout.write(f"smidgen {__version__}\n")
        sys.exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        exit_code = _answer()
    except KeyboardInterrupt:
        # While modules are loaded, or while what was begun is ended.
        exit_code = _interrupted()
    except RuntimeError as error:
        exit_code = _ended_in_a_class(error)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        exit_code = _READER_GONE
    except OSError:
        # A full disk behind a redirection: what was asked for did not arrive.
        exit_code = exit_code or 1
    # Everything of ours is closed by now; Python would go on to take hundreds of modules apart, for 10 ms.
    os._exit(exit_code)


def _answer() -> int:
    from smidgen.cli import quick

    try:
        return 0 if quick.answer(sys.argv[1:]) else run(sys.argv[1:])
    finally:
        if quick.head_start is not None:
            quick.head_start.end()


def _interrupted() -> int:
    sys.stderr.write("\ninterrupted\n")
    return 128 + signal.SIGINT


def _ended_in_a_class(error: RuntimeError) -> int:
    """Give the exit code of a signal that came while a class with fields was made.

    Python up to 3.11 makes a RuntimeError of whatever ``__set_name__`` raises.
    """
    if isinstance(error.__cause__, KeyboardInterrupt):
        return _interrupted()
    if isinstance(error.__cause__, SystemExit):
        raise error.__cause__
    raise error


def _end(number: int, _frame: object) -> None:
    """End as a shell says that a signal ended it, but by way of every clean-up."""
    sys.exit(128 + number)


def run(arguments: list[str]) -> int:
    """Run one command and give its exit code: 0, 1 for an error, 2 for wrong usage, 130 for an interrupt."""
    import click

    from smidgen.cli.console import console
    from smidgen.cli.root import root
    from smidgen.errors import SmidgenError

    console.arguments = tuple(arguments)
    try:
        outcome = root.main(arguments, prog_name="smidgen", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SmidgenError as error:
        return _report(error, error.message, error.hint, error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _interrupted()
    except OSError as error:
        # What nobody wrapped is still said in words; -vv has the place in the code.
        return _READER_GONE if isinstance(error, BrokenPipeError) else _report(error, str(error), None, 1)
    return outcome if isinstance(outcome, int) else 0


def _report(error: BaseException, message: str, hint: str | None, exit_code: int) -> int:
    from smidgen.cli.console import console

    if console.verbosity >= 2:
        import traceback

        traceback.print_exception(error)
    console.error(message, hint)
    return exit_code
