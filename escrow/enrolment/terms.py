"""Terms: what the fee rules must know of a contract, and what of it is not yet taught. Pure."""

from dataclasses import dataclass
from datetime import date

from escrow.rules.parameters import CATEGORIES, MODES


class ImpossibleTerms(ValueError):
    """The terms contradict themselves, so no cap can be computed from them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What the caps need to know of a contract (合同要件). `contract_id` is None while it is a draft.

    `lessons` are paid, `gifted` come on top; `taught` of both are over. `price_minor` is all that the family prepays
    in fen, materials and boarding included. `last_lesson` is the last one of all, a gifted one too. `subject` is
    the registry's word for it: two contracts are of one subject when the words are equal.
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

    def __post_init__(self) -> None:
        for name in ("lessons", "gifted", "price_minor", "taught"):
            if getattr(self, name) < 0:
                raise ImpossibleTerms(f"{name} is {getattr(self, name)}; it must be zero or more")
        if self.last_lesson < self.first_lesson:
            raise ImpossibleTerms(f"last_lesson {self.last_lesson} is before first_lesson {self.first_lesson}")
        for name, allowed in (("category", CATEGORIES), ("mode", MODES)):
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
        if self.lessons == 0:
            return self.price_minor
        return self.price_minor - self.price_minor * min(self.taught, self.lessons) // self.lessons


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
