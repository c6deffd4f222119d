"""The bank takes a line back (冲正): what we booked from it is corrected by a linked transfer, or somebody looks."""

import pytest
from sqlalchemy import select

from escrow.enrolment import payments
from escrow.enrolment.tables import payment as payment_table
from escrow.enrolment.tables import payment_order
from escrow.payouts import refunds
from escrow.settlement import breaks, cash, matches, undoing
from escrow.settlement.reversals import original_of
from escrow.settlement.tables import match
from escrow.settlement.undoing import TakenBackByTheBank
from escrow.settlement.unmatched import Line
from ledger.reading import all_transfers
from tests.escrow.county import BUREAU, RULEBOOK, at, balances, breaches, credit, family, order, receive, signed
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.conftest import Day

NOW = at(10, 9)


def taken(day: Day, *lines: BankLine) -> None:
    day.take_file(written(day.of.account, lines), now=NOW)


def line(amount: int, hour: int, *, serial: str = "", summary: str = "转账", use: str = "") -> BankLine:
    return BankLine(
        amount=amount, at=at(10, 8, hour), serial=serial, summary=summary, use=use, party="", party_account=""
    )


def everything_holds(day: Day) -> None:
    assert breaches(day.db) == []
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0


def test_interest_that_the_bank_takes_back_is_corrected_by_a_linked_transfer(day: Day) -> None:
    taken(day, line(321, 9, serial="I1", summary="结息"), line(-321, 11, serial="I1", summary="冲正"))
    found = day.reconcile(NOW)
    assert (found.booked, found.open) == ({"interest": 1, "reversal": 1}, [])
    assert balances(day.db) == {}
    *_, last = all_transfers(day.db)
    assert (last.kind, last.amount) == ("reversal", 321)
    everything_holds(day)
    first, second = (matches.as_match(row) for row in day.db.execute(select(match).order_by(match.c.id)))
    assert second.reverses_id == first.id
    with pytest.raises(TakenBackByTheBank):
        undoing.undo(day.db, first.id, reason="x", by=BUREAU, now=NOW)
    undoing.undo(day.db, second.id, reason="冲正有误", by=BUREAU, now=NOW)
    undoing.undo(day.db, first.id, reason="结息有误", by=BUREAU, now=NOW)
    assert balances(day.db) == {}
    everything_holds(day)


def test_a_payment_that_the_bank_takes_back_leaves_its_contract_and_the_order_is_open(day: Day) -> None:
    contract = signed(day.db, day.of, family(day.db))
    placed = order(day.db, contract, now=at(10, 8))
    receive(day.db, credit(placed.reference, 100000, serial="S9", paid_at=at(10, 8, 9)), now=at(10, 8, 10))
    taken(day, line(100000, 9, serial="S9", use=placed.reference), line(-100000, 11, serial="S9", summary="冲正"))
    found = day.reconcile(NOW)
    assert (found.matched, found.booked, found.open) == ({"serial": 1}, {"reversal": 1}, [])
    assert balances(day.db) == {}
    assert payments.of_contract(day.db, [contract.id]) == []
    assert day.db.execute(select(payment_order.c.state)).scalar_one() == "open"
    everything_holds(day)
    *_, last = all_transfers(day.db)
    assert (last.corrects, last.kind) == ("payment/6200000001/S9", "reversal")

    (reversal,) = day.db.execute(select(match.c.id).where(match.c.reverses_id.is_not(None))).scalars()
    undoing.undo(day.db, reversal, reason="银行撤回冲正", by=BUREAU, now=NOW)
    assert balances(day.db) == {"bank/6200000001": 100000, "bank/6200000001/suspense": 100000}
    assert day.db.execute(select(payment_table.c.reason)).scalar_one() == "reversal_undone"
    everything_holds(day)


