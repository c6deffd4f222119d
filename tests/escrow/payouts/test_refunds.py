"""Refunds: what was paid and not taught goes back, to whoever paid it, once, whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from escrow.db import transaction
from escrow.enrolment import contracts
from escrow.enrolment.payments import Payment
from escrow.payouts import batches, refunds, releases
from escrow.payouts.batches import NothingToSend
from escrow.payouts.refunds import NothingToRefund, Refund, RefundNotComputed, to_payers
from escrow.payouts.tables import instruction
from escrow.refusals import Forbidden, Unknown
from escrow.teaching import confirmations
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    at,
    balances,
    breaches,
    confirmed,
    enrolled,
    family,
    pay,
    requested,
    school,
    signed,
    teach,
)


def payouts(db: Connection) -> list[tuple[str, str, int]]:
    i = instruction.c
    rows = db.execute(select(i.creditor, i.creditor_account, i.amount).where(i.kind == "refund").order_by(i.id))
    return [(row.creditor, row.creditor_account, row.amount) for row in rows]


def test_untaught_lessons_are_repaid_pro_rata_and_the_contract_ends(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    confirmed(db, of, (child, contract), on=(8, 3))
    refund = refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 4))

    assert (refund.amount, refund.held_back, refund.rule) == (66667, 0, "county/refund.price@2025-01-01")
    assert contracts.get(db, contract.id).state == "ended"
    assert payouts(db) == [("王芳1", "6222000000000001", 66667)]
    assert balances(db)[contract.refund_path] == 66667
    assert breaches(db) == []


def test_lessons_nobody_has_confirmed_are_held_back_and_repaid_when_they_are_struck(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    taught, disputed = (teach(db, of, [contract], on=(8, day)) for day in (3, 4))
    confirmations.dispute(db, disputed, contract.id, reason="没上", by=child.caller, now=at(8, 4))
    first = refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 5))
    with pytest.raises(NothingToRefund) as refused:
        refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 5))
    confirmations.decide(db, disputed, contract.id, taught=False, reason="属实", by=BUREAU, now=at(8, 6))
    second = refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 6))
    confirmations.confirm(db, taught, contract.id, by=child.caller, now=at(8, 7))

    assert (first.amount, first.held_back, second.amount, second.held_back) == (33334, 66666, 33333, 33333)
    assert (refused.value.facts["prepaid"], refused.value.facts["held_back"]) == ("666.66", "666.66")
    assert balances(db)[of.institution.earned_path] == 33333
    assert contract.prepaid_path not in balances(db)
    assert breaches(db) == []


def test_two_payers_get_their_own_money_back_the_latest_first(db: Connection) -> None:
    of = school(db)
    child = family(db)
    contract = signed(db, of, child)
    pay(db, of, contract, "600.00", serial="1", payer="爷爷", payer_account="622201")
    pay(db, of, contract, "400.00", serial="2", payer="妈妈", payer_account="622202", now=at(7, 22))
    confirmed(db, of, (child, contract), on=(8, 3))
    disputed = teach(db, of, [contract], on=(8, 4))
    confirmations.dispute(db, disputed, contract.id, reason="没上", by=child.caller, now=at(8, 4))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 5))
    assert payouts(db) == [("妈妈", "622202", 33334)]

    confirmations.decide(db, disputed, contract.id, taught=False, reason="属实", by=BUREAU, now=at(8, 6))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 6))
    assert payouts(db)[1:] == [("妈妈", "622202", 6666), ("爷爷", "622201", 26667)]
    assert breaches(db) == []


@given(
    paid=st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 1000)), min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 6000), max_size=3),
)
def test_refunds_in_any_steps_give_nobody_more_than_he_paid_and_all_of_it_in_the_end(
    paid: list[tuple[str, int]], cuts: list[int]
) -> None:
    payments = [_payment(number, payer, amount) for number, (payer, amount) in enumerate(paid)]
    total = sum(amount for _, amount in paid)
    given_back: dict[str, int] = {}
    marks = [0, *sorted(min(cut, total) for cut in cuts), total]
    for before, after in pairwise(marks):
        if after > before:
            wanted = to_payers(_refund(after - before), payments, dict(given_back), supervised_account="62")
            assert sum(each.amount for each in wanted) == after - before
            for each in wanted:
                given_back[each.creditor_account] = given_back.get(each.creditor_account, 0) + each.amount
        assert all(given <= _sum(paid, account) for account, given in given_back.items())
    assert given_back == {account: _sum(paid, account) for account in {account for account, _ in paid}}
    with pytest.raises(ArithmeticError, match="more than was ever paid"):
        to_payers(_refund(1), payments, given_back, supervised_account="62")


def test_a_family_asks_for_its_own_contract_and_the_bureau_for_any(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    with pytest.raises(Unknown):
        refunds.ask(db, contract.id, rulebook=RULEBOOK, by=family(db, 2).caller, now=at(8, 1))
    with pytest.raises(Forbidden):
        refunds.ask(db, contract.id, rulebook=RULEBOOK, by=of.caller, now=at(8, 1))
    assert child.caller.party == contract.guardian_id
    assert refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 1)).amount == 100000


def test_where_nothing_was_paid_nothing_is_repaid(db: Connection) -> None:
    contract = signed(db, school(db), family(db))
    with pytest.raises(NothingToRefund, match=r"0\.00 are prepaid"):
        refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 1))
    assert contracts.get(db, contract.id).state == "open"


def test_where_the_place_computes_refunds_by_cause_nothing_is_guessed_and_nothing_changed(db: Connection) -> None:
    of = school(db)
    _, contract = enrolled(db, of)
    db.exec_driver_sql(f"UPDATE institution SET jurisdiction = 'cn' WHERE id = {of.institution.id}")  # noqa: S608
    with pytest.raises(RefundNotComputed, match="by_cause"):
        refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(8, 1))
    assert contracts.get(db, contract.id).state == "open"


@pytest.mark.parametrize("account", ["", "6222****0001"])
def test_a_payer_whose_account_the_bank_hides_keeps_nobody_else_from_being_paid(db: Connection, account: str) -> None:
    of = school(db)
    child = family(db)
    contract = signed(db, of, child)
    pay(db, of, contract, payer="\u0001" * 3, payer_account=account)
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
    with pytest.raises(NothingToSend):
        batches.make(db, by=BUREAU, now=at(8, 1))
    other, second = enrolled(db, of, 2)
    refunds.ask(db, second.id, rulebook=RULEBOOK, by=other.caller, now=at(8, 1))
    assert batches.make(db, by=BUREAU, now=at(8, 1)).lines == 1
    assert breaches(db) == []


@pytest.mark.parametrize("payer", ["", "\x07", "王" * 200, "<&>", "A\u0000B"])
def test_whatever_a_payer_is_called_the_payout_file_can_be_written(db: Connection, payer: str) -> None:
    of = school(db)
    child = family(db)
    contract = signed(db, of, child)
    pay(db, of, contract, payer=payer.replace("\u0000", "\u0001"))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
    assert batches.make(db, by=BUREAU, now=at(8, 1)).total == 100000


def test_of_sixty_four_refunds_of_one_contract_at_once_one_succeeds(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        of = school(db)
        child, contract = enrolled(db, of)
    together = Barrier(64)

    def ask(_: int) -> str:
        together.wait()
        try:
            with transaction(postgres_engine) as db:
                return str(refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1)).amount)
        except NothingToRefund as refused:
            return refused.slug

    with ThreadPoolExecutor(64) as threads:
        answers = sorted(threads.map(ask, range(64)))
    assert answers == ["100000", *["nothing-to-refund"] * 63]
    with transaction(postgres_engine) as db:
        assert balances(db)[contract.refund_path] == 100000
        assert breaches(db) == []


def test_a_refund_a_confirmation_and_a_release_at_once_never_take_more_than_there_is(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        of = school(db)
        child, contract = enrolled(db, of)
        confirmed(db, of, (child, contract), on=(8, 3))
        second = teach(db, of, [contract], on=(8, 4))
    together = Barrier(6)

    def act(number: int) -> str:
        together.wait()
        try:
            with transaction(postgres_engine) as db:
                if number < 2:
                    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(9, 10))
                elif number < 4:
                    confirmations.confirm(db, second, contract.id, by=child.caller, now=at(9, 10))
                else:
                    requested(db, of)
        except Exception as refused:  # noqa: BLE001  whatever it is, its name is compared below
            return type(refused).__name__
        return "done"

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(act, range(6)))
    assert sorted(outcomes[:2]) == ["NothingToRefund", "done"]
    assert outcomes[2:4] == ["done", "done"]
    assert sorted(outcomes[4:]) == ["AlreadyRequested", "done"]
    with transaction(postgres_engine) as db:
        (request,) = (releases.get(db, row.id) for row in db.exec_driver_sql("SELECT id FROM release_request"))
        assert request.amount in (33333, 66666)
        assert balances(db)[contract.refund_path] == 33334
        assert breaches(db) == []


def _payment(number: int, account: str, amount: int) -> Payment:
    return Payment(
        supervised_account="62",
        serial=str(number),
        amount=amount,
        reference="",
        remark="",
        payer=account.upper(),
        payer_account=account,
        paid_at=at(7, 21, minute=number),
        id=number,
        source="notification",
        recorded_at=at(7, 21),
        order_id=None,
        contract_id=7,
        state="placed",
        reason="",
    )


def _refund(amount: int) -> Refund:
    return Refund(
        id=1,
        contract_id=7,
        closure_id=None,
        amount=amount,
        held_back=0,
        rule="r",
        requested_by="x",
        requested_at=at(8, 1),
    )


def _sum(paid: list[tuple[str, int]], account: str) -> int:
    return sum(amount for payer, amount in paid if payer == account)
