"""The county as it is drawn: lawful but for the cases, never twice the same, and always the same for one seed."""

from datetime import date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.demo.agenda import Agenda, clock, next_morning
from escrow.demo.county import County, CountyTooSmall, People, SchoolPlan, plan
from escrow.enrolment import caps
from escrow.registry.credit_code import verified
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Rulebook
from escrow.rules.working_days import is_working_day

SEED = 20260801


def drawn(county: County, seed: int = SEED) -> list[SchoolPlan]:
    rng = Random(seed)  # noqa: S311 — a county is no secret
    return plan(county, rng, People(rng=rng))


def test_the_county_has_28_institutions_and_600_families_in_small_classes() -> None:
    schools = drawn(County())

    assert [each.category for each in schools] == ["subject"] * 6 + ["non_subject"] * 22
    sizes = [len(each.families) for school in schools for each in school.classes]
    assert sum(sizes) == 600
    assert max(sizes) <= 15
    families = {(each.guardian, each.student) for school in schools for k in school.classes for each in k.families}
    assert len(families) == 600
    assert len({each.supervised_account for each in schools} | {each.settlement_account for each in schools}) == 56


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_every_ordinary_contract_is_inside_every_cap_whatever_the_seed(seed: int) -> None:
    rulebook = Rulebook.load()
    for number, school in enumerate(drawn(County(), seed)):
        assert verified(school.credit_code) == school.credit_code
        for each in school.classes:
            terms = caps.Terms(
                contract_id=1,
                institution_id=number,
                student_id=1,
                subject=school.subject,
                category=school.category,
                mode=school.mode,
                lessons=each.lessons,
                gifted=0,
                price_minor=each.price,
                signed_on=each.first_lesson - timedelta(days=20),
                first_lesson=each.first_lesson,
                last_lesson=each.last_lesson,
            )
            assert caps.examine(terms, [], rulebook=rulebook, jurisdiction="900001") == []
            assert len(set(each.sessions)) == each.lessons
            assert each.price <= each.list_price * each.lessons


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_school_subjects_are_taught_on_working_days_and_no_lesson_ends_after_half_past_eight(seed: int) -> None:
    for school in drawn(County(), seed):
        for each in school.classes:
            assert each.ends <= clock(date(2026, 9, 1), 20, 30).time()
            if school.category == "subject":
                assert all(is_working_day(day) and day.weekday() < 5 for day in each.sessions)


def test_the_same_seed_draws_the_same_county_and_another_one_another() -> None:
    assert drawn(County()) == drawn(County())
    assert drawn(County()) != drawn(County(), SEED + 1)


@pytest.mark.parametrize(
    "size",
    [{"subject": 1}, {"non_subject": 5}, {"subject": 7}, {"non_subject": 23}, {"families": 27}],
)
def test_a_county_without_room_for_the_cases_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(CountyTooSmall, match="at least 2 institutions for school subjects and 6 others"):
        County(**size)


def test_the_agenda_keeps_the_order_of_time_and_of_adding_and_takes_more_while_it_runs() -> None:
    agenda, done = Agenda(), list[str]()
    noon = clock(date(2026, 8, 1), 12)

    def first(now: datetime) -> None:
        done.append("first")
        agenda.add(now + timedelta(minutes=30), lambda _: done.append("added on the way"))

    agenda.add(noon + timedelta(hours=1), lambda _: done.append("later"))
    agenda.add(noon, first)
    agenda.add(noon, lambda _: done.append("second of the same instant"))
    for at, deed in agenda.due():
        deed(at)

    assert done == ["first", "second of the same instant", "added on the way", "later"]


def test_the_next_working_morning_leaps_over_the_national_holiday() -> None:
    assert next_morning(datetime(2026, 9, 30, 20, tzinfo=SHANGHAI)) == datetime(2026, 10, 8, 10, tzinfo=SHANGHAI)