def test_the_day_between_a_payment_and_its_reversal_is_proved_as_it_was(day: Day) -> None:
    receive(day.db, credit("", 5000, serial="S9", paid_at=at(10, 7, 9)), now=at(10, 7, 10))
    back = BankLine(amount=-5000, at=at(10, 8, 9), serial="S9", summary="冲正", use="", party="", party_account="")
    taken(day, BankLine(amount=5000, at=at(10, 7, 9), serial="S9"), back)
    day.reconcile(NOW)
    told = [
        (proof.ledger_balance.minor, proof.statement_balance.minor, proof.differences)
        for proof in (cash.prove(day.db, day.of.account, on=at(10, on).date()) for on in (7, 8))
    ]
    assert told == [(5000, 5000, ()), (0, 0, ())]


def test_a_reversal_of_money_that_has_moved_on_is_a_break_and_moves_nothing(day: Day) -> None:
    contract = signed(day.db, day.of, family(day.db))
    placed = order(day.db, contract, now=at(10, 8))
    receive(day.db, credit(placed.reference, 100000, serial="S9", paid_at=at(10, 8, 9)), now=at(10, 8, 10))
    refunds.ask(day.db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(10, 8, 10))
    before = balances(day.db)
    taken(day, line(100000, 9, serial="S9"), line(-100000, 11, serial="S9", summary="冲正"))
    (listed,) = day.reconcile(NOW).open
    assert (listed.kind, listed.amount) == ("reversal", -100000)
    assert "已动用" in listed.detail
    assert balances(day.db) == before
    everything_holds(day)


def test_a_line_that_nobody_booked_and_its_reversal_explain_each_other(day: Day) -> None:
    taken(day, line(-700, 9, serial="X1"))
    assert [each.amount for each in day.reconcile(NOW).open] == [-700]
    taken(day, line(-700, 9, serial="X1"), line(700, 11, serial="X1", summary="冲正"))
    assert day.reconcile(NOW).open == []
    assert balances(day.db) == {}
    assert breaks.still_open(day.db) == []
    everything_holds(day)


def test_a_reversal_of_nothing_that_we_know_is_a_break_and_no_payment(day: Day) -> None:
    taken(day, line(900, 11, serial="Y1", summary="冲正"))
    (listed,) = day.reconcile(NOW).open
    assert (listed.kind, listed.amount) == ("reversal", 900)
    assert balances(day.db) == {}
    everything_holds(day)


def at_line(amount: int, on: int, *, serial: str = "", account: str = "", reversal: int = 0, id_: int = 1) -> Line:
    return Line(
        id=id_,
        statement_id=1,
        account="62",
        key=str(id_),
        number=id_,
        booked_on=at(10, on).date(),
        booked_at=at(10, on),
        amount=amount,
        balance=None,
        serial=serial,
        end_to_end="",
        remark="",
        counterparty="",
        counterparty_account=account,
        reversal=reversal,
        nature="transfer",
    )


@pytest.mark.parametrize(
    ("candidates", "found"),
    [
        ([at_line(500, 8, serial="A")], 1),
        ([at_line(500, 9, serial="A")], None),  # after it
        ([at_line(-500, 8, serial="A")], None),  # not turned round
        ([at_line(501, 8, serial="A")], None),
        ([at_line(500, 8, serial="A", reversal=1)], None),
        ([at_line(500, 8, serial="A"), at_line(500, 7, serial="A", id_=2)], None),  # two
        ([at_line(500, 8, serial="B", account="9"), at_line(500, 7, serial="A", id_=2)], 2),  # the stronger name
        ([at_line(500, 8, serial="B", account="9")], 1),
        ([at_line(500, 8, serial="B", account="8")], None),
    ],
)
def test_the_original_is_the_one_line_of_the_same_name_before_it(candidates: list[Line], found: int | None) -> None:
    reversal = at_line(-500, 8, serial="A", account="9", reversal=1, id_=9)
    original = original_of(reversal, candidates)
    assert (None if original is None else original.id) == found
