"""Money taken outside the account: reported by the institution, and swept in by a credit that the bank tells of."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import contracts
from escrow.enrolment.tables import payment
from escrow.enrolment.tables import taking as table
from escrow.refusals import AlreadyDecided, Conflict, Invalid, Unknown
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from ledger.money import Money

Means = Literal["cash", "wallet", "card"]


class NothingTaken(Invalid):
    """A taking is an amount of more than 0.00; this one is {amount}."""

    zh = "收款金额须大于0.00元，现为 {amount} 元。"


class TakenInTheFuture(Invalid):
    """The money was taken on {taken_on}, and it is {today}: report it when it has been taken."""

    zh = "收款日期 {taken_on} 晚于今天 {today}，请在实际收款后上报。"


class NoSuchCredit(Conflict):
    """No credit with the serial {serial} has come into the supervised account {account} by the bank's word. Pay the
    money in, wait for the bank's word, and give its serial."""

    zh = "监管账户 {account} 没有银行流水号为 {serial} 的到账记录；请先存入，待银行通知到账后再填写其流水号。"


class SweptBeforeTaken(Conflict):
    """The credit {serial} came on {paid_on}, before the money was taken on {taken_on}: it cannot be this money."""

    zh = "银行流水 {serial} 于 {paid_on} 到账，早于收款日 {taken_on}，不可能是这笔款项。"


class SweepTooSmall(Conflict):
    """The credit {serial} is of {credit}, and sweeps {swept} of other takings already; {left} are left, this taking is
    of {amount}. Each fen sweeps one fen."""

    zh = "银行流水 {serial} 金额为 {credit} 元，已用于归集 {swept} 元，余 {left} 元，不足本笔 {amount} 元。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Tuition taken outside the supervised account (账户外收款). `amount` in fen; `swept_on` by the bank's word."""

    id: int
    institution_id: int
    contract_id: int | None
    amount: int
    means: Means
    taken_on: date
    reported_at: datetime
    reported_by: str
    payment_id: int | None
    swept_on: date | None


def report(
    db: Connection,
    institution_id: int,
    *,
    amount: Money,
    means: Means,
    taken_on: date,
    contract_id: int | None,
    by: Caller,
    now: datetime,
) -> Taking:
    """The institution says what it took in cash, by a wallet or a card of its own. A closing one must still say it.

    Raises Unknown, NothingTaken, TakenInTheFuture.
    """
    by.must_act_for("institution", institution_id, "institution", institution_id)
    institutions.get(db, institution_id)
    today = now.astimezone(SHANGHAI).date()
    if amount.minor < 1:
        raise NothingTaken(amount=amount.major)
    if taken_on > today:
        raise TakenInTheFuture(taken_on=taken_on, today=today)
    if contract_id is not None and contracts.get(db, contract_id).institution_id != institution_id:
        raise Unknown(what="contract", key=contract_id)
    made = insert(table).values(
        institution_id=institution_id,
        contract_id=contract_id,
        amount=amount.minor,
        means=means,
        taken_on=taken_on,
        reported_at=now,
        reported_by=by.name,
    )
    taking = _as_taking(db.execute(made.returning(table)).one())
    trail.record(db, by, "taking.reported", f"taking:{taking.id}", now=now, amount=taking.amount, means=means)
    return taking


def sweep(db: Connection, taking_id: int, *, serial: str, by: Caller, now: datetime) -> Taking:
    """Name the bank's credit that brought the money into the account; its day counts, not the institution's word.

    One credit may sweep several takings, each fen once. Raises Unknown, AlreadyDecided, NoSuchCredit,
    SweptBeforeTaken, SweepTooSmall.
    """
    taking = get(db, taking_id, by=by)
    # Locked, since two takings at once would each find the same credit free.
    home = institutions.get(db, taking.institution_id, lock=True)
    taking = get(db, taking_id, by=by)
    if taking.payment_id is not None:
        raise AlreadyDecided(what="taking", what_zh="账户外收款", key=taking_id, state="swept")
    credit = db.execute(
        select(payment.c.id, payment.c.amount, payment.c.paid_at).where(
            payment.c.supervised_account == home.supervised_account, payment.c.serial == serial
        )
    ).one_or_none()
    if credit is None:
        raise NoSuchCredit(serial=serial, account=home.supervised_account)
    swept_on = credit.paid_at.astimezone(SHANGHAI).date()
    if swept_on < taking.taken_on:
        raise SweptBeforeTaken(serial=serial, paid_on=swept_on, taken_on=taking.taken_on)
    swept = _swept(db, credit.id)
    if swept + taking.amount > credit.amount:
        fen = {"credit": credit.amount, "swept": swept, "left": credit.amount - swept, "amount": taking.amount}
        raise SweepTooSmall(serial=serial, **{name: Money(each).major for name, each in fen.items()})
    db.execute(update(table).where(table.c.id == taking_id).values(payment_id=credit.id, swept_on=swept_on))
    trail.record(db, by, "taking.swept", f"taking:{taking_id}", now=now, payment=credit.id)
    return get(db, taking_id, by=by)


def get(db: Connection, taking_id: int, *, by: Caller) -> Taking:
    """One taking, for its institution and the bureau. Raises Unknown, Forbidden."""
    row = db.execute(select(table).where(table.c.id == taking_id)).one_or_none()
    if row is None:
        by.must_be("institution", "bureau")
        raise Unknown(what="taking", key=taking_id)
    by.must_act_for("institution", row.institution_id, "taking", taking_id)
    return _as_taking(row)


def page(db: Connection, institution_id: int, *, after: int = 0, limit: int = 100) -> list[Taking]:
    """The takings of an institution, in the order they were reported."""
    query = select(table).where(table.c.institution_id == institution_id, table.c.id > after)
    return [_as_taking(row) for row in db.execute(query.order_by(table.c.id).limit(limit))]


def _swept(db: Connection, payment_id: int) -> int:
    """Fen of other takings that this credit has swept in already."""
    query = select(func.coalesce(func.sum(table.c.amount), 0)).where(table.c.payment_id == payment_id)
    return int(db.execute(query).scalar_one())


def _as_taking(row: Row[Any]) -> Taking:
    return Taking(**row._asdict())
