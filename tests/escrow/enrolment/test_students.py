"""Students: the same child of the same guardian is one, whoever enters it and however often."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, Engine, func, select

from escrow.db import transaction
from escrow.enrolment import students
from escrow.enrolment.students import Student
from escrow.enrolment.tables import guardian
from tests.escrow.county import BUREAU, at


def _enter(db: Connection, name: str = "小明") -> Student:
    return students.enter(db, name=name, guardian_name="王芳", mobile="13800000000", by=BUREAU, now=at(7, 1))


def test_the_same_child_entered_again_is_found_and_a_sibling_shares_the_guardian(db: Connection) -> None:
    first, sibling = _enter(db), _enter(db, "小红")
    assert _enter(db) == first
    assert sibling.id != first.id
    assert sibling.guardian_id == first.guardian_id


def test_entered_eight_times_at_once_a_child_is_one_child_of_one_guardian(postgres_engine: Engine) -> None:
    def entered(_number: int) -> int:
        with transaction(postgres_engine) as db:
            return _enter(db).id

    with ThreadPoolExecutor(8) as eight:
        assert len(set(eight.map(entered, range(8)))) == 1
    with transaction(postgres_engine) as db:
        assert db.execute(select(func.count()).select_from(guardian)).scalar_one() == 1
