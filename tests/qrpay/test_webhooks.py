import base64
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from qrpay.webhooks import (
    MAX_BODY_BYTES,
    BadSignature,
    BodyTooLarge,
    Key,
    KeyRing,
    MalformedHeader,
    MissingHeader,
    NoMatchingKey,
    SignatureRefused,
    SigningKey,
    StaleTimestamp,
    UnknownAlgorithm,
    VerifiedEvent,
    sign,
    verify,
)

NOW = datetime(2026, 11, 20, 1, 0, 0, tzinfo=UTC)
LAST_YEAR, NEXT_YEAR = NOW - timedelta(days=365), NOW + timedelta(days=365)
BODY = '{"reference":"XF0004K7Q84","amount":"1280.00","payer":"王小明"}'.encode()
ID = "msg_2026-11-20:000017"

HMAC = SigningKey(key_id="bank-hmac", algorithm="v1", material=bytes(range(32)))
ED25519 = SigningKey(key_id="bank-ed25519", algorithm="v1a", material=bytes(range(100, 132)))
STRANGER = SigningKey(key_id="stranger", algorithm="v1", material=bytes(range(50, 90)))
ED25519_STRANGER = SigningKey(key_id="stranger-ed25519", algorithm="v1a", material=bytes(range(50, 82)))

RING = KeyRing([key.verifier(not_before=LAST_YEAR, not_after=NEXT_YEAR) for key in (HMAC, ED25519)])
BOTH = pytest.mark.parametrize("key", [HMAC, ED25519], ids=["HMAC-SHA256", "Ed25519"])


def _signed(key: SigningKey = HMAC, *, at: datetime = NOW) -> dict[str, str]:
    return sign(BODY, id=ID, at=at, key=key)


def _believed(
    headers: dict[str, str], body: bytes = BODY, *, keys: KeyRing = RING, now: datetime = NOW
) -> VerifiedEvent:
    return verify(headers, body, keys=keys, now=now)


@BOTH
def test_the_bank_s_signed_word_is_believed(key: SigningKey) -> None:
    event = _believed(_signed(key))
    assert event == VerifiedEvent(id=ID, timestamp=NOW, key_id=key.key_id, body=BODY)


@given(st.binary(max_size=300), st.from_regex("[A-Za-z0-9_:-]{1,128}", fullmatch=True), st.booleans())
def test_whatever_is_signed_is_believed_byte_for_byte(body: bytes, event_id: str, asymmetric: bool) -> None:
    headers = sign(body, id=event_id, at=NOW, key=ED25519 if asymmetric else HMAC)
    assert verify(headers, body, keys=RING, now=NOW).body == body


