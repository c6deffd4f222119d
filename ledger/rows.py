"""Transfers on their way into the table: a column for each field, or one value where it is the same for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from ledger.batch import Columns
from ledger.entries import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What is to be written of each transfer, but for when it was recorded and for whom."""

    debit_id: Sequence[int]
    credit_id: Sequence[int]
    amount: Sequence[int]
    phase: Sequence[str] | str
    kind: Sequence[str] | str
    reference: Sequence[str]
    effective: Sequence[datetime] | datetime
    occurred: Sequence[datetime | None] | None = None
    resolves: Sequence[int | None] | None = None
    corrects: Sequence[int | None] | None = None
    expires: Sequence[datetime | None] | None = None
    on_expiry: Sequence[str | None] | None = None

    def __len__(self) -> int:
        return len(self.reference)

    @classmethod
    def of_columns(cls, columns: Columns, accounts: Mapping[str, Account]) -> Self:
        ids = {path: each.id for path, each in accounts.items()}
        return cls(
            debit_id=[ids[each] for each in columns.debit],
            credit_id=[ids[each] for each in columns.credit],
            amount=columns.amount,
            phase="pending" if columns.hold else "posted",
            kind=columns.kind,
            reference=columns.reference,
            effective=columns.effective,
        )


LAST_YEAR: Final = 9998
"""Days and months are summed (ledger.movements); the end of 9999 is no date that all programs can name."""


def writable(text: str) -> bool:
    """Whether every database can keep this text: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
