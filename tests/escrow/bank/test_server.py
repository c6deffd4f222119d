"""The sandbox bank over HTTP, and the service's side of the line: scanned and paid, asked, told, or not heard."""

import http.server
import json
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escrow.bank.port import BankSilent
from escrow.bank.remote import RemoteBank
from escrow.bank.sandbox import SandboxBank
from escrow.bank.sandbox.keeping import kept_key
from escrow.bank.sandbox.server import BankServer
from ledger.money import Money
from qrpay import emv
from qrpay.emv import MerchantCode
from qrpay.webhooks import KeyRing, verify
from tests.escrow.bank.serving import served

ACCOUNT = "6200000001"
NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(lambda: _bank(tmp_path)) as url:
        yield url


def test_a_scanned_code_is_paid_and_the_service_can_ask_about_it(address: str) -> None:
    code = MerchantCode(
        payee_domain="cn.tuition-escrow",
        payee_account=ACCOUNT,
        name="91500110MA5U00001X",
        city="MODEL COUNTY",
        reference="XF0004K7Q84",
        amount=Money(128000),
    )
    bank = RemoteBank(url=address)
    assert list(bank.payment_status("XF0004K7Q84")) == []
    shown = _post(f"{address}/pay", {"code": emv.encode(code), "payer": "王芳", "payer_account": "6222"})
    assert "已支付" in shown
    (told,) = bank.payment_status("XF0004K7Q84")
    assert (told.account, told.amount_minor, told.currency, told.payer) == (ACCOUNT, 128000, "CNY", "王芳")
    assert told.serial in shown
    assert "扫码支付" in _get(address)


def test_what_was_typed_is_paid_too_and_what_cannot_be_is_refused(address: str) -> None:
    _post(f"{address}/pay", {"account": ACCOUNT, "amount": "5.5", "reference": "XF0004K7Q84"})
    assert RemoteBank(url=address).payment_status("XF0004K7Q84")[0].amount_minor == 550
    wrong: list[dict[str, str]] = [
        {"amount": "1e3"},
        {"amount": "0"},
        {"account": "1", "amount": "1"},
        {"code": "000201"},
        {},
    ]
    for form in wrong:
        with pytest.raises(urllib.error.HTTPError) as refused:
            _post(f"{address}/pay", {"account": ACCOUNT} | form)
        assert refused.value.code in (400, 404)
        refused.value.close()
    for path in ("/nothing", "/accounts/1/statement?begins=2026-09-01&ends=2026-09-01", "/payout-files/x/report"):
        with pytest.raises(urllib.error.HTTPError) as missing:
            _get(address + path)
        assert missing.value.code == 404
        missing.value.close()


def test_a_notice_is_sent_until_it_is_taken_and_it_is_signed(tmp_path: Path) -> None:
    heard: queue.Queue[tuple[Mapping[str, str], bytes]] = queue.Queue()
    with served(lambda: _receiver(heard)) as receiver, served(lambda: _bank(tmp_path, notify=receiver)) as url:
        _post(f"{url}/pay", {"account": ACCOUNT, "amount": "5.00", "reference": "XF0004K7Q84"})
        first, second = (heard.get(timeout=10) for _ in range(2))
    keys = KeyRing((kept_key(tmp_path / "bank.key").verifier(not_before=NOW - timedelta(days=1)),))
    event = verify(second[0], second[1], keys=keys, now=NOW + timedelta(minutes=2))
    assert json.loads(event.body)["events"][0]["amount"] == {"amount": "5.00", "currency": "CNY"}
    assert first[1] == second[1]
    assert (tmp_path / "bank.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"payments": [{}]}',
        b'{"payments": 5}',
        b'{"payments": [{"serial": "1", "account": "6", "amount": {"amount": 5.0, "currency": "CNY"}, "reference": "",'
        b' "remark": "", "payer": {"name": "", "account": ""}, "paid_at": "2026-09-01T10:00:00+08:00"}]}',
        b"x" * (1024 * 1024 + 1),
    ],
)
def test_an_answer_that_cannot_be_read_is_silence(body: bytes) -> None:
    with served(lambda: _saying(body)) as url, pytest.raises(BankSilent):
        RemoteBank(url=url).payment_status("XF0004K7Q84")


def test_a_bank_that_is_slow_ill_or_gone_is_silent() -> None:
    with served(lambda: _saying(b"{}", status=503)) as url, pytest.raises(BankSilent):
        RemoteBank(url=url).payment_status("XF0004K7Q84")
    with pytest.raises(BankSilent):
        RemoteBank(url=url).payment_status("XF0004K7Q84")
    stop = threading.Event()
    with served(lambda: _saying(b"{}", wait=stop)) as slow:
        with pytest.raises(BankSilent):
            RemoteBank(url=slow, seconds=1).payment_status("XF0004K7Q84")
        stop.set()


@pytest.mark.parametrize("url", ["http://bank.example", "ftp://127.0.0.1", "file:///etc/passwd", "bank"])
def test_a_bank_elsewhere_is_asked_over_https_only(url: str) -> None:
    with pytest.raises(ValueError, match="not https"):
        RemoteBank(url=url)


def _bank(folder: Path, *, notify: str = "") -> BankServer:
    """A bank whose clock goes two minutes further each time somebody looks at it."""
    bank = SandboxBank.open(folder / "bank.db", key=kept_key(folder / "bank.key"))
    bank.open_account(ACCOUNT, "明日美术")
    looks = iter(range(100_000))
    clock = (lambda: NOW + timedelta(seconds=min(next(looks), 200))) if notify else (lambda: NOW)
    return BankServer(("127.0.0.1", 0), bank, clock=clock, notify=notify)


def _receiver(heard: "queue.Queue[tuple[Mapping[str, str], bytes]]") -> http.server.HTTPServer:
    """Is ill at the first notice, and takes every later one."""

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ill = heard.empty() and not getattr(self.server, "told", False)
            self.server.told = True  # type: ignore[attr-defined]  # a mark of this test's own
            heard.put((dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(503 if ill else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return http.server.HTTPServer(("127.0.0.1", 0), Receiver)


def _saying(body: bytes, *, status: int = 200, wait: threading.Event | None = None) -> http.server.HTTPServer:
    class Saying(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if wait is not None:
                wait.wait(10)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # whoever asked has gone

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return http.server.HTTPServer(("127.0.0.1", 0), Saying)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  this machine
        return str(answer.read().decode("utf-8"))


def _post(url: str, form: dict[str, str]) -> str:
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, data=data, timeout=10) as answer:  # noqa: S310  this machine
        return str(answer.read().decode("utf-8"))
