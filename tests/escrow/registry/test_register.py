"""Who may teach: registering institutions and filing courses, and what is refused there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

import ledger.accounts
from escrow.access.caller import Caller
from escrow.db import transaction
from escrow.enrolment import contracts
from escrow.enrolment.contracts import BadTerms, LicenceExpired
from escrow.payouts import closures
from escrow.refusals import Forbidden, Unknown
from escrow.registry import courses, institutions
from escrow.registry.courses import CourseAlreadyFiled
from escrow.registry.credit_code import BadCreditCode
from escrow.registry.institutions import AlreadyRegistered, BadAccount, InstitutionClosed
from ledger.money import Money
from tests.escrow.county import (
    BUREAU,
    at,
    breaches,
    draft,
    enrolled,
    family,
    registration,
    school,
    sign,
    teach,
)


def test_a_registered_institution_has_its_ledger_accounts_from_the_first_day(db: Connection) -> None:
    of = school(db)
    paths = [of.institution.bank_path, of.institution.earned_path, of.institution.payout_path]
    paths += [f"{of.institution.bank_path}/{name}" for name in ("suspense", "interest", "fees")]

    assert sorted(ledger.accounts.find(db, paths)) == sorted(paths)
    assert institutions.by_account(db, of.account) == of.institution


@pytest.mark.parametrize("field", ["credit_code", "supervised_account"])
def test_an_account_and_a_code_belong_to_one_institution(db: Connection, field: str) -> None:
    first, second = registration(1), registration(2)
    institutions.register(db, first, by=BUREAU, now=at(7, 1))
    with pytest.raises(AlreadyRegistered) as refused:
        institutions.register(db, replace(second, **{field: getattr(first, field)}), by=BUREAU, now=at(7, 1))
    assert getattr(first, field) in refused.value.english
    assert field not in refused.value.chinese, "a clerk reads 统一社会信用代码, not our name for it"


@pytest.mark.parametrize("field", ["supervised_account", "settlement_account"])
@pytest.mark.parametrize("number", ["", "62/suspense", "6200 0000 01", "6" * 35, "账户", "6200000001\n"])
def test_an_account_number_that_no_ledger_or_payout_file_can_hold_is_refused(
    db: Connection, field: str, number: str
) -> None:
    wrong: dict[str, Any] = {field: number}
    with pytest.raises(BadAccount, match="1 to 34 letters, digits or hyphens"):
        institutions.register(db, replace(registration(), **wrong), by=BUREAU, now=at(7, 1))


def test_money_is_not_released_into_the_supervised_account_itself(db: Connection) -> None:
    wanted = replace(registration(), settlement_account=registration().supervised_account)
    with pytest.raises(BadAccount, match="another account of the institution"):
        institutions.register(db, wanted, by=BUREAU, now=at(7, 1))


def test_a_wrong_check_character_keeps_an_institution_out(db: Connection) -> None:
    wrong = registration().credit_code[:-1] + "0"
    with pytest.raises(BadCreditCode):
        institutions.register(db, replace(registration(), credit_code=wrong), by=BUREAU, now=at(7, 1))
    assert institutions.everyone(db) == []


@pytest.mark.parametrize("role", ["family", "institution", "bank", "auditor"])
def test_only_the_bureau_registers(db: Connection, role: str) -> None:
    with pytest.raises(Forbidden) as refused:
        institutions.register(db, registration(), by=Caller(name="x", role=role), now=at(7, 1))  # type: ignore[arg-type]  # each is a Role
    assert refused.value.english == f"{role} may not do this; it is for bureau."
    assert "教育局" in refused.value.chinese
    assert role not in refused.value.chinese


def test_a_course_is_filed_once_under_its_name_and_by_its_own_institution(db: Connection) -> None:
    first, second = school(db, 1), school(db, 2)
    price = Money.parse("80.00")
    with pytest.raises(CourseAlreadyFiled, match="素描"):
        courses.file(db, first.institution.id, name="素描", subject="x", list_price=price, by=BUREAU, now=at(7, 2))
    with pytest.raises(Unknown) as refused:
        courses.file(
            db, first.institution.id, name="水彩", subject="x", list_price=price, by=second.caller, now=at(7, 2)
        )
    assert refused.value.facts["key"] == first.institution.id
    courses.file(db, second.institution.id, name="水彩", subject="x", list_price=price, by=second.caller, now=at(7, 2))


def test_an_expired_licence_signs_nobody_from_the_day_after_its_last(db: Connection) -> None:
    of = school(db)
    last = at(7, 20).replace(year=2027, month=6, day=30, hour=23, minute=59)
    wanted = replace(draft(of, family(db)), first_lesson=last.date(), last_lesson=last.date() + timedelta(days=30))
    sign(db, of, wanted, now=last)
    with pytest.raises(LicenceExpired, match="expired on 2027-06-30"):
        sign(db, of, wanted, now=last + timedelta(minutes=1))


@pytest.mark.parametrize(
    "wrong", [{"lessons": 0}, {"gifted": -1}, {"price": Money(0)}, {"last_lesson": at(7, 31).date()}]
)
def test_a_contract_of_nothing_is_refused_in_words(db: Connection, wrong: dict[str, object]) -> None:
    of = school(db)
    with pytest.raises(BadTerms) as refused:
        sign(db, of, replace(draft(of, family(db)), **wrong))  # type: ignore[arg-type]  # one term at a time
    assert "field" not in refused.value.chinese
    assert not set("abcdefghijklmnopqrstuvwxyz") & set(refused.value.chinese)


def test_an_institution_that_closes_takes_no_contract_course_or_lesson(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    closures.freeze(db, of.institution.id, reason="停业", by=of.caller, now=at(7, 22))

    with pytest.raises(InstitutionClosed) as refused:
        sign(db, of, draft(of, child), now=at(7, 23))
    assert "终止办学中" in refused.value.chinese
    with pytest.raises(InstitutionClosed):
        courses.file(db, of.institution.id, name="油画", subject="x", list_price=Money(1), by=of.caller, now=at(7, 23))
    with pytest.raises(InstitutionClosed):
        teach(db, of, [contract], on=(8, 3))
    assert breaches(db) == []


def test_a_contract_is_invisible_to_strangers_under_the_number_they_asked_for(db: Connection) -> None:
    of, other = school(db, 1), school(db, 2)
    _, contract = enrolled(db, of)
    for stranger in (other.caller, family(db, 9).caller):
        with pytest.raises(Unknown) as refused:
            contracts.must_be_party(contract, stranger)
        assert refused.value.chinese == f"没有找到合同 {contract.id}，或您无权查看。"
    contracts.must_be_party(contract, Caller(name="审计", role="auditor"))


def test_a_decision_about_an_institution_does_not_hold_up_a_row_that_points_at_it(postgres_engine: Engine) -> None:
    """Recording holds the contract and writes a lesson of the institution; closing wants them the other way round."""
    with transaction(postgres_engine) as db:
        of = school(db)
        _, contract = enrolled(db, of)
    with transaction(postgres_engine) as deciding:
        institutions.get(deciding, of.institution.id, lock=True)
        with transaction(postgres_engine) as recording:
            recording.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
            teach(recording, of, [contract], on=(8, 3))
