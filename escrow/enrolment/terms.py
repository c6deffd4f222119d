"""Terms: what the fee rules must know of a contract, and what of it is not yet taught. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from escrow.rules.parameters import CATEGORIES, MODES

CHARGED_BY: Final = ("lessons", "period", "both")
"""What a price is reckoned by (计费方式): 按课时, 按培训周期, or 两者."""


class ImpossibleTerms(ValueError):
    """The terms contradict themselves, so no cap can be computed from them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What the caps need to know of a contract (合同要件). `contract_id` is None while it is a draft.

    `lessons` are paid, `gifted` come on top; `taught` of both are over. `price_minor` is all that the family prepays
    in fen, `materials_minor` of it for materials and boarding; `list_minor` is the published price of one lesson, None
    where it is not known. `last_lesson` is the last one of all, a gifted one too. `subject` is the registry's word for
    it: two contracts are of one subject when the words are equal. `student_id` is the first record of the child, so
    that a child with two guardians is one. `loan_on` is the day of the first order that is to be paid by a training
    loan, None where there is none.
    """

    contract_id: int | None
    institution_id: int
    student_id: int
    subject: str
    category: str
    mode: str
    lessons: int
    gifted: int
    price_minor: int
    signed_on: date
    first_lesson: date
    last_lesson: date
    taught: int = 0
    materials_minor: int = 0
    list_minor: int | None = None
    charged_by: str = "lessons"
    loan_on: date | None = None

    def __post_init__(self) -> None:
        for name in ("lessons", "gifted", "price_minor", "taught", "materials_minor"):
            if getattr(self, name) < 0:
                raise ImpossibleTerms(f"{name} is {getattr(self, name)}; it must be zero or more")
        if self.materials_minor > self.price_minor:
            raise ImpossibleTerms(f"materials_minor {self.materials_minor} is more than price_minor {self.price_minor}")
        if self.last_lesson < self.first_lesson:
            raise ImpossibleTerms(f"last_lesson {self.last_lesson} is before first_lesson {self.first_lesson}")
        for name, allowed in (("category", CATEGORIES), ("mode", MODES), ("charged_by", CHARGED_BY)):
            if getattr(self, name) not in allowed:
                raise ImpossibleTerms(f"{name} is {getattr(self, name)!r}; allowed: {', '.join(allowed)}")

    @property
    def key(self) -> str:
        """The contract as a fact: "contract:123". A draft is named by its course, it has no number yet."""
        return f"draft:{self.course_key}" if self.contract_id is None else f"contract:{self.contract_id}"

    @property
    def course_key(self) -> str:
        """What the sums run over: one student, one institution, one subject."""
        return f"student:{self.student_id}:institution:{self.institution_id}:subject:{self.subject}"

    @property
    def contracted_lessons(self) -> int:
        """All lessons of the contract, gifts included."""
        return self.lessons + self.gifted

    @property
    def untaught_lessons(self) -> int:
        """The lessons still owed, gifts included."""
        return max(0, self.contracted_lessons - self.taught)

    @property
    def untaught_minor(self) -> int:
        """The fen not yet earned: rounded up, so that nothing is left exactly when the last paid lesson is taught."""
        return self.untaught_of(self.price_minor)

    def untaught_of(self, minor: int) -> int:
        """What is not yet earned of so many fen that the lessons are taught for."""
        return minor if self.lessons == 0 else minor - minor * min(self.taught, self.lessons) // self.lessons


def is_same_course(terms: Terms, other: Terms) -> bool:
    """Whether `other` is another contract of the same student, institution and subject."""
    is_itself = other.contract_id is not None and other.contract_id == terms.contract_id
    return not is_itself and other.course_key == terms.course_key


def is_before(other: Terms, terms: Terms) -> bool:
    """Whether `other` stood already when `terms` was signed: of two contracts of one day, the lower number did.

    A contract is held against those before it, as at its own signing, so that the one which went over is named.
    """
    if terms.contract_id is None:
        return True
    return (other.signed_on, other.contract_id or 0) < (terms.signed_on, terms.contract_id)
