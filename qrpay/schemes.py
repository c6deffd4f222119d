"""How a word is signed: for each algorithm what its keys look like, how it signs, and when a signature holds.

`v1` and `v1a` are those of Standard Webhooks 1.0.0, "Signature scheme". Chinese banks sign otherwise, so there are two
extensions under names of their own: `rsa-sha256` and `sm2-sm3`.
"""

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

RSA_BITS: Final = range(2048, 8193)
RSA_EXPONENT: Final = 65537

_KEYS: Final = 64  # public keys kept read
_PLACEHOLDER: Final = 8
"""Random key material has more different bytes than this, or the world's luck has run out."""


class SchemeNotInstalled(Exception):
    """The keys may be good, but this installation cannot use them; the message says what is missing."""


class Scheme(Protocol):
    """One way of signing. `material` is a key's bytes, in the shape that the scheme's docstring gives."""

    signature_bytes: range

    def demand(self, material: bytes) -> None:
        """Raises ValueError, saying why, for what is no key to verify with."""

    def demand_private(self, material: bytes) -> None:
        """Raises ValueError, saying why, for what is no key to sign with."""

    def public(self, material: bytes) -> bytes:
        """What the receiver verifies with, from what the sender signs with."""

    def sign(self, material: bytes, signed: bytes) -> bytes:
        """The signature over these bytes."""

    def confirms(self, material: bytes, signature: bytes, signed: bytes) -> bool:
        """Whether this key made this signature over these bytes."""

    def must_be_installed(self) -> None:
        """Raises SchemeNotInstalled."""


class HmacSha256:
    """`v1`: HMAC-SHA256 with a shared secret of 24 to 64 bytes."""

    signature_bytes = range(32, 33)

    def demand(self, material: bytes) -> None:
        _demand_random("v1", material, range(24, 65))

    demand_private = demand

    def public(self, material: bytes) -> bytes:
        return material

    def sign(self, material: bytes, signed: bytes) -> bytes:
        return hmac.digest(material, signed, hashlib.sha256)

    def confirms(self, material: bytes, signature: bytes, signed: bytes) -> bool:
        return hmac.compare_digest(self.sign(material, signed), signature)

    def must_be_installed(self) -> None:
        return None


