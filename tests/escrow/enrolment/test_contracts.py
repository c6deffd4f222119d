"""Signing: the caps flag or refuse by the jurisdiction's setting, and two contracts at once see each other."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select

import ledger.accounts
from escrow.db import transaction
from escrow.enrolment import contracts, students
from escrow.enrolment.contracts import FeeRuleBroken
from escrow.enrolment.tables import contract as contract_table
from escrow.refusals import Unknown
from escrow.rules.rulebook import SHIPPED, Rulebook
from tests.escrow.county import BUREAU, RULEBOOK, at, draft, family, school, sign, until_somebody_waits


@pytest.fixture
def strict(tmp_path: Path) -> Rulebook:
    """The shipped rules, in a county that lets no broken rule pass."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "cn"))
    county = folder / "county" / "jurisdiction.yaml"
    county.write_text(county.read_text(encoding="utf-8").replace('"flag"', '"refuse"'), encoding="utf-8")
    return Rulebook.load(folder)


FAULTS = {
    "prepayment.max_lessons": {"lessons": 75, "gifted": 0},
    "prepayment.max_amount": {"lessons": 20, "price": "6000.00"},
    "course.filed": {"price": "1080.01"},
    "prepayment.max_span": {"last_lesson": date(2026, 12, 1)},
    "prepayment.earliest": {"first_lesson": date(2026, 9, 20)},
}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_broken_cap_is_flagged_with_its_version_and_the_contract_stands(db: Connection, rule: str) -> None:
    of = school(db)
    signed = sign(db, of, draft(of, family(db), **FAULTS[rule]))  # type: ignore[arg-type]  # terms by name

    assert [each.rule.name for each in signed.findings] == [rule]
    assert [each["rule"] for each in signed.contract.findings] == [each.rule.version for each in signed.findings]
    assert contracts.get(db, signed.contract.id) == signed.contract
    assert f"contract:{signed.contract.id}" in str(signed.findings[0].evidence["contracts"])


@pytest.mark.parametrize("rule", FAULTS)
def test_where_the_county_refuses_the_contract_does_not_come_to_be_and_the_rule_is_quoted(
    db: Connection, strict: Rulebook, rule: str
) -> None:
    of = school(db)
    wanted = draft(of, family(db), **FAULTS[rule])  # type: ignore[arg-type]  # terms by name
    with pytest.raises(FeeRuleBroken) as refused:
        sign(db, of, wanted, rulebook=strict)

    (version,) = refused.value.facts["rules"]
    assert version.startswith(f"nation/{rule}")
    assert version in refused.value.english
    assert version in refused.value.chinese
    assert db.execute(select(contract_table)).all() == []
    sign(db, of, draft(of, family(db)), rulebook=strict)


def test_gifted_lessons_and_an_older_contract_count_for_the_cap(db: Connection) -> None:
    of = school(db)
    child = family(db)
    first = sign(db, of, draft(of, child, lessons=40, gifted=5, price="2000.00"))
    second = sign(db, of, draft(of, child, lessons=15, gifted=1, price="900.00"))
    other_child = sign(db, of, draft(of, family(db, 2), lessons=40, price="2000.00"))

    assert (first.findings, other_child.findings) == ([], [])
    assert [(each.found, each.limit) for each in second.findings] == [("61 lessons", "60 lessons")]


def test_a_contract_of_an_unknown_student_or_course_is_refused(db: Connection) -> None:
    of = school(db)
    wanted = draft(of, family(db))
    for wrong in (replace(wanted, student_id=1), replace(wanted, course_id=1)):
        with pytest.raises(Unknown):
            sign(db, of, wrong)


def test_a_signed_contract_has_its_two_ledger_accounts(db: Connection) -> None:
    of = school(db)
    contract = sign(db, of, draft(of, family(db))).contract
    assert len(ledger.accounts.find(db, [contract.prepaid_path, contract.refund_path])) == 2


def test_the_same_child_of_the_same_guardian_is_entered_once(db: Connection) -> None:
    first, again, sister = (
        students.enter(db, name=name, guardian_name="王芳", mobile="13800000000", by=BUREAU, now=at(7, 1))
        for name in ("小明", "小明", "小红")
    )
    assert first == again
    assert (sister.guardian_id, sister.id == first.id) == (first.guardian_id, False)


def test_of_two_contracts_signed_at_once_for_one_child_the_second_sees_the_first(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        of, child = school(db), family(db)
    found: list[list[str]] = []

    def second() -> None:
        with transaction(postgres_engine) as db:
            signed = sign(db, of, draft(of, child, lessons=40, price="2000.00"))
            found.append([each.found for each in signed.findings])

    waiting = threading.Thread(target=second)
    with transaction(postgres_engine) as db:
        sign(db, of, draft(of, child, lessons=40, price="2000.00"))
        waiting.start()
        until_somebody_waits(db)
        assert found == []
    waiting.join(20)
    assert found == [["80 lessons"]]


def test_of_two_contracts_signed_at_once_where_the_county_refuses_one_is_refused(
    postgres_engine: Engine, strict: Rulebook
) -> None:
    with transaction(postgres_engine) as db:
        of, child = school(db), family(db)
    refused: list[list[str]] = []

    def second() -> None:
        with pytest.raises(FeeRuleBroken) as told, transaction(postgres_engine) as db:
            sign(db, of, draft(of, child, lessons=40, price="2000.00"), rulebook=strict)
        refused.append(told.value.facts["rules"])

    waiting = threading.Thread(target=second)
    with transaction(postgres_engine) as db:
        sign(db, of, draft(of, child, lessons=40, price="2000.00"), rulebook=strict)
        waiting.start()
        until_somebody_waits(db)
        assert refused == []
    waiting.join(20)
    assert refused == [["nation/prepayment.max_lessons@2021-01-01"]]
    with transaction(postgres_engine) as db:
        assert len(db.execute(select(contract_table)).all()) == 1


def test_sixteen_contracts_at_once_for_one_child_stay_inside_the_cap_where_the_county_refuses(
    postgres_engine: Engine, strict: Rulebook
) -> None:
    with transaction(postgres_engine) as db:
        of, child = school(db), family(db)
    together = threading.Barrier(16)

    def one(_: int) -> bool:
        together.wait()
        try:
            with transaction(postgres_engine) as db:
                sign(db, of, draft(of, child, lessons=13, price="500.00"), rulebook=strict)
        except FeeRuleBroken:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(one, range(16))) == 4
    with transaction(postgres_engine) as db:
        assert sum(row.lessons for row in db.execute(select(contract_table))) == 52


def test_one_childs_signing_does_not_hold_up_anothers(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        of, child, other = school(db), family(db, 1), family(db, 2)
    with transaction(postgres_engine) as db:
        sign(db, of, draft(of, child))
        with transaction(postgres_engine) as beside:
            beside.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
            sign(beside, of, draft(of, other))
    assert RULEBOOK.jurisdiction("900001").enforcement == "flag"
