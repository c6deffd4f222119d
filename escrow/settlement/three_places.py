"""Three ways (三方核对): each payment of a period, and which of notice, line and transfer there are of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Row, Subquery, and_, func, literal, or_, select

from escrow.enrolment.tables import later_word, payment
from escrow.rules.months import SHANGHAI
from escrow.settlement import place_reasons
from escrow.settlement.booking import due_to_show
from escrow.settlement.tables import STANDS, break_, match, statement, statement_line
from escrow.spreadsheets import Cell, csv_of, xlsx_of
from ledger import schema
from ledger.money import Money
from reconciliation.three_ways import STATES, State, state_of

COLUMNS: Final = (
    *("流水号", "日期", "金额（元）", "付款人", "银行通知", "对账单", "账簿", "几方", "状态", "说明", "差异编号"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A payment of a period, by the places in which it stands. `amount` in fen; `on`: its local day, the line's where
    only the line tells of it; `break_id`: the open break that is about it.

    `notified`: by the bank's or a wallet's own word. `on_statement`: by a line, or by a lump that brought it.
    `in_books`: by the transfer that booked it, of this amount. A payment that was taken back before any line showed it
    stands nowhere, and is left out.
    """

    payment_id: int | None
    line_id: int | None
    serial: str
    amount: int
    on: date
    payer: str
    notified: bool
    on_statement: bool
    in_books: bool
    state: State
    reason: str
    reason_zh: str
    break_id: int | None

    @property
    def places(self) -> int:
        """In how many of the three places it stands."""
        return self.notified + self.on_statement + self.in_books

    @property
    def cells(self) -> Sequence[Cell]:
        """Its row under COLUMNS."""
        told = ("有" if each else "无" for each in (self.notified, self.on_statement, self.in_books))
        state, number = place_reasons.IN_CHINESE[self.state], "" if self.break_id is None else str(self.break_id)
        payer, place = self.payer, self.places
        return (self.serial, self.on, Money(self.amount), payer, *told, place, state, self.reason_zh, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many payments of a period stand in so many places, and in which state."""

    payments: int
    by_places: Mapping[int, int]
    by_state: Mapping[str, int]


def of_period(db: Connection, account: str, begins: date, ends: date) -> list[Stand]:
    """Every payment that was made, or whose line was booked, in these local days; by day and serial.

    Three queries whatever there is: payments with what stands beside them, lines that no match explains, and transfers
    into the bank account that no payment explains.
    """
    found = [*_payments(db, account, begins, ends), *_lines(db, account, begins, ends)]
    found += _transfers(db, account, begins, ends)
    return sorted(found, key=lambda each: (each.on, each.serial, each.payment_id or 0, each.line_id or 0))


def apart(found: Sequence[Stand]) -> list[Stand]:
    """Those that do not stand in all three places. Pure."""
    return [each for each in found if each.state != "whole"]


def counted(found: Sequence[Stand]) -> Counts:
    """How they stand in all; every state is there. Pure."""
    places, states = Counter(each.places for each in found), Counter(each.state for each in found)
    return Counts(
        payments=len(found),
        by_places={number: places[number] for number in (3, 2, 1)},
        by_state={state: states[state] for state in STATES},
    )


def written(found: Sequence[Stand], form: Literal["csv", "xlsx"], *, at: datetime) -> bytes:
    """Each in a row, as a file. Pure. `at`: when it was made."""
    rows = [each.cells for each in found]
    return csv_of(COLUMNS, rows) if form == "csv" else xlsx_of("三方核对", COLUMNS, rows, at=at)


def _payments(db: Connection, account: str, begins: date, ends: date) -> list[Stand]:
    p, t, shown = payment.c, schema.transfer.c, _shown(account)
    first = func.coalesce(match.c.first_id, match.c.id)
    reference = literal(f"payment/{account}/") + p.serial
    since, until = _instants(begins, ends)
    query = (
        select(p.id, p.serial, p.amount, p.paid_at, p.payer, p.source, p.state)
        .add_columns(match.c.rule, match.c.evidence, shown.c.line_id, t.id.label("transfer_id"))
        .add_columns(later_word.c.id.label("word_id"), _of_break("id"), _of_break("detail"))
        .outerjoin(match, and_(match.c.payment_id == p.id, STANDS))
        .outerjoin(shown, shown.c.first_id == first)
        .outerjoin(schema.transfer, and_(t.reference == reference, t.amount == p.amount, t.phase == "posted"))
        .outerjoin(later_word, later_word.c.payment_id == p.id)
        .outerjoin(break_, and_(break_.c.payment_id == p.id, break_.c.closed_at.is_(None)))
        .where(
            p.supervised_account == account,
            or_(and_(p.paid_at >= since, p.paid_at < until), shown.c.booked_on.between(begins, ends)),
            or_(p.state != "reversed", match.c.id.is_not(None)),
        )
    )
    covered = db.execute(select(func.max(statement.c.ends)).where(statement.c.account == account)).scalar()
    return [_stand(row, covered) for row in db.execute(query)]


def _stand(row: Row[Any], covered: date | None) -> Stand:
    on = row.paid_at.astimezone(SHANGHAI).date()
    notified = row.source != "statement" or row.word_id is not None
    on_statement, due = row.line_id is not None, due_to_show(on)
    overdue = covered is not None and due <= covered
    state = state_of(
        notified=notified, on_statement=on_statement, in_books=row.transfer_id is not None, overdue=overdue
    )
    reason, reason_zh = place_reasons.of_payment(state, rule=row.rule, due=due, told=row.break_detail or row.evidence)
    return Stand(
        payment_id=row.id,
        line_id=row.line_id,
        serial=row.serial,
        amount=row.amount,
        on=on,
        payer=row.payer,
        notified=notified,
        on_statement=on_statement,
        in_books=row.transfer_id is not None,
        state=state,
        reason=reason,
        reason_zh=reason_zh,
        break_id=row.break_id,
    )


def _lines(db: Connection, account: str, begins: date, ends: date) -> list[Stand]:
    """Credits in no match. Reversals are no payments: they take something back."""
    line = statement_line.c
    query = (
        select(line.id, line.serial, line.amount, line.booked_on, line.counterparty, line.remark)
        .add_columns(_of_break("id"), _of_break("kind"), _of_break("detail"))
        .outerjoin(match, and_(match.c.line_id == line.id, STANDS))
        .outerjoin(break_, and_(break_.c.line_id == line.id, break_.c.closed_at.is_(None)))
        .where(line.account == account, line.booked_on.between(begins, ends), match.c.id.is_(None))
        .where(line.amount > 0, line.reversal == 0)
    )
    return [
        _alone(
            "only_on_statement",
            place_reasons.of_line(row.break_kind, row.break_detail or row.remark),
            on=row.booked_on,
            line_id=row.id,
            serial=row.serial,
            amount=row.amount,
            payer=row.counterparty,
            break_id=row.break_id,
        )
        for row in db.execute(query)
    ]


def _transfers(db: Connection, account: str, begins: date, ends: date) -> list[Stand]:
    """What stands in the books as money that came in, without a payment of which anybody told."""
    t, p, a, begin = schema.transfer.c, payment.c, schema.account.c, f"payment/{account}/"
    since, until = _instants(begins, ends)
    serial = func.substr(t.reference, len(begin) + 1)
    query = (
        select(t.reference, t.amount, t.effective)
        .join(schema.account, a.id == t.debit_id)
        .outerjoin(payment, and_(p.supervised_account == account, p.serial == serial, t.reference.like(f"{begin}%")))
        .where(a.path == f"bank/{account}", t.kind.in_(("payment", "suspense")), t.phase == "posted")
        .where(t.corrects.is_(None), t.effective >= since, t.effective < until, p.id.is_(None))
    )
    return [
        _alone(
            "only_in_books",
            place_reasons.of_transfer(row.reference),
            on=row.effective.astimezone(SHANGHAI).date(),
            line_id=None,
            serial=row.reference,
            amount=row.amount,
            payer="",
            break_id=None,
        )
        for row in db.execute(query)
    ]


def _alone(
    state: State,
    reasons: tuple[str, str],
    *,
    on: date,
    line_id: int | None,
    serial: str,
    amount: int,
    payer: str,
    break_id: int | None,
) -> Stand:
    return Stand(
        payment_id=None,
        line_id=line_id,
        serial=serial,
        amount=amount,
        on=on,
        payer=payer,
        notified=False,
        on_statement=state == "only_on_statement",
        in_books=state == "only_in_books",
        state=state,
        reason=reasons[0],
        reason_zh=reasons[1],
        break_id=break_id,
    )


def _shown(account: str) -> Subquery:
    """The line of each match of an account, by the match's first row: of several the first, with their last day."""
    first = func.coalesce(match.c.first_id, match.c.id)
    query = (
        select(first.label("first_id"), func.min(statement_line.c.id).label("line_id"))
        .add_columns(func.max(statement_line.c.booked_on).label("booked_on"))
        .join(statement_line, statement_line.c.id == match.c.line_id)
        .where(match.c.account == account, STANDS)
    )
    return query.group_by(first).subquery()


def _of_break(name: str) -> ColumnElement[Any]:
    return break_.c[name].label(f"break_{name}")


def _instants(begins: date, ends: date) -> tuple[datetime, datetime]:
    """From the first local day's beginning to the last one's end."""
    midnight = time.min
    return (
        datetime.combine(begins, midnight, SHANGHAI),
        datetime.combine(ends + timedelta(days=1), midnight, SHANGHAI),
    )
