"""What became of payouts: left, rejected, come back, in every order; nothing is paid twice and no fen is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count, permutations
from typing import Final

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from escrow.access.caller import Caller
from escrow.db import transaction
from escrow.enrolment.tables import payment
from escrow.payouts import batches, instructions, outcomes, refunds, releases, suspense
from escrow.payouts.instructions import Instruction, Wanted
from escrow.payouts.outcomes import Outcome, Told
from escrow.payouts.release_drafts import AlreadyRequested, PaidThoughRejected
from escrow.payouts.tables import instruction as table
from escrow.registry import courses, institutions
from escrow.registry.tables import course
from escrow.settlement.tables import match, statement, statement_line
from escrow.teaching.tables import attendance
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    School,
    at,
    balances,
    breaches,
    confirmed,
    credit,
    enrolled,
    receive,
    requested,
    school,
)

_lines: Iterator[int] = count(1)

SAID: Final = {"rejected": at(9, 12), "left": at(9, 12, 9), "came_back": at(9, 14, 9)}
"""When the bank says so; whatever the order in which we hear it."""


def a_release(db: Connection) -> Instruction:
    of = school(db)
    confirmed(db, of, enrolled(db, of), on=(8, 3))
    releases.approve(db, requested(db, of).id, by=BUREAU, now=at(9, 11))
    return sent(db)


def a_refund(db: Connection) -> Instruction:
    of = school(db)
    child, contract = enrolled(db, of)
    confirmed(db, of, (child, contract), on=(8, 3))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(9, 11))
    return sent(db)


def a_return(db: Connection) -> Instruction:
    of = school(db)
    enrolled(db, of)
    (parked,) = receive(db, credit("", 5000, serial="other"))
    proposal = suspense.propose(db, parked.payment.id, contract_id=None, reason="误付", by=BUREAU, now=at(9, 10))
    suspense.approve(db, proposal.id, by=SECOND, now=at(9, 11))
    return sent(db)


KINDS: Final = {"release": a_release, "refund": a_refund, "return": a_return}


def sent(db: Connection) -> Instruction:
    """The one payout that waits, in a batch that went to the bank."""
    batch = batches.make(db, by=BUREAU, now=at(9, 11, 16))
    return instructions.of_batch(db, batch.id)[-1]


def hear(db: Connection, event: str, payout: Instruction) -> str:
    """The bank's word about a payout; what came of it. A debit that was booked is matched with its line."""
    told = [Told(instruction_id=payout.id, at=SAID[event], code="AC04", reason="账户已销户")]
    outcome: Outcome = getattr(outcomes, event)(db, told, by=BUREAU, now=at(9, 15))[0]
    if event == "left" and outcome.fate in ("settled", "revived"):
        _match(db, payout)
    assert out(db) <= paid(db), "released and refunded is never more than was paid"
    return outcome.fate


def standing(db: Connection, payout: Instruction) -> Instruction:
    return instructions.by_id(db, [payout.id])[payout.id]


def out(db: Connection) -> int:
    """Fen that have left all accounts for good."""
    gone = select(func.coalesce(func.sum(table.c.amount), 0)).where(table.c.state == "settled")
    return int(db.execute(gone).scalar_one())


def paid(db: Connection) -> int:
    return int(db.execute(select(func.sum(payment.c.amount))).scalar_one())


@pytest.mark.parametrize("order", list(permutations(SAID)), ids=" ".join)
@pytest.mark.parametrize("kind", KINDS)
def test_in_all_six_orders_the_money_ends_in_the_account_and_is_owed_as_before(
    db: Connection, kind: str, order: tuple[str, ...]
) -> None:
    payout = KINDS[kind](db)
    owed = {"release": "institution", "refund": "contract", "return": "bank"}[kind]
    before = balances(db)
    for event in order:
        hear(db, event, payout)
        assert breaches(db) == []
    # A credit that waited for its debit is told again by the next reconciliation, and then it counts.
    if order.index("came_back") < order.index("left"):
        assert hear(db, "came_back", payout) == "returned"

    assert standing(db, payout).state == "returned"
    after = balances(db)
    assert after["bank/6200000001"] == before["bank/6200000001"]
    if kind == "release":
        of = before[payout.owed_path]
        assert (after[f"{owed}/{payout.owed_path.split('/')[1]}/earned"], payout.owed_path in after) == (of, False)
    else:
        assert after == before
    assert breaches(db) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_bank_rejects_is_owed_as_before_and_has_not_left(db: Connection, kind: str) -> None:
    payout = KINDS[kind](db)
    assert hear(db, "rejected", payout) == "rejected"
    assert hear(db, "rejected", payout) == "known"
    found = standing(db, payout)
    assert (found.state, found.code, found.why) == ("rejected", "AC04", "账户已销户")
    assert out(db) == 0
    assert breaches(db) == []


