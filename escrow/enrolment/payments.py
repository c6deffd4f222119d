"""Payments: every credit that the bank reports is booked once, on its order or in suspense. None is ever refused."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

import ledger.accounts
from escrow.enrolment import contracts, whole_credits
from escrow.enrolment.contracts import Contract
from escrow.enrolment.orders import Order
from escrow.enrolment.placing import Credit, Payable, Placing, place
from escrow.enrolment.tables import later_word, payment, payment_order
from escrow.enrolment.whole_credits import Whole
from escrow.registry.institutions import bank_accounts
from escrow.registry.tables import institution
from escrow.rules.months import SHANGHAI
from escrow.rules.working_days import due_day
from ledger.chunks import chunks
from ledger.entries import Transfer
from ledger.posting import post_all

Source = Literal["notification", "statement", "query"]

OWNER: Final = "bureau"
WORKING_DAYS_TO_PLACE: Final = 5
"""After this many since we heard of it, money in suspense is overdue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Credit):
    """A credit as it stands in our books (到账记录)."""

    id: int
    source: Source
    recorded_at: datetime
    order_id: int | None
    contract_id: int | None
    state: Literal["placed", "suspense", "returning", "returned", "reversed"]
    reason: str

    @property
    def owner(self) -> str:
        """Who must find out whose it is, while it stands in suspense."""
        return OWNER

    @property
    def due_on(self) -> date:
        """The local day by which that should be decided."""
        return due_on(self.recorded_at)

    @property
    def bank_path(self) -> str:
        return f"bank/{self.supervised_account}"

    @property
    def suspense_path(self) -> str:
        """Money that came and is nobody's yet."""
        return f"bank/{self.supervised_account}/suspense"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a credit: booked on its order, parked in suspense, known before, or in conflict with that.

    `payment` is how it stands in the books; in a conflict, what the bank had said before; of a credit that stands there
    in parts, the first of them. `known` fen are what its serial stands for.
    """

    status: Literal["booked", "parked", "repeated", "conflicting"]
    payment: Payment
    known: int


def receive(
    db: Connection, credits: Sequence[Credit], *, source: Source, now: datetime, caller_key: str = ""
) -> list[Receipt]:
    """Book credits, each exactly once whatever is repeated and over whichever way it comes; results in order.

    One lookup, one insert and one posting for the whole batch.
    """
    payables = _lock_payables(db, sorted({each.reference for each in credits if each.reference}))
    known = _known(db, credits)
    wholes = whole_credits.standing(db, [_key(each) for each in credits if _key(each) not in known])
    fresh = _fresh(credits, {*known, *wholes})

    placings = place(fresh, payables)

    added = _add(db, placings, source=source, now=now)
    _post(db, list(added.values()), now=now, caller_key=caller_key)
    standing = _known(db, credits)
    if source != "statement":
        _keep_later_words(db, credits, standing, now=now)
    known_as = {key: (each.amount, each) for key, each in standing.items()} | _first_parts(db, wholes)
    return [_receipt(each, *known_as[_key(each)], added) for each in credits]


def of_contract(db: Connection, contract_ids: Sequence[int]) -> list[Payment]:
    """The payments placed on contracts, oldest first."""
    query = select(payment).where(payment.c.contract_id.in_(contract_ids)).order_by(payment.c.paid_at, payment.c.id)
    return [as_payment(row) for row in db.execute(query)]


def in_suspense(db: Connection, supervised_account: str | None = None) -> list[Payment]:
    """Money that is nobody's yet, oldest first: the list that somebody must work off."""
    query = select(payment).where(payment.c.state == "suspense").order_by(payment.c.paid_at, payment.c.id)
    if supervised_account is not None:
        query = query.where(payment.c.supervised_account == supervised_account)
    return [as_payment(row) for row in db.execute(query)]


def is_known(db: Connection, credit: Credit) -> bool:
    """Whether a credit of this account and serial stands in the books, whatever became of it."""
    return bool(_known(db, [credit]))


def due_on(recorded_at: datetime) -> date:
    """The local day by which money that we heard of at this time should have found its owner."""
    return due_day(recorded_at.astimezone(SHANGHAI).date(), WORKING_DAYS_TO_PLACE)


def as_payment(row: Row[Any]) -> Payment:
    """The noun behind a row of the table."""
    return Payment(**row._asdict())


def _key(credit: Credit) -> tuple[str, str]:
    return credit.supervised_account, credit.serial


def _lock_payables(db: Connection, references: Sequence[str]) -> dict[str, Payable]:
    """The orders named, their contracts locked: two payments of one order wait for each other.

    A contract's lock is the lock of its orders too, and it is taken in the order of ids by everyone: were the orders
    locked here as well, a refund (first the contract, then its orders) and a payment could wait for each other.
    """
    o = payment_order.c
    named = [db.execute(select(o.contract_id).where(o.reference.in_(chunk))) for chunk in chunks(references)]
    held: dict[int, Contract] = {}
    for ids in chunks(sorted({row.contract_id for rows in named for row in rows})):
        held |= contracts.by_id(db, ids, lock=True)
    paid, homes = _paid(db, list(held)), _homes(db, held.values())
    return {
        row.reference: Payable(
            order=Order(**row._asdict()),
            supervised_account=homes[held[row.contract_id].institution_id],
            contract_open=held[row.contract_id].state == "open",
            due=held[row.contract_id].price - paid.get(row.contract_id, 0),
        )
        for chunk in chunks(references)
        for row in db.execute(select(payment_order).where(o.reference.in_(chunk)))
    }