class Ed25519:
    """`v1a`: Ed25519 (RFC 8032); raw keys of 32 bytes, public or private (the seed)."""

    signature_bytes = range(64, 65)

    def demand(self, material: bytes) -> None:
        # Thirty-two zero bytes are a point of small order on the curve, under which anybody's signatures may hold.
        _demand_random("v1a", material, range(32, 33))

    demand_private = demand

    def public(self, material: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(material).public_key().public_bytes_raw()

    def sign(self, material: bytes, signed: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(material).sign(signed)

    def confirms(self, material: bytes, signature: bytes, signed: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(material).verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    def must_be_installed(self) -> None:
        return None


class RsaSha256:
    """`rsa-sha256`: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2), the "RSA2" and "SHA256-RSA2048" of the wallets.

    Public keys as SubjectPublicKeyInfo, private ones as PKCS#8, both DER; 2048 bits or more, exponent 65537.
    """

    signature_bytes = range(RSA_BITS[0] // 8, RSA_BITS[-1] // 8 + 1)

    def demand(self, material: bytes) -> None:
        _rsa(material)

    def demand_private(self, material: bytes) -> None:
        self._private(material)

    def public(self, material: bytes) -> bytes:
        der, info = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return self._private(material).public_key().public_bytes(der, info)

    def sign(self, material: bytes, signed: bytes) -> bytes:
        return self._private(material).sign(signed, padding.PKCS1v15(), SHA256())

    def confirms(self, material: bytes, signature: bytes, signed: bytes) -> bool:
        try:
            _rsa(material).verify(signature, signed, padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    def must_be_installed(self) -> None:
        return None

    def _private(self, material: bytes) -> RSAPrivateKey:
        try:
            key = serialization.load_der_private_key(material, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as wrong:
            raise ValueError(f"an rsa-sha256 signing key is an unencrypted PKCS#8 in DER: {wrong}") from None
        if not isinstance(key, RSAPrivateKey) or key.key_size not in RSA_BITS:
            raise ValueError(f"an rsa-sha256 signing key is an RSA key of {RSA_BITS[0]} bits or more")
        return key


class Sm2Sm3:
    """`sm2-sm3`: SM2 over SM3 (GB/T 32918.2, GB/T 32905) with the signer's id 1234567812345678 (GB/T 35276).

    Keys are the public point, x and y, 32 bytes each; to sign with, the private number stands before it (96 bytes).
    Signatures are DER. Needs the extra `sm2`; without it SchemeNotInstalled is raised when a key is used.
    """

    signature_bytes = range(8, 73)

    def demand(self, material: bytes) -> None:
        _demand_random("sm2-sm3", material, range(64, 65))
        x, y = int.from_bytes(material[:32]), int.from_bytes(material[32:])
        if max(x, y) >= _SM2_P or (y * y - (x * x * x - 3 * x + _SM2_B)) % _SM2_P:
            raise ValueError("an sm2-sm3 key is a point of the SM2 curve; this one lies elsewhere")

    def demand_private(self, material: bytes) -> None:
        _demand_random("sm2-sm3 signing", material, range(96, 97))
        self.demand(material[32:])

    def public(self, material: bytes) -> bytes:
        return material[32:]

    def sign(self, material: bytes, signed: bytes) -> bytes:
        signature: bytes = _gmssl().sm2_sign(material[:32], material[32:], signed)
        return signature

    def confirms(self, material: bytes, signature: bytes, signed: bytes) -> bool:
        gmssl = _gmssl()
        try:
            # DER has one spelling only for those who insist on it.
            if encode_dss_signature(*decode_dss_signature(signature)) != signature:
                return False
            return bool(gmssl.sm2_verify(material, signed, signature))
        except (ValueError, gmssl.GmsslInnerError):
            return False

    def must_be_installed(self) -> None:
        _gmssl()


SCHEMES: Final[Mapping[str, Scheme]] = {
    "v1": HmacSha256(),
    "v1a": Ed25519(),
    "rsa-sha256": RsaSha256(),
    "sm2-sm3": Sm2Sm3(),
}

# The curve of GB/T 32918.5: y² = x³ - 3x + b modulo p.
_SM2_P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_SM2_B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93


@lru_cache(maxsize=_KEYS)
def _rsa(material: bytes) -> RSAPublicKey:
    """The key in these bytes. Reading it costs more than a verification, and a ring is read for every word."""
    try:
        key = serialization.load_der_public_key(material)
    except (ValueError, UnsupportedAlgorithm) as wrong:
        raise ValueError(f"an rsa-sha256 key is a SubjectPublicKeyInfo in DER: {wrong}") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("an rsa-sha256 key is an RSA key; another kind came")  # noqa: TRY004  as for every wrong key
    if key.key_size not in RSA_BITS or key.public_numbers().e != RSA_EXPONENT:
        raise ValueError(
            f"an rsa-sha256 key has {RSA_BITS[0]} to {RSA_BITS[-1]} bits and the exponent {RSA_EXPONENT}; "
            f"{key.key_size} bits and {key.public_numbers().e} came"
        )
    return key


def _gmssl() -> Any:
    try:
        import gmssl_pyx  # type: ignore[import-untyped]  # noqa: PLC0415  an extra: only who meets SM2 needs it
    except ImportError:
        raise SchemeNotInstalled(
            "signatures by sm2-sm3 need the library gmssl-pyx: install this program with its extra `sm2`"
        ) from None
    return gmssl_pyx


def _demand_random(name: str, material: bytes, allowed: range) -> None:
    if len(material) not in allowed:
        raise ValueError(f"a {name} key has {allowed[0]} to {allowed[-1]} bytes; {len(material)} came")
    if len(set(material)) <= _PLACEHOLDER:
        raise ValueError("this is a placeholder, not a random key; make one with secrets.token_bytes")