def test_a_bounced_release_goes_back_to_earned_with_its_reason_and_can_be_asked_for_again(db: Connection) -> None:
    payout = a_release(db)
    of = _school_of(db)
    with pytest.raises(AlreadyRequested):
        requested(db, of)
    hear(db, "left", payout)
    assert hear(db, "came_back", payout) == "returned"

    request = releases.get(db, payout.source_id)
    assert (request.state, request.reason) == ("bounced", "AC04 账户已销户")
    assert balances(db)[of.institution.earned_path] == 33333
    assert db.execute(select(attendance.c.release_id)).scalars().all() == [None]
    again = requested(db, of)
    releases.approve(db, again.id, by=BUREAU, now=at(9, 15))
    second = sent(db)
    assert hear(db, "left", second) == "settled"
    assert (out(db), of.institution.earned_path in balances(db)) == (33333, False)
    assert breaches(db) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_rejection_after_the_statement_showed_it_leaving_moves_nothing(db: Connection, kind: str) -> None:
    payout = KINDS[kind](db)
    hear(db, "left", payout)
    before = balances(db)
    assert hear(db, "rejected", payout) == "contradiction"
    assert (balances(db), standing(db, payout).state) == (before, "settled")
    assert breaches(db) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_bank_that_pays_twice_or_returns_twice_changes_nothing_the_second_time(db: Connection, kind: str) -> None:
    payout = KINDS[kind](db)
    assert (hear(db, "left", payout), hear(db, "left", payout)) == ("settled", "contradiction")
    assert (hear(db, "came_back", payout), hear(db, "came_back", payout)) == ("returned", "contradiction")
    assert hear(db, "left", payout) == "contradiction"
    assert out(db) == 0
    assert breaches(db) == []


def test_twice_in_one_statement_is_seen_too(db: Connection) -> None:
    payout = a_refund(db)
    twice = [Told(instruction_id=payout.id, at=SAID["left"])] * 2
    assert [each.fate for each in outcomes.left(db, twice, by=BUREAU, now=at(9, 15))] == ["settled", "contradiction"]


def test_what_was_never_sent_can_be_neither_paid_nor_rejected_nor_returned(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(9, 11))
    (waiting,) = instructions.waiting(db)
    assert [hear(db, event, waiting) for event in SAID] == ["contradiction"] * 3
    assert standing(db, waiting).state == "instructed"
    assert breaches(db) == []


def test_a_rejected_refund_that_left_all_the_same_withdraws_the_attempt_in_its_place(db: Connection) -> None:
    payout = a_refund(db)
    hear(db, "rejected", payout)
    second = again(db, payout)
    assert hear(db, "left", payout) == "revived"
    assert (standing(db, payout).state, standing(db, second).state) == ("settled", "withdrawn")
    assert out(db) == 66667
    hear(db, "came_back", payout)
    third = again(db, payout)
    assert (third.claim, third.state, out(db)) == (payout.id, "instructed", 0)
    assert breaches(db) == []


def test_where_the_other_attempt_was_sent_the_debit_is_contested_until_the_bank_takes_it_back(db: Connection) -> None:
    payout = a_refund(db)
    hear(db, "rejected", payout)
    again(db, payout)
    second = sent(db)
    assert hear(db, "left", payout) == "contested"
    assert [each.id for each in instructions.contested(db, "6200000001")] == [payout.id]
    assert hear(db, "left", payout) == "contradiction"
    assert hear(db, "left", second) == "settled"
    assert (hear(db, "rejected", payout), hear(db, "came_back", payout)) == ("known", "undone")
    assert (instructions.contested(db), out(db)) == ([], 66667)
    assert breaches(db) == []


def test_a_rejected_release_that_left_is_taken_up_again_or_holds_back_the_next_one(db: Connection) -> None:
    payout = a_release(db)
    of = _school_of(db)
    hear(db, "rejected", payout)
    later = requested(db, of)
    assert hear(db, "left", payout) == "contested"
    with pytest.raises(PaidThoughRejected, match=payout.end_to_end):
        releases.approve(db, later.id, by=BUREAU, now=at(9, 15))
    assert hear(db, "came_back", payout) == "undone"
    releases.reject(db, later.id, reason="重新核对", by=BUREAU, now=at(9, 15))
    assert hear(db, "left", payout) == "revived"
    assert releases.get(db, payout.source_id).state == "approved"
    assert (out(db), of.institution.earned_path in balances(db)) == (33333, False)
    assert breaches(db) == []


