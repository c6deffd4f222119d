"""Accounts whose files state no balance: two people enter what the bank confirmed on paper, and the day is signed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

import pytest
from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import DBAPIError

from escrow.access.tables import audit_entry
from escrow.refusals import AlreadyDecided, Forbidden, FourEyes, ReasonMissing, Unknown
from escrow.settlement import cash, confirmations, reconciling, reopening, signing, statements
from escrow.settlement.confirmations import (
    Confirmation,
    ConfirmationWaits,
    DayNotOver,
    DocumentMissing,
    NotCovered,
    StatedAlready,
)
from escrow.settlement.frozen import DayFrozen
from escrow.settlement.signing import CashNotProved, NoBalanceStated
from escrow.settlement.statements import NotSupervised
from escrow.settlement.tables import statement
from tests.escrow.county import BANK, BUREAU, SECOND, at, breaches, school, unguarded
from tests.escrow.settlement.bank_days import BankLine, written
from tests.reconciliation.bank_files import OLD_HEADER, corporate

ACCOUNT: Final = "6200000001"
PAPER: Final = "余额证明 2026-0087，2026-10-09"
SEVENTH, EIGHTH, NINTH = date(2026, 10, 7), date(2026, 10, 8), date(2026, 10, 9)
NOW: Final = at(10, 12)


def without_balances(*lines: tuple[int, datetime, str]) -> bytes:
    """The bank's file as `written`, with nothing in its column of balances."""
    rows = []
    for amount, when, serial in lines:
        figure = f'"{abs(amount) / 100:.2f}"'
        way = ("贷", "", figure) if amount > 0 else ("借", figure, "")
        rows.append(f"{serial},{{a}},1,{when:%Y-%m-%d %H:%M:%S},{','.join(way)},,转账,学费,张三,,")
    return corporate(OLD_HEADER, rows, account=ACCOUNT)


@pytest.fixture
def db(db: Connection) -> Connection:
    """One school, and a file of Thursday and Friday that states no balance: 5.00 came, 0.70 came."""
    school(db)
    taken(db, without_balances((500, at(10, 8, 9), "A"), (70, at(10, 9, 9), "B")))
    return db


def taken(db: Connection, data: bytes) -> None:
    statements.import_file(db, data, filename="day.csv", account=ACCOUNT, by=BUREAU, now=NOW)
    reconciling.reconcile(db, ACCOUNT, by=BUREAU, now=NOW)


def entered(db: Connection, balance: int, *, day: date = NINTH) -> Confirmation:
    return confirmations.enter(db, ACCOUNT, day, balance=balance, document=PAPER, by=BUREAU, now=NOW)


def approved(db: Connection, balance: int, *, day: date = NINTH) -> Confirmation:
    made = entered(db, balance, day=day)
    return confirmations.approve(db, made.id, by=SECOND, now=NOW)


def signed(db: Connection, day: date = NINTH) -> signing.SignOff:
    return signing.sign_off(db, ACCOUNT, day, by=BUREAU, now=NOW)


def trace(db: Connection) -> Sequence[str]:
    said = select(audit_entry.c.what).where(audit_entry.c.what.like("balance.%")).order_by(audit_entry.c.id)
    return list(db.execute(said).scalars())


def test_a_day_is_signed_off_by_what_two_people_confirmed(db: Connection) -> None:
    assert cash.stated_at(db, ACCOUNT, NINTH) is None
    with pytest.raises(NoBalanceStated):
        signed(db)
    made = entered(db, 570)
    with pytest.raises(NoBalanceStated):
        signed(db)
    confirmations.approve(db, made.id, by=SECOND, now=NOW)
    found = signed(db)
    assert (found.confirmation_id, found.statement_balance, found.ledger_balance) == (made.id, 570, 570)
    assert (found.statement_id, made.statement_id) == (made.statement_id, statements.of_account(db, ACCOUNT)[0].id)
    assert trace(db) == ["balance.entered", "balance.approved"]
    assert cash.prove(db, ACCOUNT, on=NINTH).unexplained.minor == 0
    assert breaches(db) == []


def test_a_balance_that_the_lines_do_not_come_to_signs_nothing(db: Connection) -> None:
    approved(db, 571)
    with pytest.raises(CashNotProved) as refused:
        signed(db)
    assert refused.value.facts["unexplained"] == "0.01"
    approved(db, 570)
    assert signed(db).statement_balance == 570, "the last approved one counts"


