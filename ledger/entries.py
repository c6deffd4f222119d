"""The nouns of the ledger: accounts, what is asked of them, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from ledger.business_clock import Period

AccountKind = Literal["asset", "liability", "income", "expense"]
Phase = Literal["posted", "pending", "settled", "voided", "expired"]
Side = Literal["debit", "credit"]
Expiry = Literal["void", "settle"]
Status = Literal["created", "existed", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may stand in an account and what may move on it, in minor units; the database keeps them too.

    `floor` is the least that may be available, zero by default; below zero, or none (None), only where `overdraft`
    says why. `ceiling` is the most that may stand in it or be promised to it by holds. `most_debits` and
    `most_credits` are the most that may move, or be reserved, on that side in any one `period` of the business clock,
    by the effective date.
    """

    floor: int | None = 0
    ceiling: int | None = None
    period: Period | None = None
    most_debits: int | None = None
    most_credits: int | None = None
    overdraft: str | None = None

    def __post_init__(self) -> None:
        if (self.floor is None or self.floor < 0) and not self.overdraft:
            raise ValueError("a floor below zero needs its reason (overdraft)")
        if (self.period is None) != (self.most_debits is None and self.most_credits is None):
            raise ValueError(
                "the most that may move goes with the period it is for (period, most_debits, most_credits)"
            )


USUAL: Final = Limits()
"""Never below zero, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to be opened. `path` names it for ever ("contract/204117/prepaid")."""

    path: str
    kind: AccountKind
    currency: str = "CNY"
    limits: Limits = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account and its running totals, in minor units."""

    id: int
    path: str
    kind: AccountKind
    currency: str
    limits: Limits
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

    @property
    def promised(self) -> int:
        """The balance and what holds may yet bring."""
        return self.balance + (self.debits_pending if self.grows_by_debit else self.credits_pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A positive amount from one account (credit) to another (debit). Balanced by construction, never changed.

    `reference` is its idempotency key for ever. With `hold` the amount is only reserved until a Resolution, or until
    it `expires`: then it is voided, or settled whole, as `on_expiry` says (ledger.expiring).
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
    expires: datetime | None = None
    on_expiry: Expiry = "void"


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
    """A transfer as it stands in the books. `resolves` and `corrects` are references.

    `effective` is when it counts. `occurred` is when it happened in the world, where that was in a period that had
    been closed by the time of recording; None: it counts when it happened.
    """

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
    occurred: datetime | None = None
    expires: datetime | None = None
    on_expiry: Expiry | None = None

    @property
    def happened(self) -> datetime:
        """When it happened in the world, whatever period it counts in."""
        return self.occurred or self.effective


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one request of a batch: created, existed (the same had been posted before), or refused and why."""

    reference: str
    status: Status
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
