"""Complaints: filed by a family, answered once by the bureau, never shown to the institution."""

from datetime import date

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import IntegrityError

from escrow.monitoring.tables import complaint as table
from escrow.oversight import complaints
from escrow.oversight.complaints import NotHappenedYet, NothingTold, Told
from escrow.refusals import AlreadyDecided, Forbidden, ReasonMissing, Unknown
from tests.escrow.county import BUREAU, at, enrolled, family, school

CODE = Told(category="personal_code", told="老师让我扫他的个人微信", happened_on=date(2026, 8, 3))


def test_a_family_complains_and_is_answered(db: Connection) -> None:
    of, child = school(db), family(db)
    filed = complaints.file(db, of.institution.id, CODE, by=child.caller, now=at(8, 3))
    assert (filed.state, filed.guardian_id, filed.answer) == ("open", child.student.guardian_id, None)
    answered = complaints.answer(db, filed.id, state="upheld", answer="已责令退回", by=BUREAU, now=at(8, 5))
    assert (answered.state, answered.answered_by) == ("upheld", "张科长")
    assert complaints.page(db, by=child.caller) == [answered]
    with pytest.raises(AlreadyDecided, match="is upheld"):
        complaints.answer(db, filed.id, state="unfounded", answer="x", by=BUREAU, now=at(8, 6))


def test_a_family_sees_its_own_and_the_bureau_all(db: Connection) -> None:
    of, child, other = school(db), family(db), family(db, 2)
    complaints.file(db, of.institution.id, CODE, by=child.caller, now=at(8, 3))
    complaints.file(db, of.institution.id, CODE, by=BUREAU, now=at(8, 3))
    assert len(complaints.page(db, by=child.caller)) == 1
    assert complaints.page(db, by=other.caller) == []
    assert [each.guardian_id for each in complaints.page(db, by=BUREAU)] == [child.student.guardian_id, None]
    with pytest.raises(Forbidden):
        complaints.page(db, by=of.caller)


def test_a_complaint_about_a_contract_is_its_guardians(db: Connection) -> None:
    of, other, stranger = school(db), school(db, 2), family(db, 3)
    child, contract = enrolled(db, of)
    about = Told(category="cash", told="收了现金", happened_on=date(2026, 8, 3), contract_id=contract.id)
    filed = complaints.file(db, of.institution.id, about, by=BUREAU, now=at(8, 3))
    assert filed.guardian_id == child.student.guardian_id, "the bureau wrote it down for the family"
    for institution, by in ((of, stranger.caller), (other, child.caller)):
        with pytest.raises(Unknown, match="no contract"):
            complaints.file(db, institution.institution.id, about, by=by, now=at(8, 3))


def test_what_is_refused(db: Connection) -> None:
    of, child = school(db), family(db)
    silent = Told(category="other", told="  ", happened_on=date(2026, 8, 3))
    with pytest.raises(NothingTold):
        complaints.file(db, of.institution.id, silent, by=child.caller, now=at(8, 3))
    with pytest.raises(NotHappenedYet):
        complaints.file(db, of.institution.id, CODE, by=child.caller, now=at(8, 2, 23, 59))
    with pytest.raises(Forbidden):
        complaints.file(db, of.institution.id, CODE, by=of.caller, now=at(8, 3))
    with pytest.raises(Unknown, match="no institution"):
        complaints.file(db, 1, CODE, by=child.caller, now=at(8, 3))
    filed = complaints.file(db, of.institution.id, CODE, by=child.caller, now=at(8, 3))
    with pytest.raises(ReasonMissing):
        complaints.answer(db, filed.id, state="upheld", answer=" ", by=BUREAU, now=at(8, 5))
    with pytest.raises(Forbidden):
        complaints.answer(db, filed.id, state="upheld", answer="x", by=child.caller, now=at(8, 5))
    with pytest.raises(Unknown, match="no complaint"):
        complaints.answer(db, filed.id + 1, state="upheld", answer="x", by=BUREAU, now=at(8, 5))
    with pytest.raises(IntegrityError, match="ck_complaint_answered"), db.begin_nested():
        db.execute(update(table).values(state="upheld"))
