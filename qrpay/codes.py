"""What a code asks, and the ways to write it: one interface, an encoder for each, and room for a bank's own.

An encoder is an object with a name and three methods (`Encoder`). Who has another one puts it into the list that
`Codes` is made of; nothing else need know of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from ledger.money import Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Payee:
    """Whom a code names. number: the payee's own; account: the supervised one; name and city ASCII, name_zh Chinese."""

    number: int
    account: str
    name: str
    name_zh: str
    city: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a code is to ask: this amount for this order, until then."""

    payee: Payee
    reference: str
    amount: Money
    expires: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a code of ours says; what this kind of code does not say is None. It proves where the code is from, not that
    the order is still open, nor that the amount is still the order's.

    kind: the encoder's name. An order's code has a reference; a standing one names the payee, by number or account.
    """

    kind: str
    reference: str | None = None
    amount: Money | None = None
    account: str | None = None
    number: int | None = None
    issued: date | None = None
    serial: str | None = None
    expires: datetime | None = None


class AlteredCode(ValueError):
    """The code gives itself out as ours, and is not: it was damaged, altered or forged. The message says how."""


class NoSuchCode(ValueError):
    """There is no encoder of this name."""


class Encoder(Protocol):
    """One way to write a code, under a name that callers choose it by."""

    @property
    def name(self) -> str: ...

    def encode(self, asked: Asked) -> str:
        """The payload that asks for this payment, once. Raises ValueError for what cannot be written so."""

    def standing(self, payee: Payee, *, issued: date) -> str:
        """The payload that names the payee and asks for nothing."""

    def read(self, payload: str) -> Said | None:
        """What a payload of this kind says; None for one that does not give itself out as ours. Raises AlteredCode."""


@dataclass(frozen=True, slots=True)
class Codes:
    """The encoders of one service, each under its name. ValueError for two of one name."""

    encoders: Sequence[Encoder]

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"each encoder has a name of its own; {', '.join(self.names)} came")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.encoders)

    def named(self, kind: str) -> Encoder:
        """The encoder of this name. Raises NoSuchCode."""
        for each in self.encoders:
            if each.name == kind:
                return each
        raise NoSuchCode(f"a code is one of {', '.join(self.names)}; {kind!r} was asked for")

    def read(self, payload: str) -> Said | None:
        """What the payload says to the first encoder that knows it as ours; None when none does. Raises AlteredCode."""
        found = (each.read(payload) for each in self.encoders)
        return next((said for said in found if said is not None), None)