def _paid(db: Connection, contract_ids: Sequence[int]) -> dict[int, int]:
    """Fen paid on contracts so far; those without a payment are missing."""
    p = payment.c
    query = select(p.contract_id, func.sum(p.amount).label("total")).group_by(p.contract_id)
    return {
        row.contract_id: int(row.total)
        for chunk in chunks(contract_ids)
        for row in db.execute(query.where(p.contract_id.in_(chunk)))
    }


def _homes(db: Connection, held: Iterable[Contract]) -> dict[int, str]:
    """The supervised account of each institution whose contracts these are."""
    i = institution.c
    return {
        row.id: row.supervised_account
        for chunk in chunks(sorted({each.institution_id for each in held}))
        for row in db.execute(select(i.id, i.supervised_account).where(i.id.in_(chunk)))
    }


def _known(db: Connection, credits: Sequence[Credit]) -> dict[tuple[str, str], Payment]:
    p = payment.c
    found = {}
    for chunk in chunks(sorted({_key(each) for each in credits})):
        named = tuple_(p.supervised_account, p.serial).in_(chunk)
        found.update(
            {(row.supervised_account, row.serial): as_payment(row) for row in db.execute(select(payment).where(named))}
        )
    return found


def _first_parts(db: Connection, wholes: Mapping[tuple[str, str], Whole]) -> dict[tuple[str, str], tuple[int, Payment]]:
    """Of credits that stand in parts, the whole fen and the first payment, by account and serial."""
    ids = sorted({each.payment_id for each in wholes.values()})
    rows = (row for chunk in chunks(ids) for row in db.execute(select(payment).where(payment.c.id.in_(chunk))))
    firsts = {row.id: as_payment(row) for row in rows}
    return {key: (each.amount, firsts[each.payment_id]) for key, each in wholes.items()}


def _fresh(credits: Sequence[Credit], known: Collection[tuple[str, str]]) -> list[Credit]:
    """Each unknown credit once, though it may stand in the batch several times."""
    first: dict[tuple[str, str], Credit] = {}
    for each in credits:
        if _key(each) not in known:
            first.setdefault(_key(each), each)
    return list(first.values())


def _add(
    db: Connection, placings: Sequence[Placing], *, source: Source, now: datetime
) -> dict[tuple[str, str], Payment]:
    """Write the payments; one that another transaction has written meanwhile is left to it and not returned."""
    insert_ = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    statement = insert_(payment).on_conflict_do_nothing(index_elements=["supervised_account", "serial"])
    added = {}
    # In the order of their keys: two batches that hold the same credits in another order would wait for each other.
    for chunk in chunks([_row(each, source, now) for each in sorted(placings, key=lambda each: _key(each.credit))]):
        for row in db.execute(statement.returning(payment), chunk):
            added[row.supervised_account, row.serial] = as_payment(row)
    paid = [each.order_id for each in added.values() if each.order_id is not None]
    for ids in chunks(paid):
        db.execute(update(payment_order).where(payment_order.c.id.in_(ids)).values(state="paid"))
    return added


def _keep_later_words(
    db: Connection, credits: Sequence[Credit], standing: dict[tuple[str, str], Payment], *, now: datetime
) -> None:
    """What only the statement, or a channel's bill, had told of is told of by the bank's own word now: once is enough.

    Beside the payment and not in it: who reconciles its account holds its row, and waits for the contracts held here.
    """
    told = [(each, standing[_key(each)]) for each in credits if _key(each) in standing]
    silent = {paid.id for each, paid in told if paid.source == "statement" and paid.amount == each.amount}
    insert_ = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    statement = insert_(later_word).on_conflict_do_nothing(index_elements=["payment_id"])
    for chunk in chunks([{"payment_id": each, "told_at": now} for each in sorted(silent)]):
        db.execute(statement, chunk)


def _row(placing: Placing, source: Source, now: datetime) -> dict[str, Any]:
    credit, order = placing.credit, placing.order
    return {
        "supervised_account": credit.supervised_account,
        "serial": credit.serial,
        "amount": credit.amount,
        "reference": credit.reference,
        "remark": credit.remark,
        "payer": credit.payer,
        "payer_account": credit.payer_account,
        "paid_at": credit.paid_at,
        "code": credit.code,
        "source": source,
        "recorded_at": now,
        "order_id": None if order is None else order.id,
        "contract_id": None if order is None else order.contract_id,
        "state": "suspense" if order is None else "placed",
        "reason": placing.reason,
    }


def _post(db: Connection, payments: Sequence[Payment], *, now: datetime, caller_key: str) -> None:
    # The bank may speak of an account that nobody has registered: its money must stand in the books all the same.
    strange = {each.supervised_account for each in payments if each.contract_id is None}
    for account in sorted(strange):
        ledger.accounts.open_accounts(db, bank_accounts(account))
    transfers = [
        Transfer(
            debit=each.bank_path,
            credit=each.suspense_path if each.contract_id is None else contracts.prepaid_path(each.contract_id),
            amount=each.amount,
            kind="payment" if each.contract_id else "suspense",
            reference=f"payment/{each.supervised_account}/{each.serial}",
            effective=each.paid_at,
        )
        for each in payments
    ]
    post_all(db, transfers, now=now, caller_key=caller_key)


def _receipt(credit: Credit, known: int, standing: Payment, added: dict[tuple[str, str], Payment]) -> Receipt:
    if known != credit.amount:
        return Receipt(status="conflicting", payment=standing, known=known)
    if added.pop(_key(credit), None) is None:
        return Receipt(status="repeated", payment=standing, known=known)
    return Receipt(status="booked" if standing.state == "placed" else "parked", payment=standing, known=known)
