"""The caps at ordering: held once more on that day; a training loan is refused, what is flagged goes on."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection

from escrow.enrolment import examining, orders
from escrow.enrolment.caps import Act
from escrow.enrolment.contracts import BadTerms, FeeRuleBroken
from escrow.enrolment.explaining import explain
from escrow.rules.rulebook import SHIPPED, Rulebook
from ledger.money import Money
from tests.escrow.county import BUREAU, RULEBOOK, at, draft, family, school, sign, signed


@pytest.fixture
def strict(tmp_path: Path) -> Rulebook:
    """The shipped rules, in a county that lets no broken rule pass."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "cn"))
    county = folder / "county" / "jurisdiction.yaml"
    county.write_text(county.read_text(encoding="utf-8").replace('"flag"', '"refuse"'), encoding="utf-8")
    return Rulebook.load(folder)


def found_at(db: Connection, contract_id: int, kind: str, on: date) -> list[tuple[str, str]]:
    act = Act(kind=kind, on=on)  # type: ignore[arg-type]  # one of the three
    found = examining.at(db, [contract_id], act=act, rulebook=RULEBOOK)
    return [(each.finding.rule.name, each.finding.found) for each in found]


def test_an_order_by_training_loan_is_refused_with_its_rule_wherever_others_are_only_flagged(db: Connection) -> None:
    of = school(db)
    contract = signed(db, of, family(db))
    with pytest.raises(FeeRuleBroken) as refused:
        orders.place(db, contract.id, by_loan=True, rulebook=RULEBOOK, by=BUREAU, now=at(7, 21))

    assert refused.value.facts["rules"] == ["nation/prepayment.loan@2021-11-03"]
    assert "培训贷" in refused.value.chinese
    assert "training loan" in refused.value.english
    assert orders.place(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(7, 21)).by_loan == 0


def test_where_no_rule_forbids_a_loan_the_order_says_that_it_is_one_and_the_contract_remembers(db: Connection) -> None:
    before = Rulebook(
        jurisdictions=RULEBOOK.jurisdictions,
        rules=tuple(rule for rule in RULEBOOK.rules if rule.name != "prepayment.loan"),
    )
    of = school(db)
    contract = signed(db, of, family(db))
    placed = orders.place(db, contract.id, by_loan=True, rulebook=before, by=BUREAU, now=at(7, 21))

    assert placed.by_loan == 1
    (broken,) = explain(db, contract.id, rulebook=RULEBOOK).broken
    assert (broken.name, broken.found) == ("prepayment.loan", "ordered by training loan on 2026-07-21")
    assert str(broken.decided_on) == "2026-07-21"


def test_what_is_flagged_at_signing_is_found_again_at_ordering_and_at_paying(db: Connection) -> None:
    of = school(db)
    contract = sign(db, of, draft(of, family(db), lessons=75)).contract
    orders.place(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=at(7, 21))
    for kind in ("ordered", "paid"):
        assert found_at(db, contract.id, kind, date(2026, 7, 21)) == [("prepayment.max_lessons", "75 lessons")]


def test_where_the_county_refuses_a_contract_over_a_cap_cannot_be_ordered(db: Connection, strict: Rulebook) -> None:
    of, child = school(db), family(db)
    within, over = (sign(db, of, draft(of, child, lessons=40)).contract for _ in range(2))
    orders.place(db, within.id, rulebook=strict, by=BUREAU, now=at(7, 21))
    with pytest.raises(FeeRuleBroken) as refused:
        orders.place(db, over.id, rulebook=strict, by=BUREAU, now=at(7, 21))
    assert "80 lessons" in refused.value.english


def test_money_is_not_taken_earlier_than_a_month_ahead_by_the_day_of_the_order(db: Connection) -> None:
    of = school(db)
    contract = sign(
        db, of, draft(of, family(db), first_lesson=date(2026, 8, 25), last_lesson=date(2026, 10, 25))
    ).contract

    assert found_at(db, contract.id, "ordered", date(2026, 7, 24)) == [("prepayment.earliest", "2026-07-24")]
    assert found_at(db, contract.id, "ordered", date(2026, 7, 25)) == []
    assert found_at(db, contract.id, "paid", date(2026, 7, 24)) == [("prepayment.earliest", "2026-07-24")]


def test_materials_are_a_part_of_the_price_and_count(db: Connection) -> None:
    of = school(db)
    wanted = draft(of, family(db), lessons=45, price="5100.00")
    signed_at_once = sign(db, of, replace(wanted, materials=Money.parse("300.00"), charged_by="period"))
    assert [each.found for each in signed_at_once.findings] == ["5100.00 CNY"]
    assert (signed_at_once.contract.materials, signed_at_once.contract.charged_by) == (30000, "period")
    with pytest.raises(BadTerms, match="materials"):
        sign(db, of, replace(wanted, materials=Money.parse("5100.00")))