def test_a_release_approved_before_the_debit_was_seen_is_held_back_from_the_bank(db: Connection) -> None:
    payout = a_release(db)
    of = _school_of(db)
    hear(db, "rejected", payout)
    releases.approve(db, requested(db, of).id, by=BUREAU, now=at(9, 15))
    assert hear(db, "left", payout) == "contested"
    with pytest.raises(batches.NothingToSend):
        sent(db)
    hear(db, "came_back", payout)
    assert sent(db).amount == 33333
    assert breaches(db) == []


def test_the_database_lets_one_attempt_at_a_claim_be_in_force(db: Connection) -> None:
    payout = a_refund(db)
    with pytest.raises(IntegrityError, match=r"in_force|claim"), db.begin_nested():
        again(db, payout)
    hear(db, "rejected", payout)
    again(db, payout)
    with pytest.raises(IntegrityError, match=r"in_force|claim"), db.begin_nested():
        db.execute(update(table).where(table.c.id == payout.id).values(state="sent", ended_at=None))
    assert breaches(db) == []


def test_another_attempt_that_is_another_payout_is_found_by_the_audit(db: Connection) -> None:
    payout = a_refund(db)
    hear(db, "rejected", payout)
    second = again(db, payout)
    db.execute(update(table).where(table.c.id == second.id).values(amount=second.amount + 1))
    assert any(second.end_to_end in each for each in breaches(db))


def test_of_many_reports_of_one_rejection_at_once_one_moves_the_money(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        payout = a_release(db)
        of = _school_of(db)

    def tell(_: int) -> str:
        with transaction(postgres_engine) as db:
            told = [Told(instruction_id=payout.id, at=at(9, 12))]
            return outcomes.rejected(db, told, by=BUREAU, now=at(9, 12))[0].fate

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(tell, range(8))) == ["known"] * 7 + ["rejected"]
    with transaction(postgres_engine) as db:
        assert balances(db)[of.institution.earned_path] == 33333
        assert breaches(db) == []


def again(db: Connection, payout: Instruction) -> Instruction:
    """Another attempt at the same claim, to another account."""
    wanted = Wanted(
        kind=payout.kind,
        source_id=payout.source_id,
        supervised_account=payout.supervised_account,
        amount=payout.amount,
        creditor=payout.creditor,
        creditor_account="6222999900000009",
        owed_path=payout.owed_path,
        claim=payout.claim,
    )
    return instructions.add(db, [wanted], now=at(9, 14))[0]


def _school_of(db: Connection) -> School:
    (found,) = institutions.everyone(db)
    taught = courses.get(db, db.execute(select(course.c.id)).scalar_one())
    return School(institution=found, course=taught, caller=Caller(name="校长1", role="institution", party=found.id))


def _match(db: Connection, payout: Instruction) -> None:
    """The line that showed it leaving, as the bank's day keeps it."""
    number = next(_lines)
    day = date(2026, 9, 12)
    kept = {"account": payout.supervised_account, "identifier": "", "format": "test", "begins": day, "ends": day}
    kept |= {"lines": 1, "sha256": str(number), "imported_at": at(9, 13), "imported_by": "x"}
    statement_id = db.execute(insert(statement).values(kept).returning(statement.c.id)).scalar_one()
    line = {"statement_id": statement_id, "account": payout.supervised_account, "key": str(number), "number": 1}
    line |= {"booked_on": day, "booked_at": SAID["left"], "amount": -payout.amount, "serial": str(number)}
    line |= {"end_to_end": payout.end_to_end, "remark": "", "counterparty": "", "counterparty_account": ""}
    line |= {"reversal": 0, "nature": "", "balance": None}
    line_id = db.execute(insert(statement_line).values(line).returning(statement_line.c.id)).scalar_one()
    shown = {
        "line_id": line_id,
        "instruction_id": payout.id,
        "rule": "reference",
        "evidence": "",
        "matched_at": at(9, 13),
        "account": payout.supervised_account,
        "matched_by": "x",
        "booked": -payout.amount,
        "booked_on": day,
        "own_amount": 0,
        "transfers": [f"payout/{payout.end_to_end}"],
    }
    db.execute(insert(match).values(shown))