@pytest.mark.parametrize(
    ("algorithm", "material", "signature"),
    [
        ("v1", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        (
            "v1a",
            "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=",
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
        ),
    ],
)
def test_the_published_vectors_of_standard_webhooks_are_reproduced(
    algorithm: str, material: str, signature: str
) -> None:
    key = replace(HMAC if algorithm == "v1" else ED25519, material=base64.b64decode(material))
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign(b'{"test": 2432232314}', id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, key=key)
    assert headers["webhook-signature"] == signature
    ring = KeyRing([key.verifier(not_before=at)])
    assert verify(headers, b'{"test": 2432232314}', keys=ring, now=at).timestamp == at


def test_header_names_are_read_in_any_case() -> None:
    shouted = {name.upper(): value for name, value in _signed().items()}
    assert _believed(shouted).id == ID


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(missing: str) -> None:
    headers = {name: value for name, value in _signed().items() if name != missing}
    with pytest.raises(MissingHeader, match=missing):
        _believed(headers)


@pytest.mark.parametrize("doubled", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_comes_twice_is_refused(doubled: str) -> None:
    headers = _signed()
    with pytest.raises(MalformedHeader, match=f"{doubled} may come once"):
        _believed({**headers, doubled.title(): headers[doubled]})


@BOTH
@pytest.mark.parametrize("place", [0, 20, len(BODY) - 1])
def test_a_body_changed_by_one_bit_is_refused(key: SigningKey, place: int) -> None:
    altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
    with pytest.raises(BadSignature, match=key.key_id):
        _believed(_signed(key), altered)


@BOTH
@pytest.mark.parametrize("altered", [BODY + b"\n", BODY[:-1], b"", b" " + BODY])
def test_a_body_made_longer_or_shorter_is_refused(key: SigningKey, altered: bytes) -> None:
    with pytest.raises(BadSignature):
        _believed(_signed(key), altered)


@BOTH
@pytest.mark.parametrize(
    "changed", [{"webhook-id": "msg_2026-11-20:000018"}, {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}]
)
def test_a_changed_id_or_timestamp_is_refused(key: SigningKey, changed: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        _believed({**_signed(key), **changed})


@pytest.mark.parametrize("key", [STRANGER, ED25519_STRANGER])
def test_a_signature_by_a_stranger_is_refused(key: SigningKey) -> None:
    with pytest.raises(BadSignature, match="signed with another key"):
        _believed(_signed(key))


@BOTH
def test_every_bit_of_a_signature_counts(key: SigningKey) -> None:
    headers = _signed(key)
    version, _, encoded = headers["webhook-signature"].partition(",")
    signature = base64.b64decode(encoded)
    for bit in range(8 * len(signature)):
        altered = (int.from_bytes(signature) ^ (1 << bit)).to_bytes(len(signature))
        with pytest.raises(BadSignature):
            _believed({**headers, "webhook-signature": f"{version},{base64.b64encode(altered).decode()}"})


@BOTH
@pytest.mark.parametrize(
    "spoil",
    [
        "{v},{short}",
        "{v},{s}AAAA",
        "{v},",
        "{v}",
        "{v}, {s}",
        "{v},-{short}___",
        "{v},{s}\n",
        "{v},{s} {v},学",
        "{v},\ud800{s}",
        "{v},{s} {v},garbage",
        "{v},{s} garbage",
        "{v},{s} {v},{s} {v},{s} {v},{s} {v},{s} {v},{s} {v},{s} {v},{s} {v},{s}",
        " {v},{s}",
        "",
    ],
)
def test_a_malformed_signature_header_is_refused_as_a_whole(key: SigningKey, spoil: str) -> None:
    headers = _signed(key)
    version, _, encoded = headers["webhook-signature"].partition(",")
    with pytest.raises(MalformedHeader):
        _believed({**headers, "webhook-signature": spoil.format(v=version, s=encoded, short=encoded[:-4])})


def test_a_second_spelling_of_the_same_signature_is_refused() -> None:
    # The last digit of 43 carries two bits that decode to nothing: four spellings, of which one is canonical.
    headers = _signed()
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    good = headers["webhook-signature"]
    other = good[:-2] + digits[digits.index(good[-2]) ^ 1] + "="
    assert base64.b64decode(other[3:]) == base64.b64decode(good[3:])
    with pytest.raises(MalformedHeader):
        _believed({**headers, "webhook-signature": other})


@BOTH
def test_one_good_signature_among_strangers_and_unknown_kinds_is_enough(key: SigningKey) -> None:
    headers = _signed(key)
    beside = [_signed(STRANGER), _signed(ED25519_STRANGER)]
    entries = ["v9,whatever", *(other["webhook-signature"] for other in beside), headers["webhook-signature"]]
    assert _believed({**headers, "webhook-signature": " ".join(entries)}).key_id == key.key_id


@pytest.mark.parametrize("header", ["v2,AAAA", "V1,AAAA", "none,", "v1a2,AAAA v3,BBBB"])
def test_signatures_of_unknown_kinds_alone_are_refused(header: str) -> None:
    with pytest.raises(UnknownAlgorithm, match="one of v1, v1a"):
        _believed({**_signed(), "webhook-signature": header})


def test_an_algorithm_for_which_there_is_no_key_is_refused() -> None:
    only_ed25519 = KeyRing([ED25519.verifier(not_before=LAST_YEAR)])
    with pytest.raises(NoMatchingKey, match=r"no key in force for v1 .*bank-ed25519 is for v1a and in force"):
        _believed(_signed(HMAC), keys=only_ed25519)
    with pytest.raises(NoMatchingKey, match="no keys"):
        _believed(_signed(HMAC), keys=KeyRing([]))


def test_a_public_key_is_never_used_as_a_shared_secret() -> None:
    public = ED25519.verifier(not_before=LAST_YEAR)
    forged = _signed(SigningKey(key_id="forger", algorithm="v1", material=public.material))
    with pytest.raises(NoMatchingKey):
        _believed(forged, keys=KeyRing([public]))
    with pytest.raises(BadSignature):
        _believed(forged)
    assert not public.confirms("v1", ED25519.sign(BODY), BODY)
    assert not HMAC.verifier(not_before=LAST_YEAR).confirms("v1a", HMAC.sign(BODY), BODY)


@pytest.mark.parametrize(("seconds", "believed"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_word_is_fresh_for_three_hundred_seconds_both_ways(seconds: int, believed: bool) -> None:
    headers = _signed(at=NOW + timedelta(seconds=seconds))
    if believed:
        assert _believed(headers).timestamp == NOW + timedelta(seconds=seconds)
    else:
        with pytest.raises(StaleTimestamp, match="at most 300 seconds"):
            _believed(headers)


@pytest.mark.parametrize(
    "timestamp",
    [
        *("", "-1", "+1795136400", "1795136400.0", "1e9", " 1795136400", "1795136400\n", "1_795_136_400", "0x6b"),
        *("9" * 11, "9" * 200, "１７９５１３６４００", "١٧٩٥١٣٦٤٠٠", "\ud800"),
    ],
)
def test_a_timestamp_that_is_not_ascii_digits_is_refused(timestamp: str) -> None:
    with pytest.raises(MalformedHeader, match="webhook-timestamp must be whole seconds"):
        _believed({**_signed(), "webhook-timestamp": timestamp})


@pytest.mark.parametrize("event_id", ["", "a.b", "a b", "a\n", "学", "x" * 129, "\ud800"])
def test_an_id_that_could_be_read_two_ways_is_neither_signed_nor_believed(event_id: str) -> None:
    with pytest.raises(MalformedHeader, match="webhook-id must be"):
        _believed({**_signed(), "webhook-id": event_id})
    with pytest.raises(ValueError, match="webhook-id must be"):
        sign(BODY, id=event_id, at=NOW, key=HMAC)


def test_a_key_is_good_from_its_first_instant_up_to_its_last_and_without_that() -> None:
    ring = KeyRing([HMAC.verifier(not_before=NOW, not_after=NOW + timedelta(days=1))])
    for early_or_late in (NOW - timedelta(seconds=1), NOW + timedelta(days=1)):
        with pytest.raises(NoMatchingKey, match="bank-hmac is for v1 and not in force"):
            _believed(_signed(at=early_or_late), keys=ring, now=early_or_late)
    for good in (NOW, NOW + timedelta(days=1, seconds=-1)):
        assert _believed(_signed(at=good), keys=ring, now=good).key_id == "bank-hmac"


def test_while_keys_are_changed_the_old_and_the_new_one_are_both_believed() -> None:
    new = SigningKey(key_id="bank-2027", algorithm="v1", material=bytes(range(60, 92)))
    change, end_of_old = NOW, NOW + timedelta(days=7)
    ring = KeyRing([HMAC.verifier(not_before=LAST_YEAR, not_after=end_of_old), new.verifier(not_before=change)])
    assert [
        [_trusted(key, ring, at) for key in (HMAC, new)]
        for at in (change - timedelta(days=1), change + timedelta(days=1), end_of_old + timedelta(days=1))
    ] == [[True, False], [True, True], [False, True]]


def _trusted(key: SigningKey, ring: KeyRing, at: datetime) -> bool:
    try:
        return _believed(_signed(key, at=at), keys=ring, now=at).key_id == key.key_id
    except SignatureRefused:
        return False


def test_a_body_over_the_limit_is_refused_before_anything_else() -> None:
    largest = b"x" * MAX_BODY_BYTES
    assert verify(sign(largest, id=ID, at=NOW, key=HMAC), largest, keys=RING, now=NOW).body == largest
    with pytest.raises(BodyTooLarge, match="at most 1048576 bytes; 1048577 came"):
        verify({}, largest + b"x", keys=RING, now=NOW)


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()), st.binary()
)
def test_nothing_unsigned_is_ever_believed_and_nothing_but_a_refusal_comes_of_it(
    changed: dict[str, str], body: bytes
) -> None:
    # Whatever an attacker puts into the headers of a genuine notification.
    headers = {**_signed(), **changed}
    if headers != _signed() or body != BODY:
        with pytest.raises(SignatureRefused):
            _believed(headers, body)


@pytest.mark.parametrize(
    ("algorithm", "size", "complaint"),
    [("v1", 23, "24 to 64 bytes; 23 came"), ("v1", 65, "24 to 64"), ("v1a", 31, "32 to 32"), ("v1a", 64, "32 to 32")],
)
def test_a_key_of_the_wrong_size_is_refused(algorithm: str, size: int, complaint: str) -> None:
    key = HMAC if algorithm == "v1" else ED25519
    with pytest.raises(ValueError, match=complaint):
        replace(key, material=bytes(range(size)))


def test_a_key_for_an_algorithm_that_is_not_known_is_refused() -> None:
    from_a_settings_file: Any = "none"
    with pytest.raises(ValueError, match="one of v1, v1a, rsa-sha256, sm2-sm3, not 'none'"):
        replace(HMAC, algorithm=from_a_settings_file)


def test_a_placeholder_is_not_a_key() -> None:
    # Under thirty-two zero bytes as a public key, one forged signature in four would hold.
    with pytest.raises(ValueError, match="placeholder"):
        Key(key_id="forgotten", algorithm="v1a", material=bytes(32), not_before=LAST_YEAR)


def test_keys_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="need a time zone"):
        HMAC.verifier(not_before=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="not_after must lie after not_before"):
        HMAC.verifier(not_before=NOW, not_after=NOW)
    with pytest.raises(ValueError, match="bank-hmac came twice"):
        KeyRing([HMAC.verifier(not_before=NOW)] * 2)


def test_no_key_material_shows_in_a_log() -> None:
    assert "material" not in repr((HMAC, RING))
    assert str(HMAC.material) not in repr((HMAC, RING))


openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command on this machine")


@openssl
def test_a_signature_made_by_openssl_is_believed(tmp_path: Path) -> None:
    private, message = tmp_path / "private.pem", tmp_path / "message"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    der = subprocess.run(
        ["openssl", "pkey", "-in", private, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    timestamp = str(int(NOW.timestamp()))
    message.write_bytes(f"{ID}.{timestamp}.".encode() + BODY)
    signature = subprocess.run(
        ["openssl", "pkeyutl", "-sign", "-inkey", private, "-rawin", "-in", message], check=True, capture_output=True
    ).stdout
    headers = {
        "Webhook-Id": ID,
        "Webhook-Timestamp": timestamp,
        "Webhook-Signature": f"v1a,{base64.b64encode(signature).decode()}",
    }
    key = Key(key_id="openssl", algorithm="v1a", material=der[-32:], not_before=LAST_YEAR)
    assert _believed(headers, keys=KeyRing([key])).key_id == "openssl"
    with pytest.raises(BadSignature):
        _believed(headers, BODY + b" ", keys=KeyRing([key]))


@openssl
def test_openssl_believes_a_signature_of_ours(tmp_path: Path) -> None:
    public, message, signature = (tmp_path / name for name in ("public.pem", "message", "signature"))
    raw = Ed25519PrivateKey.from_private_bytes(ED25519.material).public_key().public_bytes_raw()
    public.write_bytes(
        Ed25519PublicKey.from_public_bytes(raw).public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    headers = _signed(ED25519)
    message.write_bytes(f"{ID}.{headers['webhook-timestamp']}.".encode() + BODY)
    signature.write_bytes(base64.b64decode(headers["webhook-signature"].removeprefix("v1a,")))
    command = f"openssl pkeyutl -verify -pubin -inkey {public} -rawin -in {message} -sigfile {signature}"
    answer = subprocess.run(command.split(), check=True, capture_output=True, text=True)
    assert "Signature Verified Successfully" in answer.stdout
