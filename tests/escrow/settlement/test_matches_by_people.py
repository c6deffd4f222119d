"""Matches that two people make and one can undo: four eyes, write-offs within their limit, a trace of everything."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from escrow.access.caller import Caller
from escrow.access.tables import audit_entry
from escrow.bank.sandbox import SandboxBank
from escrow.db import transaction
from escrow.enrolment import payments
from escrow.enrolment.tables import payment_order
from escrow.payouts import batches, refunds
from escrow.payouts.tables import instruction
from escrow.refusals import AlreadyDecided, Forbidden, FourEyes, ReasonMissing, Refusal, Unknown
from escrow.settlement import breaks, cash, matches, proposals, undoing, unmatched, write_offs
from escrow.settlement.proposal_sides import Chosen, MatchedAlready
from escrow.settlement.proposals import BeyondTheBooks, ProposedAlready
from escrow.settlement.tables import match, match_proposal, statement_line
from escrow.settlement.undoing import MovedOn
from escrow.settlement.weighing import (
    DoesNotBalance,
    NotForBooking,
    NothingToMatch,
    NotOnItsWay,
    OfTwoAccounts,
    SeveralWithSeveral,
)
from ledger.reading import all_transfers
from tests.escrow.county import (
    BANK,
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    balances,
    breaches,
    credit,
    family,
    order,
    receive,
    school,
    signed,
    until_somebody_waits,
)
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.conftest import Day

NOW = at(10, 9)
THIRD = Caller(name="王副科长", role="bureau")


def notified(day: Day, *amounts: int, serial: str = "N") -> list[int]:
    """Payments that the bank notified, a serial for each; they stand in suspense. Their ids."""
    told = [credit("", each, serial=f"{serial}{at_}", paid_at=at(10, 8)) for at_, each in enumerate(amounts)]
    return [each.payment.id for each in receive(day.db, *told, now=at(10, 8, 13))]


def taken(day: Day, *lines: BankLine, opening: int = 0) -> list[int]:
    """Lines on a statement, reconciled as far as rules can. Their ids."""
    day.take_file(written(day.of.account, lines, opening=opening), now=NOW)
    day.reconcile(NOW)
    of_account = statement_line.c.account == day.of.account
    return list(day.db.execute(select(statement_line.c.id).where(of_account).order_by(statement_line.c.id)).scalars())


def line(amount: int, hour: int = 9, *, serial: str = "", summary: str = "转账") -> BankLine:
    party_account = "6222" if summary == "转账" else ""
    return BankLine(amount=amount, at=at(10, 8, hour), serial=serial, summary=summary, party_account=party_account)


def agreed(day: Day, chosen: Chosen, reason: str = "同一笔款") -> int:
    """Proposed by one, approved by another; the match."""
    proposal = proposals.propose(day.db, chosen, reason=reason, by=BUREAU, now=NOW)
    return proposals.approve(day.db, proposal.id, by=SECOND, now=NOW)


def everything_holds(day: Day) -> None:
    assert breaches(day.db) == []
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0


def test_a_match_that_the_books_cannot_follow_is_refused_in_words_and_can_be_approved_later(day: Day) -> None:
    day.take_file(written(day.of.account, [BankLine(amount=-30, at=at(10, 8), serial="X")], opening=30))
    day.reconcile()
    (line,) = unmatched.load(day.db, day.of.account).lines
    asked = proposals.propose(day.db, Chosen(lines=[line.id], books="fee"), reason="年费", by=BUREAU, now=at(10, 9))
    with pytest.raises(BeyondTheBooks) as refused, day.db.begin_nested():
        proposals.approve(day.db, asked.id, by=SECOND, now=at(10, 9))
    facts = refused.value.facts
    assert (facts["asked"], facts["available"], facts["path"]) == ("0.30", "0.00", f"bank/{day.of.account}")
    assert "请先导入并对账，或驳回该建议" in refused.value.chinese
    assert proposals.get(day.db, asked.id).state == "proposed"
    receive(day.db, credit("", 30, serial="S9", paid_at=at(10, 7)), now=at(10, 9))
    assert proposals.approve(day.db, asked.id, by=SECOND, now=at(10, 9))
    assert breaches(day.db) == []


def test_an_undoing_that_the_books_cannot_follow_is_refused_in_words(day: Day) -> None:
    lines = [
        BankLine(amount=30, at=at(10, 8, 9), serial="I", summary="结息", use="", party="", party_account=""),
        BankLine(amount=-30, at=at(10, 8)),
    ]
    day.take_file(written(day.of.account, lines))
    day.reconcile()
    (loose,) = unmatched.load(day.db, day.of.account).lines
    asked = proposals.propose(day.db, Chosen(lines=[loose.id], books="fee"), reason="年费", by=BUREAU, now=at(10, 9))
    proposals.approve(day.db, asked.id, by=SECOND, now=at(10, 9))
    made = day.db.execute(select(match.c.id).where(match.c.rule == "interest")).scalar_one()
    with pytest.raises(MovedOn, match=r"0\.30 are asked of bank/"):
        undoing.undo(day.db, made, reason="错", by=BUREAU, now=at(10, 9))


def test_one_line_for_two_notified_payments_is_matched_by_two_people(day: Day) -> None:
    first, second = notified(day, 30000, 20000)
    (merged,) = taken(day, line(50000))
    everything_holds(day)
    found = agreed(day, Chosen(lines=[merged], payments=[first, second]))

    rows = matches.rows_of(day.db, found)
    assert [(each.line_id, each.payment_id) for each in rows] == [(merged, first), (None, second)]
    assert {(each.rule, each.matched_by, each.booked) for each in rows} == {("manual", SECOND.name, 0)}
    assert day.reconcile(NOW).open == []
    assert cash.prove(day.db, day.of.account).differences == ()
    everything_holds(day)


def test_two_lines_for_one_payout_settle_it_when_the_last_of_them_left(day: Day) -> None:
    payout = sent_refund(day)
    first, second = taken(day, line(100000, 8, serial="P1"), line(-60000, 9), line(-40000, 11))[-2:]
    assert {each.kind for each in breaks.still_open(day.db)} == {"not_in_books"}
    found = agreed(day, Chosen(lines=[first, second], payouts=[payout]))
    assert [(each.line_id, each.instruction_id) for each in matches.rows_of(day.db, found)] == [
        (first, payout),
        (second, None),
    ]
    assert matches.get(day.db, found).booked == -100000
    assert state_of(day, payout) == "settled"
    assert balances(day.db) == {}
    everything_holds(day)


def test_who_proposes_never_approves_nor_declines_and_the_database_says_so_too(day: Day) -> None:
    (paid,) = notified(day, 5000)
    (booked,) = taken(day, line(5000))
    proposal = proposals.propose(day.db, Chosen(lines=[booked], payments=[paid]), reason="同一笔", by=BUREAU, now=NOW)
    with pytest.raises(FourEyes):
        proposals.approve(day.db, proposal.id, by=BUREAU, now=NOW)
    with pytest.raises(FourEyes):
        proposals.decline(day.db, proposal.id, reason="不对", by=BUREAU, now=NOW)
    with pytest.raises(Forbidden):
        proposals.approve(day.db, proposal.id, by=BANK, now=NOW)
    itself = update(match_proposal).values(state="approved", decided_by=BUREAU.name, decided_at=NOW)
    with pytest.raises(IntegrityError, match="four_eyes"), day.db.begin_nested():
        day.db.execute(itself)
    assert day.db.execute(select(match)).all() == []


def test_a_declined_proposal_says_why_and_can_be_made_again(day: Day) -> None:
    (paid,) = notified(day, 5000)
    (booked,) = taken(day, line(5000))
    chosen = Chosen(lines=[booked], payments=[paid])
    proposal = proposals.propose(day.db, chosen, reason="同一笔", by=BANK, now=NOW)
    with pytest.raises(ProposedAlready, match=str(proposal.id)):
        proposals.propose(day.db, chosen, reason="同一笔", by=BUREAU, now=NOW)
    with pytest.raises(ReasonMissing):
        proposals.decline(day.db, proposal.id, reason=" ", by=SECOND, now=NOW)
    declined = proposals.decline(day.db, proposal.id, reason="付款人不同", by=SECOND, now=NOW)
    assert (declined.state, declined.decided_by, declined.reason) == ("declined", SECOND.name, "付款人不同")
    with pytest.raises(AlreadyDecided):
        proposals.approve(day.db, proposal.id, by=SECOND, now=NOW)
    assert agreed(day, chosen)
    everything_holds(day)


def test_a_proposal_lapses_when_another_match_takes_a_part_of_it(day: Day) -> None:
    first, second = notified(day, 5000, 5000)
    (booked,) = taken(day, line(5000))
    left = proposals.propose(day.db, Chosen(lines=[booked], payments=[first]), reason="甲", by=BUREAU, now=NOW)
    agreed(day, Chosen(lines=[booked], payments=[second]), "乙")
    assert proposals.get(day.db, left.id).state == "lapsed"
    with pytest.raises(AlreadyDecided, match="lapsed"):
        proposals.approve(day.db, left.id, by=SECOND, now=NOW)


@pytest.mark.parametrize(("shown", "path", "kind"), [(4990, "fees", "write_off"), (5010, "interest", "write_off")])
def test_a_small_difference_is_written_off_by_two_people_within_the_limit(
    day: Day, shown: int, path: str, kind: str
) -> None:
    (paid,) = notified(day, 5000)
    (booked,) = taken(day, line(shown))
    chosen = Chosen(lines=[booked], payments=[paid])
    with pytest.raises(DoesNotBalance, match=r"at most 0\.00"):
        agreed(day, chosen)
    write_offs.set_limit(day.db, 9, why="试行", by=BUREAU, now=NOW)
    with pytest.raises(DoesNotBalance, match=r"0\.10 are left over, and at most 0\.09"):
        agreed(day, chosen)
    write_offs.set_limit(day.db, 10, why="局务会 2026-09 决定", by=BUREAU, now=NOW)
    proposal = proposals.propose(day.db, chosen, reason="银行手续费", by=BUREAU, now=NOW)
    assert (proposal.difference, proposal.allowed) == (shown - 5000, 10)
    write_offs.set_limit(day.db, 9, why="收紧", by=BUREAU, now=NOW)
    with pytest.raises(DoesNotBalance):
        proposals.approve(day.db, proposal.id, by=SECOND, now=NOW)
    write_offs.set_limit(day.db, 10, why="恢复", by=BUREAU, now=NOW)
    found = proposals.approve(day.db, proposal.id, by=SECOND, now=NOW)

    assert balances(day.db) == {
        "bank/6200000001": shown,
        "bank/6200000001/suspense": 5000,
        f"bank/6200000001/{path}": 10,
    }
    assert [each.kind for each in all_transfers(day.db)][-1] == kind
    everything_holds(day)
    undoing.undo(day.db, found, reason="手续费已退", by=SECOND, now=NOW)
    assert balances(day.db) == {"bank/6200000001": 5000, "bank/6200000001/suspense": 5000}
    everything_holds(day)


def test_a_payment_of_a_fen_that_never_came_can_be_written_off_and_a_payout_cannot(day: Day) -> None:
    write_offs.set_limit(day.db, 200_000, why="试行", by=BUREAU, now=NOW)
    payout = sent_refund(day)
    (paid,) = notified(day, 1)
    taken(day, line(100000, 8, serial="P1"))
    agreed(day, Chosen(payments=[paid]), "银行尾差")
    assert balances(day.db)["bank/6200000001/fees"] == 1
    everything_holds(day)
    with pytest.raises(DoesNotBalance):
        agreed(day, Chosen(payouts=[payout]))


def test_the_database_keeps_a_difference_within_the_limit_that_was_in_force(db: Connection) -> None:
    too_much = insert(match_proposal).values(
        account="1",
        rule="manual",
        evidence="",
        difference=-11,
        allowed=10,
        fingerprint="",
        state="proposed",
        proposed_by="x",
        proposed_at=NOW,
    )
    with pytest.raises(IntegrityError, match="ck_match_proposal_difference"), db.begin_nested():
        db.execute(too_much)


def test_a_line_that_no_rule_may_book_is_booked_by_two_people_as_what_it_is(day: Day) -> None:
    """The newer layouts carry no serial: nobody could tell such a credit from one that is still to be notified."""
    first, second, third = taken(day, line(7000), line(300, 10), line(-50, 11))
    with pytest.raises(NotForBooking):
        agreed(day, Chosen(lines=[third], books="credit"))
    with pytest.raises(NotForBooking):
        agreed(day, Chosen(lines=[first, second], books="interest"))
    made = agreed(day, Chosen(lines=[first], books="credit"), "查明为学费")
    agreed(day, Chosen(lines=[second], books="interest"))
    agreed(day, Chosen(lines=[third], books="fee"))
    assert balances(day.db) == {
        "bank/6200000001": 7250,
        "bank/6200000001/suspense": 7000,
        "bank/6200000001/interest": 300,
        "bank/6200000001/fees": 50,
    }
    assert day.reconcile(NOW).open == []
    everything_holds(day)
    undoing.undo(day.db, made, reason="付错", by=BUREAU, now=NOW)
    agreed(day, Chosen(lines=[first], books="credit"), "再查仍为学费")
    everything_holds(day)


@pytest.mark.parametrize(
    ("chosen", "refusal"),
    [
        (lambda _ids: Chosen(), NothingToMatch),
        (lambda ids: Chosen(lines=ids["lines"], payments=ids["payments"]), SeveralWithSeveral),
        (lambda ids: Chosen(lines=ids["lines"][:1], payments=ids["others"]), OfTwoAccounts),
        (lambda ids: Chosen(lines=ids["lines"][:1], payments=ids["payments"][:1]), DoesNotBalance),
        (lambda ids: Chosen(lines=ids["matched"], payments=ids["payments"][:1]), MatchedAlready),
        (lambda _ids: Chosen(lines=[404]), Unknown),
        (lambda ids: Chosen(lines=ids["lines"][:1], payouts=ids["payouts"]), NotOnItsWay),
    ],
)
def test_what_proves_nothing_is_refused(
    day: Day, chosen: Callable[[dict[str, list[int]]], Chosen], refusal: type[Refusal]
) -> None:
    school(day.db, 2)
    contract = signed(day.db, day.of, family(day.db))
    placed = order(day.db, contract, now=at(10, 8))
    receive(day.db, credit(placed.reference, 100000, serial="P1", paid_at=at(10, 8)))
    refunds.ask(day.db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(10, 8))
    (elsewhere,) = receive(day.db, credit("", 1, serial="S9", account="6200000002", paid_at=at(10, 8)))
    paid = notified(day, 3000, 3000)
    matched, *lines = taken(day, line(100000, 8, serial="P1"), line(2000), line(4000, 10))
    ids = {
        "lines": lines,
        "payments": paid,
        "others": [elsewhere.payment.id],
        "matched": [matched],
        "payouts": list(day.db.execute(select(instruction.c.id)).scalars()),
    }
    before = balances(day.db)
    with pytest.raises(refusal):
        proposals.propose(day.db, chosen(ids), reason="试", by=BUREAU, now=NOW)
    assert balances(day.db) == before


def test_an_undone_match_stays_with_who_when_and_why_and_no_rule_makes_it_again(day: Day) -> None:
    (paid,) = notified(day, 5000, serial="8001-")
    (booked,) = taken(day, line(5000, serial="8001-0"))
    assert day.reconcile(NOW).open == []
    (found,) = day.db.execute(select(match.c.id)).scalars()
    undone = undoing.undo(day.db, found, reason="付款人不符", by=SECOND, now=at(10, 9, 15))

    assert (undone.undone_by, undone.undone_at, undone.undone_why) == (SECOND.name, at(10, 9, 15), "付款人不符")
    (listed,) = breaks.still_open(day.db)
    assert (listed.kind, listed.line_id, listed.amount) == ("undone", booked, 5000)
    found_again = day.reconcile(NOW)
    assert (found_again.matched, found_again.booked) == ({}, {})
    assert {each.kind for each in found_again.open} == {"undone", "not_on_statement"}
    with pytest.raises(AlreadyDecided):
        undoing.undo(day.db, found, reason="再撤", by=SECOND, now=NOW)
    everything_holds(day)
    agreed(day, Chosen(lines=[booked], payments=[paid]))
    assert day.reconcile(NOW).open == []
    everything_holds(day)
    what = select(audit_entry.c.what).where(audit_entry.c.what.like("match.%")).order_by(audit_entry.c.id)
    assert list(day.db.execute(what).scalars()) == ["match.undone", "match.proposed", "match.approved"]


def test_an_undone_payout_is_on_its_way_again_and_can_leave_a_second_time(day: Day) -> None:
    payout = sent_refund(day)
    end_to_end = day.db.execute(select(instruction.c.end_to_end)).scalar_one()
    _, left = taken(
        day, line(100000, 8, serial="P1"), BankLine(amount=-100000, at=at(10, 8, 9), serial="Q1", use=end_to_end)
    )
    assert balances(day.db) == {}
    for _ in range(2):
        (found,) = day.db.execute(
            select(match.c.id).where(match.c.instruction_id == payout, match.c.undone_at.is_(None))
        ).scalars()
        undoing.undo(day.db, found, reason="银行更正", by=BUREAU, now=NOW)
        assert state_of(day, payout) == "sent"
        assert balances(day.db)["bank/6200000001"] == 100000
        everything_holds(day)
        agreed(day, Chosen(lines=[left], payouts=[payout]))
        assert balances(day.db) == {}
        everything_holds(day)
    linked = [(each.reference, each.corrects) for each in all_transfers(day.db) if each.corrects]
    assert [corrected for _, corrected in linked] == [f"payout/{end_to_end}", f"payout/{end_to_end}/2"]


def test_undone_interest_is_reversed_by_a_linked_transfer_and_not_booked_again_by_itself(day: Day) -> None:
    (booked,) = taken(day, line(321, summary="结息"))
    assert balances(day.db)["bank/6200000001/interest"] == 321
    (found,) = day.db.execute(select(match.c.id)).scalars()
    undoing.undo(day.db, found, reason="误记", by=BUREAU, now=NOW)
    assert balances(day.db) == {}
    assert [(each.kind, each.line_id) for each in day.reconcile(NOW).open] == [("undone", booked)]
    assert balances(day.db) == {}
    *_, last = all_transfers(day.db)
    assert (last.corrects, last.kind) == (f"line/{booked}", "undone")
    everything_holds(day)


def test_an_undone_credit_leaves_the_contract_and_its_order_can_be_paid_again(day: Day) -> None:
    contract = signed(day.db, day.of, family(day.db))
    placed = order(day.db, contract, now=at(10, 8))
    (booked,) = taken(day, BankLine(amount=100000, at=at(10, 8, 9), serial="9001", use=f"{placed.reference} 学费"))
    assert payments.of_contract(day.db, [contract.id])[0].source == "statement"
    (found,) = day.db.execute(select(match.c.id)).scalars()
    undoing.undo(day.db, found, reason="非学费", by=BUREAU, now=NOW)
    assert balances(day.db) == {}
    assert payments.of_contract(day.db, [contract.id]) == []
    assert day.db.execute(select(payment_order.c.state)).scalar_one() == "open"
    assert [each.line_id for each in day.reconcile(NOW).open] == [booked]
    everything_holds(day)


def test_a_credit_whose_money_has_moved_on_cannot_be_undone(day: Day) -> None:
    contract = signed(day.db, day.of, family(day.db))
    placed = order(day.db, contract, now=at(10, 8))
    taken(day, BankLine(amount=100000, at=at(10, 8, 9), serial="9001", use=f"{placed.reference} 学费"))
    refunds.ask(day.db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=NOW)
    (found,) = day.db.execute(select(match.c.id)).scalars()
    before = balances(day.db)
    with pytest.raises(MovedOn):
        undoing.undo(day.db, found, reason="非学费", by=BUREAU, now=NOW)
    assert balances(day.db) == before
    everything_holds(day)


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE statement_match SET rule = 'x'",
        "UPDATE statement_match SET evidence = 'x'",
        "UPDATE statement_match SET booked = booked + 1",
        "DELETE FROM statement_match",
        "UPDATE statement_match SET undone_why = 'x', undone_by = 'x' WHERE undone_at IS NOT NULL",
    ],
)
def test_the_database_lets_a_match_be_undone_once_and_nothing_else(day: Day, attempt: str) -> None:
    notified(day, 5000, 6000, serial="8001-")
    taken(day, line(5000, serial="8001-0"), line(6000, 10, serial="8001-1"))
    first, _ = day.db.execute(select(match.c.id).order_by(match.c.id)).scalars()
    undoing.undo(day.db, first, reason="付款人不符", by=SECOND, now=NOW)
    with pytest.raises(DBAPIError, match="a match is undone"), day.db.begin_nested():
        day.db.execute(text(attempt))


@pytest.mark.parametrize("column", ["line_id", "payment_id", "instruction_id"])
def test_the_database_lets_a_line_and_an_item_stand_in_one_match(day: Day, column: str) -> None:
    payout = sent_refund(day)
    (paid,) = notified(day, 5000)
    booked = taken(day, line(100000, 8, serial="P1"), line(5000), line(-100000, 10))[1:]
    agreed(day, Chosen(lines=booked[:1], payments=[paid]))
    agreed(day, Chosen(lines=booked[1:], payouts=[payout]))
    twice = text(
        f"INSERT INTO statement_match (account, {column}, rule, evidence, matched_at, matched_by, booked, own_amount,"  # noqa: S608
        f" transfers) SELECT account, {column}, 'x', 'x', matched_at, 'x', 0, 0, '[]' FROM statement_match"
        f" WHERE {column} IS NOT NULL"
    )
    with pytest.raises(IntegrityError), day.db.begin_nested():
        day.db.execute(twice)


def test_two_approvers_at_once_make_one_match(postgres_engine: Engine, tmp_path: Path) -> None:
    key = SandboxBank.new_key("bank-1")
    with SandboxBank.open(tmp_path / "bank.db", key=key) as bank, transaction(postgres_engine) as db:
        day = Day(db=db, of=school(db), bank=bank)
        (paid,) = notified(day, 5000)
        (booked,) = taken(day, line(5000))
        chosen = Chosen(lines=[booked], payments=[paid])
        proposal = proposals.propose(db, chosen, reason="同一笔", by=BUREAU, now=NOW)

    def approve() -> str:
        try:
            with transaction(postgres_engine) as db:
                proposals.approve(db, proposal.id, by=THIRD, now=NOW)
        except AlreadyDecided as refused:
            return str(refused.facts["state"])
        return "made"

    with ThreadPoolExecutor(1) as threads:
        with transaction(postgres_engine) as db:
            proposals.approve(db, proposal.id, by=SECOND, now=NOW)
            other = threads.submit(approve)
            until_somebody_waits(db)
        assert other.result(30) == "approved"
    with transaction(postgres_engine) as db:
        assert len(db.execute(select(match)).all()) == 1
        assert breaches(db) == []


def test_two_reconcilers_at_once_match_every_line_once(postgres_engine: Engine, tmp_path: Path) -> None:
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        with transaction(postgres_engine) as db:
            day = Day(db=db, of=school(db), bank=bank)
            notified(day, 5000, serial="8001-")
            lines = [line(5000, serial="8001-0"), line(7000, 10, serial="9001"), line(33, 11, summary="结息")]
            day.take_file(written(day.of.account, lines), now=NOW)

        def again() -> int:
            with transaction(postgres_engine) as db:
                found = Day(db=db, of=day.of, bank=bank).reconcile(NOW)
                return sum(found.matched.values()) + sum(found.booked.values())

        with ThreadPoolExecutor(1) as threads:
            with transaction(postgres_engine) as db:
                Day(db=db, of=day.of, bank=bank).reconcile(NOW)
                other = threads.submit(again)
                until_somebody_waits(db)
            assert other.result(30) == 0
        with transaction(postgres_engine) as db:
            assert len(db.execute(select(match)).all()) == 3
            assert breaches(db) == []


def sent_refund(day: Day) -> int:
    """A refund of 1,000.00 that was sent to the bank; its instruction."""
    contract = signed(day.db, day.of, family(day.db))
    placed = order(day.db, contract, now=at(10, 7))
    receive(day.db, credit(placed.reference, 100000, serial="P1", paid_at=at(10, 7, 13)), now=at(10, 7, 14))
    refunds.ask(day.db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(10, 7, 15))
    batches.make(day.db, by=BUREAU, now=at(10, 7, 16))
    return int(day.db.execute(select(instruction.c.id)).scalar_one())


def state_of(day: Day, payout: int) -> str:
    return str(day.db.execute(select(instruction.c.state).where(instruction.c.id == payout)).scalar_one())
