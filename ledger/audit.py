"""The audit of the books: everything that must hold, recomputed from the transfers alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Subquery,
    and_,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
)

from ledger.columns import Whole
from ledger.planning import without
from ledger.schema import MOVES, account, closing, limit_change, transfer

_TOTALS: Final = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
_debit, _credit = account.alias("debit"), account.alias("credit")
_hold, _original = transfer.alias("hold"), transfer.alias("original")
_earlier = limit_change.alias("earlier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Something that must hold and does not: which invariant, of what, and the two figures."""

    invariant: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.subject}: {self.detail}"


def audit(db: Connection) -> Iterator[Breach]:
    """Every breach of the ledger's own invariants. Each check is one query, whatever the size of the books."""
    # Each check reads whole tables. With statistics from before they were filled, PostgreSQL would rather read one of
    # them again for every row of the other.
    with without(db, "nestloop"):
        yield from transfers_lead_somewhere(db)
        yield from totals_are_the_sums_of_transfers(db)
        yield from no_account_ever_passed_its_limits(db)
        yield from limits_are_the_last_ones_given(db)
        yield from closed_periods_stay_closed(db)
        yield from transfers_keep_to_one_currency(db)
        yield from holds_end_once(db)
        yield from holds_end_within_their_amount(db)


def transfers_lead_somewhere(db: Connection) -> Iterator[Breach]:
    """The accounts of every transfer exist, and so do the transfers that it resolves or corrects."""
    missing = {
        "debit account": _debit.c.id.is_(None),
        "credit account": _credit.c.id.is_(None),
        "hold that it resolves": and_(transfer.c.resolves.is_not(None), _hold.c.id.is_(None)),
        "transfer that it corrects": and_(transfer.c.corrects.is_not(None), _original.c.id.is_(None)),
    }
    query = (
        select(transfer.c.reference, *(gone.label(name) for name, gone in missing.items()))
        .outerjoin(_debit, _debit.c.id == transfer.c.debit_id)
        .outerjoin(_credit, _credit.c.id == transfer.c.credit_id)
        .outerjoin(_hold, _hold.c.id == transfer.c.resolves)
        .outerjoin(_original, _original.c.id == transfer.c.corrects)
        .where(or_(*missing.values()))
        .order_by(transfer.c.id)
    )
    for row in db.execute(query).mappings():
        gone = ", ".join(name for name in missing if row[name])
        yield Breach(invariant="transfers lead somewhere", subject=row["reference"], detail=f"missing: {gone}")


def _legs() -> Subquery:
    """Each transfer twice, once for each account, with what it adds to that account's four totals."""
    moved: ColumnElement[int] = case((transfer.c.phase.in_(MOVES), transfer.c.amount), else_=0)
    reserved: ColumnElement[int] = case((transfer.c.phase == "pending", transfer.c.amount), else_=0) - func.coalesce(
        _hold.c.amount, 0
    )
    nothing = literal_column("0", Whole)

    def side(*, debit: bool):  # type: ignore[no-untyped-def]  # SQLAlchemy's own Select of seven columns
        return select(
            transfer.c.id,
            transfer.c.reference,
            (transfer.c.debit_id if debit else transfer.c.credit_id).label("account_id"),
            (moved if debit else nothing).label("debits_posted"),
            (nothing if debit else moved).label("credits_posted"),
            (reserved if debit else nothing).label("debits_pending"),
            (nothing if debit else reserved).label("credits_pending"),
        ).outerjoin(_hold, _hold.c.id == transfer.c.resolves)

    both: Subquery = side(debit=True).union_all(side(debit=False)).subquery()
    return both


_LEGS: Final = _legs()
"""Built once: on small books, as tests have them, that takes longer than the queries."""


def totals_are_the_sums_of_transfers(db: Connection) -> Iterator[Breach]:
    """The running totals of every account, posted and pending, are what its transfers add up to."""
    sums = (
        select(
            _LEGS.c.account_id,
            *(func.sum(_LEGS.c[name]).label(name) for name in _TOTALS),
        )
        .group_by(_LEGS.c.account_id)
        .subquery()
    )
    zero = {name: func.coalesce(sums.c[name], 0) for name in _TOTALS}
    query = (
        select(account, *(zero[name].label(f"sum_{name}") for name in _TOTALS))
        .outerjoin(sums, sums.c.account_id == account.c.id)
        .where(or_(*(account.c[name] != zero[name] for name in _TOTALS)))
        .order_by(account.c.path)
    )
    for row in db.execute(query):
        kept = {name: getattr(row, name) for name in _TOTALS}
        summed = {name: int(getattr(row, f"sum_{name}")) for name in _TOTALS}
        yield Breach(
            invariant="totals are the sums of transfers", subject=row.path, detail=f"kept {kept}, summed {summed}"
        )


def _running() -> Subquery:
    """What was available in an account, and promised to it, after each of its transfers."""
    by_debit = account.c.kind.in_(("asset", "expense"))
    balance = case((by_debit, 1), else_=-1) * (_LEGS.c.debits_posted - _LEGS.c.credits_posted)
    goes = case((by_debit, _LEGS.c.credits_pending), else_=_LEGS.c.debits_pending)
    comes = case((by_debit, _LEGS.c.debits_pending), else_=_LEGS.c.credits_pending)

    def so_far(change: ColumnElement[int]) -> ColumnElement[int]:
        return func.sum(change).over(partition_by=account.c.id, order_by=_LEGS.c.id)

    return (
        select(
            account.c.id.label("account_id"),
            account.c.path,
            _LEGS.c.id,
            _LEGS.c.reference,
            so_far(balance - goes).label("available"),
            so_far(balance + comes).label("promised"),
        )
        .join(account, account.c.id == _LEGS.c.account_id)
        .subquery()
    )


