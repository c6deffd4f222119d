"""A day is signed off when everything has its place; then it is frozen, for the verbs and for the database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from escrow.bank.sandbox import SandboxBank
from escrow.db import transaction
from escrow.refusals import AlreadyDecided, Forbidden, FourEyes, ReasonMissing
from escrow.settlement import breaks, cash, proposals, reopening, signing, statements, undoing
from escrow.settlement.chain import Gap, first_gap
from escrow.settlement.frozen import DayFrozen
from escrow.settlement.proposal_sides import Chosen
from escrow.settlement.reopening import NotSigned, ReopeningWaits
from escrow.settlement.signing import (
    BreaksWithoutOwner,
    CashNotProved,
    GapInStatements,
    LinesWithoutPlace,
    NoBalanceStated,
    NotOver,
    NotTiedOut,
    SignedAlready,
)
from escrow.settlement.statements import Imported, NotSupervised
from escrow.settlement.tables import match, signoff, statement_line
from escrow.settlement.tables import reopening as reopening_table
from escrow.settlement.tie_out import tie_out
from tests.escrow.county import (
    BANK,
    BUREAU,
    SECOND,
    at,
    breaches,
    credit,
    enrolled,
    receive,
    school,
    unguarded,
    until_somebody_waits,
)
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.conftest import Day

NOW = at(10, 13)
EIGHTH, NINTH, TENTH = date(2026, 10, 8), date(2026, 10, 9), date(2026, 10, 10)


def line(amount: int, on: int = 8, hour: int = 9, *, serial: str = "") -> BankLine:
    return BankLine(amount=amount, at=at(10, on, hour), serial=serial, party="x", party_account="1")


def taken(day: Day, *lines: BankLine, opening: int = 0) -> Imported:
    (imported,) = day.take_file(written(day.of.account, lines, opening=opening), now=NOW)
    day.reconcile(NOW)
    return imported


def sign(day: Day, on: date = EIGHTH) -> signing.SignOff:
    return signing.sign_off(day.db, day.of.account, on, by=BUREAU, now=NOW)


def owned(day: Day) -> None:
    for each in breaks.still_open(day.db):
        breaks.assign(day.db, each.id, owner="王会计", by=BUREAU, now=NOW)


def test_a_day_in_order_is_signed_with_what_was_proved(day: Day) -> None:
    receive(day.db, credit("", 5000, serial="S1", paid_at=at(10, 8, 9)), now=at(10, 8, 10))
    receive(day.db, credit("", 700, serial="S2", paid_at=at(10, 8, 23)), now=at(10, 8, 23, 30))
    taken(day, line(5000, serial="S1"), line(-30, hour=10, serial="X"), line(700, 9, serial="S2"))
    owned(day)
    made = sign(day)
    assert (made.ledger_balance, made.statement_balance, made.signed_by) == (5700, 4970, BUREAU.name)
    assert [(each["name"], each["amount"]) for each in made.differences] == [
        ("对账单有、账上无", -30),
        ("已通知、对账单尚无", -700),
    ]
    assert made.owed == {"suspense": 5700}
    assert [each.id for each in signing.of_account(day.db, day.of.account)] == [made.id]
    assert signing.get(day.db, made.id) == made
    assert cash.prove(day.db, day.of.account, on=EIGHTH).statement_balance.minor == 4970
    assert breaches(day.db) == []


def test_the_tie_out_sums_what_is_owed_on_each_day_by_kind(day: Day) -> None:
    enrolled(day.db, day.of)
    school(day.db, 2)
    receive(day.db, credit("", 700, account="6200000002", serial="other"))
    before, after = (tie_out(day.db, day.of.account, on=date(2026, 7, each)) for each in (20, 21))
    assert (before.bank, sum(before.owed.values()), before.holds) == (0, 0, True)
    assert (after.bank, after.owed["prepaid"], after.holds) == (100000, 100000, True)
    assert not replace(after, bank=99999).holds


def test_who_may_not_sign_and_what_is_no_account_is_told_so(day: Day) -> None:
    taken(day, line(5000, serial="S1"))
    with pytest.raises(Forbidden):
        signing.sign_off(day.db, day.of.account, EIGHTH, by=BANK, now=NOW)
    with pytest.raises(NotSupervised):
        signing.sign_off(day.db, "404", EIGHTH, by=BUREAU, now=NOW)


def test_what_is_not_in_order_is_not_signed(day: Day) -> None:
    with pytest.raises(NoBalanceStated):
        sign(day)
    taken(day, line(5000, serial="S1"), line(-30, hour=10, serial="X"), line(1, 9, serial="S3"))
    with pytest.raises(NotOver):
        signing.sign_off(day.db, day.of.account, EIGHTH, by=BUREAU, now=at(10, 8, 23, 59))
    with pytest.raises(NoBalanceStated):
        sign(day, TENTH)
    with pytest.raises(BreaksWithoutOwner) as refused:
        sign(day)
    assert refused.value.facts["breaks"] == 1
    owned(day)
    sign(day)
    with pytest.raises(SignedAlready):
        sign(day)
    with pytest.raises(SignedAlready):
        sign(day, date(2026, 10, 1))
    sign(day, NINTH)


def test_lines_that_nobody_has_looked_at_are_not_signed(day: Day) -> None:
    day.take_file(written(day.of.account, [line(5000, serial="S1")]), now=NOW)
    with pytest.raises(LinesWithoutPlace) as refused:
        sign(day)
    assert refused.value.facts["lines"] == 1


def test_cash_that_is_not_proved_is_not_signed(day: Day) -> None:
    taken(day, line(5000, serial="S1"), line(-30, hour=10, serial="X"))
    owned(day)
    unguarded(day.db, "statement_line")
    day.db.execute(update(statement_line).where(statement_line.c.amount == -30).values(amount=-31))
    with pytest.raises(CashNotProved) as refused:
        sign(day)
    assert refused.value.facts["unexplained"] == "0.01"


def test_books_that_do_not_tie_out_are_not_signed(day: Day) -> None:
    taken(day, line(5000, serial="S1"))
    unguarded(day.db, "ledger_transfer")
    unguarded(day.db, "ledger_account")
    stray = text(
        "INSERT INTO ledger_transfer (debit_id, credit_id, amount, phase, kind, reference, effective, recorded)"
        " SELECT theirs.id, ours.id, 1, 'posted', 'x', 'x', t.effective, t.recorded"
        " FROM ledger_account theirs, ledger_account ours, ledger_transfer t"
        " WHERE theirs.path = 'bank/6200000002' AND ours.path = 'bank/6200000001/suspense'"
    )
    school(day.db, 2)
    day.db.execute(stray)
    with pytest.raises(NotTiedOut):
        sign(day)


def test_a_missing_statement_between_two_is_seen_before_signing(day: Day) -> None:
    """The import finds a gap to the statement before; one that comes in later, before it, leaves its own gap."""
    taken(day, line(300, 10, serial="S3"), opening=5700)
    taken(day, line(5000, serial="S1"))
    with pytest.raises(GapInStatements) as refused:
        sign(day, TENTH)
    assert {name: str(refused.value.facts[name]) for name in ("ended", "closing", "begins", "opening")} == {
        "ended": "2026-10-08",
        "closing": "50.00",
        "begins": "2026-10-10",
        "opening": "57.00",
    }
    taken(day, line(700, 9, serial="S2"), opening=5000)
    sign(day, TENTH)


def stated(begins: int, ends: int, opening: int | None, closing: int | None, *, id_: int = 1) -> Imported:
    return Imported(
        id=id_,
        account="62",
        identifier="",
        format="x",
        begins=date(2026, 10, begins),
        ends=date(2026, 10, ends),
        opening=opening,
        closing=closing,
        lines=0,
        sha256="",
        imported_at=NOW,
        imported_by="",
    )


@pytest.mark.parametrize(
    ("chain", "gap"),
    [
        ([(8, 8, 0, 5), (9, 9, 5, 7)], None),
        ([(9, 9, 5, 7), (8, 8, 0, 5)], None),  # in whatever order they came
        ([(8, 8, 0, 5), (9, 9, 6, 7)], (8, 9)),
        ([(8, 8, 0, 5), (10, 10, 5, 7)], (8, 10)),  # the ninth was a working day
        ([(10, 10, 0, 5), (12, 12, 5, 7)], None),  # the eleventh was a Sunday
        ([(10, 10, 0, 5), (12, 12, 6, 7)], (10, 12)),
        ([(8, 9, 0, 5), (9, 10, 3, 7)], None),  # overlapping
        ([(8, 10, 0, 5), (9, 9, 3, 4), (12, 12, 5, 9)], None),  # one within another
        ([(8, 8, 0, 5), (9, 9, None, None), (12, 12, 5, 7)], (8, 12)),  # what states no balance proves nothing
        ([], None),
    ],
)
def test_the_chain_of_statements(
    chain: list[tuple[int, int, int | None, int | None]], gap: tuple[int, int] | None
) -> None:
    found = first_gap([stated(*each, id_=number) for number, each in enumerate(chain)], until=date(2026, 10, 12))
    named = None if found is None else (found.ended.day, found.begins.day)
    assert named == gap
    assert found is None or isinstance(found, Gap)


def test_a_signed_day_takes_no_match_no_undo_and_no_line(day: Day) -> None:
    (paid,) = receive(day.db, credit("", 30, serial="S9", paid_at=at(10, 8, 9)), now=at(10, 8, 10))
    taken(day, line(5000, serial="S1"), line(31, hour=10))
    owned(day)
    sign(day)
    (loose,) = day.db.execute(select(statement_line.c.id).where(statement_line.c.amount == 31)).scalars()
    (made,) = day.db.execute(select(match.c.id)).scalars()
    with pytest.raises(DayFrozen):
        proposals.propose(day.db, Chosen(lines=[loose], books="credit"), reason="x", by=BUREAU, now=NOW)
    with pytest.raises(DayFrozen):
        undoing.undo(day.db, made, reason="x", by=BUREAU, now=NOW)
    attempts = [
        f"INSERT INTO statement_match (account, line_id, rule, evidence, matched_at, matched_by, booked, own_amount,"  # noqa: S608  own words
        f" transfers) SELECT account, {loose}, rule, evidence, matched_at, matched_by, 0, 0, '[]' FROM statement_match",
        "UPDATE statement_match SET undone_at = matched_at, undone_by = 'x', undone_why = 'x'",
        "INSERT INTO statement_line (statement_id, account, key, number, booked_on, booked_at, amount, serial,"
        " end_to_end, remark, counterparty, counterparty_account, reversal, nature) SELECT statement_id, account, 'k',"
        " 9, booked_on, booked_at, 1, '', '', '', '', '', 0, '' FROM statement_line LIMIT 1",
        "DELETE FROM day_signoff",
        "UPDATE day_signoff SET ledger_balance = 0",
    ]
    for attempt in attempts:
        with pytest.raises(DBAPIError, match=r"signed off|signed day"), day.db.begin_nested():
            day.db.execute(text(attempt))
    # A later word of the bank changes nothing of the day: the break stays as it was signed.
    receive(day.db, credit("", 31, serial="S10", payer="x", payer_account="1", paid_at=at(10, 8, 10)), now=NOW)
    listed = {each.line_id for each in day.reconcile(NOW).open}
    assert loose in listed
    assert paid.payment.id
    assert breaches(day.db) == []


def test_a_late_line_of_a_signed_day_waits_apart_until_the_day_is_reopened_by_two(day: Day) -> None:
    taken(day, line(5000, serial="S1"))
    sign(day)
    late = taken(day, line(5000, serial="S1"), line(800, hour=11, serial="S2"), line(1, 9, serial="S3"))
    assert (late.fresh, late.late) == (1, 1)
    again = taken(day, line(5000, serial="S1"), line(800, hour=11, serial="S2"), line(1, 9, serial="S3"))
    assert again.id == late.id
    (listed,) = [each for each in breaks.still_open(day.db) if each.kind == "late_line"]
    assert (listed.amount, listed.severity) == (800, "high")
    with pytest.raises(CashNotProved):
        sign(day, NINTH)
    assert breaches(day.db) == []

    with pytest.raises(ReasonMissing):
        reopening.ask(day.db, day.of.account, EIGHTH, reason=" ", by=BUREAU, now=NOW)
    with pytest.raises(NotSigned):
        reopening.ask(day.db, day.of.account, NINTH, reason="x", by=BUREAU, now=NOW)
    asked = reopening.ask(day.db, day.of.account, EIGHTH, reason="银行补记", by=BUREAU, now=NOW)
    with pytest.raises(ReopeningWaits):
        reopening.ask(day.db, day.of.account, EIGHTH, reason="银行补记", by=SECOND, now=NOW)
    with pytest.raises(FourEyes):
        reopening.approve(day.db, asked.id, by=BUREAU, now=NOW)
    itself = update(reopening_table).values(state="approved", decided_by=BUREAU.name, decided_at=NOW)
    with pytest.raises(IntegrityError, match="four_eyes"), day.db.begin_nested():
        day.db.execute(itself)
    assert reopening.approve(day.db, asked.id, by=SECOND, now=NOW).state == "approved"
    with pytest.raises(AlreadyDecided):
        reopening.approve(day.db, asked.id, by=SECOND, now=NOW)
    found = day.reconcile(NOW)
    assert found.open == []
    assert day.db.execute(select(signoff.c.reopening_id)).scalar_one() == asked.id
    resigned = sign(day)
    assert (resigned.statement_balance, sign(day, NINTH).statement_balance) == (5800, 5801)
    assert breaches(day.db) == []


def test_reopening_a_day_reopens_the_later_ones_with_it_and_a_rejected_request_opens_none(day: Day) -> None:
    taken(day, line(5000, serial="S1"), line(1, 9, serial="S2"), line(2, 10, serial="S3"))
    for each in (EIGHTH, NINTH, TENTH):
        sign(day, each)
    refused = reopening.ask(day.db, day.of.account, NINTH, reason="x", by=BUREAU, now=NOW)
    assert reopening.reject(day.db, refused.id, by=SECOND, now=NOW).state == "rejected"
    assert all(each.reopening_id is None for each in signing.of_account(day.db, day.of.account))
    asked = reopening.ask(day.db, day.of.account, NINTH, reason="x", by=BUREAU, now=NOW)
    reopening.approve(day.db, asked.id, by=SECOND, now=NOW)
    standing = [(each.day, each.reopening_id) for each in signing.of_account(day.db, day.of.account)]
    assert standing == [(EIGHTH, None), (NINTH, asked.id), (TENTH, asked.id)]
    with pytest.raises(SignedAlready):
        sign(day, EIGHTH)
    sign(day, TENTH)


def test_what_was_signed_is_held_against_what_stands_by_the_audit(day: Day) -> None:
    taken(day, line(5000, serial="S1"))
    sign(day)
    unguarded(day.db, "day_signoff")
    day.db.execute(update(signoff).values(ledger_balance=signoff.c.ledger_balance + 1))
    assert [each.split(":")[0] for each in breaches(day.db)] == ["signed days stand"]


def test_a_sign_off_and_an_import_of_the_same_day_wait_for_each_other(postgres_engine: Engine, tmp_path: Path) -> None:
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        with transaction(postgres_engine) as db:
            day = Day(db=db, of=school(db), bank=bank)
            taken(day, line(5000, serial="S1"))
        more = written(day.of.account, [line(5000, serial="S1"), line(800, hour=11, serial="S2")])

        def take_more() -> tuple[int, int]:
            with transaction(postgres_engine) as db:
                (imported,) = statements.import_file(db, more, filename="x", account=day.of.account, by=BUREAU, now=NOW)
                return imported.fresh, imported.late

        with ThreadPoolExecutor(1) as threads:
            with transaction(postgres_engine) as db:
                signing.sign_off(db, day.of.account, EIGHTH, by=BUREAU, now=NOW)
                other = threads.submit(take_more)
                until_somebody_waits(db)
            assert other.result(30) == (0, 1), "the line came too late for a day that is signed"
        with transaction(postgres_engine) as db:
            assert breaches(db) == []
