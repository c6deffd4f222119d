"""Receivers on this machine: a web server that remembers what came, and a mail server that keeps its letters."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

MATERIAL: Final = bytes(range(32))


@dataclass(frozen=True)
class Request:
    """What came: the headers, lower case, and the body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Answer = Callable[[BaseHTTPRequestHandler, Request], None]


def taken(handler: BaseHTTPRequestHandler, _request: Request) -> None:
    handler.send_response(204)
    handler.end_headers()


def refusing(status: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _request: Request) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@dataclass
class Receiver:
    """A web server. `answer` is what it does with a request; `at_once` the ids that were ever under way together."""

    answer: Answer = taken
    came: list[Request] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def hear(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", "0")))
        request = Request(handler.path, {name.lower(): value for name, value in handler.headers.items()}, body)
        with self.lock:
            self.came.append(request)
            self.doubled += [request.id] if request.id in self.under_way else []
            self.under_way.append(request.id)
        try:
            self.answer(handler, request)
        finally:
            with self.lock:
                self.under_way.remove(request.id)


@contextmanager
def receiving(answer: Answer = taken) -> Iterator[Receiver]:
    """A web server on a free port of this machine."""
    receiver = Receiver(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.hear(self)

        def log_message(self, *told: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/alerts"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Mailroom:
    """A mail server: its letters, or why it takes none."""

    letters: list[EmailMessage] = field(default_factory=list)
    refusal: str = ""
    port: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        if self.refusal:
            return self.refusal
        letter = message_from_bytes(bytes(envelope.original_content or b""), policy=policy.default)
        self.letters.append(letter)
        return "250 OK"


@contextmanager
def mailroom() -> Iterator[Mailroom]:
    """A mail server on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    room = Mailroom(port=port)
    controller = Controller(room, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield room
    finally:
        controller.stop()
