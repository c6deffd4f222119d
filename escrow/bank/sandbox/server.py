"""The sandbox bank as a process of its own: a page to scan and pay, questions answered, files taken and given, notices
sent until they are acknowledged. One request after the other, since the bank's file has one connection."""

import json
import logging
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

from escrow.bank.sandbox.bank import SandboxBank
from escrow.bank.sandbox.books import BankClockRanBack, NoSuchPayout, NotAPayment, UnknownAccount
from escrow.bank.sandbox.page import page, paid

LARGEST_REQUEST: Final = 32 * 1024 * 1024
SECONDS_FOR_A_NOTICE: Final = 5

_logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What goes back: a status, its kind of content, the bytes."""

    content: bytes
    kind: str = "application/json"
    status: HTTPStatus = HTTPStatus.OK


class BankServer(HTTPServer):
    """The bank behind HTTP at `address`. `notify`: where its notices go; empty: nowhere. Times come from `clock`."""

    def __init__(self, address: tuple[str, int], bank: SandboxBank, *, clock: Clock, notify: str = "") -> None:
        super().__init__(address, _Counter)
        self.bank = bank
        self.clock = clock
        self.notify = notify

    def service_actions(self) -> None:
        """Between requests: send what is due. What is not answered 2xx comes again after its interval."""
        if self.notify:
            for notice in self.bank.due(self.clock()):
                if self._sent(notice.headers, notice.body):
                    self.bank.acknowledge(notice.webhook_id)

    def _sent(self, headers: Mapping[str, str], body: bytes) -> bool:
        request = urllib.request.Request(  # noqa: S310  where whoever started the sandbox wants its notices
            self.notify, data=body, headers={**headers, "Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_FOR_A_NOTICE):  # noqa: S310  likewise
                return True
        except OSError as trouble:
            _logger.warning("notice not taken: %s", trouble)
            return False

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """The reply to a request; what cannot be done is a reply too."""
        parts = urllib.parse.urlsplit(path)
        query = {name: values[-1] for name, values in urllib.parse.parse_qs(parts.query).items()}
        try:
            return self._answer(method, parts.path.strip("/").split("/"), query, body)
        except (UnknownAccount, NoSuchPayout) as trouble:
            return _json({"error": str(trouble)}, HTTPStatus.NOT_FOUND)
        except (NotAPayment, BankClockRanBack, ValueError, KeyError) as trouble:
            return _json({"error": str(trouble)}, HTTPStatus.BAD_REQUEST)

    def _answer(self, method: str, path: list[str], query: Mapping[str, str], body: bytes) -> Reply:
        match method, path:
            case "GET", [""]:
                return Reply(content=page(), kind="text/html; charset=utf-8")
            case "POST", ["pay"]:
                serial = paid(self.bank, body.decode("utf-8"), at=self.clock())
                return Reply(content=page(serial), kind="text/html; charset=utf-8")
            case "GET", ["payments"]:
                told = self.bank.payment_status(query["reference"])
                return _json({"payments": [each.event for each in told]})
            case "POST", ["payout-files"]:
                receipt = self.bank.deliver(body, at=self.clock())
                return _json({"message_id": receipt.message_id, "status": receipt.status, "reason": receipt.reason})
            case "GET", ["payout-files", message_id, "report"]:
                return Reply(content=self.bank.report(message_id, at=self.clock()), kind="application/xml")
            case "GET", ["accounts", account, "statement"]:
                begins, ends = (date.fromisoformat(query[name]) for name in ("begins", "ends"))
                content = self.bank.statement(account, begins=begins, ends=ends, format="camt.053")
                return Reply(content=content, kind="application/xml")
        return _json({"error": "the bank has no such counter"}, HTTPStatus.NOT_FOUND)


class _Counter(BaseHTTPRequestHandler):
    """One request: read whole, answered by the server's bank."""

    server: BankServer
    timeout = SECONDS_FOR_A_NOTICE

    def do_GET(self) -> None:
        self._give(self.server.answer("GET", self.path, b""))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= LARGEST_REQUEST):
            self._give(_json({"error": f"say a Content-Length of at most {LARGEST_REQUEST}"}, HTTPStatus.BAD_REQUEST))
            return
        self._give(self.server.answer("POST", self.path, self.rfile.read(int(length))))

    def _give(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the overridden name
        _logger.info(format, *args)


def _json(told: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Reply:
    return Reply(content=json.dumps(told, ensure_ascii=False).encode(), status=status)
