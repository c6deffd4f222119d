"""The sides of a channel's lumps: rows of its bills that no lump has brought, and what the books hold for each."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Row, exists, or_, select

from escrow.enrolment.notifications import order_reference
from escrow.enrolment.payments import Payment
from escrow.enrolment.placing import Credit
from escrow.enrolment.tables import contract, payment, payment_order
from escrow.payouts.instructions import Instruction
from escrow.registry.tables import institution
from escrow.rules.months import SHANGHAI
from escrow.settlement import lump_refunds
from escrow.settlement.bill_tables import lump_row, merchant_bill_row
from escrow.settlement.lump_refunds import Refunds
from escrow.settlement.tables import STANDS, match
from escrow.settlement.unmatched import Loose, payment_key, payout_key
from ledger.chunks import chunks

_ORDER: Final = "order:"


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """A channel's rows and our orders as `reconciliation.channel` holds them together, each with its merchant ("" where
    nobody can tell), and what stands behind the keys."""

    bill: pd.DataFrame
    ours: pd.DataFrame
    _rows: Mapping[tuple[str, str], Row[Any]]
    _day_of_order: Mapping[str, str]
    _payments: Mapping[str, Payment]
    _credits: Mapping[str, Credit]
    _refunds: Refunds

    @property
    def merchants(self) -> list[str]:
        """Whose rows these are."""
        return sorted(set(self.bill["merchant"]))

    def of(self, merchant: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The bill of one merchant, and the orders that can stand on it."""
        ours = self.ours["merchant"].isin([merchant, ""])
        return self.bill[self.bill["merchant"] == merchant], self.ours[ours]

    def without(self, brought: Collection[tuple[str, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of all merchants but for these days of them (merchant, day), and the orders that can stand there."""
        gone, names = set(brought), self.bill["merchant"]
        left = [each not in gone for each in zip(names, self.bill["traded_on"], strict=True)]
        days = [(m, d) not in gone for m, d in zip(self.ours["merchant"], self.ours["on"], strict=True)]
        return self.bill[pd.Series(left, dtype=bool)], self.ours[pd.Series(days, dtype=bool)]

    def row_of(self, found: Mapping[Hashable, Any]) -> Row[Any] | None:
        """The row of the bill to which a match or difference belongs."""
        return self._rows.get((found["transaction"], found["refund"]))

    def day_of(self, found: Mapping[Hashable, Any]) -> str:
        """The day of the bill to which a match or difference belongs; "" for one of a line alone."""
        row = self.row_of(found)
        return self._day_of_order.get(found["order_key"], "") if row is None else row.traded_on.isoformat()

    def side_of(self, order_key: str, transaction: str) -> Payment | Instruction | Credit:
        """The payment or refund behind a key; for an order of which nobody has told, the credit that its row is."""
        return self._payments.get(order_key) or self._refunds.by_key.get(order_key) or self._credits[transaction]

    def hint_of(self, found: Mapping[Hashable, Any]) -> str:
        """What else is known of a row that differs: the refund of ours that it names, and why it is not that."""
        row = self.row_of(found)
        return "" if row is None else self._refunds.hints.get(row.id, "")


def load(db: Connection, loose: Loose, channel: str, *, known: Collection[str], since: date) -> Sides:
    """Both sides from a day on. A payment that was told of stands for its order, whichever way its word came.

    `known`: the merchants of the channel that pay into the account.
    """
    rows = _rows(db, loose.account, channel, since)
    refunds = lump_refunds.of(db, loose.payouts, channel, rows)
    paid = _paid(loose.payments, channel, rows)
    met = {each.id for each in paid.values()}
    told = {payment_key(each.id): each for each in loose.payments}
    alone = _not_on_the_bill(loose.payments, channel, paid, _days_told_in_full(rows, known))
    left = [each for each in rows if each.kind == "payment" and each.id not in met]
    ordered = _ordered(db, loose.account, channel, left)
    ours = [
        *((key, _order_of(row), told[key].amount, _on(row), row.merchant) for key, row in paid.items()),
        *((payment_key(each.id), each.reference, each.amount, _day(each), "") for each in alone),
        *((f"{_ORDER}{row.id}", _order_of(row), amount, _on(row), row.merchant) for row, amount in ordered),
        *((payout_key(each.id), each.end_to_end, -each.amount, _on(row), row.merchant) for row, each in refunds.met),
    ]
    return Sides(
        bill=_bill(rows, {row.id: each.end_to_end for row, each in refunds.met}),
        ours=_frame(("key", "order", "amount", "on", "merchant"), ours),
        _rows={(each.serial, each.refund_serial): each for each in rows},
        _day_of_order={key: day for key, _, _, day, _ in ours},
        _payments=told,
        _credits={each.serial: _credit(each) for each in left},
        _refunds=refunds,
    )


def _rows(db: Connection, account: str, channel: str, since: date) -> Sequence[Row[Any]]:
    """Rows that no line of the bank has brought: neither with a lump, nor as a payment by itself."""
    r, p = merchant_bill_row.c, payment.c
    by_a_lump = select(lump_row.c.id).join(match, match.c.id == lump_row.c.match_id)
    by_itself = select(match.c.id).join(payment, p.id == match.c.payment_id)
    named = r.kind == "payment", p.serial == r.channel + "-" + r.serial
    brought = or_(
        exists(by_a_lump.where(STANDS, lump_row.c.row_id == r.id)),
        exists(by_itself.where(STANDS, p.supervised_account == account, *named)),
    )
    query = select(merchant_bill_row).where(r.account == account, r.channel == channel, r.traded_on >= since)
    return db.execute(query.where(~brought).order_by(r.traded_at, r.id)).all()


def _paid(payments: Sequence[Payment], channel: str, rows: Sequence[Row[Any]]) -> dict[str, Row[Any]]:
    """The row of each payment that was told of: under the channel's serial, or for its order by the bank's own word."""
    by_serial = {each.serial: each for each in payments}
    by_order: dict[tuple[str, int], list[Payment]] = {}
    for each in payments:
        if each.reference and not each.serial.startswith(f"{channel}-"):
            by_order.setdefault((each.reference, each.amount), []).append(each)
    found: dict[str, Row[Any]] = {}
    for row in rows:
        if row.kind != "payment":
            continue
        paid = by_serial.get(f"{channel}-{row.serial}")
        others = by_order.get((_order_of(row), row.amount), [])
        if paid is None and others:
            paid = others.pop(0)
        if paid is not None:
            found[payment_key(paid.id)] = row
    return found


def _days_told_in_full(rows: Sequence[Row[Any]], known: Collection[str]) -> set[str]:
    """Days of which every merchant's bill is here: a payment that is on none of them is missing there."""
    of_day: dict[str, set[str]] = {}
    for each in rows:
        of_day.setdefault(_on(each), set()).add(each.merchant)
    several = {*known, *(each.merchant for each in rows)} - {""}
    return {day for day, merchants in of_day.items() if merchants >= several or len(several) == 1}


def _not_on_the_bill(
    payments: Sequence[Payment], channel: str, paid: Collection[str], days: Collection[str]
) -> list[Payment]:
    """Payments that the channel told of on a day of the bill, and of which the bill says nothing."""
    return [
        each
        for each in payments
        if each.serial.startswith(f"{channel}-") and payment_key(each.id) not in paid and _day(each) in days
    ]


def _ordered(db: Connection, account: str, channel: str, rows: Sequence[Row[Any]]) -> list[tuple[Row[Any], int]]:
    """For rows of which nobody told: the first of each order that is not paid, with the order's fen.

    One whose payment was taken back stays a difference: the serial has been booked.
    """
    o, p = payment_order.c, payment.c
    unpaid: dict[str, int] = {}
    for names in chunks(sorted({_order_of(each) for each in rows})):
        query = (
            select(o.reference, o.amount)
            .join(contract, contract.c.id == o.contract_id)
            .join(institution, institution.c.id == contract.c.institution_id)
            .where(o.reference.in_(names), o.state != "paid", institution.c.supervised_account == account)
        )
        unpaid |= {row.reference: row.amount for row in db.execute(query)}
    booked: set[str] = set()
    for serials in chunks(sorted({f"{channel}-{each.serial}" for each in rows})):
        query_of_serials = select(p.serial).where(p.supervised_account == account, p.serial.in_(serials))
        booked |= {row.serial for row in db.execute(query_of_serials)}
    fresh = [each for each in rows if f"{channel}-{each.serial}" not in booked]
    return [(each, unpaid.pop(_order_of(each))) for each in fresh if _order_of(each) in unpaid]


def _order_of(row: Row[Any]) -> str:
    return order_reference(row.reference, "") or str(row.reference)


def _on(row: Row[Any]) -> str:
    return str(row.traded_on.isoformat())


def _day(paid: Payment) -> str:
    return paid.paid_at.astimezone(SHANGHAI).date().isoformat()


def _credit(row: Row[Any]) -> Credit:
    """A row as the credit that the channel's notice would have been."""
    return Credit(
        supervised_account=row.account,
        serial=f"{row.channel}-{row.serial}",
        amount=row.amount,
        reference=order_reference(row.reference, ""),
        remark="",
        payer="",
        payer_account="",
        paid_at=row.traded_at,
    )


def _bill(rows: Sequence[Row[Any]], refunds: Mapping[int, str]) -> pd.DataFrame:
    """The rows; one that is a refund of ours is named by that and not by the order, of which there may be several."""
    names = ("traded_on", "traded_at", "transaction", "refund", "order", "amount", "fee", "merchant")
    told = [
        (
            _on(each),
            each.traded_at.astimezone(SHANGHAI).time().isoformat(),
            each.serial,
            each.refund_serial,
            refunds.get(each.id) or _order_of(each),
            each.amount,
            each.fee,
            each.merchant,
        )
        for each in rows
    ]
    return _frame(names, told)


def _frame(names: Sequence[str], rows: Sequence[Sequence[object]]) -> pd.DataFrame:
    whole = ("amount", "fee")
    return pd.DataFrame(
        {
            name: pd.Series([row[at] for row in rows], dtype="int64" if name in whole else "str")
            for at, name in enumerate(names)
        }
    )
