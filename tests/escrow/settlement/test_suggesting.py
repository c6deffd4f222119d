"""What the matching suggests is kept for two people: nothing is booked from it, and it is not suggested twice."""

from sqlalchemy import select

from escrow.payouts.tables import instruction
from escrow.settlement import breaks, cash, proposals
from escrow.settlement.tables import match, match_proposal, statement_line
from tests.escrow.county import BUREAU, SECOND, at, balances, breaches, credit, receive
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.conftest import Day

NOW = at(10, 9)


def merged(day: Day) -> None:
    """Two payments of one payer were notified; the bank books them in one line, under a serial of its own."""
    told = [
        credit("", amount, serial=serial, payer="王芳1", payer_account="6222000000000001", paid_at=at(10, 8))
        for amount, serial in ((30000, "N1"), (20000, "N2"))
    ]
    receive(day.db, *told, now=at(10, 8, 13))
    line = BankLine(amount=50000, at=at(10, 8), serial="9001", party="王芳1", party_account="6222000000000001")
    day.take_file(written(day.of.account, [line]), now=NOW)


def test_a_sum_of_parts_is_suggested_and_nothing_of_it_is_booked(day: Day) -> None:
    merged(day)
    found = day.reconcile(NOW)
    assert (found.matched, found.booked) == ({}, {})
    (proposal,) = proposals.page(day.db, day.of.account)
    assert (proposal.rule, proposal.proposed_by, proposal.difference) == ("merged", BUREAU.name, 0)
    assert "王芳1" in proposal.evidence or "9001" in proposal.evidence or proposal.evidence
    assert balances(day.db)["bank/6200000001"] == 50000
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0
    day.reconcile(NOW)
    assert [each.id for each in proposals.page(day.db, day.of.account)] == [proposal.id], "it is suggested once"

    made = proposals.approve(day.db, proposal.id, by=SECOND, now=NOW)
    assert day.db.execute(select(match.c.rule).where(match.c.id == made)).scalar_one() == "merged"
    assert day.reconcile(NOW).open == []
    assert breaks.still_open(day.db) == []
    assert breaches(day.db) == []


def test_what_was_declined_is_not_suggested_again_and_the_line_is_booked_as_it_stands(day: Day) -> None:
    merged(day)
    day.reconcile(NOW)
    (proposal,) = proposals.page(day.db, day.of.account)
    proposals.decline(day.db, proposal.id, reason="两笔另有来源", by=SECOND, now=NOW)
    found = day.reconcile(NOW)
    assert (found.booked, proposals.page(day.db, day.of.account)) == ({"credit": 1}, [])
    assert balances(day.db)["bank/6200000001"] == 100000
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0
    assert breaches(day.db) == []
    assert len(day.db.execute(select(match_proposal)).all()) == 1
    assert day.db.execute(select(instruction)).all() == []
    assert len(day.db.execute(select(statement_line)).all()) == 1
