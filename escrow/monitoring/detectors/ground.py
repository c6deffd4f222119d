"""What a detector stands on: the rules and habits of one place, the day of the look, and the shape of what it sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from escrow.monitoring.alerts import Sighting
from escrow.monitoring.frames import day_of, number_of
from escrow.rules.finding import Finding
from escrow.rules.habits import Habit, Habits
from escrow.rules.months import SHANGHAI
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook

NO_LIMIT: Final = 2**62
"""Where no rule is in force nothing is too much."""

Evidence = Mapping[str, str | int | Sequence[str] | Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A sighting, and when the last thing happened that it tells of.

    An alert that was closed after that is not opened again by it: what somebody has dealt with stays dealt with until
    something new happens.
    """

    sighting: Sighting
    last: datetime


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The rules and habits that hold in one jurisdiction at the instant of the look."""

    rulebook: Rulebook
    habits: Habits
    jurisdiction: str
    now: datetime
    _known: dict[tuple[object, ...], Rule | None] = field(default_factory=dict)

    @property
    def today(self) -> int:
        """The local day of the look, counted from 1970."""
        return number_of(self.now.astimezone(SHANGHAI).date())

    def habit(self, name: str) -> Habit | None:
        """The habit that holds today."""
        return self.habits.of(name, on=day_of(self.today))

    def rules(self, name: str, rows: pd.DataFrame, **days: str) -> list[Rule | None]:
        """The version of a parameter that decides each row, from its category and mode and its columns of days.

        `days` name those columns: `signed="signed_on"`. A look-up for each distinct row, not for each row.
        """
        columns = [rows["category"], rows["mode"], *(rows[column] for column in days.values())]
        return [self._deciding(name, tuple(days), key) for key in zip(*columns, strict=True)]

    def _deciding(self, name: str, days: tuple[str, ...], key: tuple[object, ...]) -> Rule | None:
        asked = (name, *key)
        if asked not in self._known:
            category, mode, *numbers = key
            self._known[asked] = self.rulebook.deciding(
                name,
                {day: day_of(int(number)) for day, number in zip(days, numbers, strict=True)},  # type: ignore[call-overload]
                jurisdiction=self.jurisdiction,
                category=str(category),
                mode=str(mode),
            )
        return self._known[asked]


def limits(rules: Sequence[Rule | None]) -> npt.NDArray[np.int64]:
    """The whole number of each rule; where there is none, nothing is too much."""
    return np.array([NO_LIMIT if rule is None else rule.integer for rule in rules], dtype="int64")


def seen(
    rule: Rule,
    fact: str,
    *,
    institution: int,
    contract: int | None = None,
    last: datetime,
    figures: tuple[str, str],
    zh: str,
    en: str,
    evidence: Evidence,
) -> Seen:
    """What was seen, its sentences ending with what they rest on.

    `fact` begins with the detector's name; `figures` are the limit and what was found, with their units.
    """
    finding = Finding(
        rule=rule,
        fact=fact,
        limit=figures[0],
        found=figures[1],
        zh=f"{zh}{rests_on_zh(rule)}",
        en=f"{en} {rests_on_en(rule)}",
        evidence={"institution": institution, **evidence},
    )
    return Seen(sighting=Sighting(finding=finding, institution_id=institution, contract_id=contract), last=last)


def rests_on_zh(rule: Rule) -> str:
    """The sentence that names the law, or says that there is none."""
    if rule.citation.tag == "H":
        return f"依据：{rule.citation.title}，口径版本{rule.version}；此为监测线索，本身不是违法认定。"
    return f"依据：{rule.citation.title}（{rule.citation.number}），规则版本{rule.version}。"


def rests_on_en(rule: Rule) -> str:
    """The sentence that names the law, or says that there is none."""
    if rule.citation.tag == "H":
        return f"By the bureau's own habit {rule.version}, no article of law: a sign to look into, not a breach found."
    return f"Rule {rule.version}, by {rule.citation.title} ({rule.citation.number})."
