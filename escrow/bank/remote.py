"""A supervising bank behind HTTP: asked for payments, handed payout files, asked for statements. No word, no guess."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from escrow.bank.port import BankSilent

LARGEST_ANSWER: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A payment as the bank told of it."""

    serial: str
    account: str
    amount_minor: int
    currency: str
    reference: str
    remark: str
    payer: str
    payer_account: str
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBank:
    """The bank at `url`, which must be https but for this machine. `seconds`: how long it may take to answer."""

    url: str
    seconds: int = 10

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError(f"the bank's address {self.url!r} is not https")

    def payment_status(self, reference: str) -> Sequence[Told]:
        """As the port says. Raises BankSilent when there is no answer in time, or none that can be read."""
        query = urllib.parse.urlencode({"reference": reference})
        try:
            return [_told(each) for each in json.loads(self._get(f"/payments?{query}"), parse_float=str)["payments"]]
        except (ValueError, KeyError, TypeError, AttributeError) as unreadable:
            raise BankSilent(f"an answer that cannot be read: {unreadable!r}") from unreadable

    def _get(self, path: str) -> bytes:
        request = urllib.request.Request(self.url.rstrip("/") + path, headers={"Accept": "application/json"})  # noqa: S310  https, or this machine
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as answer:  # noqa: S310  likewise
                data: bytes = answer.read(LARGEST_ANSWER + 1)
        except OSError as silence:  # refused, timed out, no such host, and every status but 2xx
            raise BankSilent(str(silence)) from silence
        if len(data) > LARGEST_ANSWER:
            raise BankSilent(f"an answer of more than {LARGEST_ANSWER} bytes")
        return data


def _told(each: dict[str, Any]) -> Told:
    amount, payer = each["amount"], each["payer"]
    texts = (each["serial"], each["account"], amount["currency"], each["reference"], each["remark"])
    if not all(isinstance(text, str) for text in (*texts, amount["amount"], payer["name"], payer["account"])):
        raise ValueError("a text is none")
    whole, _, fen = amount["amount"].partition(".")
    if not (whole.isascii() and whole.isdigit() and fen.isascii() and fen.isdigit() and len(fen) == 2):  # noqa: PLR2004  fen
        raise ValueError(f"an amount is written 1280.00, not {amount['amount'][:40]!r}")
    return Told(
        serial=each["serial"],
        account=each["account"],
        amount_minor=int(whole) * 100 + int(fen),
        currency=amount["currency"],
        reference=each["reference"],
        remark=each["remark"],
        payer=payer["name"],
        payer_account=payer["account"],
        paid_at=datetime.fromisoformat(each["paid_at"]),
    )
