"""Annulling: a contract that nobody paid and nobody taught counts for no cap any more; every other one stays."""

import pytest
from sqlalchemy import Connection

from escrow.access.caller import Caller
from escrow.enrolment import orders
from escrow.enrolment.contracts import ContractEnded
from escrow.refusals import Forbidden, ReasonMissing, Unknown
from escrow.teaching import annulments, confirmations
from escrow.teaching.annulments import NotToBeAnnulled
from tests.escrow.county import (
    BUREAU,
    PAID,
    at,
    breaches,
    draft,
    enrolled,
    family,
    order,
    school,
    sign,
    signed,
    teach,
)


def test_an_unpaid_contract_is_annulled_with_its_orders_and_frees_the_cap(db: Connection) -> None:
    of, child = school(db), family(db)
    wanted = draft(of, child, lessons=40)
    first = sign(db, of, wanted).contract
    placed = order(db, first)
    second = sign(db, of, wanted)
    assert second.findings, "eighty lessons of one subject"
    ended = annulments.annul(db, first.id, reason="改报其他课程", by=child.caller, now=PAID)

    assert (ended.state, orders.get(db, placed.reference).state) == ("ended", "cancelled")
    annulments.annul(db, second.contract.id, reason="重签", by=of.caller, now=PAID)
    assert sign(db, of, wanted).findings == []
    assert breaches(db) == []


def test_what_was_paid_or_taught_is_not_annulled_away(db: Connection) -> None:
    of = school(db)
    child, paid = enrolled(db, of)
    with pytest.raises(NotToBeAnnulled, match=r"1000\.00 are paid"):
        annulments.annul(db, paid.id, reason="x", by=child.caller, now=PAID)
    taught = signed(db, of, child)
    lesson = teach(db, of, [taught], on=(8, 3), class_no="B")
    with pytest.raises(NotToBeAnnulled, match="1 lessons recorded") as refused:
        annulments.annul(db, taught.id, reason="x", by=of.caller, now=at(8, 4))
    assert "已记录 1 课时" in refused.value.chinese
    confirmations.dispute(db, lesson, taught.id, reason="没上", by=child.caller, now=at(8, 4))
    confirmations.decide(db, lesson, taught.id, taught=False, reason="属实", by=BUREAU, now=at(8, 5))
    assert annulments.annul(db, taught.id, reason="x", by=of.caller, now=at(8, 5)).state == "ended"


def test_only_its_parties_annul_it_once_and_with_a_reason(db: Connection) -> None:
    contract = signed(db, school(db), family(db))
    for stranger in (family(db, 2).caller, school(db, 2).caller):
        with pytest.raises(Unknown):
            annulments.annul(db, contract.id, reason="x", by=stranger, now=PAID)
    with pytest.raises(Forbidden):
        annulments.annul(db, contract.id, reason="x", by=Caller(name="x", role="auditor"), now=PAID)
    with pytest.raises(ReasonMissing):
        annulments.annul(db, contract.id, reason=" ", by=BUREAU, now=PAID)
    annulments.annul(db, contract.id, reason="x", by=BUREAU, now=PAID)
    with pytest.raises(ContractEnded):
        annulments.annul(db, contract.id, reason="x", by=BUREAU, now=PAID)
