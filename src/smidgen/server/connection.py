"""One connection from its first request to its last."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from smidgen.errors import SmidgenError, StoreError
from smidgen.server.answer import Answer, render
from smidgen.server.application import Application
from smidgen.server.body import Body
from smidgen.server.head import Head, parse_head
from smidgen.server.refusal import ConnectionLost, Refusal
from smidgen.server.uploads import store_refusal
from smidgen.server.wire import Wire

#: Content that nobody read, of up to so many bytes, is read so that the connection can be used further.
_MAX_DROPPED: Final = 256 << 10


class Connection:
    """Answers the requests of one client, one after the other.

    Attributes:
        idle: Nothing is being answered: it can be closed without harm.
    """

    def __init__(
        self,
        wire: Wire,
        peer: str,
        application: Application,
        log: Callable[[str], None],
        *,
        is_ending: Callable[[], bool],
    ) -> None:
        self.idle = True
        self._wire = wire
        self._peer = peer
        self._application = application
        self._log = log
        self._is_ending = is_ending

    def run(self) -> None:
        """Answer until the client, or the server, is done."""
        try:
            while self._one():
                self.idle = True
        except ConnectionLost:
            pass

    def _one(self) -> bool:
        """Answer one request; tells whether another one may follow."""
        began = time.monotonic()
        head: Head | None = None
        body: Body | None = None
        try:
            data = self._wire.read_head()
            if data is None:
                return False
            self.idle = False
            began = time.monotonic()
            head = parse_head(data)
            body = Body(self._wire, head)
            answer = self._application.answer(head, body)
        except Refusal as refusal:
            if isinstance(refusal.__cause__, StoreError):
                # The client is told less than who runs this.
                self._log(f"{self._peer} {refusal.__cause__.message}")
            answer = refused(refusal)
        except StoreError as error:
            self._log(f"{self._peer} {error.message}")
            answer = refused(store_refusal(error))
        except (SmidgenError, OSError) as error:
            self._log(f"{self._peer} {error}")
            answer = refused(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "the registry failed"))
        try:
            return self._finish(head, body, answer)
        finally:
            self._record(head, answer, began)

    def _finish(self, head: Head | None, body: Body | None, answer: Answer) -> bool:
        with_content = head is None or head.method != "HEAD"
        whole = False
        try:
            # What is waiting to be told to send may yet send or not: such a connection is of no further use.
            whole = body is not None and body.drop(_MAX_DROPPED)
        except Refusal:
            whole = False
        keep = head is not None and head.keep and whole and not answer.close and not self._is_ending()
        try:
            self._send(answer, keep=keep, with_content=with_content)
        finally:
            if answer.span is not None:
                answer.span.file.close()
        if not keep and not whole:
            self._wire.linger()
        return keep

    def _send(self, answer: Answer, *, keep: bool, with_content: bool) -> None:
        start = render(answer, keep=keep)
        span = answer.span if with_content else None
        if span is not None and span.count:
            self._wire.send(start, more=True)
            self._wire.send_file(span.file, span.offset, span.count)
        else:
            self._wire.send(start + (answer.content if with_content else b""))

    def _record(self, head: Head | None, answer: Answer, began: float) -> None:
        what = f"{head.method} {head.path}" if head else "-"
        took = (time.monotonic() - began) * 1000
        self._log(f"{self._peer} {what} {answer.status.value} {answer.size} B {took:.1f} ms")


def refused(refusal: Refusal) -> Answer:
    """Turn a refusal into its answer."""
    headers = {"Content-Type": "application/json", **refusal.headers}
    return Answer(refusal.status, headers, refusal.document(), close=refusal.close)
