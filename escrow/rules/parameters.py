"""The vocabulary of the rulebook: which parameters there are and what kind of value each has. No number of the law."""

from dataclasses import dataclass
from typing import Final, Literal

CATEGORIES: Final = ("subject", "non_subject")
"""学科 and 非学科: whether a course teaches a school subject."""

MODES: Final = ("offline", "online")
"""线下 and 线上."""

Kind = Literal["integer", "window", "choice", "local_time"]


class UnknownParameter(KeyError):
    """The rulebook has no parameter of this name."""

    def __str__(self) -> str:
        return f"no parameter {self.args[0]!r} in the rulebook; known: {', '.join(PARAMETERS)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One thing that the law sets: its unit, the kind of its value, and the days that may decide the version."""

    kind: Kind
    unit: str
    decided_by: tuple[str, ...]
    choices: tuple[str, ...] = ()


_AT_SIGNING: Final = ("signed", "first_lesson")

PARAMETERS: Final[dict[str, Parameter]] = {
    "prepayment.max_span": Parameter(kind="integer", unit="calendar months", decided_by=_AT_SIGNING),
    "prepayment.max_lessons": Parameter(kind="integer", unit="lessons per subject", decided_by=_AT_SIGNING),
    "prepayment.max_amount": Parameter(kind="integer", unit="fen", decided_by=_AT_SIGNING),
    "prepayment.earliest": Parameter(
        kind="integer", unit="calendar months before the first lesson", decided_by=_AT_SIGNING
    ),
    "lesson.latest_end": Parameter(kind="local_time", unit="local time", decided_by=("taught",)),
    "confirmation.silence": Parameter(kind="integer", unit="working days", decided_by=("guardian_told",)),
    "release.window": Parameter(kind="window", unit="day of month", decided_by=("requested",)),
    "release.cycle": Parameter(
        kind="choice",
        unit="release cycle",
        decided_by=("requested",),
        choices=("in_step_with_teaching", "per_lesson", "weekly", "monthly", "after_whole_order"),
    ),
    "release.approval": Parameter(
        kind="choice",
        unit="who approves",
        decided_by=("requested",),
        choices=("bureau", "bank_after_guardian", "tripartite"),
    ),
    "roster.deadline": Parameter(kind="integer", unit="day of month", decided_by=("requested",)),
    "refund.cooling_off": Parameter(kind="integer", unit="days from payment", decided_by=("paid",)),
    "refund.pay_within": Parameter(kind="integer", unit="days", decided_by=("refund_asked",)),
    "refund.price": Parameter(
        kind="choice",
        unit="refund arithmetic",
        decided_by=("refund_asked",),
        choices=("by_cause", "pro_rata"),
    ),
}
"""By name, as in the file names. `pro_rata`: by lessons, whoever is at fault."""
