"""Each way of signing, with OpenSSL or another program as the other side, and nothing believed that was altered."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from hypothesis import given, settings
from hypothesis import strategies as st

from qrpay import webhooks
from qrpay.keys import Key, KeyRing, Secret, SigningKey
from qrpay.schemes import SCHEMES
from qrpay.webhooks import BadSignature, MalformedHeader, NoMatchingKey, SignatureRefused, sign, verify
from tests.qrpay import signers
from tests.qrpay.signers import OTHER_RSA, RSA, named, signing_key

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
LAST_YEAR = NOW - timedelta(days=365)
BODY = '{"events": [{"amount": "1280.00", "remark": "XF0004K7Q84 王小明"}]}'.encode()
ID = "msg_1"


gmssl = pytest.importorskip("gmssl_pyx", reason="the extra sm2 is not installed")
_PUBLIC, _PRIVATE = gmssl.sm2_key_generate()
_OTHER_PUBLIC, _OTHER_PRIVATE = gmssl.sm2_key_generate()

KEYS = {
    "v1": SigningKey(key_id="hmac", algorithm="v1", material=bytes(range(32))),
    "v1a": SigningKey(key_id="ed25519", algorithm="v1a", material=bytes(range(100, 132))),
    "rsa-sha256": signing_key("rsa"),
    "sm2-sm3": SigningKey(key_id="sm2", algorithm="sm2-sm3", material=_PRIVATE + _PUBLIC),
}
STRANGERS = {
    "v1": SigningKey(key_id="hmac", algorithm="v1", material=bytes(range(50, 90))),
    "v1a": SigningKey(key_id="ed25519", algorithm="v1a", material=bytes(range(50, 82))),
    "rsa-sha256": signing_key("rsa", OTHER_RSA),
    "sm2-sm3": SigningKey(key_id="sm2", algorithm="sm2-sm3", material=_OTHER_PRIVATE + _OTHER_PUBLIC),
}
RING = KeyRing([key.verifier(not_before=LAST_YEAR) for key in KEYS.values()])
EACH = pytest.mark.parametrize("algorithm", sorted(SCHEMES))


def test_there_is_a_key_here_for_every_scheme() -> None:
    assert set(KEYS) == set(SCHEMES)


@cache
def _signed(algorithm: str, body: bytes = BODY, at: datetime = NOW) -> dict[str, str]:
    return sign(body, id=ID, at=at, key=KEYS[algorithm])


def _with_signature(headers: Mapping[str, str], change: Callable[[bytes], bytes]) -> dict[str, str]:
    algorithm, _, encoded = headers["webhook-signature"].partition(",")
    changed = base64.b64encode(change(base64.b64decode(encoded))).decode()
    return {**headers, "webhook-signature": f"{algorithm},{changed}"}


@EACH
def test_what_was_signed_is_believed_with_the_public_half_alone(algorithm: str) -> None:
    assert verify(_signed(algorithm), BODY, keys=RING, now=NOW).key_id == KEYS[algorithm].key_id


CASES: dict[str, tuple[Callable[[str], tuple[dict[str, str], bytes]], type[SignatureRefused]]] = {
    "another key of the same kind": (
        lambda a: (sign(BODY, id=ID, at=NOW, key=STRANGERS[a]), BODY),
        BadSignature,
    ),
    "another body": (lambda a: (_signed(a), BODY.replace(b"1280", b"1281")), BadSignature),
    "the body re-encoded": (lambda a: (_signed(a), BODY.replace(b": ", b":")), BadSignature),
    "the body in another charset": (lambda a: (_signed(a), BODY.decode().encode("gb18030")), BadSignature),
    "a line end added": (lambda a: (_signed(a), BODY + b"\n"), BadSignature),
    "the order of what is signed": (lambda a: (_reordered(a), BODY), BadSignature),
    "an old timestamp put forward": (
        lambda a: ({**_signed(a, at=NOW - timedelta(hours=1)), "webhook-timestamp": str(int(NOW.timestamp()))}, BODY),
        BadSignature,
    ),
    "an old timestamp": (lambda a: (_signed(a, at=NOW - timedelta(seconds=301)), BODY), webhooks.StaleTimestamp),
    "a signature cut short": (lambda a: (_with_signature(_signed(a), lambda s: s[:-1]), BODY), SignatureRefused),
    "a signature with more behind it": (
        lambda a: (_with_signature(_signed(a), lambda s: s + b"\0"), BODY),
        SignatureRefused,
    ),
    "a signature of zeros": (lambda a: (_with_signature(_signed(a), lambda s: bytes(len(s))), BODY), BadSignature),
    "an empty signature": (lambda a: (_with_signature(_signed(a), lambda _: b""), BODY), MalformedHeader),
    "the name of another scheme": (lambda a: (_renamed(a), BODY), SignatureRefused),
    "in capitals": (
        lambda a: ({**_signed(a), "webhook-signature": _signed(a)["webhook-signature"].upper()}, BODY),
        SignatureRefused,
    ),
}


def _reordered(algorithm: str) -> dict[str, str]:
    timestamp = str(int(NOW.timestamp()))
    signature = KEYS[algorithm].sign(f"{timestamp}.{ID}.".encode() + BODY)
    claim = f"{algorithm},{base64.b64encode(signature).decode()}"
    return {"webhook-id": ID, "webhook-timestamp": timestamp, "webhook-signature": claim}


def _renamed(algorithm: str) -> dict[str, str]:
    other = next(name for name in ("rsa-sha256", "v1a") if name != algorithm)
    headers = _signed(algorithm)
    return {**headers, "webhook-signature": headers["webhook-signature"].replace(algorithm, other, 1)}


@EACH
@pytest.mark.parametrize("case", sorted(CASES))
def test_nothing_is_believed_that_is_not_signed_as_it_stands(algorithm: str, case: str) -> None:
    forge, refused = CASES[case]
    headers, body = forge(algorithm)
    with pytest.raises(refused):
        verify(headers, body, keys=RING, now=NOW)


@EACH
def test_an_extra_signature_of_a_stranger_neither_helps_nor_harms(algorithm: str) -> None:
    good = _signed(algorithm)
    beside = sign(BODY, id=ID, at=NOW, key=STRANGERS[algorithm])["webhook-signature"]
    both = {**good, "webhook-signature": f"{beside} {good['webhook-signature']}"}
    assert verify(both, BODY, keys=RING, now=NOW).body == BODY
    with pytest.raises(BadSignature):
        verify({**good, "webhook-signature": f"{beside} {beside}"}, BODY, keys=RING, now=NOW)


@EACH
def test_a_key_is_used_for_its_own_algorithm_only(algorithm: str) -> None:
    others = KeyRing([key for key in RING.keys if key.algorithm != algorithm])
    with pytest.raises(NoMatchingKey, match=f"no key in force for {algorithm}"):
        verify(_signed(algorithm), BODY, keys=others, now=NOW)


@settings(max_examples=1000)
@given(st.data())
def test_of_a_thousand_words_altered_at_random_none_is_believed(data: st.DataObject) -> None:
    algorithm = data.draw(st.sampled_from(sorted(SCHEMES)))
    headers, body = _signed(algorithm), BODY
    place = data.draw(st.sampled_from(["body", *headers]))
    whole = body if place == "body" else headers[place].encode()
    at, kind = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.sampled_from(["change", "drop", "add", "cut"]))
    put = bytes([data.draw(st.integers(33, 126))])
    altered = {
        "change": whole[:at] + put + whole[at + 1 :],
        "drop": whole[:at] + whole[at + 1 :],
        "add": whole[:at] + put + whole[at:],
        "cut": whole[:at],
    }[kind]
    if altered == whole:
        return
    if place == "body":
        body = altered
    else:
        headers = {**headers, place: altered.decode()}
    with pytest.raises(SignatureRefused):
        verify(headers, body, keys=RING, now=NOW)


def test_an_rsa_signature_with_another_padding_or_hash_is_not_believed() -> None:
    signed = f"{ID}.{int(NOW.timestamp())}.".encode() + BODY
    public = KEYS["rsa-sha256"].verifier(not_before=LAST_YEAR)
    sha256 = SCHEMES["rsa-sha256"]
    assert sha256.confirms(public.material, sha256.sign(KEYS["rsa-sha256"].material, signed), signed)
    for other in (
        RSA.sign(signed, padding.PKCS1v15(), SHA1()),  # noqa: S303  what must not pass
        RSA.sign(signed, padding.PSS(padding.MGF1(SHA1()), 20), SHA1()),  # noqa: S303  likewise
    ):
        assert not public.confirms("rsa-sha256", other, signed)


def test_a_signature_made_by_openssl_with_rsa_is_believed(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command on this machine")
    private, message = tmp_path / "rsa.pem", tmp_path / "message"
    signers.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private)
    public = signers.openssl("pkey", "-in", private, "-pubout", "-outform", "DER")
    message.write_bytes(f"{ID}.{int(NOW.timestamp())}.".encode() + BODY)
    signature = signers.openssl("dgst", "-sha256", "-sign", private, "-binary", message)
    headers = {**_signed("v1"), "webhook-signature": f"rsa-sha256,{base64.b64encode(signature).decode()}"}
    ring = KeyRing([Key(key_id="openssl", algorithm="rsa-sha256", material=public, not_before=LAST_YEAR)])
    assert verify(headers, BODY, keys=ring, now=NOW).key_id == "openssl"
    with pytest.raises(BadSignature):
        verify(headers, BODY + b" ", keys=ring, now=NOW)


def test_sm2_signatures_of_keys_that_openssl_made_are_believed_and_ours_by_openssl(tmp_path: Path) -> None:
    if shutil.which("openssl") is None or b"SM2" not in signers.openssl("ecparam", "-list_curves"):
        pytest.skip("no openssl command with SM2 on this machine")
    for number in range(6):
        private, material = signers.sm2_pair(tmp_path)
        key = SigningKey(key_id=f"openssl-{number}", algorithm="sm2-sm3", material=material)
        ring = KeyRing([key.verifier(not_before=LAST_YEAR)])
        headers = sign(BODY, id=ID, at=NOW, key=key)
        signed = f"{ID}.{headers['webhook-timestamp']}.".encode() + BODY
        theirs = base64.b64encode(signers.sm2_signature(private, signed)).decode()
        theirs_headers = {**headers, "webhook-signature": f"sm2-sm3,{theirs}"}
        assert verify(theirs_headers, BODY, keys=ring, now=NOW).key_id == key.key_id
        with pytest.raises(BadSignature):
            verify(theirs_headers, BODY + b" ", keys=ring, now=NOW)
        ours = tmp_path / "ours.sig"
        ours.write_bytes(base64.b64decode(headers["webhook-signature"].removeprefix("sm2-sm3,")))
        message = tmp_path / "ours.message"
        message.write_bytes(signed)
        how = ("-sm3", "-sigopt", "distid:1234567812345678", "-prverify", private, "-signature", ours)
        assert b"Verified OK" in signers.openssl("dgst", *how, message)


def test_an_sm2_signature_without_the_signer_s_id_or_in_a_second_spelling_is_not_believed() -> None:
    key = KEYS["sm2-sm3"].verifier(not_before=LAST_YEAR)
    bare = gmssl.sm2_sign(_PRIVATE, _PUBLIC, BODY, signer_id=None)
    assert not key.confirms("sm2-sm3", bare, BODY)
    good = KEYS["sm2-sm3"].sign(BODY)
    assert key.confirms("sm2-sm3", good, BODY)
    # The outer length written in two bytes instead of one: BER, not DER.
    assert not key.confirms("sm2-sm3", good[:1] + b"\x81" + good[1:], BODY)


_WITHOUT = """
import json, sys
from datetime import datetime
from qrpay.keys import Key, KeyRing
from qrpay.schemes import SCHEMES, SchemeNotInstalled
from qrpay.webhooks import verify

