"""Keys for the bank's signed word: to verify with, to sign with, to open what is encrypted; and the ring of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from qrpay.schemes import SCHEMES

SECRET_BYTES: Final = 32
"""The key of AES-256."""

_PLACEHOLDER: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key to verify with, in force from `not_before` up to, and without, `not_after` (aware; None: until removed).

    The algorithm is pinned to the key, and a signature of another kind is never tried with it: else a public Ed25519
    key, known to all, would serve as an HMAC secret. material: as its scheme wants it (qrpay.schemes). Raises
    ValueError when something of this does not hold.
    """

    key_id: str
    algorithm: str
    material: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime | None = None

    def __post_init__(self) -> None:
        _demand_algorithm(self.key_id, self.algorithm)
        try:
            SCHEMES[self.algorithm].demand(self.material)
        except ValueError as wrong:
            raise ValueError(f"key {self.key_id}: {wrong}") from None
        _demand_span(self.key_id, self.not_before, self.not_after)

    def in_force(self, now: datetime) -> bool:
        """Whether the key may be used at this instant."""
        return self.not_before <= now and (self.not_after is None or now < self.not_after)

    def confirms(self, algorithm: str, signature: bytes, signed: bytes) -> bool:
        """Whether this key made this signature over these bytes; a secret is compared in constant time.

        Raises SchemeNotInstalled where that cannot be said here.
        """
        return self.algorithm == algorithm and SCHEMES[algorithm].confirms(self.material, signature, signed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """What an encrypted body is opened with: 32 bytes for AES-256-GCM, in force like a key."""

    key_id: str
    material: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.material) != SECRET_BYTES or len(set(self.material)) <= _PLACEHOLDER:
            raise ValueError(f"key {self.key_id}: an aes-256-gcm key has {SECRET_BYTES} random bytes; others came")
        _demand_span(self.key_id, self.not_before, self.not_after)

    def in_force(self, now: datetime) -> bool:
        """Whether the secret may be used at this instant."""
        return self.not_before <= now and (self.not_after is None or now < self.not_after)


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """The sender's key. material: as its scheme wants it to sign with (qrpay.schemes)."""

    key_id: str
    algorithm: str
    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _demand_algorithm(self.key_id, self.algorithm)
        try:
            SCHEMES[self.algorithm].demand_private(self.material)
        except ValueError as wrong:
            raise ValueError(f"key {self.key_id}: {wrong}") from None

    def sign(self, signed: bytes) -> bytes:
        """The signature over these bytes."""
        return SCHEMES[self.algorithm].sign(self.material, signed)

    def verifier(self, *, not_before: datetime, not_after: datetime | None = None) -> Key:
        """The key that the receiver verifies with; of a pair it holds only the public half."""
        return Key(
            key_id=self.key_id,
            algorithm=self.algorithm,
            material=SCHEMES[self.algorithm].public(self.material),
            not_before=not_before,
            not_after=not_after,
        )


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that are believed. While keys are changed, the old and the new one overlap in their validity."""

    keys: Sequence[Key]
    secrets: Sequence[Secret] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "secrets", tuple(self.secrets))
        ids = [*(key.key_id for key in self.keys), *(secret.key_id for secret in self.secrets)]
        twice = {key_id for key_id in ids if ids.count(key_id) > 1}
        if twice:
            raise ValueError(f"each key has an id of its own; {', '.join(sorted(twice))} came twice")

    def for_algorithms(self, algorithms: set[str], now: datetime) -> list[Key]:
        """The keys in force at `now` that are pinned to one of these algorithms."""
        return [key for key in self.keys if key.algorithm in algorithms and key.in_force(now)]

    def standing(self, now: datetime) -> str:
        """Each key, what it is for and whether it counts, for the message to whoever finds none."""
        return "; ".join(
            f"{key.key_id} is for {key.algorithm} and {'in force' if key.in_force(now) else 'not in force'}"
            for key in self.keys
        )


def _demand_algorithm(key_id: str, algorithm: str) -> None:
    if algorithm not in SCHEMES:
        raise ValueError(f"key {key_id}: the algorithm is one of {', '.join(SCHEMES)}, not {algorithm!r}")


def _demand_span(key_id: str, not_before: datetime, not_after: datetime | None) -> None:
    if any(moment is not None and moment.tzinfo is None for moment in (not_before, not_after)):
        raise ValueError(f"key {key_id}: not_before and not_after need a time zone")
    if not_after is not None and not_after <= not_before:
        raise ValueError(f"key {key_id}: not_after must lie after not_before")
