"""Alipay's word (支付宝异步通知): a form whose parameters are signed with RSA2, the signature among them.

Source: Alipay open platform, 异步通知验签: all parameters but sign and sign_type, decoded, sorted by name, joined as
`name=value` with &, signed with RSA and SHA-256 in the form's own charset; answered by the seven letters `success`.

It is repeated for 25 hours, and nothing says that a repeat carries a new notify_time: so a word of that age is still
taken. What makes a replay harmless is not the window but the serial, by which a payment is booked once.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from ledger.money import Money, NotAnAmount
from qrpay import events
from qrpay.events import BadSignature, MalformedBody, MissingHeader, NoMatchingKey, UnknownAlgorithm, VerifiedEvent
from qrpay.keys import KeyRing
from qrpay.schemes import SCHEMES
from qrpay.told import PaymentTold, UnreadablePayment

RSA: Final = "rsa-sha256"
SIGN_TYPE: Final = "RSA2"
REPEATED_FOR: Final = timedelta(hours=25)
MAX_PARAMETERS: Final = 64
ZONE: Final = ZoneInfo("Asia/Shanghai")

_PAID: Final = {"TRADE_SUCCESS", "TRADE_FINISHED"}
_CHARSETS: Final = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gb2312", "gb18030": "gb18030"}
_READ: Final = (
    *("notify_id", "notify_time", "trade_no", "out_trade_no", "trade_status", "total_amount", "seller_id"),
    *("auth_app_id", "app_id", "gmt_payment", "buyer_logon_id", "passback_params", "charset"),
)
# The form joins its parameters without escaping: a value with "&total_amount=" in it and two parameters are signed
# alike. Whoever may choose a value must not choose a parameter with it.
_SMUGGLED: Final = re.compile(f"&(?:{'|'.join(_READ)})=")
_MOMENT: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_CHARSET: Final = re.compile("(?:^|&)charset=([^&]*)")
_NAME: Final = re.compile("[A-Za-z0-9_.-]{1,64}")
_WORD: Final = re.compile("[0-9A-Za-z_*.|-]{1,64}")
_ID: Final = re.compile("[A-Za-z0-9_-]{1,100}")


def verify(_headers: Mapping[str, str], body: bytes, *, keys: KeyRing, now: datetime) -> VerifiedEvent:
    """The notification, if its signature holds with a key of the ring in force; it names none. Raises
    SignatureRefused. `body` of the event is the parameters that were signed, as a JSON object."""
    events.must_fit(body)
    told, charset = _parameters(body)
    for name in ("sign", "sign_type", "notify_id", "notify_time"):
        if not told.get(name):
            raise MissingHeader(f"the parameter {name} is missing")
    if told["sign_type"] != SIGN_TYPE:
        raise UnknownAlgorithm(f"sign_type is {SIGN_TYPE}; {told['sign_type'][:20]!r} came")
    if _ID.fullmatch(told["notify_id"]) is None:
        raise MalformedBody("notify_id has 1 to 100 letters, digits, - or _")
    signed_at = _moment(told["notify_time"], "notify_time")
    events.fresh(signed_at, now, before=REPEATED_FOR + events.TOLERANCE)
    signature = events.one_spelling(told["sign"], "RSA2", SCHEMES[RSA].signature_bytes)
    candidates = keys.for_algorithms({RSA}, now)
    if not candidates:
        raise NoMatchingKey(f"no key in force for {RSA} at {now.isoformat()}: {keys.standing(now) or 'no keys'}")
    signed = _signed(told)
    matching = [key for key in candidates if key.confirms(RSA, signature, signed.encode(charset))]
    if not matching:
        raise BadSignature(
            f"the signature does not hold with {', '.join(key.key_id for key in candidates)}: a parameter was altered, "
            "or it was signed with another key"
        )
    digest = hashlib.sha256(_signed({**told, "notify_time": ""}).encode("utf-8")).hexdigest()[:16]
    return VerifiedEvent(
        id=f"{told['notify_id']}:{digest}",
        timestamp=signed_at,
        key_id=matching[0].key_id,
        body=json.dumps(_said(told), ensure_ascii=False, sort_keys=True).encode("utf-8"),
    )


def payment(said: bytes) -> PaymentTold | None:
    """The payment in what an event says; None where no money came. Raises UnreadablePayment."""
    told: dict[str, str] = json.loads(said)
    if told.get("trade_status") not in _PAID:
        return None
    try:
        amount = Money.parse(told.get("total_amount", ""), "CNY")
    except NotAnAmount as wrong:
        raise UnreadablePayment(f"total_amount: {wrong}") from None
    if amount.minor <= 0:
        raise UnreadablePayment("total_amount must be more than nothing")
    return PaymentTold(
        serial=_word(told, "trade_no"),
        merchant=_word(told, next((name for name in ("seller_id", "auth_app_id") if told.get(name)), "app_id")),
        amount=amount,
        order=_word(told, "out_trade_no"),
        remark=told.get("passback_params", ""),
        payer=told.get("buyer_logon_id", ""),
        paid_at=_paid_at(told),
    )


def _parameters(body: bytes) -> tuple[dict[str, str], str]:
    """The form's parameters, each once, and the charset that they were signed in. Raises MalformedBody."""
    try:
        text = body.decode("ascii")
        # Asked of the form as it stands: what it says in another charset cannot be read before that is known.
        named = _CHARSET.search(text)
        charset = _CHARSETS.get(named[1].lower() if named else "utf-8")
        if charset is None:
            raise MalformedBody(f"charset is one of {', '.join(_CHARSETS)}; another came")
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=True,
            encoding=charset,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError as wrong:  # a UnicodeError is one
        raise MalformedBody(
            f"a notification of Alipay is a form of at most {MAX_PARAMETERS} parameters: {wrong}"
        ) from None
    told = dict(pairs)
    if len(told) < len(pairs):
        raise MalformedBody("a parameter may come once; one came twice")
    smuggled = [name for name, value in pairs if _SMUGGLED.search(value) or not _NAME.fullmatch(name)]
    if smuggled:
        raise MalformedBody(f"the parameter {smuggled[0][:40]!r} could be read as several; none of them is believed")
    return told, charset


def _said(told: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in told.items() if name not in {"sign", "sign_type"}}


def _signed(told: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(_said(told).items()))


def _word(told: Mapping[str, str], name: str) -> str:
    if _WORD.fullmatch(told.get(name, "")) is None:
        raise UnreadablePayment(f"{name} must be 1 to 64 letters, digits, _, *, ., | or -")
    return told[name]


def _paid_at(told: Mapping[str, str]) -> datetime:
    try:
        return _moment(told.get("gmt_payment", ""), "gmt_payment")
    except MalformedBody as wrong:
        raise UnreadablePayment(str(wrong)) from None


def _moment(text: str, name: str) -> datetime:
    try:
        # A year of five digits or a time without seconds has another shape; the rest fromisoformat knows.
        return datetime.fromisoformat(text if _MOMENT.fullmatch(text) else "").replace(tzinfo=ZONE)
    except ValueError:
        raise MalformedBody(f"{name} is written 2026-11-20 13:29:35") from None
