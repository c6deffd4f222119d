"""Key files as banks and wallets hand them out: certificates and public keys in PEM, secrets as text. Pure."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from escrow.refusals import Invalid

_PEM: Final = re.compile(rb"-----BEGIN ([A-Z ]+)-----(.+?)-----END \1-----", re.DOTALL)
# A SubjectPublicKeyInfo of id-ecPublicKey (1.2.840.10045.2.1) on sm2p256v1 (1.2.156.10197.1.301), before the point.
_SM2: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
_POINT: Final = 64


class NotAKeyFile(Invalid):
    """The file is no key that can be used: {why}."""

    zh = "文件不是可用的密钥：{why}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """What a file says of a key; what it does not say is None. Of a certificate, `key_id` is the serial in hex."""

    algorithm: str
    material: bytes
    key_id: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None


def read(data: bytes, algorithm: str | None) -> KeyFile:
    """The key in a file. `algorithm` is needed for a secret or bare bytes in base64; PEM says it itself.

    Raises NotAKeyFile, also when the file holds another algorithm's key than was said.
    """
    block = _PEM.search(data)
    found = _bare(data, algorithm) if block is None else _pem(block)
    if algorithm not in (None, found.algorithm):
        raise NotAKeyFile(why=f"it holds a key for {found.algorithm}, not for {algorithm}")
    return found


def _bare(data: bytes, algorithm: str | None) -> KeyFile:
    if algorithm is None:
        raise NotAKeyFile(why="it is no PEM, so say its algorithm")
    text = data.strip()
    if algorithm == "aes-256-gcm":  # WeChat Pay's APIv3 key is 32 letters and digits, taken as they are
        return KeyFile(algorithm=algorithm, material=text)
    try:
        return KeyFile(algorithm=algorithm, material=base64.b64decode(text, validate=True))
    except binascii.Error as wrong:
        raise NotAKeyFile(why=f"it is neither PEM nor base64: {wrong}") from None


def _pem(block: re.Match[bytes]) -> KeyFile:
    if b"PRIVATE" in block[1]:
        raise NotAKeyFile(why="it is a private key, which belongs to the sender alone; ask for the public one")
    try:
        if block[1] == b"CERTIFICATE":
            return _certificate(block[0])
        der = base64.b64decode(b"".join(block[2].split()), validate=True)
        if der.startswith(_SM2) and len(der) == len(_SM2) + _POINT:
            return KeyFile(algorithm="sm2-sm3", material=der[-_POINT:])
        return _public(serialization.load_der_public_key(der))
    except (ValueError, UnsupportedAlgorithm) as wrong:
        raise NotAKeyFile(why=str(wrong)) from None


def _certificate(pem: bytes) -> KeyFile:
    certificate = x509.load_pem_x509_certificate(pem)
    key = _public(certificate.public_key())
    return KeyFile(
        algorithm=key.algorithm,
        material=key.material,
        key_id=f"{certificate.serial_number:X}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _public(key: object) -> KeyFile:
    if isinstance(key, Ed25519PublicKey):
        return KeyFile(algorithm="v1a", material=key.public_bytes_raw())
    if isinstance(key, RSAPublicKey):
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        return KeyFile(algorithm="rsa-sha256", material=key.public_bytes(serialization.Encoding.DER, info))
    raise NotAKeyFile(why="it holds a key of a kind that is not used here; RSA, Ed25519 and SM2 are")
