"""One child under two guardians is one child to the caps, where its identity document was given."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from escrow.access.caller import Caller
from escrow.access.tables import audit_entry
from escrow.db import transaction
from escrow.enrolment import contract_terms, examining, students
from escrow.enrolment.caps import Act
from escrow.enrolment.explaining import explain
from escrow.enrolment.students import AnotherIdentity, NoIdentity, OthersTied, Student
from escrow.enrolment.tables import child_mark, student
from escrow.monitoring.sweep import sweep
from escrow.monitoring.watching import look
from escrow.refusals import Forbidden, ReasonMissing, Unknown
from tests.escrow.county import BUREAU, RULEBOOK, Family, at, draft, order, school, sign
from tests.escrow.monitoring.detectors.columns import HABITS

NUMBER = "11010120160101001X"


def entered(db: Connection, guardian: str, identity: str | None = NUMBER, *, name: str = "小明") -> Student:
    return students.enter(
        db, name=name, guardian_name=guardian, mobile="13800000000", identity=identity, by=BUREAU, now=at(7, 2)
    )


def family(of: Student) -> Family:
    return Family(student=of, caller=Caller(name="家长", role="family", party=of.guardian_id))


def test_a_child_is_known_again_under_another_guardian_and_each_keeps_its_own_record(db: Connection) -> None:
    mother, father = entered(db, "王芳"), entered(db, "李强", "1101 0120160101001x", name="李小明")
    assert (father.child, father.same_as, mother.child) == (mother.id, mother.id, mother.id)
    assert father.guardian_id != mother.guardian_id
    assert entered(db, "李强", name="李小明") == father
    assert entered(db, "李强", None, name="李小明") == father, "whoever gives no number changes nothing"
    assert entered(db, "王芳", None, name="小红").child != mother.id


def test_two_contracts_of_forty_lessons_under_two_guardians_are_over_the_cap_and_everybody_says_so(
    db: Connection,
) -> None:
    of = school(db)
    mother, father = family(entered(db, "王芳")), family(entered(db, "李强"))
    first = sign(db, of, draft(of, mother, lessons=40))
    second = sign(db, of, draft(of, father, lessons=40, price="900.00"))

    assert first.findings == []
    (finding,) = second.findings
    assert (finding.rule.name, finding.found) == ("prepayment.max_lessons", "80 lessons")
    assert finding.evidence["student"] == mother.student.id
    assert (second.contract.student_id, second.contract.guardian_id) == (father.student.id, father.student.guardian_id)
    (broken,) = explain(db, second.contract.id, rulebook=RULEBOOK).broken
    assert broken.name == "prepayment.max_lessons"
    order(db, second.contract)
    (again,) = examining.at(db, [second.contract.id], act=Act(kind="paid", on=at(7, 21).date()), rulebook=RULEBOOK)
    assert again.finding.found == "80 lessons"
    (alert,) = sweep(db, rulebook=RULEBOOK, now=at(7, 22))
    assert (alert.contract_id, alert.rule) == (second.contract.id, "prepayment.max_lessons")


def test_without_a_document_or_with_two_they_are_two_children(db: Connection) -> None:
    of = school(db)
    for guardian, identity in (("王芳", None), ("李强", NUMBER), ("赵敏", "E12345678")):
        child = family(entered(db, guardian, identity))
        assert sign(db, of, draft(of, child, lessons=40, price="900.00")).findings == []
    assert sweep(db, rulebook=RULEBOOK, now=at(7, 22)) == []


def test_a_document_that_is_given_later_brings_the_contracts_together(db: Connection) -> None:
    of = school(db)
    for guardian, identity in (("王芳", NUMBER), ("李强", None)):
        sign(db, of, draft(of, family(entered(db, guardian, identity)), lessons=40, price="900.00"))
    assert sweep(db, rulebook=RULEBOOK, now=at(7, 22)) == []
    father = entered(db, "李强")
    assert len(contract_terms.open_of_child(db, father.child)) == 2
    assert len(sweep(db, rulebook=RULEBOOK, now=at(7, 22))) == 1
    told = select(audit_entry.c.subject).where(audit_entry.c.what == "student.recognised")
    assert db.execute(told).scalars().all() == [f"student:{father.id}"]


def test_of_a_number_nothing_is_kept_but_a_keyed_hash(db: Connection) -> None:
    entered(db, "王芳")
    (kept,) = db.execute(select(child_mark.c.mark)).scalars()
    assert (len(kept), NUMBER in kept) == (64, False)
    facts = db.execute(select(audit_entry.c.facts)).scalars().all()
    assert NUMBER not in str(facts)


def test_a_child_has_one_document_and_another_is_refused(db: Connection) -> None:
    mother, father = entered(db, "王芳"), entered(db, "李强")
    for guardian, record in (("王芳", mother), ("李强", father)):
        with pytest.raises(AnotherIdentity) as refused:
            entered(db, guardian, "E12345678")
        assert refused.value.facts == {"student": record.id}


def test_a_wrong_number_is_taken_back_by_the_bureau_with_its_reason_the_later_record_first(db: Connection) -> None:
    mother, father = entered(db, "王芳"), entered(db, "李强")
    with pytest.raises(OthersTied) as refused:
        students.forget_identity(db, mother.id, reason="证件号码有误", by=BUREAU, now=at(7, 3))
    assert refused.value.facts == {"student": mother.id, "others": str(father.id)}
    for each in (father, mother):
        alone = students.forget_identity(db, each.id, reason="证件号码有误", by=BUREAU, now=at(7, 3))
        assert alone.child == each.id
    with pytest.raises(NoIdentity):
        students.forget_identity(db, mother.id, reason="证件号码有误", by=BUREAU, now=at(7, 3))
    assert entered(db, "李强", "E12345678").child == father.id
    assert db.execute(select(student.c.id).where(student.c.same_as.is_not(None))).all() == []


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"by": Caller(name="校长", role="institution", party=1)}, Forbidden),
        ({"reason": " "}, ReasonMissing),
        ({"student_id": 1}, Unknown),
    ],
)
def test_nobody_else_takes_it_back_and_not_without_a_reason(
    db: Connection, changed: dict[str, Any], refusal: type[Exception]
) -> None:
    asked: dict[str, Any] = {"student_id": entered(db, "王芳").id, "reason": "有误", "by": BUREAU} | changed
    with pytest.raises(refusal):
        students.forget_identity(db, asked.pop("student_id"), **asked, now=at(7, 3))


def test_entered_under_eight_guardians_at_once_a_child_has_one_first_record(postgres_engine: Engine) -> None:
    def enter(number: int) -> int:
        with transaction(postgres_engine) as db:
            return entered(db, f"家长{number}").child

    with ThreadPoolExecutor(8) as eight:
        assert len(set(eight.map(enter, range(8)))) == 1


def test_two_contracts_signed_at_once_under_two_guardians_see_each_other(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        of = school(db)
        both = [family(entered(db, guardian)) for guardian in ("王芳", "李强")]

    def signs(child: Family) -> int:
        with transaction(postgres_engine) as db:
            return len(sign(db, of, draft(of, child, lessons=40, price="900.00")).findings)

    with ThreadPoolExecutor(2) as two:
        assert sorted(two.map(signs, both)) == [0, 1]


def test_instalments_and_renewals_are_followed_from_one_guardian_to_the_other(db: Connection) -> None:
    of = school(db)
    mother, father = family(entered(db, "王芳")), family(entered(db, "李强"))
    for number, child in enumerate((mother, father, mother)):
        sign(db, of, draft(of, child, lessons=40, price="900.00"), now=at(7, 20 + number))
    found = look(db, rulebook=RULEBOOK, habits=HABITS, now=at(8, 1))
    assert [each.sighting.finding.found for each in found["instalments"]] == ["120 lessons"]
    assert [each.sighting.finding.found for each in found["chained_renewals"]] == ["40, 40 lessons left"]
