"""Changes of the fee rules: from a version's first day on it holds for new contracts, and this says who keeps which."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from sqlalchemy import Connection

from escrow.enrolment import contract_columns, screening
from escrow.enrolment.caps import CAPS, SETTINGS
from escrow.enrolment.contract_columns import Columns, Scope
from escrow.enrolment.tables import contract
from escrow.rules.rule import Rule
from escrow.rules.rulebook import Rulebook
from escrow.rules.timelines import timeline
from escrow.spreadsheets import Cell

HEADINGS: Final = (
    *("生效日 day", "规则 rule", "辖区 jurisdiction", "类别 category", "方式 mode"),
    *("原版本 version before", "新版本 version after", "合同 contract", "适用版本 version it is under"),
)
NO_VERSION: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A day on which one parameter gets another version in one scope (规则变更), or loses the one it had.

    `under` gives the open contracts by the version that decides about them, "–" for none: those that were signed before
    keep theirs.
    """

    day: date
    name: str
    scope: Scope
    before: Rule | None
    after: Rule | None
    under: Mapping[str, Sequence[int]]

    @property
    def rows(self) -> Iterator[list[Cell]]:
        """A line for each contract, under HEADINGS."""
        versions = [version_of(each) for each in (self.before, self.after)]
        for version, contract_ids in self.under.items():
            for each in contract_ids:
                yield [self.day, self.name, *self.scope, *versions, str(each), version]


def turns(db: Connection, *, rulebook: Rulebook, first: date, last: date) -> list[Turn]:
    """Every change of a fee rule from the first to the last of these days, both inside, wherever contracts are open."""
    columns = contract_columns.read(db, contract.c.state == "open")
    found = []
    for name in dict.fromkeys([*CAPS, *SETTINGS]):
        versions = screening.versions_of(columns, rulebook, name)
        for place, scope in enumerate(columns.scopes):
            line = timeline(rulebook, name, **scope._asdict())
            for before, after, day in zip(line.versions, line.versions[1:], line.days[1:], strict=False):
                if first <= day <= last:
                    under = _under(columns, versions, place)
                    found.append(Turn(day=day, name=name, scope=scope, before=before, after=after, under=under))
    return sorted(found, key=lambda turn: (turn.day, turn.name, turn.scope))


def version_of(rule: Rule | None) -> str:
    """The version's name, or the sign for none."""
    return NO_VERSION if rule is None else rule.version


def _under(columns: Columns, versions: screening.Versions, scope: int) -> dict[str, list[int]]:
    """The contracts of one scope by the version that decides about them, each list in the order of the courses."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    here = np.flatnonzero(columns.scope == scope)
    for number, contract_id in zip(versions.of[here].tolist(), columns.id[here].tolist(), strict=True):
        found[version_of(None if number == screening.NONE else versions.rules[number])].append(contract_id)
    return dict(sorted(found.items()))
