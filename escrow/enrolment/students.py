"""Students and their guardians. The guardian is the party to the contract (法释〔2025〕4号, art. 3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from escrow.access import keys, trail
from escrow.access.caller import Caller
from escrow.enrolment.tables import child_mark, guardian, student
from escrow.refusals import Conflict, ReasonMissing, Unknown

_CHILD: Final = "child"


class AnotherIdentity(Conflict):
    """The student {student} was entered before with another identity document. A child has one: look which of the two
    numbers is right; a child of the same name is entered under a name that tells the two apart."""

    zh = (
        "学员 {student} 此前以另一身份证件登记。一名学员只能有一个证件号码：请核对；"
        "同名的另一名学员请以可区分的姓名登记。"
    )


class NoIdentity(Conflict):
    """No identity document was entered for the student {student}, so there is none to take back."""

    zh = "学员 {student} 未登记身份证件，无可撤销。"


class OthersTied(Conflict):
    """The student {student} is the first record of a child with others: {others}. Take back theirs first, then this
    one's."""

    zh = "学员 {student} 是同一名儿童的首个记录，另有记录 {others}。请先撤销后者的证件登记。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """A learner (学员), the beneficiary of contracts that the guardian signs."""

    id: int
    guardian_id: int
    name: str
    same_as: int | None = None

    @property
    def child(self) -> int:
        """The first record of this child: what the caps count over, whichever guardian signs."""
        return self.id if self.same_as is None else self.same_as


def enter(
    db: Connection,
    *,
    name: str,
    guardian_name: str,
    mobile: str,
    identity: str | None = None,
    by: Caller,
    now: datetime,
) -> Student:
    """Enter a student and the guardian; the same child of the same guardian is found, not entered twice.

    `identity`: the number of the child's identity document, where the family gives it. By it a child is known again
    under another guardian; only a keyed hash of it is kept. Raises AnotherIdentity.
    """
    by.must_be("institution", "bureau")
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    # Two entries at once must find each other: two guardians of one child would be two children to the caps.
    given = {"name": guardian_name, "mobile": mobile}
    db.execute(insert(guardian).values(given).on_conflict_do_nothing(index_elements=["name", "mobile"]))
    known = select(guardian.c.id).where(guardian.c.name == guardian_name, guardian.c.mobile == mobile)
    child = {"guardian_id": db.execute(known).scalar_one(), "name": name}
    added = insert(student).values(child).on_conflict_do_nothing(index_elements=["guardian_id", "name"])
    row = db.execute(added.returning(student)).one_or_none()
    if row is not None:
        trail.record(db, by, "student.entered", f"student:{row.id}", now=now)
    else:
        s = student.c
        standing = select(student).where(s.guardian_id == child["guardian_id"], s.name == name).with_for_update()
        row = db.execute(standing).one()
    entered = Student(**row._asdict())
    return entered if identity is None else _recognised(db, entered, identity, by=by, now=now)


def forget_identity(db: Connection, student_id: int, *, reason: str, by: Caller, now: datetime) -> Student:
    """Take back by which document a child is known, where the number was wrong: the record stands for itself again.

    The bureau's act. Raises Unknown, Forbidden, ReasonMissing, NoIdentity, OthersTied.
    """
    by.must_be("bureau")
    if not reason.strip():
        raise ReasonMissing
    found = get(db, student_id, lock=True)
    s, m = student.c, child_mark.c
    others = db.execute(select(s.id).where(s.same_as == student_id).order_by(s.id)).scalars().all()
    if others:
        raise OthersTied(student=student_id, others=", ".join(str(each) for each in others))
    forgotten = db.execute(delete(child_mark).where(m.student_id == student_id)).rowcount
    if not forgotten and found.same_as is None:
        raise NoIdentity(student=student_id)
    alone = update(student).where(s.id == student_id).values(same_as=None).returning(student)
    facts = {"reason": reason, "first": found.same_as}
    trail.record(db, by, "student.identity_forgotten", f"student:{student_id}", now=now, **facts)
    return Student(**db.execute(alone).one()._asdict())


def get(db: Connection, student_id: int, *, lock: bool = False) -> Student:
    """One student; with `lock` nobody else signs for this child until the transaction ends. Raises Unknown."""
    query = select(student).where(student.c.id == student_id)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="student", key=student_id)
    found = Student(**row._asdict())
    if lock and found.same_as is not None:
        # The first record is locked last by everyone, and locks no other: nobody waits in a circle.
        db.execute(select(student.c.id).where(student.c.id == found.same_as).with_for_update())
    return found


def _recognised(db: Connection, entered: Student, identity: str, *, by: Caller, now: datetime) -> Student:
    """The record, tied to the first one of the child with this document."""
    mark = keys.mark(db, _CHILD, identity)
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    m = child_mark.c
    known = db.execute(select(m.mark).where(m.student_id == entered.child)).scalar_one_or_none()
    if known is None:
        # Of two who enter one child at once the second waits here, and then finds the first.
        fresh = insert(child_mark).values(mark=mark, student_id=entered.id)
        db.execute(fresh.on_conflict_do_nothing(index_elements=["mark"]))
        first = db.execute(select(m.student_id).where(m.mark == mark)).scalar_one()
        if first == entered.id:
            return entered
        tied = update(student).where(student.c.id == entered.id).values(same_as=first).returning(student)
        trail.record(db, by, "student.recognised", f"student:{entered.id}", now=now, first=first)
        return Student(**db.execute(tied).one()._asdict())
    if known != mark:
        raise AnotherIdentity(student=entered.id)
    return entered
