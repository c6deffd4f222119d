"""The score of an institution's month: every part by its figure, the sum told with its parts, kept once a month."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection, select

from escrow.monitoring import scoring
from escrow.monitoring.risk import MOST, Figures, points, runaway, scored
from escrow.monitoring.watching import watch
from escrow.oversight import complaints
from escrow.oversight.complaints import Told
from escrow.payouts import batches, outcomes, refunds, releases
from escrow.payouts.tables import instruction
from escrow.rules.months import Month
from tests.escrow.county import BANK, BUREAU, RULEBOOK, School, at, confirmed, enrolled, family, requested, school
from tests.escrow.monitoring.detectors.columns import GROUND, HABITS

QUIET = Figures(
    collected=3_000_000,
    collected_before=9_000_000,
    lessons=100,
    lessons_before=300,
    balance=3_000_000,
    floor=2_400_000,
    released=2_000_000,
    taught_minor=2_000_000,
)
WORST = Figures(
    collected=9_000_000,
    collected_before=9_000_000,
    lessons=10,
    lessons_before=300,
    unanswered=9,
    floor=2_000_000,
    released=5_000_000,
    taught_minor=1_000_000,
    rosters_missing=3,
    families=9,
)


def part(known: Figures, name: str) -> tuple[int | None, int]:
    """The figure and the points of one part."""
    found = next(each for each in scored(7, Month(2026, 8), known, GROUND).parts if each.name == name)
    return found.figure, found.points


def scores(db: Connection, month: str) -> dict[str, tuple[int | None, int]]:
    """The parts of the only institution's month, as the books give them: figure and points."""
    found, _ = scoring.scores(db, rulebook=RULEBOOK, habits=HABITS, now=at(9, 20))
    (one,) = [each for each in found if each.month == month]
    assert one.score == sum(each.points for each in one.parts)
    return {each.name.removeprefix("risk_"): (each.figure, each.points) for each in one.parts}


def test_the_weights_come_to_a_hundred() -> None:
    assert scored(7, Month(2026, 8), WORST, GROUND).score == MOST
    assert scored(7, Month(2026, 8), QUIET, GROUND).score == 0


@pytest.mark.parametrize(("figure", "told"), [(None, 0), (-9, 0), (50, 0), (51, 0), (54, 1), (100, 12), (150, 25)])
def test_points_grow_from_where_they_begin_to_the_whole_weight(figure: int | None, told: int) -> None:
    habit = GROUND.habit("risk_collections")
    assert habit is not None
    assert points(figure, habit) == told
    assert points(10**9, habit) == habit["weight"]


def test_each_part_is_measured_by_its_own_figure() -> None:
    assert part(replace(QUIET, collected=6_000_000, lessons=50), "risk_collections") == (150, 25)
    assert part(replace(QUIET, collected=6_000_000, lessons=200), "risk_collections") == (0, 0), "both doubled"
    assert part(replace(QUIET, unanswered=2), "risk_refunds") == (2, 8)
    assert part(replace(QUIET, balance=1_800_000), "risk_balance") == (25, 10)
    assert part(replace(QUIET, released=3_100_000), "risk_payouts") == (155, 7)
    assert part(replace(QUIET, rosters_missing=1), "risk_rosters") == (1, 5)
    assert part(replace(QUIET, families=3), "risk_complaints") == (3, 6)


def test_where_there_is_nothing_to_compare_with_there_is_no_figure() -> None:
    new = Figures(collected=2_000_000)
    assert part(new, "risk_collections") == (None, 0)
    assert part(replace(QUIET, collected=999_999), "risk_collections") == (None, 0), "too little to say"
    assert part(new, "risk_balance") == (None, 0)
    assert part(new, "risk_payouts") == (None, 0)
    assert part(replace(new, released=1), "risk_payouts") == (1000, 15), "released, and nothing taught"


def test_from_sixty_on_somebody_looks_and_is_told_the_parts() -> None:
    found = scored(7, Month(2026, 8), WORST, GROUND)
    high = runaway(found, GROUND)
    assert high is not None
    finding = high.sighting.finding
    assert (finding.fact, finding.limit, finding.found) == (
        "runaway:institution:7:month:2026-08",
        "60 of 100",
        "100 of 100",
    )
    assert "余额低于底线20/20分" in finding.zh
    assert "非法律条文" in finding.zh
    assert high.last == at(9, 1, 0), "August is over, and dealt with once"
    assert runaway(replace(found, score=59), GROUND) is None
    assert runaway(replace(found, score=60), GROUND) is not None


def test_the_figures_are_read_from_the_books(db: Connection) -> None:
    of = school(db)
    for number, day in enumerate((3, 4, 5), 1):
        confirmed(db, of, enrolled(db, of, number), on=(8, day))
    assert scores(db, "2026-08")["rosters"] == (0, 0), "the roster of August is due on the 10th of September"
    assert scores(db, "2026-09") == {
        "collections": (None, 0),
        "refunds": (0, 0),
        "balance": (0, 0),
        "payouts": (0, 0),
        "rosters": (1, 5),
        "complaints": (0, 0),
    }
    asked = requested(db, of, now=at(9, 11))
    assert scores(db, "2026-09")["payouts"] == (0, 0), "asked for, and nothing instructed yet"
    releases.approve(db, asked.id, by=BUREAU, now=at(9, 12))
    assert scores(db, "2026-09")["payouts"] == (100, 0), "what was taught was released, and no more"


def test_what_has_left_the_bank_is_not_on_the_account(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
    assert scores(db, "2026-09")["balance"] == (0, 0)
    (wanted,) = db.execute(select(instruction)).all()
    batches.make(db, by=BANK, now=at(8, 2))
    outcomes.left(db, [outcomes.Told(instruction_id=wanted.id, at=at(8, 3))], by=BANK, now=at(8, 3))
    assert scores(db, "2026-09")["balance"] == (100, 20), "all that came in has gone out again"
    assert scores(db, "2026-09")["refunds"] == (0, 0)


def test_refunds_and_complaints_wait_from_their_day_on(db: Connection) -> None:
    of = school(db)
    child, contract = enrolled(db, of)
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
    told = Told(category="refused_refund", told="不退", happened_on=date(2026, 8, 1))
    complaints.file(db, of.institution.id, told, by=family(db, 2).caller, now=at(8, 16))
    complaints.file(db, of.institution.id, told, by=family(db, 3).caller, now=at(8, 15))
    assert scores(db, "2026-08")["refunds"] == (2, 8), "the one of the 16th has waited fifteen days and not more"
    assert scores(db, "2026-09")["refunds"] == (3, 12)
    assert scores(db, "2026-08")["complaints"] == (2, 4)


def test_a_score_is_kept_once_a_month_and_replaced(db: Connection) -> None:
    of: School = school(db)
    enrolled(db, of)
    for day in (19, 20):
        watch(db, rulebook=RULEBOOK, habits=HABITS, now=at(9, day))
    kept = scoring.of_institution(db, of.institution.id)
    assert [(each.month, each.scored_at) for each in kept] == [("2026-09", at(9, 20)), ("2026-08", at(9, 20))]
    assert [each.name for each in kept[0].parts] == [each.name for each in kept[1].parts]
    told = Told(category="other", told="x", happened_on=date(2026, 9, 1))
    complaints.file(db, of.institution.id, told, by=family(db, 2).caller, now=at(9, 20))
    watch(db, rulebook=RULEBOOK, habits=HABITS, now=at(9, 21))
    (highest,) = scoring.highest(db, now=at(9, 21))
    assert (highest.month, highest.score) == ("2026-09", 2)
    assert "投诉增多 2/10" in str(highest)
