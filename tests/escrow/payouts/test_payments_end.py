"""docs/payments.md, executed: each case of a payment stands where the table says, and each of its ends is reached."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection

from escrow.enrolment import orders
from escrow.enrolment.contracts import Contract, ContractEnded
from escrow.enrolment.orders import VALID_FOR
from escrow.enrolment.payments import Receipt
from escrow.payouts import batches, closures, instructions, outcomes, payees, refunds, suspense
from escrow.payouts.outcomes import Told
from escrow.payouts.suspense import DoesNotFit
from escrow.registry import licences
from escrow.registry.institutions import InstitutionClosed
from escrow.teaching import annulments
from tests.escrow.county import (
    BUREAU,
    ORDERED,
    PAID,
    RULEBOOK,
    SECOND,
    at,
    balances,
    credit,
    family,
    order,
    receive,
    school,
    signed,
)

TABLE: Final = Path(__file__).parents[3] / "docs" / "payments.md"
ACCOUNT: Final = "6200000001"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table."""

    case: str
    at_once: str
    reason: str
    ends: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Happened:
    """The payment of a case, and the contract that it was meant for."""

    receipt: Receipt
    contract: Contract


def rows() -> list[Row]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| case"))
    ]
    return [
        Row(case=case, at_once=at_once, reason=reason, ends=tuple(re.findall(r"\w+", ends)))
        for case, _, at_once, reason, ends in cells
    ]


ROWS: Final = rows()


def _contract(db: Connection) -> Contract:
    """1,000.00 for three lessons; nothing paid yet."""
    return signed(db, school(db), family(db))


def _pays(db: Connection, reference: str, amount: int = 100000, **told: object) -> Receipt:
    return receive(db, credit(reference, amount, **({"serial": "X"} | told)))[0]  # type: ignore[arg-type]  # as credit says


def right(db: Connection) -> Happened:
    contract = _contract(db)
    return Happened(contract=contract, receipt=_pays(db, order(db, contract).reference))


def told_late(db: Connection) -> Happened:
    contract = _contract(db)
    told = credit(order(db, contract).reference, serial="X")
    return Happened(contract=contract, receipt=receive(db, told, now=ORDERED + VALID_FOR + timedelta(days=3))[0])


def third_person(db: Connection) -> Happened:
    contract = _contract(db)
    receipt = _pays(db, order(db, contract).reference, payer="外婆", payer_account="6222000000000077")
    return Happened(contract=contract, receipt=receipt)


def instalment(db: Connection) -> Happened:
    contract = _contract(db)
    order(db, contract, "600.00")
    return Happened(contract=contract, receipt=_pays(db, order(db, contract, "400.00").reference, 40000))


def unlicensed(db: Connection) -> Happened:
    contract = _contract(db)
    placed = order(db, contract)
    institution = contract.institution_id
    licences.renew(db, institution, licence_no="教民1", expires=ORDERED.date(), by=BUREAU, now=ORDERED)
    return Happened(contract=contract, receipt=_pays(db, placed.reference, paid_at=ORDERED + timedelta(hours=20)))


def expired(db: Connection) -> Happened:
    contract = _contract(db)
    late = ORDERED + VALID_FOR + timedelta(seconds=1)
    return Happened(contract=contract, receipt=_pays(db, order(db, contract).reference, paid_at=late))


def too_little(db: Connection) -> Happened:
    contract = _contract(db)
    return Happened(contract=contract, receipt=_pays(db, order(db, contract).reference, 99999))


def too_much(db: Connection) -> Happened:
    contract = _contract(db)
    return Happened(contract=contract, receipt=_pays(db, order(db, contract, "400.00").reference, 40001))


def over_price(db: Connection) -> Happened:
    contract = _contract(db)
    return Happened(contract=contract, receipt=_pays(db, order(db, contract).reference, 100001))


def twice(db: Connection) -> Happened:
    contract = _contract(db)
    reference = order(db, contract).reference
    _pays(db, reference, serial="first")
    return Happened(contract=contract, receipt=_pays(db, reference))


def twice_instalment(db: Connection) -> Happened:
    contract = _contract(db)
    reference = order(db, contract, "400.00").reference
    _pays(db, reference, 40000, serial="first")
    return Happened(contract=contract, receipt=_pays(db, reference, 40000))


def replaced(db: Connection) -> Happened:
    contract = _contract(db)
    old = order(db, contract).reference
    later = ORDERED + VALID_FOR + timedelta(hours=1)
    _pays(db, order(db, contract, now=later).reference, serial="first", paid_at=later)
    return Happened(contract=contract, receipt=_pays(db, old))


def cancelled(db: Connection) -> Happened:
    contract = _contract(db)
    reference = orders.cancel(db, order(db, contract).reference, by=BUREAU, now=PAID).reference
    return Happened(contract=contract, receipt=_pays(db, reference))


def annulled(db: Connection) -> Happened:
    contract = _contract(db)
    reference = order(db, contract).reference
    annulments.annul(db, contract.id, reason="不学了", by=BUREAU, now=PAID)
    return Happened(contract=contract, receipt=_pays(db, reference))


def refunded(db: Connection) -> Happened:
    contract = _contract(db)
    _pays(db, order(db, contract, "400.00").reference, 40000, serial="first")
    reference = order(db, contract, "600.00").reference
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=PAID)
    batches.make(db, by=BUREAU, now=PAID)
    return Happened(contract=contract, receipt=_pays(db, reference, 60000))


