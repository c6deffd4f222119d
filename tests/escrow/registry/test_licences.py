"""Licences: after the last day nothing more is ordered, what comes all the same is kept, and a renewal opens again."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection, select

from escrow.access.tables import audit_entry
from escrow.enrolment.orders import Order
from escrow.payouts import closures, refunds
from escrow.refusals import Forbidden, Unknown
from escrow.registry import institutions, licences
from escrow.registry.institutions import InstitutionClosed
from escrow.registry.licences import LicenceExpired, LicenceNotRenewed
from escrow.rules.rulebook import Rulebook
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    School,
    at,
    breaches,
    credit,
    enrolled,
    family,
    order,
    receive,
    school,
    signed,
)


def until(db: Connection, of: School, last_day: date) -> None:
    """Let the licence of a school end on this day."""
    licences.renew(db, of.institution.id, licence_no="教民1", expires=last_day, by=BUREAU, now=at(7, 1))


def test_on_its_last_day_an_order_is_made_and_on_the_next_refused_with_rule_and_way_out(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    until(db, of, date(2026, 7, 21))
    order(db, contract, "300.00", now=at(7, 21, 23, 59))
    with pytest.raises(LicenceExpired) as refused:
        order(db, contract, "300.00", now=at(7, 22, 0))

    assert refused.value.facts == {
        "name": of.institution.name,
        "licence_no": "教民1",
        "expired": "2026-07-21",
        "on": "2026-07-22",
        "rule": "nation/licence.valid@2022-01-01",
        "citation": "《中小学生校外培训服务合同（示范文本）》 GF-2021-2604",
    }
    assert "登记换发的许可证后再下单" in refused.value.chinese
    assert "a refund of its contract" in refused.value.english
    assert refused.value.slug == "licence-expired"


def flagging(rulebook: Rulebook) -> Rulebook:
    """The same rules in a county that lets this breach pass, and tells of it."""
    county = replace(rulebook.jurisdictions["900001"], enforcement_of={"licence.valid": "flag"})
    return replace(rulebook, jurisdictions={**rulebook.jurisdictions, "900001": county})


def without(rulebook: Rulebook) -> Rulebook:
    """A rulebook that asks for no licence."""
    return replace(rulebook, rules=tuple(each for each in rulebook.rules if each.name != "licence.valid"))


@pytest.mark.parametrize("change", [flagging, without])
def test_where_the_place_only_flags_it_or_no_rule_asks_for_it_nothing_is_refused(
    db: Connection, change: object
) -> None:
    assert callable(change)
    of = school(db)
    licences.must_be_valid(of.institution, rulebook=change(RULEBOOK), on=date(2030, 1, 1))
    with pytest.raises(LicenceExpired):
        licences.must_be_valid(of.institution, rulebook=RULEBOOK, on=date(2030, 1, 1))


def test_what_was_ordered_in_time_and_is_paid_after_is_booked_and_goes_back_to_the_family(db: Connection) -> None:
    of = school(db)
    child = family(db)
    contract = signed(db, of, child)
    until(db, of, date(2026, 7, 21))
    placed: Order = order(db, contract, now=at(7, 21, 20))
    (receipt,) = receive(db, credit(placed.reference, placed.amount, paid_at=at(7, 22, 9)), now=at(7, 22, 9))

    assert (receipt.status, receipt.payment.contract_id) == ("booked", contract.id)
    refund = refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(7, 22, 10))
    assert refund.amount == placed.amount
    assert breaches(db) == []


def test_a_renewed_licence_takes_orders_again_and_the_trail_tells_of_both(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    until(db, of, date(2026, 7, 20))
    renewed = licences.renew(
        db, of.institution.id, licence_no="教民2", expires=date(2029, 7, 20), by=BUREAU, now=at(7, 22)
    )
    assert (renewed.licence_no, renewed.licence_expires) == ("教民2", date(2029, 7, 20))
    assert institutions.get(db, of.institution.id) == renewed
    assert order(db, contract, now=at(7, 22)).state == "open"
    facts = db.execute(select(audit_entry.c.facts).where(audit_entry.c.what == "licence.renewed")).scalars().all()
    assert facts[-1] == {
        "licence_no": "教民2",
        "expires": "2029-07-20",
        "before": {"licence_no": "教民1", "expires": "2026-07-20"},
    }


def test_a_licence_is_renewed_by_the_bureau_with_one_that_is_valid_while_the_institution_is_open(
    db: Connection,
) -> None:
    of = school(db)
    enrolled(db, of)
    asked = {"licence_no": "教民2", "expires": date(2026, 8, 1)}
    with pytest.raises(Forbidden):
        licences.renew(db, of.institution.id, **asked, by=of.caller, now=at(8, 1))  # type: ignore[arg-type]
    with pytest.raises(Unknown):
        licences.renew(db, of.institution.id + 1, **asked, by=BUREAU, now=at(8, 1))  # type: ignore[arg-type]
    with pytest.raises(LicenceNotRenewed, match="valid today"):
        licences.renew(db, of.institution.id, **asked, by=BUREAU, now=at(8, 2))  # type: ignore[arg-type]
    closures.freeze(db, of.institution.id, reason="搬迁", by=BUREAU, now=at(8, 1))
    with pytest.raises(InstitutionClosed):
        licences.renew(db, of.institution.id, **asked, by=SECOND, now=at(8, 1))  # type: ignore[arg-type]
