"""The other sides that sign: programs that are not ours, and the wallets' servers as their documentation has them."""

import base64
import json
import secrets
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from qrpay.keys import SigningKey

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def named(value: object) -> str | None:
    """A test's name for one of its values. Keys are made anew in each process, and a test must have one name in all."""
    if isinstance(value, type):
        return value.__name__
    return "bytes" if isinstance(value, bytes) else None


def signing_key(name: str, key: rsa.RSAPrivateKey = RSA) -> SigningKey:
    """An RSA key as ours sign with it."""
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SigningKey(key_id=name, algorithm="rsa-sha256", material=der)


def openssl(*arguments: str | Path) -> bytes:
    """What `openssl ARGUMENTS` prints."""
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def sm2_pair(folder: Path) -> tuple[Path, bytes]:
    """A private SM2 key that OpenSSL made, as a file, and its bytes as ours take them: the number, then the point."""
    private = folder / f"sm2-{secrets.token_hex(4)}.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", private)
    text = openssl("pkey", "-in", private, "-noout", "-text").decode()
    number, point = (
        bytes.fromhex("".join(part.split()).replace(":", ""))
        for part in (text.split("priv:")[1].split("pub:")[0], text.split("pub:")[1].split("ASN1")[0])
    )
    return private, number.rjust(32, b"\0")[-32:] + point[1:]


def sm2_signature(private: Path, message: bytes) -> bytes:
    """OpenSSL's signature by SM2 over SM3, under the id that GB/T 35276 gives."""
    file = private.with_suffix(".message")
    file.write_bytes(message)
    how = ("-sm3", "-sigopt", "distid:1234567812345678")
    return openssl("dgst", *how, "-sign", private, "-binary", file)


def wechat(
    said: dict[str, Any],
    *,
    at: datetime,
    serial: str,
    secret: bytes,
    key: rsa.RSAPrivateKey = RSA,
    name: str = "EV-2026112013293500001",
) -> tuple[dict[str, str], bytes]:
    """A payment notice as WeChat Pay sends it: headers, and the body with its encrypted resource."""
    nonce = secrets.token_hex(6)
    closed = AESGCM(secret).encrypt(nonce.encode(), json.dumps(said, ensure_ascii=False).encode(), b"transaction")
    body = json.dumps(
        {
            "id": name,
            "create_time": at.isoformat(),
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(closed).decode(),
                "associated_data": "transaction",
                "nonce": nonce,
            },
        },
        ensure_ascii=False,
    ).encode()
    timestamp, header_nonce = str(int(at.timestamp())), secrets.token_hex(16)
    signed = f"{timestamp}\n{header_nonce}\n".encode() + body + b"\n"
    headers = {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": header_nonce,
        "Wechatpay-Signature": base64.b64encode(key.sign(signed, padding.PKCS1v15(), SHA256())).decode(),
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }
    return headers, body


def wechat_payment(order: str, fen: int, *, paid_at: datetime, serial: str = "4200002026112000001") -> dict[str, Any]:
    """A transaction as WeChat Pay tells of it."""
    return {
        "transaction_id": serial,
        "amount": {"payer_total": fen, "total": fen, "currency": "CNY", "payer_currency": "CNY"},
        "mchid": "1230000109",
        "trade_state": "SUCCESS",
        "bank_type": "CMC",
        "success_time": paid_at.isoformat(),
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "out_trade_no": order,
        "appid": "wxd678efh567hg6787",
        "trade_state_desc": "支付成功",
        "trade_type": "NATIVE",
        "attach": "学费",
    }


def alipay(
    changed: dict[str, str], *, key: rsa.RSAPrivateKey = RSA, charset: str = "utf-8", order: str = "XF0004K7Q84"
) -> bytes:
    """A notice as Alipay sends it: a form with its signature in it."""
    told = {
        "notify_time": "2026-11-20 09:00:00",
        "notify_type": "trade_status_sync",
        "notify_id": "ac05099524730693a8b330c5ecf72da9786",
        "charset": charset,
        "version": "1.0",
        "app_id": "2014072300007148",
        "trade_no": "2026112022001412345678901234",
        "out_trade_no": order,
        "seller_id": "2088101106499364",
        "buyer_logon_id": "159****5620",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "1280.00",
        "subject": "明日美术 A&B=学费",
        "body": "",
        "gmt_payment": "2026-11-20 08:59:58",
        "fund_bill_list": '[{"amount":"1280.00","fundChannel":"ALIPAYACCOUNT"}]',
        **changed,
    }
    signed = "&".join(f"{name}={told[name]}" for name in sorted(told)).encode(charset)
    signature = base64.b64encode(key.sign(signed, padding.PKCS1v15(), SHA256())).decode()
    return urlencode({**told, "sign": signature, "sign_type": "RSA2"}, encoding=charset).encode()