def closing(db: Connection) -> Happened:
    contract = _contract(db)
    reference = order(db, contract).reference
    closures.freeze(db, contract.institution_id, reason="停业", by=BUREAU, now=PAID)
    return Happened(contract=contract, receipt=_pays(db, reference))


def closed(db: Connection) -> Happened:
    contract = _contract(db)
    reference = order(db, contract).reference
    closure = closures.freeze(db, contract.institution_id, reason="停业", by=BUREAU, now=PAID)
    closures.approve(db, closure.id, rulebook=RULEBOOK, by=SECOND, now=PAID)
    return Happened(contract=contract, receipt=_pays(db, reference))


def nameless(db: Connection) -> Happened:
    return Happened(contract=_contract(db), receipt=_pays(db, ""))


def unknown(db: Connection) -> Happened:
    return Happened(contract=_contract(db), receipt=_pays(db, "XF0004K7Q84"))


def cut(db: Connection) -> Happened:
    contract = _contract(db)
    remark = order(db, contract).reference[:-1]
    return Happened(contract=contract, receipt=_pays(db, "", remark=f"{remark} 学费"))


def elsewhere(db: Connection) -> Happened:
    school(db, 2)
    contract = _contract(db)
    return Happened(contract=contract, receipt=_pays(db, order(db, contract).reference, account="6200000002"))


def hidden(db: Connection) -> Happened:
    return Happened(contract=_contract(db), receipt=_pays(db, "", payer_account="6222****0001"))


def stranger(db: Connection) -> Happened:
    return Happened(contract=_contract(db), receipt=_pays(db, "", account="6299999999"))


CASES: Final[dict[str, Callable[[Connection], Happened]]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        *(right, told_late, third_person, instalment, unlicensed, expired, too_little, too_much, over_price, twice),
        *(twice_instalment, replaced, cancelled, annulled, refunded, closing, closed, nameless, unknown, cut),
        *(elsewhere, hidden, stranger),
    )
}


def test_the_table_and_this_file_know_the_same_cases() -> None:
    assert [each.case for each in ROWS] == list(CASES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.case)
def test_a_payment_stands_where_the_table_says(db: Connection, row: Row) -> None:
    happened = CASES[row.case](db)
    payment = happened.receipt.payment
    stands = {"booked": "placed", "suspense": "suspense"}[row.at_once]
    assert (payment.state, payment.reason) == (stands, row.reason)
    path = payment.suspense_path if row.at_once == "suspense" else happened.contract.prepaid_path
    assert balances(db)[path] == payment.amount
    assert (payment.owner, payment.due_on) == ("bureau", date(2026, 7, 28)) or row.case == "told-late"


@pytest.mark.parametrize("row", [each for each in ROWS if "contract" in each.ends], ids=lambda row: row.case)
def test_it_is_accepted_onto_the_contract_by_two_people(db: Connection, row: Row) -> None:
    happened = CASES[row.case](db)
    payment, contract = happened.receipt.payment, happened.contract
    before = balances(db).get(contract.prepaid_path, 0)
    proposal = suspense.propose(db, payment.id, contract_id=contract.id, reason="核实", by=BUREAU, now=at(7, 24))
    placed = suspense.approve(db, proposal.id, by=SECOND, now=at(7, 24))

    assert (placed.state, placed.contract_id) == ("placed", contract.id)
    after = balances(db)
    assert (after[contract.prepaid_path], payment.suspense_path in after) == (before + payment.amount, False)


@pytest.mark.parametrize("row", [each for each in ROWS if "payer" in each.ends], ids=lambda row: row.case)
def test_it_goes_back_to_its_payer_by_two_people_and_leaves_the_bank_once(db: Connection, row: Row) -> None:
    payment = CASES[row.case](db).receipt.payment
    before = balances(db)[payment.bank_path]
    proposal = suspense.propose(db, payment.id, contract_id=None, reason="误付", by=BUREAU, now=at(7, 24))
    suspense.approve(db, proposal.id, by=SECOND, now=at(7, 24))
    if row.case == "hidden":
        (waiting,) = payees.stuck(db)
        named = payees.propose(
            db, waiting.id, creditor="王芳", creditor_account="62220009", reason="来电", by=BUREAU, now=at(7, 24)
        )
        payees.approve(db, named.id, by=SECOND, now=at(7, 24))
    batch = batches.make(db, by=BUREAU, now=at(7, 24))
    (payout,) = instructions.of_batch(db, batch.id)
    outcomes.left(db, [Told(instruction_id=payout.id, at=at(7, 25))], by=BUREAU, now=at(7, 26))

    after = balances(db)
    assert (payout.amount, payout.kind) == (payment.amount, "return")
    assert (after.get(payment.bank_path, 0), payment.suspense_path in after) == (before - payment.amount, False)


@pytest.mark.parametrize(
    "row",
    [each for each in ROWS if each.at_once == "suspense" and "contract" not in each.ends],
    ids=lambda row: row.case,
)
def test_an_end_that_the_table_does_not_name_is_refused(db: Connection, row: Row) -> None:
    happened = CASES[row.case](db)
    with pytest.raises((DoesNotFit, ContractEnded, InstitutionClosed)) as refused:
        suspense.propose(
            db,
            happened.receipt.payment.id,
            contract_id=happened.contract.id,
            reason="核实",
            by=BUREAU,
            now=at(7, 24),
        )
    assert refused.value.chinese


def test_a_refund_of_what_a_third_person_paid_goes_back_to_that_person(db: Connection) -> None:
    contract = third_person(db).contract
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(7, 24))
    (payout,) = instructions.waiting(db)
    assert (payout.creditor, payout.creditor_account) == ("外婆", "6222000000000077")
