"""Keys for the bank's signed word: what they are, how long they are believed, and the two ways of signing.

Standard Webhooks 1.0.0, "Signature scheme": "v1" is HMAC-SHA256 with a shared secret, "v1a" is Ed25519.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Algorithm = Literal["v1", "v1a"]

ALGORITHMS: Final[dict[str, Algorithm]] = {"v1": "v1", "v1a": "v1a"}
SIGNATURE_BYTES: Final[dict[Algorithm, int]] = {"v1": 32, "v1a": 64}

_KEY_BYTES: Final[dict[Algorithm, range]] = {"v1": range(24, 65), "v1a": range(32, 33)}
_PLACEHOLDER: Final = 8
"""Random key material has more different bytes than this, or the world's luck has run out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key to verify with, in force from `not_before` up to, and without, `not_after` (aware; None: until removed).

    The algorithm is pinned to the key, and a signature of another kind is never tried with it: else a public Ed25519
    key, known to all, would serve as an HMAC secret. material: the HMAC secret of 24 to 64 bytes for "v1", the raw
    public key of 32 bytes for "v1a". Raises ValueError when something of this does not hold.
    """

    key_id: str
    algorithm: Algorithm
    material: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime | None = None

    def __post_init__(self) -> None:
        _demand_material(self.key_id, self.algorithm, self.material)
        if any(moment is not None and moment.tzinfo is None for moment in (self.not_before, self.not_after)):
            raise ValueError(f"key {self.key_id}: not_before and not_after need a time zone")
        if self.not_after is not None and self.not_after <= self.not_before:
            raise ValueError(f"key {self.key_id}: not_after must lie after not_before")

    def in_force(self, now: datetime) -> bool:
        """Whether the key may be used at this instant."""
        return self.not_before <= now and (self.not_after is None or now < self.not_after)

    def confirms(self, algorithm: Algorithm, signature: bytes, signed: bytes) -> bool:
        """Whether this key made this signature over these bytes; compared in constant time."""
        if self.algorithm != algorithm:
            return False
        if self.algorithm == "v1":
            return hmac.compare_digest(hmac.digest(self.material, signed, hashlib.sha256), signature)
        try:
            Ed25519PublicKey.from_public_bytes(self.material).verify(signature, signed)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """The sender's key. material: the HMAC secret for "v1", the raw private key (seed) of 32 bytes for "v1a"."""

    key_id: str
    algorithm: Algorithm
    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _demand_material(self.key_id, self.algorithm, self.material)

    def sign(self, signed: bytes) -> bytes:
        """The signature over these bytes: 32 bytes for "v1", 64 for "v1a"."""
        if self.algorithm == "v1":
            return hmac.digest(self.material, signed, hashlib.sha256)
        return Ed25519PrivateKey.from_private_bytes(self.material).sign(signed)

    def verifier(self, *, not_before: datetime, not_after: datetime | None = None) -> Key:
        """The key that the receiver verifies with; for Ed25519 it holds only the public half."""
        material = self.material
        if self.algorithm == "v1a":
            material = Ed25519PrivateKey.from_private_bytes(material).public_key().public_bytes_raw()
        return Key(
            key_id=self.key_id,
            algorithm=self.algorithm,
            material=material,
            not_before=not_before,
            not_after=not_after,
        )


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that are believed. While keys are changed, the old and the new one overlap in their validity."""

    keys: Sequence[Key]

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(self.keys))
        ids = [key.key_id for key in self.keys]
        twice = {key_id for key_id in ids if ids.count(key_id) > 1}
        if twice:
            raise ValueError(f"each key has an id of its own; {', '.join(sorted(twice))} came twice")


def _demand_material(key_id: str, algorithm: Algorithm, material: bytes) -> None:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"key {key_id}: the algorithm is one of {', '.join(ALGORITHMS)}, not {algorithm!r}")
    allowed = _KEY_BYTES[algorithm]
    if len(material) not in allowed:
        raise ValueError(
            f"key {key_id}: a {algorithm} key has {allowed[0]} to {allowed[-1]} bytes; {len(material)} came"
        )
    # Thirty-two zero bytes are a point of small order on the curve, under which anybody's signatures may hold.
    if len(set(material)) <= _PLACEHOLDER:
        raise ValueError(f"key {key_id}: this is a placeholder, not a random key; make one with secrets.token_bytes")
