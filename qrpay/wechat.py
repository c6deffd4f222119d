"""WeChat Pay's word (微信支付 APIv3 支付通知): signed with RSA, and what it says encrypted with AES-256-GCM.

Source: WeChat Pay's documentation of APIv3. 签名验证: what is signed is `timestamp\\nnonce\\nbody\\n`, with RSA and
SHA-256, under the platform's key that Wechatpay-Serial names. 回调报文解密: AEAD_AES_256_GCM under the merchant's key.
A repeat is encrypted afresh, so the id of an event is taken from what it says.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.money import Money
from qrpay import events
from qrpay.events import (
    EPOCH,
    SECOND,
    SECONDS,
    BadSignature,
    MalformedBody,
    NoMatchingKey,
    UnknownAlgorithm,
    Unopened,
    VerifiedEvent,
)
from qrpay.keys import KeyRing
from qrpay.schemes import SCHEMES
from qrpay.told import PaymentTold, UnreadablePayment

RSA: Final = "rsa-sha256"
SIGNATURE_TYPE: Final = "WECHATPAY2-SHA256-RSA2048"
CIPHER: Final = "AEAD_AES_256_GCM"

_NONCE: Final = re.compile("[!-~]{1,128}")
_SERIAL: Final = re.compile("[0-9A-Za-z_]{1,64}")
_SIGNATURE: Final = re.compile("[A-Za-z0-9+/=]{1,2048}")
_WORD: Final = re.compile("[ -~]{1,64}")
_ID: Final = re.compile("[A-Za-z0-9_-]{1,64}")
_GCM_NONCE: Final = range(8, 129)  # bytes that AES-GCM takes; WeChat Pay sends twelve


def verify(headers: Mapping[str, str], body: bytes, *, keys: KeyRing, now: datetime) -> VerifiedEvent:
    """The notification, opened, if its signature holds with the key of the ring that it names; a key's id is the
    platform certificate's serial (or the public key's id). Raises SignatureRefused."""
    events.must_fit(body)
    timestamp = events.header(headers, "Wechatpay-Timestamp", SECONDS, "whole seconds since 1970")
    nonce = events.header(headers, "Wechatpay-Nonce", _NONCE, "1 to 128 printable characters")
    serial = events.header(headers, "Wechatpay-Serial", _SERIAL, "a certificate's serial")
    encoded = events.header(headers, "Wechatpay-Signature", _SIGNATURE, "base64")
    _must_be_rsa(headers)
    signed_at = EPOCH + int(timestamp) * SECOND
    events.fresh(signed_at, now)
    signature = events.one_spelling(encoded, "Wechatpay", SCHEMES[RSA].signature_bytes)
    named = [key for key in keys.for_algorithms({RSA}, now) if key.key_id == serial]
    if not named:
        known = keys.standing(now) or "no keys"
        raise NoMatchingKey(f"no key in force has the serial {serial} at {now.isoformat()}: {known}")
    if not named[0].confirms(RSA, signature, f"{timestamp}\n{nonce}\n".encode("ascii") + body + b"\n"):
        raise BadSignature(
            f"the signature does not hold with {serial}: the timestamp, the nonce or the body was altered, or it was "
            "signed with another key"
        )
    name, said = _opened(body, keys, now)
    digest = hashlib.sha256(said).hexdigest()[:16]
    return VerifiedEvent(id=f"{name}:{digest}", timestamp=signed_at, key_id=serial, body=said)


def payment(said: bytes) -> PaymentTold | None:
    """The payment in what an event says; None where no money came. Raises UnreadablePayment."""
    told = _object(said)
    if told.get("trade_state") != "SUCCESS":
        return None
    amount = told.get("amount")
    if not isinstance(amount, dict) or type(amount.get("total")) is not int or amount.get("currency", "CNY") != "CNY":
        raise UnreadablePayment("amount.total must be a whole number of fen, and amount.currency CNY")
    if amount["total"] <= 0:
        raise UnreadablePayment(f"amount.total must be more than nothing; {amount['total']} came")
    return PaymentTold(
        serial=_text(told, "transaction_id", _ID),
        # Where an institution is a merchant below the bank's own number, the money is that institution's.
        merchant=_text(told, "sub_mchid" if told.get("sub_mchid") else "mchid", _ID),
        amount=Money(amount["total"]),
        order=_text(told, "out_trade_no"),
        remark=told["attach"] if isinstance(told.get("attach"), str) else "",
        payer="",
        paid_at=_instant(_text(told, "success_time")),
    )


def _must_be_rsa(headers: Mapping[str, str]) -> None:
    kinds = [value for name, value in headers.items() if name.lower() == "wechatpay-signature-type"]
    if kinds not in ([], [SIGNATURE_TYPE]):
        raise UnknownAlgorithm(f"Wechatpay-Signature-Type is {SIGNATURE_TYPE}; {kinds[0][:60]!r} came")


def _opened(body: bytes, keys: KeyRing, now: datetime) -> tuple[str, bytes]:
    """The notification's id and what is encrypted in it. Called only for a body whose signature holds."""
    try:
        name, nonce, closed, beside = _closed(_object(body))
    except (UnreadablePayment, UnicodeEncodeError, binascii.Error) as wrong:
        raise MalformedBody(f"a notification of WeChat Pay has an encrypted resource: {wrong}") from None
    for secret in keys.secrets:
        if secret.in_force(now):
            try:
                return name, AESGCM(secret.material).decrypt(nonce, closed, beside)
            except InvalidTag:
                continue
    raise Unopened("no APIv3 key in force opens the resource: it was encrypted with another one, or altered")


def _closed(told: Mapping[str, Any]) -> tuple[str, bytes, bytes, bytes]:
    """The notification's id, and of its resource the nonce, the ciphertext and what is authenticated beside it."""
    resource = told.get("resource")
    if not isinstance(resource, dict) or resource.get("algorithm") != CIPHER:
        raise UnreadablePayment(f"resource.algorithm must be {CIPHER}")
    nonce, beside = _text(resource, "nonce"), resource.get("associated_data") or ""
    if not isinstance(beside, str) or len(nonce) not in _GCM_NONCE:
        raise UnreadablePayment("resource.associated_data must be a text, resource.nonce have 8 to 64 characters")
    closed = base64.b64decode(_text(resource, "ciphertext", None), validate=True)
    return _text(told, "id", _ID), nonce.encode("ascii"), closed, beside.encode("utf-8")


def _object(text: bytes) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadablePayment("it is no JSON in UTF-8") from None
    if not isinstance(told, dict):
        raise UnreadablePayment("it must be a JSON object")
    return told


def _text(told: Mapping[str, Any], name: str, shape: re.Pattern[str] | None = _WORD) -> str:
    value = told.get(name)
    if not isinstance(value, str) or (shape is not None and shape.fullmatch(value) is None):
        raise UnreadablePayment(
            f"{name} must be a text of at most 64 characters, {'ASCII' if shape is _WORD else 'an id'}"
        )
    return value


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadablePayment("success_time must be written 2026-11-20T13:29:35+08:00") from None
    if at.tzinfo is None:
        raise UnreadablePayment("success_time needs its zone")
    return at
