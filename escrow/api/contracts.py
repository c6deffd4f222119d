"""Students and contracts: signed through the institution, examined by the fee rules, seen by their parties."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

import ledger.accounts
from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import CONTRACTS, may_refuse
from escrow.api.findings import FindingShown
from escrow.api.shapes import Amount, Asked, AskedAmount, Day, Fen, Id, Name, PathId, Reason, Shown
from escrow.enrolment import contracts, payments, students
from escrow.enrolment.contracts import BadTerms, Contract, Draft, FeeRuleBroken, LicenceExpired
from escrow.enrolment.students import AnotherIdentity, NoIdentity, OthersTied
from escrow.monitoring import alerts
from escrow.monitoring.alerts import Sighting
from escrow.refusals import ReasonMissing, Unknown
from escrow.registry.institutions import InstitutionClosed
from ledger.money import Money

routes = APIRouter(tags=[CONTRACTS])


class StudentAsked(Asked):
    """A child and its guardian."""

    name: Name = Field(examples=["小明"])
    guardian_name: Name = Field(examples=["王芳"])
    mobile: str = Field(pattern="^1[3-9][0-9]{9}$", examples=["13800000000"], description="The guardian's.")
    identity: str | None = Field(
        default=None,
        pattern="^[0-9A-Za-z -]{6,40}$",
        description="The number of the child's identity document, if the family gives it: by it a child with two "
        "guardians is one child to the caps. Only a keyed hash is kept; it is never shown.",
    )


class StudentShown(Shown):
    """A student, and the guardian who is the party to contracts."""

    id: int
    guardian_id: int
    name: str


class IdentityWithdrawn(Asked):
    """Why a child's identity document is taken back."""

    reason: Reason = Field(examples=["证件号码登记有误"])


class ContractAsked(Asked):
    """A contract as it is put forward. The price is all that the family prepays; gifted lessons come on top."""

    course_id: Id
    student_id: Id
    lessons: int = Field(ge=1, le=10_000, description="Paid lessons.", examples=[40])
    gifted: int = Field(default=0, ge=0, le=10_000, description="They count for the caps like paid ones.")
    price: AskedAmount
    materials: AskedAmount | None = Field(
        default=None, description="Of the price, for materials and boarding (教材费、食宿费): they count as prepayment."
    )
    charged_by: Literal["lessons", "period", "both"] = Field(
        default="lessons", description="What the price is reckoned by (计费方式)."
    )
    first_lesson: Day
    last_lesson: Day


class ContractShown(Shown):
    """A contract."""

    id: int
    institution_id: int
    course_id: int
    student_id: int
    guardian_id: int
    subject: str
    lessons: int
    gifted: int
    price: Fen
    materials: Fen
    list_price: Fen
    first_lesson: date
    last_lesson: date
    charged_by: Literal["lessons", "period", "both"]
    signed_at: datetime
    state: Literal["open", "ended"]


class SignedShown(Shown):
    """A signed contract and what the fee rules found. No finding: inside every cap."""

    contract: ContractShown
    findings: list[FindingShown]


class ContractStanding(ContractShown):
    """A contract and what is left of it."""

    findings: Sequence[dict[str, Any]] = Field(description="The rules it was found to break when it was signed.")
    paid: Fen = Field(description="All that was paid on it.")
    prepaid: Fen = Field(description="Paid and not yet taught: still the family's.")
    refunding: Fen = Field(description="Decided to be repaid, and not yet seen leaving the bank.")
    taught: int = Field(description="Confirmed lessons, gifted ones included.")
    lessons_left: int


@routes.post(
    "/students",
    status_code=201,
    response_model=StudentShown,
    responses=may_refuse(AnotherIdentity),
    summary="Enter a student 学员登记",
)
def enter_student(asked: StudentAsked, act: Annotated[Act, Depends(acting("institution", "bureau"))]) -> Response:
    """The same child of the same guardian is found, not entered twice. With the number of its identity document a child
    is known again under another guardian, and the fee rules count its contracts under both."""
    return act(
        lambda db: StudentShown.model_validate(students.enter(db, **asked.model_dump(), by=act.by, now=act.now)),
        status=201,
    )


@routes.post(
    "/students/{student_id}/identity-withdrawal",
    response_model=StudentShown,
    responses=may_refuse(Unknown, ReasonMissing, NoIdentity, OthersTied),
    summary="Take back an identity document 撤销证件登记",
)
def forget_identity(
    student_id: PathId, asked: IdentityWithdrawn, act: Annotated[Act, Depends(acting("bureau"))]
) -> Response:
    """Where the number was wrong: the child is counted for itself again, and can be entered with the right one."""

    def do(db: Connection) -> StudentShown:
        return StudentShown.model_validate(
            students.forget_identity(db, student_id, reason=asked.reason, by=act.by, now=act.now)
        )

    return act(do)


@routes.post(
    "/contracts",
    status_code=201,
    response_model=SignedShown,
    responses=may_refuse(Unknown, BadTerms, InstitutionClosed, LicenceExpired, FeeRuleBroken),
    summary="Sign a contract 签订合同",
)
def sign(asked: ContractAsked, act: Annotated[Act, Depends(acting("institution", "bureau"))]) -> Response:
    """The fee rules in force are held against the contract: prepayment for at most three months, sixty lessons of a
    subject over all open contracts (gifts counted), 5,000 yuan for non-subject courses (materials and boarding
    counted), not earlier than a month before the first lesson, renewed when few lessons are left. By the setting of its
    jurisdiction a broken rule refuses the contract, or lets it in with the findings, and an alert to the bureau for
    each."""

    def do(db: Connection) -> SignedShown:
        amounts = {
            "price": asked.price.money,
            "materials": Money(0) if asked.materials is None else asked.materials.money,
        }
        draft = Draft(**{name: getattr(asked, name) for name in type(asked).model_fields} | amounts)
        signed = contracts.sign(db, draft, rulebook=act.rulebook, by=act.by, now=act.now)
        contract = signed.contract
        seen = [
            Sighting(finding=each, institution_id=contract.institution_id, contract_id=contract.id)
            for each in signed.findings
        ]
        alerts.raise_(db, seen, rulebook=act.rulebook, now=act.now)
        return SignedShown(
            contract=ContractShown.model_validate(contract),
            findings=[FindingShown.of(each) for each in signed.findings],
        )

    return act(do, status=201)


@routes.get("/contracts/{contract_id}", responses=may_refuse(Unknown), summary="A contract and what is left of it 合同")
def show(
    contract_id: PathId,
    look: Annotated[Look, Depends(looking("family", "institution", "bureau", "auditor"))],
) -> ContractStanding:
    """For its guardian, its institution, the bureau and the auditor."""

    def read(db: Connection) -> ContractStanding:
        contract = contracts.get(db, contract_id)
        contracts.must_be_party(contract, look.by)
        return _standing(db, contract)

    return look(read)


def _standing(db: Connection, contract: Contract) -> ContractStanding:
    held = ledger.accounts.find(db, [contract.prepaid_path, contract.refund_path])
    return ContractStanding(
        **dict(ContractShown.model_validate(contract)),
        findings=contract.findings,
        paid=Amount.of(sum(each.amount for each in payments.of_contract(db, [contract.id]))),
        prepaid=Amount.of(held[contract.prepaid_path].balance),
        refunding=Amount.of(held[contract.refund_path].balance),
        taught=contract.taught,
        lessons_left=contract.lessons + contract.gifted - contract.taught,
    )
