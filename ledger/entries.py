"""The nouns of the ledger: accounts, what is asked of them, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

AccountKind = Literal["asset", "liability", "income", "expense"]
Phase = Literal["posted", "pending", "settled", "voided", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to be opened.

    `path` names it for ever ("contract/204117/prepaid"). It may not go below zero unless `overdraft` says why.
    """

    path: str
    kind: AccountKind
    currency: str = "CNY"
    overdraft: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account and its running totals, in minor units."""

    id: int
    path: str
    kind: AccountKind
    currency: str
    overdraft: str | None
    state: Literal["open", "frozen", "closed"]
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int

    @property
    def grows_by_debit(self) -> bool:
        return self.kind in ("asset", "expense")

    @property
    def balance(self) -> int:
        """What stands in the account, on its own side: positive is the normal case for every kind."""
        net = self.debits_posted - self.credits_posted
        return net if self.grows_by_debit else -net

    @property
    def available(self) -> int:
        """The balance less what is reserved by holds."""
        return self.balance - (self.credits_pending if self.grows_by_debit else self.debits_pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A positive amount from one account (credit) to another (debit). Balanced by construction, never changed.

    `reference` is its idempotency key for ever. With `hold` the amount is only reserved until a Resolution.
    `effective` is when it happened in the world; the time of recording is given when it is posted.
    """

    debit: str
    credit: str
    amount: int
    kind: str
    reference: str
    effective: datetime
    hold: bool = False
    corrects: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The end of a hold, as a record of its own: settled (`amount` of it, the rest freed), voided or expired."""

    hold: str
    phase: Literal["settled", "voided", "expired"]
    reference: str
    effective: datetime
    kind: str
    amount: int | None = None


Request = Transfer | Resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A transfer as it stands in the books. `resolves` and `corrects` are references."""

    id: int
    debit: str
    credit: str
    amount: int
    phase: Phase
    kind: str
    reference: str
    effective: datetime
    recorded: datetime
    resolves: str | None
    corrects: str | None
    caller_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one request of a batch: created, existed (the same had been posted before), or refused and why."""

    reference: str
    status: Literal["created", "existed", "refused"]
    why: str = ""


class LedgerRefusal(Exception):
    """The ledger cannot do what was asked; nothing was written."""


class TransferRefused(LedgerRefusal):
    """A request of an all-or-nothing batch was refused; the message names it and says why."""

    def __init__(self, refused: list[Result]) -> None:
        self.refused = refused
        super().__init__("; ".join(f"{each.reference}: {each.why}" for each in refused))


class AccountConflict(LedgerRefusal):
    """An account of this path is open already with another kind, currency or limit."""
