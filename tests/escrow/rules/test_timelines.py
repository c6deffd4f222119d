"""Timelines: which version holds from which day on is what the rulebook answers on every day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.rules.rulebook import Rulebook
from escrow.rules.timelines import timeline
from tests.escrow.enrolment.random_towns import changing

RULEBOOK = changing()
SCOPES = st.fixed_dictionaries(
    {
        "jurisdiction": st.sampled_from(["900001", "cn"]),
        "category": st.sampled_from([None, "subject", "non_subject"]),
        "mode": st.sampled_from([None, "offline", "online"]),
    }
)


@given(scope=SCOPES, day=st.dates(date(2017, 1, 1), date(2027, 12, 31)) | st.dates(date(2026, 7, 8), date(2026, 7, 23)))
def test_on_every_day_the_timeline_says_what_the_rulebook_says(scope: dict[str, str], day: date) -> None:
    for name in ("prepayment.max_lessons", "prepayment.max_span", "lesson.latest_end"):
        line = timeline(RULEBOOK, name, **scope)
        (standing,) = [
            version for begins, version in list(zip(line.days, line.versions, strict=True)) if begins <= day
        ][-1:]
        assert standing == RULEBOOK.in_force(name, on=day, **scope)


def test_a_timeline_turns_only_where_the_answer_changes() -> None:
    line = timeline(RULEBOOK, "prepayment.max_span", jurisdiction="900001", category="subject", mode="offline")
    day = date(2026, 7, 12)
    assert list(line.days) == [date.min, date(2018, 1, 1), day, day + timedelta(days=1)]
    assert [None if rule is None else rule.value for rule in line.versions] == [None, 3, 2, 3]


@pytest.mark.parametrize("name", ["prepayment.max_lessons", "prepayment.max_amount"])
def test_a_rule_that_is_switched_off_has_no_day(name: str) -> None:
    book = Rulebook(jurisdictions=RULEBOOK.jurisdictions, rules=())
    assert timeline(book, name, jurisdiction="cn").versions == [None]
