"""What was found in a generated county, held against what was planted in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from escrow.enrolment import contract_columns, screening
from escrow.enrolment.tables import contract
from escrow.monitoring import scoring
from escrow.monitoring.watching import look
from escrow.rules.habits import Habits
from escrow.rules.rulebook import Rulebook
from tests.generated_county import other_cases, selling_cases
from tests.generated_county.books import NOW
from tests.generated_county.county import County, generate

CASES = selling_cases.CASES | other_cases.CASES


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One detector: what it should have found, what it did, what it missed, and what was none."""

    planted: int
    found: int
    missed: frozenset[str]
    false: frozenset[str]

    @property
    def recall(self) -> str:
        return _share(self.planted - len(self.missed), self.planted)

    @property
    def precision(self) -> str:
        return _share(self.found - len(self.false), self.found)


def county_of(contracts: int) -> County:
    """A county with every case in it."""
    return generate(contracts, CASES)


def detectors(db: Connection, county: County) -> Mapping[str, Judged]:
    """Every detector of the watch, by its name."""
    rulebook, habits = Rulebook.load(), Habits.load()
    found = {**look(db, rulebook=rulebook, habits=habits, now=NOW)}
    found["runaway"] = scoring.scores(db, rulebook=rulebook, habits=habits, now=NOW)[1]
    return {
        name: _judged(county.truth.get(name, set()), {each.sighting.finding.fact for each in those})
        for name, those in found.items()
    }


def caps(db: Connection, county: County) -> Mapping[str, Judged]:
    """Every cap of the sweep, by its parameter: at which contracts it was broken."""
    columns = contract_columns.read(db, contract.c.state == "open")
    found = {(each.finding.rule.name, each.contract_id) for each in screening.findings(columns, Rulebook.load())}
    names = sorted({name for name, _ in found | county.caps})
    return {name: _judged(_of(name, county.caps), _of(name, found)) for name in names}


def _of(name: str, broken: set[tuple[str, int]]) -> set[str]:
    return {str(contract_id) for each, contract_id in broken if each == name}


def _judged(wanted: set[str], found: set[str]) -> Judged:
    return Judged(
        planted=len(wanted), found=len(found), missed=frozenset(wanted - found), false=frozenset(found - wanted)
    )


def _share(part: int, whole: int) -> str:
    """As a decimal of four places, cut and not rounded: 1.0000 is all of them."""
    tenths_of_mille = 10_000 * part // whole if whole else 10_000
    return f"{tenths_of_mille // 10_000}.{tenths_of_mille % 10_000:04}"
