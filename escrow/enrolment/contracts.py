"""Contracts: so many lessons of a course for one student, signed by the guardian, examined by the fee rules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, insert, select, update

import ledger.accounts
from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment import caps, contract_terms, students
from escrow.enrolment.tables import contract as table
from escrow.refusals import Conflict, Invalid, Unknown
from escrow.registry import courses, institutions
from escrow.registry.courses import Course
from escrow.registry.institutions import Institution
from escrow.rules.finding import Finding
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Rulebook
from ledger.chunks import chunks
from ledger.entries import NewAccount
from ledger.money import Money

ChargedBy = Literal["lessons", "period", "both"]

NOTHING: Final = Money(0)


class FeeRuleBroken(Conflict):
    """The contract breaks a fee rule that {jurisdiction} does not let pass: {sentences}"""

    zh = "合同违反{jurisdiction_zh}的收费规定，不予办理：{sentences_zh}"


class LicenceExpired(Conflict):
    """The licence {licence_no} of {name} expired on {expired}; it may not enrol anybody until it is renewed."""

    zh = "机构「{name}」的办学许可证 {licence_no} 已于 {expired} 到期，续期前不得招生。"


class ContractEnded(Conflict):
    """The contract {contract} has ended: no order, lesson or payment can be added to it."""

    zh = "合同 {contract} 已终止，不能再下单、记课或付款。"


class BadTerms(Invalid):
    """The contract's {field} cannot be {found}: {allowed}."""

    zh = "合同的{field_zh}不能为 {found}：{allowed_zh}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A contract as it is put forward. `price` is all that the family prepays, `materials` of it for materials and
    boarding; gifted lessons come on top of `lessons`."""

    course_id: int
    student_id: int
    lessons: int
    gifted: int
    price: Money
    first_lesson: date
    last_lesson: date
    materials: Money = NOTHING
    charged_by: ChargedBy = "lessons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A signed contract (培训服务合同, GF-2021-2604). Money in fen; `taught` counts confirmed lessons, gifts too."""

    id: int
    institution_id: int
    course_id: int
    student_id: int
    guardian_id: int
    subject: str
    lessons: int
    gifted: int
    price: int
    materials: int
    list_price: int
    first_lesson: date
    last_lesson: date
    signed_at: datetime
    taught: int
    state: Literal["open", "ended"]
    findings: Sequence[dict[str, Any]]
    charged_by: ChargedBy

    @property
    def prepaid_path(self) -> str:
        return prepaid_path(self.id)

    @property
    def refund_path(self) -> str:
        return refund_path(self.id)

    def must_be_open(self) -> None:
        """Raises ContractEnded."""
        if self.state != "open":
            raise ContractEnded(contract=self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A contract that was let in, and the rules it was found to break all the same."""

    contract: Contract
    findings: Sequence[Finding]


def sign(db: Connection, draft: Draft, *, rulebook: Rulebook, by: Caller, now: datetime) -> Signed:
    """Sign a contract. Its jurisdiction decides whether a broken fee rule refuses it or flags it.

    Raises Unknown, BadTerms, InstitutionClosed, LicenceExpired, FeeRuleBroken.
    """
    course = courses.get(db, draft.course_id)
    by.must_act_for("institution", course.institution_id, "course", course.id)
    institution = institutions.get(db, course.institution_id)
    _must_be_allowed(institution, draft, now)
    # The student stays locked: two contracts signed at once would each not see the other's lessons.
    student = students.get(db, draft.student_id, lock=True)

    terms = replace(_terms(draft, institution, course, now), student_id=student.child)
    others = contract_terms.open_of_child(db, student.child)
    place = institution.jurisdiction
    must_pass(caps.examine(terms, others, rulebook=rulebook, jurisdiction=place), place, rulebook)

    contract = _add(db, draft, terms, guardian_id=student.guardian_id, list_price=course.list_price, now=now)
    # Examined once more under its own id, which the findings name from now on.
    findings = caps.examine(replace(terms, contract_id=contract.id), others, rulebook=rulebook, jurisdiction=place)
    broken = [{"rule": each.rule.version, "limit": each.limit, "found": each.found} for each in findings]
    db.execute(update(table).where(table.c.id == contract.id).values(findings=broken))
    ledger.accounts.open_accounts(
        db,
        [
            NewAccount(path=contract.prepaid_path, kind="liability"),
            NewAccount(path=contract.refund_path, kind="liability"),
        ],
    )
    versions = [each.rule.version for each in findings]
    trail.record(db, by, "contract.signed", f"contract:{contract.id}", now=now, price=contract.price, broken=versions)
    return Signed(contract=replace(contract, findings=broken), findings=findings)


def get(db: Connection, contract_id: int, *, lock: bool = False) -> Contract:
    """One contract. Raises Unknown."""
    found = by_id(db, [contract_id], lock=lock)
    if contract_id not in found:
        raise Unknown(what="contract", key=contract_id)
    return found[contract_id]


def by_id(db: Connection, contract_ids: Sequence[int], *, lock: bool = False) -> dict[int, Contract]:
    """Contracts by id; unknown ones are missing. Locked in the order of their ids, by everyone."""
    query = select(table).where(table.c.id.in_(sorted(set(contract_ids)))).order_by(table.c.id)
    return {row.id: Contract(**row._asdict()) for row in db.execute(query.with_for_update() if lock else query)}


def open_of_institution(db: Connection, institution_id: int, *, lock: bool = True) -> list[Contract]:
    """The open contracts of an institution; locked in the order of their ids, unless they are only looked at."""
    query = select(table).where(table.c.institution_id == institution_id, table.c.state == "open").order_by(table.c.id)
    return [Contract(**row._asdict()) for row in db.execute(query.with_for_update() if lock else query)]


def end(db: Connection, contract_ids: Sequence[int]) -> None:
    """End contracts: nothing can be added to them any more; what was taught or is owed stays."""
    for chunk in chunks(contract_ids):
        db.execute(update(table).where(table.c.id.in_(chunk)).values(state="ended"))


def must_be_party(contract: Contract, by: Caller) -> None:
    """A contract is seen by its guardian, its institution, the bureau and the auditor. Raises Forbidden, Unknown."""
    by.must_be("family", "institution", "bureau", "auditor")
    party = {"family": contract.guardian_id, "institution": contract.institution_id}.get(by.role)
    if party is not None and by.party != party:
        raise Unknown(what="contract", key=contract.id)


def prepaid_path(contract_id: int) -> str:
    """Paid and not yet taught: owed to the family."""
    return f"contract/{contract_id}/prepaid"


def refund_path(contract_id: int) -> str:
    """Decided to be repaid and not yet seen leaving the bank: owed to the family."""
    return f"contract/{contract_id}/refund"


def _must_be_allowed(institution: Institution, draft: Draft, now: datetime) -> None:
    institution.must_be_open()
    if institution.licence_expires < now.astimezone(SHANGHAI).date():
        raise LicenceExpired(
            licence_no=institution.licence_no, name=institution.name, expired=institution.licence_expires
        )
    if draft.lessons < 1 or draft.gifted < 0:
        raise BadTerms(
            field="lessons",
            field_zh="课时数",
            found=f"{draft.lessons} + {draft.gifted}",
            allowed="at least one",
            allowed_zh="至少一课时",
        )
    if draft.price.minor < 1:
        raise BadTerms(
            field="price", field_zh="价格", found=draft.price.major, allowed="at least 0.01", allowed_zh="至少0.01元"
        )
    if not 0 <= draft.materials.minor < draft.price.minor:
        raise BadTerms(
            field="materials",
            field_zh="教材食宿费",
            found=draft.materials.major,
            allowed=f"a part of the price, less than {draft.price.major}",
            allowed_zh=f"须包含在合同总价之内，小于 {draft.price.major} 元",
        )
    if draft.last_lesson < draft.first_lesson:
        raise BadTerms(
            field="last_lesson",
            field_zh="末课日",
            found=draft.last_lesson,
            allowed=f"not before the first, {draft.first_lesson}",
            allowed_zh=f"不得早于首课日 {draft.first_lesson}",
        )


def _terms(draft: Draft, institution: Institution, course: Course, now: datetime) -> caps.Terms:
    return caps.Terms(
        contract_id=None,
        institution_id=institution.id,
        student_id=draft.student_id,
        subject=course.subject,
        category=institution.category,
        mode=institution.mode,
        lessons=draft.lessons,
        gifted=draft.gifted,
        price_minor=draft.price.minor,
        materials_minor=draft.materials.minor,
        list_minor=course.list_price,
        charged_by=draft.charged_by,
        taught=0,
        signed_on=now.astimezone(SHANGHAI).date(),
        first_lesson=draft.first_lesson,
        last_lesson=draft.last_lesson,
    )


def must_pass(findings: Sequence[Finding], jurisdiction: str, rulebook: Rulebook) -> None:
    """Raises FeeRuleBroken for what the jurisdiction does not let pass; the rest is flagged."""
    refused = caps.refused(findings, rulebook=rulebook, jurisdiction=jurisdiction)
    if refused:
        place = rulebook.jurisdiction(jurisdiction)
        raise FeeRuleBroken(
            jurisdiction=place.name_en,
            jurisdiction_zh=place.name_zh,
            sentences=" ".join(each.en for each in refused),
            sentences_zh="".join(each.zh for each in refused),
            rules=[each.rule.version for each in refused],
        )


def _add(
    db: Connection, draft: Draft, terms: caps.Terms, *, guardian_id: int, list_price: int, now: datetime
) -> Contract:
    made = insert(table).values(
        institution_id=terms.institution_id,
        course_id=draft.course_id,
        student_id=draft.student_id,
        guardian_id=guardian_id,
        subject=terms.subject,
        lessons=draft.lessons,
        gifted=draft.gifted,
        price=draft.price.minor,
        materials=draft.materials.minor,
        charged_by=draft.charged_by,
        list_price=list_price,
        first_lesson=draft.first_lesson,
        last_lesson=draft.last_lesson,
        signed_at=now,
        state="open",
        findings=[],
    )
    return Contract(**db.execute(made.returning(table)).one()._asdict())
