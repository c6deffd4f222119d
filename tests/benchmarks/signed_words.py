"""How many signed words a second are believed, beside the bare primitive over the same bytes: what framing costs.

    python -m tests.benchmarks.signed_words [--seconds 0.5] [--rounds 3]

The limit is one call of the library with its key loaded; ours reads headers, checks freshness and spelling, looks
through the ring, and verifies. WeChat Pay's limit is RSA and AES-GCM, Alipay's RSA. A body has one payment. Contestants
take turns within a round.
"""

import argparse
import base64
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from qrpay import alipay, webhooks, wechat
from qrpay.keys import KeyRing, Secret, SigningKey
from tests.benchmarks.machine import rate, ratio, show
from tests.qrpay import signers

NOW: Final = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
BODY: Final = json.dumps({"events": [{"serial": "S1", "amount": {"amount": "1280.00", "currency": "CNY"}}]}).encode()
SECRET: Final = bytes(range(32))
TIMES: Final = 100

Check = Callable[[], object]


def main() -> None:
    """Verify the same word again and again, and show the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    contestants = {"v1": _hmac(), "v1a": _ed25519(), "rsa-sha256": _rsa(), "wechat": _wechat(), "alipay": _alipay()}
    rates: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for _ in range(asked.rounds):
        for name, (limit, ours) in contestants.items():
            rates[name].append((_rate(limit, asked.seconds), _rate(ours, asked.seconds)))
    show("Signed words", [_line(name, each) for name, each in rates.items()])


def _rate(check: Check, seconds: float) -> int:
    def batch() -> None:
        for _ in range(TIMES):
            check()

    return rate(lambda: batch, TIMES, seconds)


def _line(name: str, rates: list[tuple[int, int]]) -> dict[str, Any]:
    limit, ours = (round(median(each)) for each in zip(*rates, strict=True))
    return {"word": name, "limit, words/s": limit, "ours, words/s": ours, "ours / limit": ratio(ours, limit)}


def _ours(key: SigningKey) -> tuple[Check, bytes, bytes]:
    """Our verification, and the signature and the signed bytes for the limit."""
    headers, ring = webhooks.sign(BODY, id="msg_1", at=NOW, key=key), KeyRing([key.verifier(not_before=NOW)])
    signature = base64.b64decode(headers["webhook-signature"].partition(",")[2])
    signed = f"msg_1.{headers['webhook-timestamp']}.".encode() + BODY
    return (lambda: webhooks.verify(headers, BODY, keys=ring, now=NOW)), signature, signed


def _hmac() -> tuple[Check, Check]:
    ours, signature, signed = _ours(SigningKey(key_id="k", algorithm="v1", material=SECRET))

    def limit() -> None:
        mac = HMAC(SECRET, SHA256())
        mac.update(signed)
        mac.verify(signature)

    return limit, ours


def _ed25519() -> tuple[Check, Check]:
    key = SigningKey(key_id="k", algorithm="v1a", material=SECRET)
    ours, signature, signed = _ours(key)
    public = Ed25519PublicKey.from_public_bytes(key.verifier(not_before=NOW).material)
    return (lambda: public.verify(signature, signed)), ours


def _rsa() -> tuple[Check, Check]:
    ours, signature, signed = _ours(signers.signing_key("k"))
    return (lambda: _rsa_verify(signature, signed)), ours


def _rsa_verify(signature: bytes, signed: bytes) -> None:
    _PUBLIC.verify(signature, signed, padding.PKCS1v15(), SHA256())


_PUBLIC: Final = signers.RSA.public_key()


def _wechat() -> tuple[Check, Check]:
    said = signers.wechat_payment("XF0004K7Q84", 128_000, paid_at=NOW)
    headers, body = signers.wechat(said, at=NOW, serial="A1", secret=SECRET)
    ring = KeyRing(
        [signers.signing_key("A1").verifier(not_before=NOW)],
        [Secret(key_id="api-v3", material=SECRET, not_before=NOW)],
    )
    signature = base64.b64decode(headers["Wechatpay-Signature"])
    signed = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
    resource = json.loads(body)["resource"]
    nonce, closed = resource["nonce"].encode(), base64.b64decode(resource["ciphertext"])

    def limit() -> None:
        _rsa_verify(signature, signed)
        AESGCM(SECRET).decrypt(nonce, closed, b"transaction")

    return limit, lambda: wechat.verify(headers, body, keys=ring, now=NOW)


def _alipay() -> tuple[Check, Check]:
    form = signers.alipay({})
    told = dict(parse_qsl(form.decode(), keep_blank_values=True))
    signature = base64.b64decode(told.pop("sign"))
    del told["sign_type"]
    signed = "&".join(f"{name}={told[name]}" for name in sorted(told)).encode()
    ring = KeyRing([signers.signing_key("a").verifier(not_before=NOW)])
    return (lambda: _rsa_verify(signature, signed)), lambda: alipay.verify({}, form, keys=ring, now=NOW)


if __name__ == "__main__":
    main()
