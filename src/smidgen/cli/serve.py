"""``smidgen serve``."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smidgen.cli.console import console
from smidgen.cli.options import store_option, verbosity_options

if TYPE_CHECKING:
    from smidgen.server.options import Account

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Serve the store as a registry.")
@click.option(
    "--listen",
    default="127.0.0.1:5000",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one.",
)
@click.option("--read-only", is_flag=True, help="Refuse pushes and deletions.")
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Speak TLS, with this certificate and its chain (PEM).")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="The private key of the certificate (PEM).")
@click.option("--user", metavar="NAME", help="Ask for a user and a password; needs --password-file.")
@click.option("--password-file", type=_FILE, metavar="FILE", help="File with the password of --user in its first line.")
@click.option("--allow-remote", is_flag=True, help="Let other machines in without TLS or without a password.")
@click.option(
    "--max-blob", type=click.IntRange(min=1), metavar="BYTES", help="Refuse larger blobs.  [default: no bound]"
)
@store_option
@verbosity_options
def command(
    *,
    listen: str,
    read_only: bool,
    tls_cert: Path | None,
    tls_key: Path | None,
    user: str | None,
    password_file: Path | None,
    allow_remote: bool,
    max_blob: int | None,
    store: Path | None,
) -> None:
    """Serve the store as a registry, until it is interrupted.

    Its address is printed when it answers. What is pushed as ADDRESS/NAME:TAG is NAME:TAG in the store, and
    what is NAME:TAG in the store is pulled as ADDRESS/NAME:TAG. With -v each request is told.
    """
    from smidgen.report.printable import printable
    from smidgen.server.listen import Server
    from smidgen.server.options import ServeOptions, parse_listen
    from smidgen.store.content import ContentStore

    host, port = parse_listen(listen)
    options = ServeOptions(
        host=host,
        port=port,
        read_only=read_only,
        certificate=tls_cert,
        key=tls_key,
        account=_account(user, password_file),
        allow_remote=allow_remote,
        max_blob=max_blob,
    )
    options.check()
    content = ContentStore.open(store, create=not read_only)
    server = Server(content, options, log=lambda line: console.detail(printable(line)))
    # Taken one by one here, and not by handlers between any two steps of the server's.
    ends = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    server.start()
    console.result(server.address)
    sys.stdout.flush()
    console.note("serving; Ctrl-C ends it, twice at once")
    signal.sigwait(ends)
    server.stop(hurry=lambda: signal.sigtimedwait(ends, 0) is not None)


def _account(user: str | None, password_file: Path | None) -> "Account | None":
    from smidgen.errors import UsageError
    from smidgen.server.options import Account, read_password

    if user is None and password_file is None:
        return None
    if not user or password_file is None or ":" in user:
        raise UsageError(
            "a user and a password go together", hint="give both --user, without a colon, and --password-file"
        )
    return Account(user, read_password(password_file))