asked = json.load(sys.stdin)
now = datetime.fromisoformat(asked["now"])
ring = KeyRing(
    [
        Key(key_id=key_id, algorithm=algorithm, material=bytes.fromhex(material), not_before=now.replace(year=2025))
        for algorithm, (key_id, material) in asked["keys"].items()
    ]
)
for algorithm, headers in asked["words"].items():
    try:
        SCHEMES[algorithm].must_be_installed()
    except SchemeNotInstalled:
        print("missing:", algorithm)
    try:
        print("believed:", verify(headers, asked["body"].encode(), keys=ring, now=now).key_id)
    except SchemeNotInstalled as why:
        print(why)
"""


def test_without_the_extra_an_sm2_key_can_be_kept_and_says_what_is_missing_when_it_is_used(tmp_path: Path) -> None:
    # An environment without it: everything that is installed here but the one library.
    (library,) = gmssl.__path__
    for each in Path(library).parent.iterdir():
        if "gmssl" not in each.name:
            (tmp_path / each.name).symlink_to(each)
    keys = {name: key.verifier(not_before=LAST_YEAR) for name, key in KEYS.items()}
    asked = {
        "now": NOW.isoformat(),
        "body": BODY.decode(),
        "keys": {name: (key.key_id, key.material.hex()) for name, key in keys.items()},
        "words": {name: _signed(name) for name in ("sm2-sm3", "v1")},
    }
    run = subprocess.run(
        [sys.executable, "-S", "-c", _WITHOUT],
        env={"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")
    missing, why, believed = run.stdout.splitlines()
    assert (missing, believed) == ("missing: sm2-sm3", "believed: hmac")
    assert "install this program with its extra `sm2`" in why


def _spki(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("algorithm", "material", "complaint"),
    [
        ("rsa-sha256", b"no key", "SubjectPublicKeyInfo in DER"),
        ("rsa-sha256", _spki(rsa.generate_private_key(65537, 1024)), "2048 to 8192 bits .* 1024 bits"),  # noqa: S505  what is refused
        ("rsa-sha256", _spki(rsa.generate_private_key(3, 2048)), "exponent 65537; 2048 bits and 3 came"),
        ("rsa-sha256", _spki(ec.generate_private_key(ec.SECP256R1())), "an RSA key; another kind came"),
        ("sm2-sm3", _PUBLIC[:-1], "64 to 64 bytes; 63 came"),
        ("sm2-sm3", _PUBLIC[:-1] + bytes([_PUBLIC[-1] ^ 1]), "a point of the SM2 curve; this one lies elsewhere"),
        ("sm2-sm3", bytes(64), "placeholder"),
    ],
    ids=named,
)
def test_what_is_no_key_of_its_scheme_is_refused(algorithm: str, material: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"key wrong: .*{complaint}"):
        Key(key_id="wrong", algorithm=algorithm, material=material, not_before=LAST_YEAR)


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "sm2-sm3"])
def test_what_nobody_can_sign_with_is_refused(algorithm: str) -> None:
    with pytest.raises(ValueError, match="key wrong: "):
        SigningKey(key_id="wrong", algorithm=algorithm, material=b"0123456789")


def test_a_secret_that_opens_has_32_random_bytes_and_its_own_time() -> None:
    secret = Secret(key_id="api-v3", material=bytes(range(32)), not_before=NOW, not_after=NOW + timedelta(days=1))
    in_time = [secret.in_force(NOW + timedelta(hours=hours)) for hours in (-1, 0, 23, 24)]
    assert in_time == [False, True, True, False]
    for material in (bytes(range(31)), bytes(32)):
        with pytest.raises(ValueError, match="32 random bytes"):
            Secret(key_id="api-v3", material=material, not_before=NOW)
    with pytest.raises(ValueError, match="api-v3 came twice"):
        KeyRing([], [secret, secret])
    assert "material" not in repr(secret)
