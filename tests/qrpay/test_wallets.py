"""The words of WeChat Pay and Alipay: believed only as they were signed, and read as one and the same noun."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import Money
from qrpay import alipay, wechat
from qrpay.events import (
    MAX_BODY_BYTES,
    BadSignature,
    BodyTooLarge,
    MalformedBody,
    MalformedHeader,
    MissingHeader,
    NoMatchingKey,
    SignatureRefused,
    StaleTimestamp,
    UnknownAlgorithm,
    Unopened,
    VerifiedEvent,
)
from qrpay.keys import KeyRing, Secret, SigningKey
from qrpay.told import UnreadablePayment
from tests.qrpay import signers
from tests.qrpay.signers import OTHER_RSA, named, signing_key

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
LAST_YEAR = NOW - timedelta(days=365)
SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
API_V3 = b"0123456789abcdefABCDEFghijklmnop"
PAID = NOW - timedelta(seconds=2)

WECHAT_RING = KeyRing(
    [signing_key(SERIAL).verifier(not_before=LAST_YEAR)],
    [
        Secret(key_id="api-v3-old", material=API_V3[::-1], not_before=LAST_YEAR),
        Secret(key_id="api-v3", material=API_V3, not_before=LAST_YEAR),
    ],
)
ALIPAY_RING = KeyRing([signing_key("alipay-2026").verifier(not_before=LAST_YEAR)])
SAID = signers.wechat_payment("XF0004K7Q84", 128_000, paid_at=PAID)
NOTICE = signers.wechat(SAID, at=NOW, serial=SERIAL, secret=API_V3)
FORM = signers.alipay({})


def _wechat(headers: dict[str, str], body: bytes, *, now: datetime = NOW, keys: KeyRing = WECHAT_RING) -> VerifiedEvent:
    return wechat.verify(headers, body, keys=keys, now=now)


def _alipay(body: bytes, *, now: datetime = NOW, keys: KeyRing = ALIPAY_RING) -> VerifiedEvent:
    return alipay.verify({}, body, keys=keys, now=now)


def test_wechat_s_word_is_opened_and_says_who_was_paid_what_for_which_order() -> None:
    event = _wechat(*NOTICE)
    assert (event.key_id, event.timestamp, json.loads(event.body)) == (SERIAL, NOW, SAID)
    told = wechat.payment(event.body)
    assert told is not None
    assert (told.serial, told.merchant, told.order) == ("4200002026112000001", "1230000109", "XF0004K7Q84")
    assert (told.amount, told.remark, told.payer, told.paid_at) == (Money(128_000), "学费", "", PAID)


def test_a_merchant_below_the_bank_s_own_is_the_one_that_was_paid() -> None:
    told = wechat.payment(json.dumps({**SAID, "sub_mchid": "1900000109"}).encode())
    assert told is not None
    assert told.merchant == "1900000109"


def test_a_repeat_of_wechat_is_encrypted_afresh_and_is_known_by_what_it_says() -> None:
    again = signers.wechat(SAID, at=NOW + timedelta(seconds=15), serial=SERIAL, secret=API_V3)
    assert again[1] != NOTICE[1]
    assert _wechat(*again).id == _wechat(*NOTICE).id
    other = signers.wechat({**SAID, "out_trade_no": "X"}, at=NOW, serial=SERIAL, secret=API_V3)
    assert _wechat(*other).id != _wechat(*NOTICE).id


@pytest.mark.parametrize("name", ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"])
def test_each_header_of_wechat_must_be_there_once(name: str) -> None:
    headers, body = NOTICE
    with pytest.raises(MissingHeader, match=name):
        _wechat({key: value for key, value in headers.items() if key != name}, body)
    with pytest.raises(MalformedHeader, match=f"{name} may come once"):
        _wechat({**headers, name.upper(): headers[name]}, body)


def _by_stranger() -> tuple[dict[str, str], bytes]:
    return signers.wechat(SAID, at=NOW, serial=SERIAL, secret=API_V3, key=OTHER_RSA)


@pytest.mark.parametrize(
    ("changed", "body", "refused"),
    [
        ({}, NOTICE[1].replace(b"EV-", b"EW-"), BadSignature),
        ({}, json.dumps(json.loads(NOTICE[1])).encode(), BadSignature),
        ({}, NOTICE[1] + b"\n", BadSignature),
        ({"Wechatpay-Nonce": "0" * 32}, NOTICE[1], BadSignature),
        ({"Wechatpay-Timestamp": str(int(NOW.timestamp()) + 1)}, NOTICE[1], BadSignature),
        ({"Wechatpay-Timestamp": str(int(NOW.timestamp()) - 301)}, NOTICE[1], StaleTimestamp),
        ({"Wechatpay-Timestamp": "1e9"}, NOTICE[1], MalformedHeader),
        ({"Wechatpay-Serial": "7777"}, NOTICE[1], NoMatchingKey),
        ({"Wechatpay-Signature": _by_stranger()[0]["Wechatpay-Signature"]}, NOTICE[1], BadSignature),
        ({"Wechatpay-Signature": NOTICE[0]["Wechatpay-Signature"][:-4]}, NOTICE[1], SignatureRefused),
        (
            {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + NOTICE[0]["Wechatpay-Signature"]},
            NOTICE[1],
            SignatureRefused,
        ),
        ({"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"}, NOTICE[1], UnknownAlgorithm),
        ({}, b"x" * (MAX_BODY_BYTES + 1), BodyTooLarge),
    ],
    ids=named,
)
def test_wechat_s_word_is_not_believed_otherwise_than_it_was_signed(
    changed: dict[str, str], body: bytes, refused: type[SignatureRefused]
) -> None:
    with pytest.raises(refused):
        _wechat({**NOTICE[0], **changed}, body)


def test_wechat_s_key_is_the_one_it_names_and_while_keys_change_both_are_believed() -> None:
    new = signing_key("PUB_KEY_ID_0114232134912410000000000000", OTHER_RSA)
    ring = KeyRing([*WECHAT_RING.keys, new.verifier(not_before=NOW)], WECHAT_RING.secrets)
    by_new = signers.wechat(SAID, at=NOW, serial=new.key_id, secret=API_V3, key=OTHER_RSA)
    assert _wechat(*by_new, keys=ring).key_id == new.key_id
    assert _wechat(*NOTICE, keys=ring).key_id == SERIAL
    with pytest.raises(BadSignature):
        _wechat({**by_new[0], "Wechatpay-Serial": SERIAL}, by_new[1], keys=ring)
    with pytest.raises(NoMatchingKey, match="no key in force has the serial"):
        _wechat(*by_new)


def test_a_resource_that_no_secret_opens_is_not_believed() -> None:
    with pytest.raises(Unopened):
        _wechat(*NOTICE, keys=KeyRing(WECHAT_RING.keys, [WECHAT_RING.secrets[0]]))
    with pytest.raises(Unopened):
        _wechat(*NOTICE, keys=KeyRing(WECHAT_RING.keys))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"id": "EV-1"}',
        b'{"id": "EV-1", "resource": {"algorithm": "none"}}',
        b'{"id": "E.V", "resource": {"algorithm": "AEAD_AES_256_GCM", "nonce": "012345678901", "ciphertext": ""}}',
        b'{"id": "EV-1", "resource": {"algorithm": "AEAD_AES_256_GCM", "nonce": "0", "ciphertext": ""}}',
        b'{"id": "EV-1", "resource": {"algorithm": "AEAD_AES_256_GCM", "nonce": "012345678901", "ciphertext": "!"}}',
        b'{"id": "EV-1", "resource": {"algorithm": "AEAD_AES_256_GCM", "nonce": "012345678901", "ciphertext": 1}}',
    ],
    ids=named,
)
def test_a_signed_body_without_an_encrypted_resource_is_not_believed(body: bytes) -> None:
    timestamp = str(int(NOW.timestamp()))
    signature = signing_key(SERIAL).sign(f"{timestamp}\nn\n".encode() + body + b"\n")
    headers = {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": "n",
        "Wechatpay-Serial": SERIAL,
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
    }
    with pytest.raises(MalformedBody):
        _wechat(headers, body)


def test_alipay_s_word_is_read_from_its_form() -> None:
    event = _alipay(FORM)
    told = alipay.payment(event.body)
    assert told is not None
    assert (event.key_id, event.timestamp) == ("alipay-2026", NOW)
    assert (told.serial, told.merchant) == ("2026112022001412345678901234", "2088101106499364")
    assert (told.order, told.amount, told.payer) == ("XF0004K7Q84", Money(128_000), "159****5620")
    assert told.paid_at == PAID
    assert json.loads(event.body)["subject"] == "明日美术 A&B=学费"


@pytest.mark.parametrize("charset", ["utf-8", "GBK", "gb18030"])
def test_alipay_s_form_is_verified_in_the_charset_that_it_names(charset: str) -> None:
    assert json.loads(_alipay(signers.alipay({}, charset=charset)).body)["subject"] == "明日美术 A&B=学费"


def test_a_form_may_be_percent_encoded_otherwise_since_its_values_are_what_is_signed() -> None:
    """Spaces as %20, and everything escaped: the same parameters. The bytes of the form are not signed."""
    pairs = parse_qsl(FORM.decode(), keep_blank_values=True)
    escaped = "&".join(f"{name}={quote_plus(value, safe='').replace('+', '%20')}" for name, value in reversed(pairs))
    assert _alipay(escaped.encode()) == _alipay(FORM)


def test_a_repeat_of_alipay_with_a_new_time_is_known_by_what_it_says_for_25_hours() -> None:
    again = signers.alipay({"notify_time": "2026-11-20 09:04:00"})
    assert _alipay(again, now=NOW + timedelta(minutes=4)).id == _alipay(FORM).id
    assert _alipay(FORM, now=NOW + timedelta(hours=25)).id == _alipay(FORM).id
    with pytest.raises(StaleTimestamp):
        _alipay(FORM, now=NOW + timedelta(hours=25, minutes=6))
    with pytest.raises(StaleTimestamp):
        _alipay(FORM, now=NOW - timedelta(minutes=6))


def _altered(**changed: str) -> bytes:
    return urlencode({**dict(parse_qsl(FORM.decode(), keep_blank_values=True)), **changed}).encode()


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (_altered(total_amount="1.00"), BadSignature),
        (_altered(body="something"), BadSignature),
        (_altered(new="parameter"), BadSignature),
        (FORM.replace(b"&body=", b""), BadSignature),
        (_altered(sign_type="RSA"), UnknownAlgorithm),
        (_altered(sign=""), MissingHeader),
        (_altered(sign="AAAA"), MalformedHeader),
        (_altered(notify_time="20261120090000"), MalformedBody),
        (_altered(notify_id="a b"), MalformedBody),
        (_altered(charset="ebcdic"), MalformedBody),
        (FORM + b"&total_amount=1.00", MalformedBody),
        (FORM + b"&&", MalformedBody),
        (FORM + b"&a=%ff", MalformedBody),
        (b"&".join(b"a%d=1" % number for number in range(65)), MalformedBody),
        ("total_amount=１".encode(), MalformedBody),
        (signers.alipay({}, key=OTHER_RSA), BadSignature),
        (b"x" * (MAX_BODY_BYTES + 1), BodyTooLarge),
    ],
    ids=named,
)
def test_alipay_s_word_is_not_believed_otherwise_than_it_was_signed(
    body: bytes, refused: type[SignatureRefused]
) -> None:
    with pytest.raises(refused):
        _alipay(body)


def test_a_value_that_could_be_split_into_parameters_is_believed_by_nobody() -> None:
    """The genuine form has a subject with "&total_amount=" in it; split in two, it is signed alike."""
    genuine = signers.alipay({"subject": "x&total_amount=9.00", "total_amount": ""})
    pairs = dict(parse_qsl(genuine.decode(), keep_blank_values=True))
    split = urlencode({**pairs, "subject": "x", "total_amount": "9.00"}).encode()
    for form in (genuine, split):
        with pytest.raises(SignatureRefused):
            _alipay(form)


def test_alipay_without_a_key_in_force_is_not_believed() -> None:
    ended = KeyRing([signing_key("alipay").verifier(not_before=LAST_YEAR, not_after=NOW)])
    with pytest.raises(NoMatchingKey, match="alipay is for rsa-sha256 and not in force"):
        _alipay(FORM, keys=ended)
    hmac = SigningKey(key_id="hmac", algorithm="v1", material=bytes(range(32))).verifier(not_before=LAST_YEAR)
    with pytest.raises(NoMatchingKey):
        _alipay(FORM, keys=KeyRing([hmac]))


@pytest.mark.parametrize("status", ["WAIT_BUYER_PAY", "TRADE_CLOSED"])
def test_a_word_of_alipay_without_money_is_no_payment(status: str) -> None:
    assert alipay.payment(_alipay(signers.alipay({"trade_status": status})).body) is None


def test_a_trade_finished_after_it_was_paid_is_the_same_payment() -> None:
    first, last = (
        alipay.payment(_alipay(signers.alipay({"trade_status": status})).body)
        for status in ("TRADE_SUCCESS", "TRADE_FINISHED")
    )
    assert first == last is not None


@pytest.mark.parametrize(
    "changed",
    [
        *({"total_amount": text} for text in ("", "0.00", "1e3", "１.00", "-1.00", "1.001")),
        *({"gmt_payment": text} for text in ("", "2026-13-01 00:00:00", "2026-11-20")),
        *({"trade_no": ""}, {"out_trade_no": "学费"}, {"seller_id": "", "app_id": ""}),
    ],
)
def test_a_signed_payment_of_alipay_that_says_nonsense_is_not_guessed_at(changed: dict[str, str]) -> None:
    with pytest.raises(UnreadablePayment):
        alipay.payment(_alipay(signers.alipay(changed)).body)


@pytest.mark.parametrize(
    "changed",
    [
        *({"amount": amount} for amount in (None, {}, {"total": "1"}, {"total": True}, {"total": 0}, {"total": -1})),
        *({"amount": {"total": 1, "currency": "USD"}}, {"amount": {"total": 1.5}}),
        *({"transaction_id": ""}, {"transaction_id": None}, {"out_trade_no": "学" * 3}, {"mchid": 123}),
        *({"success_time": "2026-11-20"}, {"success_time": "yesterday"}, {"success_time": None}),
    ],
)
def test_a_signed_payment_of_wechat_that_says_nonsense_is_not_guessed_at(changed: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayment):
        wechat.payment(json.dumps({**SAID, **changed}).encode())


def test_a_word_of_wechat_without_money_is_no_payment_and_one_that_is_no_object_is_unreadable() -> None:
    assert wechat.payment(json.dumps({**SAID, "trade_state": "CLOSED"}).encode()) is None
    with pytest.raises(UnreadablePayment):
        wechat.payment(b"[]")


@settings(max_examples=1000)
@given(st.data())
def test_of_a_thousand_words_of_wallets_altered_at_random_none_says_anything_else(data: st.DataObject) -> None:
    """A form may be spelt otherwise and still say the same; nothing that says something else is believed."""
    headers, body = NOTICE
    place = data.draw(st.sampled_from(["form", "body", *headers]))
    whole = {"form": FORM, "body": body}.get(place) or headers[place].encode()
    at, put = data.draw(st.integers(0, len(whole) - 1)), bytes([data.draw(st.integers(33, 126))])
    altered = data.draw(
        st.sampled_from(
            [whole[:at] + put + whole[at + 1 :], whole[:at] + whole[at + 1 :], whole[:at], whole[:at] + put]
        )
    )
    if altered == whole:
        return
    if place == "form":
        with suppress(SignatureRefused):
            assert _alipay(altered) == _alipay(FORM)
        return
    with pytest.raises(SignatureRefused):
        _wechat(
            headers if place == "body" else {**headers, place: altered.decode()}, altered if place == "body" else body
        )