_RUNNING: Final = _running()


def no_account_ever_passed_its_limits(db: Connection) -> Iterator[Breach]:
    """At every prefix of its history each account kept the floor and the ceiling that it had by then."""
    r = _RUNNING.c
    own = select(limit_change.c.account_id).distinct()
    usual = select(_RUNNING, literal_column("0", Whole).label("floor"), null().label("ceiling")).where(
        r.account_id.not_in(own), r.available < 0
    )
    for row in db.execute(usual):
        yield _passed(row)
    # Before the first change an account had the usual limits: that is the row of nulls.
    latest = (
        select(func.max(_earlier.c.id))
        .where(_earlier.c.account_id == r.account_id, _earlier.c.after_id < r.id)
        .correlate(_RUNNING)
        .scalar_subquery()
    )
    floor = case((limit_change.c.id.is_(None), 0), else_=limit_change.c.floor)
    changed = (
        select(_RUNNING, floor.label("floor"), limit_change.c.ceiling)
        .select_from(_RUNNING)
        .outerjoin(limit_change, limit_change.c.id == latest)
        .where(r.account_id.in_(own), or_(r.available < floor, r.promised > limit_change.c.ceiling))
    )
    for row in db.execute(changed):
        yield _passed(row)


def _passed(row: Row[Any]) -> Breach:
    what = (
        f"{row.available} available, of which {row.floor} must stay,"
        if row.floor is not None and row.available < row.floor
        else f"{row.promised} there or promised, where {row.ceiling} may be,"
    )
    return Breach(
        invariant="no account ever passed its limits", subject=row.path, detail=f"{what} after {row.reference}"
    )


def limits_are_the_last_ones_given(db: Connection) -> Iterator[Breach]:
    """What limits an account now is what the last record of its limits says; without one, the usual limits."""
    last = select(func.max(limit_change.c.id).label("id")).group_by(limit_change.c.account_id)
    given = select(limit_change).where(limit_change.c.id.in_(last)).subquery()
    names = ("floor", "ceiling", "period", "most_debits", "most_credits", "overdraft")
    usual = {
        name: case((given.c.id.is_(None), 0), else_=given.c[name]) if name == "floor" else given.c[name]
        for name in names
    }
    query = (
        select(
            account.c.path,
            *(account.c[name] for name in names),
            *(usual[name].label(f"given_{name}") for name in names),
        )
        .outerjoin(given, given.c.account_id == account.c.id)
        .where(or_(*(account.c[name].is_distinct_from(usual[name]) for name in names)))
        .order_by(account.c.path)
    )
    for row in db.execute(query).mappings():
        stands, said = ({name: row[f"{prefix}{name}"] for name in names} for prefix in ("", "given_"))
        yield Breach(
            invariant="limits are the last ones given", subject=row["path"], detail=f"stands {stands}, given {said}"
        )


def closed_periods_stay_closed(db: Connection) -> Iterator[Breach]:
    """Nothing that was written after a period was closed counts in it."""
    query = (
        select(transfer.c.reference, transfer.c.effective, closing.c.until)
        .join(closing, and_(transfer.c.id > closing.c.after_id, transfer.c.effective < closing.c.until))
        .order_by(transfer.c.id)
    )
    for row in db.execute(query):
        yield Breach(
            invariant="closed periods stay closed",
            subject=row.reference,
            detail=f"counts at {row.effective}, where everything before {row.until} was closed",
        )


def transfers_keep_to_one_currency(db: Connection) -> Iterator[Breach]:
    """Both accounts of a transfer are in the same currency."""
    query = (
        select(transfer.c.reference, _debit.c.currency.label("debit"), _credit.c.currency.label("credit"))
        .join(_debit, _debit.c.id == transfer.c.debit_id)
        .join(_credit, _credit.c.id == transfer.c.credit_id)
        .where(_debit.c.currency != _credit.c.currency)
    )
    for row in db.execute(query):
        yield Breach(
            invariant="transfers keep to one currency", subject=row.reference, detail=f"{row.debit} to {row.credit}"
        )


def holds_end_once(db: Connection) -> Iterator[Breach]:
    """No hold is resolved twice."""
    query = (
        select(_hold.c.reference, func.count().label("ends"))
        .join(transfer, transfer.c.resolves == _hold.c.id)
        .group_by(_hold.c.reference)
        .having(func.count() > 1)
    )
    for row in db.execute(query):
        yield Breach(invariant="holds end once", subject=row.reference, detail=f"resolved {row.ends} times")


def holds_end_within_their_amount(db: Connection) -> Iterator[Breach]:
    """What ends a hold is between the same accounts as it, and of no more; voided or expired, of exactly as much."""
    query = (
        select(transfer.c.reference, _hold.c.reference.label("hold"), _hold.c.phase, transfer.c.amount)
        .join(_hold, _hold.c.id == transfer.c.resolves)
        .where(
            or_(
                _hold.c.phase != "pending",
                transfer.c.amount > _hold.c.amount,
                and_(transfer.c.phase != "settled", transfer.c.amount != _hold.c.amount),
                transfer.c.debit_id != _hold.c.debit_id,
                transfer.c.credit_id != _hold.c.credit_id,
            )
        )
    )
    for row in db.execute(query):
        yield Breach(
            invariant="holds end within their amount",
            subject=row.reference,
            detail=f"{row.amount} against hold {row.hold} ({row.phase})",
        )
