"""A small set of books for the tests of the ledger: a bank account, two contracts, an institution."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from ledger.accounts import find, open_accounts
from ledger.batch import Columns
from ledger.entries import Limits, NewAccount, Resolution, Transfer

NOW: Final = datetime(2026, 8, 3, 4, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

BANK: Final = "bank/6200"
PREPAID: Final = "contract/1/prepaid"
OTHER: Final = "contract/2/prepaid"
EARNED: Final = "institution/1/earned"
FEES: Final = "bank/6200/fees"

ACCOUNTS: Final = (
    NewAccount(path=BANK, kind="asset"),
    NewAccount(path=PREPAID, kind="liability"),
    NewAccount(path=OTHER, kind="liability"),
    NewAccount(path=EARNED, kind="liability"),
    NewAccount(
        path=FEES,
        kind="expense",
        limits=Limits(floor=None, overdraft="the bank may give back more fees than it took here"),
    ),
)

PAYMENT: Final = Transfer(debit=BANK, credit=PREPAID, amount=300_000, kind="payment", reference="pay-1", effective=NOW)
LESSON: Final = replace(PAYMENT, debit=PREPAID, credit=EARNED, amount=10_000, kind="lesson", reference="lesson-1")
RELEASE: Final = replace(LESSON, debit=EARNED, credit=BANK, kind="release", reference="release-1", hold=True)
SETTLED: Final = Resolution(hold="release-1", phase="settled", kind="paid out", reference="paid-1", effective=NOW)


def opened(db: Connection) -> None:
    """The accounts above, all empty."""
    open_accounts(db, ACCOUNTS, now=NOW)


def payments(number: int, *, amount: int = 100, prefix: str = "many") -> Iterator[Transfer]:
    """So many payments of `amount` fen, each with a reference of its own."""
    return (replace(PAYMENT, amount=amount, reference=f"{prefix}-{each}") for each in range(number))


def balances(db: Connection) -> dict[str, int]:
    """The balance of every account of these books as its row keeps it, empty ones left out."""
    found = find(db, [each.path for each in ACCOUNTS])
    return {path: each.balance for path, each in found.items() if each.balance}


def available(db: Connection, path: str) -> int:
    """What the account's row says is available."""
    return find(db, [path])[path].available


def as_columns(transfers: Sequence[Transfer], *, hold: bool = False) -> Columns:
    """The columns that stand for these plain transfers."""
    return Columns(
        debit=[each.debit for each in transfers],
        credit=[each.credit for each in transfers],
        amount=[each.amount for each in transfers],
        reference=[each.reference for each in transfers],
        kind=[each.kind for each in transfers],
        effective=[each.effective for each in transfers],
        hold=hold,
    )
