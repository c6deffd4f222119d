"""Balances confirmed on paper (余额确认), where files state none: entered by one person and approved by another."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from escrow.access import four_eyes, trail
from escrow.access.caller import Caller
from escrow.refusals import AlreadyDecided, Conflict, Invalid, ReasonMissing, Unknown
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from escrow.settlement import frozen, statements
from escrow.settlement.statements import NotSupervised
from escrow.settlement.tables import confirmation as table
from escrow.settlement.tables import statement
from ledger.money import Money


class StatedAlready(Conflict):
    """The bank's statement {statement} states the balance of {day} itself: {balance}. Nobody enters another; if the
    file is wrong, let the bank give a right one."""

    zh = "对账单 {statement} 已载明 {day} 的余额 {balance} 元，不得另行录入；如有误，请银行重新出具对账单。"


class NotCovered(Conflict):
    """No statement of account {account} covers {day}, so nobody could say which lines lead to its balance. Import it
    first; only the balance before the first statement can be entered without one."""

    zh = "账户 {account} 没有涵盖 {day} 的对账单，无法说明余额由哪些流水形成；请先导入（首期对账单之前的余额除外）。"


class DayNotOver(Conflict):
    """The day {day} is not over yet, so its closing balance is not known; enter it from the next day on."""

    zh = "{day} 尚未结束，余额未定；请次日起再录入。"


class DocumentMissing(Invalid):
    """A balance is entered from a paper of the bank. Say which: its name, number and date."""

    zh = "录入余额须注明银行出具的书面凭据（名称、编号、日期）。"


class ConfirmationWaits(Conflict):
    """A balance of account {account} for {day} waits for a decision already: confirmation {confirmation}."""

    zh = "账户 {account} 在 {day} 已有待审批的余额确认 {confirmation}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a paper of the bank says that an account held at the end of a local day; fen."""

    id: int
    account: str
    day: date
    balance: int
    document: str
    statement_id: int | None
    state: Literal["entered", "approved", "rejected"]
    entered_by: str
    entered_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


def enter(
    db: Connection, account: str, day: date, *, balance: int, document: str, by: Caller, now: datetime
) -> Confirmation:
    """Enter what the bank confirmed on paper, in fen. It counts when somebody else has approved it.

    Raises NotSupervised, DocumentMissing, DayNotOver, DayFrozen, StatedAlready, NotCovered, ConfirmationWaits.
    """
    by.must_be("bureau", "bank")
    if not document.strip():
        raise DocumentMissing
    if institutions.by_account(db, account, lock=True) is None:
        raise NotSupervised(account=account)
    if day >= now.astimezone(SHANGHAI).date():
        raise DayNotOver(day=day)
    covering = _must_be_needed(db, account, day)
    waiting = select(table.c.id).where(table.c.account == account, table.c.day == day, table.c.state == "entered")
    if (standing := db.execute(waiting).scalar()) is not None:
        raise ConfirmationWaits(account=account, day=day, confirmation=standing)
    made = insert(table).values(
        account=account,
        day=day,
        balance=balance,
        document=document.strip(),
        statement_id=covering,
        state="entered",
        entered_by=by.name,
        entered_at=now,
    )
    entered = _as_confirmation(db.execute(made.returning(table)).one())
    facts = {"day": day.isoformat(), "balance": balance, "document": entered.document, "confirmation": entered.id}
    trail.record(db, by, "balance.entered", f"account:{account}", now=now, **facts)
    return entered


def approve(db: Connection, confirmation_id: int, *, by: Caller, now: datetime) -> Confirmation:
    """Approve what somebody else entered, paper in hand. Raises Unknown, AlreadyDecided, FourEyes, SamePerson,
    DayFrozen, StatedAlready, NotCovered."""
    entered = _to_be_decided(db, confirmation_id, by)
    _must_be_needed(db, entered.account, entered.day)
    return _decide(db, entered, state="approved", by=by, now=now)


def reject(db: Connection, confirmation_id: int, *, reason: str, by: Caller, now: datetime) -> Confirmation:
    """Reject what somebody else entered, with a reason.

    Raises Unknown, AlreadyDecided, FourEyes, SamePerson, ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing
    return _decide(db, _to_be_decided(db, confirmation_id, by), state="rejected", by=by, now=now, reason=reason)


def last(db: Connection, account: str, *, until: date | None = None) -> Confirmation | None:
    """The approved balance of the latest day up to `until`; of several for that day, the last one."""
    query = select(table).where(table.c.account == account, table.c.state == "approved")
    if until is not None:
        query = query.where(table.c.day <= until)
    row = db.execute(query.order_by(table.c.day.desc(), table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _as_confirmation(row)


def opening(db: Connection, account: str) -> Confirmation | None:
    """The approved balance from before the first statement, the last one that was entered."""
    query = select(table).where(table.c.account == account, table.c.state == "approved", table.c.statement_id.is_(None))
    row = db.execute(query.order_by(table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _as_confirmation(row)


def of_account(db: Connection, account: str, *, after: int = 0, limit: int | None = None) -> list[Confirmation]:
    """Every confirmation of an account, decided or not, oldest first."""
    query = select(table).where(table.c.account == account, table.c.id > after).order_by(table.c.id).limit(limit)
    return [_as_confirmation(row) for row in db.execute(query)]


def _must_be_needed(db: Connection, account: str, day: date) -> int | None:
    """The statement that covers the day, None before the first one. It must not state a balance itself."""
    frozen.must_be_open(db, account, [day])
    last = statements.last_with_balance(db, account, until=day)
    closed = last if last is not None and last.ends == day else None
    if (stated := statements.over(db, account, day) or closed) is not None:
        balance = Money(statements.balance_within(db, stated, day)).major
        raise StatedAlready(statement=stated.id, day=day, balance=balance)
    s = statement.c
    covering = select(s.id).where(s.account == account, s.begins <= day, s.ends >= day).order_by(s.id.desc()).limit(1)
    found: int | None = db.execute(covering).scalar()
    first = db.execute(select(s.begins).where(s.account == account).order_by(s.begins).limit(1)).scalar()
    if found is None and (first is None or first <= day):
        raise NotCovered(account=account, day=day)
    return found


def _to_be_decided(db: Connection, confirmation_id: int, by: Caller) -> Confirmation:
    by.must_be("bureau")
    row = db.execute(select(table).where(table.c.id == confirmation_id)).one_or_none()
    if row is None:
        raise Unknown(what="balance confirmation", key=confirmation_id)
    institutions.by_account(db, row.account, lock=True)
    entered = _as_confirmation(db.execute(select(table).where(table.c.id == confirmation_id).with_for_update()).one())
    if entered.state != "entered":
        raise AlreadyDecided(what="balance confirmation", what_zh="余额确认", key=entered.id, state=entered.state)
    four_eyes.must_be_another(db, by, entered.entered_by, what="balance confirmation", what_zh="余额确认")
    return entered


def _decide(
    db: Connection,
    entered: Confirmation,
    *,
    state: Literal["approved", "rejected"],
    by: Caller,
    now: datetime,
    reason: str | None = None,
) -> Confirmation:
    decided = update(table).where(table.c.id == entered.id)
    decided = decided.values(state=state, decided_by=by.name, decided_at=now, reason=reason)
    facts = {"day": entered.day.isoformat(), "balance": entered.balance, "confirmation": entered.id, "reason": reason}
    trail.record(db, by, f"balance.{state}", f"account:{entered.account}", now=now, **facts)
    return _as_confirmation(db.execute(decided.returning(table)).one())


def _as_confirmation(row: Row[Any]) -> Confirmation:
    return Confirmation(**row._asdict())
