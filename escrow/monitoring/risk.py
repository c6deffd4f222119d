"""Signs of a runaway: a score of an institution's month, each part with its figure, thresholds and points. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from escrow.monitoring.detectors.ground import Ground, Seen, seen
from escrow.rules.habits import Habit
from escrow.rules.months import Month

MOST: Final = 100
"""What the weights of all parts come to."""

_BEYOND: Final = 1_000
"""Per cent: released, and nothing was taught for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of an institution's month, money in fen.

    `collected_before` and `lessons_before` are sums of the three months before; `taught_minor` is what the lessons
    held in those three months earned, `released` what was released in the last three, this month's among them.
    `unanswered` are refunds and complaints that wait too long; `floor` is the least that should stand on the account.
    """

    collected: int = 0
    collected_before: int = 0
    lessons: int = 0
    lessons_before: int = 0
    unanswered: int = 0
    balance: int = 0
    floor: int = 0
    released: int = 0
    taught_minor: int = 0
    rosters_missing: int = 0
    families: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a score (分项). No points up to `begins`, all of its `weight` from `full` on, in between by share.

    `figure` is None where there is nothing to compare with: then there are no points, and it can be seen why.
    """

    name: str
    title_zh: str
    title_en: str
    version: str
    figure: int | None
    begins: int
    full: int
    weight: int
    points: int
    facts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score of an institution's month (跑路风险评分): the sum of its parts' points, of a hundred."""

    institution_id: int
    month: str
    score: int
    parts: Sequence[Part]
    scored_at: datetime

    def __str__(self) -> str:
        parts = "; ".join(f"{each.title_zh} {each.points}/{each.weight}" for each in self.parts)
        return f"{self.month} 机构 {self.institution_id} 跑路风险 risk {self.score}/{MOST}: {parts}"


def points(figure: int | None, habit: Habit) -> int:
    """The points of a figure, rounded down: nothing up to `begins`, the whole weight from `full` on."""
    if figure is None:
        return 0
    begins, full = habit["begins"], habit["full"]
    return habit["weight"] * min(max(figure - begins, 0), full - begins) // (full - begins)


def scored(institution_id: int, month: Month, known: Figures, ground: Ground) -> Score:
    """Every part with what it rests on, and their sum. A part whose habit has not begun is left out."""
    parts = []
    for name, (figure, facts) in _figures(known, ground).items():
        habit = ground.habit(name)
        if habit is not None:
            parts.append(_part(habit, figure, facts))
    return Score(
        institution_id=institution_id,
        month=str(month),
        score=sum(each.points for each in parts),
        parts=parts,
        scored_at=ground.now,
    )


def runaway(found: Score, ground: Ground) -> Seen | None:
    """What somebody must look at: a score from the habit's number on, told with the parts that made it."""
    habit = ground.habit("runaway")
    if habit is None or found.score < habit["score"]:
        return None
    telling = [each for each in found.parts if each.points]
    told_zh = "；".join(f"{each.title_zh}{each.points}/{each.weight}分（{each.figure}）" for each in telling)
    told_en = "; ".join(f"{each.title_en}: {each.points} of {each.weight} ({each.figure})" for each in telling)
    return seen(
        habit.rule,
        f"runaway:institution:{found.institution_id}:month:{found.month}",
        institution=found.institution_id,
        # A month that is over stays as it was: whoever has dealt with it is not told of it again.
        last=min(ground.now, Month.parse(found.month).end),
        figures=(f"{habit['score']} of {MOST}", f"{found.score} of {MOST}"),
        zh=f"{found.month}跑路风险评分{found.score}分（满分{MOST}分，{habit['score']}分起预警）：{told_zh}。",
        en=f"The score of {found.month} is {found.score} of {MOST}, looked at from {habit['score']} on: {told_en}.",
        evidence={"month": found.month, "score": found.score, **{each.name: each.points for each in found.parts}},
    )


def _figures(known: Figures, ground: Ground) -> dict[str, tuple[int | None, dict[str, int]]]:
    """The figure of each part, and the figures that it comes from."""
    return {
        "risk_collections": (
            _ahead(known, ground),
            {
                "collected_minor": known.collected,
                "collected_before_minor": known.collected_before,
                "lessons": known.lessons,
                "lessons_before": known.lessons_before,
            },
        ),
        "risk_refunds": (known.unanswered, {"unanswered": known.unanswered}),
        "risk_balance": (_short(known), {"balance_minor": known.balance, "floor_minor": known.floor}),
        "risk_payouts": (_faster(known), {"released_minor": known.released, "taught_minor": known.taught_minor}),
        "risk_rosters": (known.rosters_missing, {"months": known.rosters_missing}),
        "risk_complaints": (known.families, {"families": known.families}),
    }


def _ahead(known: Figures, ground: Ground) -> int | None:
    """Percentage points by which collections run ahead of lessons, each against the mean of three months before."""
    habit = ground.habit("risk_collections")
    if habit is None or known.collected < habit["least_minor"]:
        return None
    if not known.collected_before or not known.lessons_before:
        return None
    return 300 * known.collected // known.collected_before - 300 * known.lessons // known.lessons_before


def _short(known: Figures) -> int | None:
    """Per cent of the floor that is missing."""
    return 100 * max(known.floor - known.balance, 0) // known.floor if known.floor else None


def _faster(known: Figures) -> int | None:
    """What was released, per cent of what was taught."""
    if known.taught_minor:
        return 100 * known.released // known.taught_minor
    return _BEYOND if known.released else None


def _part(habit: Habit, figure: int | None, facts: Mapping[str, int]) -> Part:
    return Part(
        name=habit.name,
        title_zh=habit.title_zh,
        title_en=habit.title_en,
        version=habit.rule.version,
        figure=figure,
        begins=habit["begins"],
        full=habit["full"],
        weight=habit["weight"],
        points=points(figure, habit),
        facts=facts,
    )