def test_what_the_account_held_before_its_first_statement_is_confirmed_by_itself(db: Connection) -> None:
    approved(db, 1570)
    with pytest.raises(CashNotProved):
        signed(db)
    approved(db, 1000, day=SEVENTH)
    made = signed(db)
    assert [(each["name"], each["amount"], each["reference"]) for each in made.differences] == [
        ("首期对账单之前已有余额", 1000, PAPER)
    ]
    with pytest.raises(NoBalanceStated):
        signing.sign_off(db, ACCOUNT, date(2026, 10, 11), by=BUREAU, now=NOW)


def test_a_day_within_the_file_is_signed_by_its_own_balance(db: Connection) -> None:
    approved(db, 500, day=EIGHTH)
    assert signed(db, EIGHTH).statement_balance == 500
    with pytest.raises(NoBalanceStated):
        signed(db, NINTH)


def test_what_a_statement_states_nobody_enters_and_a_later_statement_outranks_what_was_entered(db: Connection) -> None:
    waiting = entered(db, 571)
    taken(db, written(ACCOUNT, [BankLine(amount=70, at=at(10, 9, 9), serial="B")], opening=500))
    with pytest.raises(StatedAlready) as refused:
        entered(db, 570)
    assert refused.value.facts["balance"] == "5.70"
    unguarded(db, "statement")
    db.execute(update(statement).where(statement.c.closing.is_not(None)).values(opening=None))
    with pytest.raises(StatedAlready):
        entered(db, 570)
    with pytest.raises(StatedAlready):
        confirmations.approve(db, waiting.id, by=SECOND, now=NOW)
    assert signed(db).confirmation_id is None


def test_four_eyes_a_paper_and_a_day_that_is_over_and_covered(db: Connection) -> None:
    ours = entered(db, 570)
    with pytest.raises(FourEyes):
        confirmations.approve(db, ours.id, by=BUREAU, now=NOW)
    with pytest.raises(ConfirmationWaits):
        entered(db, 571)
    with pytest.raises(ReasonMissing):
        confirmations.reject(db, ours.id, reason=" ", by=SECOND, now=NOW)
    assert confirmations.reject(db, ours.id, reason="金额有误", by=SECOND, now=NOW).reason == "金额有误"
    with pytest.raises(AlreadyDecided):
        confirmations.approve(db, ours.id, by=SECOND, now=NOW)
    with pytest.raises(DocumentMissing):
        confirmations.enter(db, ACCOUNT, NINTH, balance=1, document=" ", by=BUREAU, now=NOW)
    with pytest.raises(DayNotOver):
        entered(db, 570, day=date(2026, 10, 12))
    with pytest.raises(NotCovered):
        entered(db, 570, day=date(2026, 10, 10))
    with pytest.raises(NotSupervised):
        confirmations.enter(db, "6299999999", NINTH, balance=1, document=PAPER, by=BUREAU, now=NOW)
    with pytest.raises(Forbidden):
        confirmations.enter(db, ACCOUNT, NINTH, balance=1, document=PAPER, by=replace(BANK, role="family"), now=NOW)
    with pytest.raises(Unknown):
        confirmations.approve(db, 1, by=SECOND, now=NOW)
    assert [each.state for each in confirmations.of_account(db, ACCOUNT)] == ["rejected"]


def test_a_signed_day_keeps_its_balance_until_two_people_reopen_it(db: Connection) -> None:
    approved(db, 570)
    signed(db)
    with pytest.raises(DayFrozen):
        entered(db, 571)
    asked = reopening.ask(db, ACCOUNT, NINTH, reason="银行更正", by=BUREAU, now=NOW)
    reopening.approve(db, asked.id, by=SECOND, now=NOW)
    assert entered(db, 571).state == "entered"
    assert breaches(db) == []


def test_the_database_itself_lets_nobody_change_what_was_confirmed(db: Connection) -> None:
    approved(db, 570)
    signed(db)
    for forced in (
        "UPDATE balance_confirmation SET balance = 571",
        "DELETE FROM balance_confirmation",
        "INSERT INTO balance_confirmation SELECT id + 1, account, day, balance, document, statement_id, state, 'x',"
        " entered_at, 'x', decided_at, reason FROM balance_confirmation",
        "UPDATE day_signoff SET confirmation_id = NULL",
    ):
        with pytest.raises(DBAPIError), db.begin_nested():
            db.execute(text(forced))
