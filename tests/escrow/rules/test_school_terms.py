"""School terms: filed by a place in its own file, inherited, in order; only with them may a fee not cross terms."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from escrow.enrolment.caps import examine
from escrow.enrolment.terms import Terms
from escrow.rules.rulebook import SHIPPED, BadRuleFile, Rulebook

CHENGDU = "510100"
CALENDAR = """
school_terms:
  - {name: "2025–2026学年第二学期", first_day: "2026-03-02", last_day: "2026-07-10", source: "for this test"}
  - {name: "2026–2027学年第一学期", first_day: "2026-09-01", last_day: "2027-01-22", source: "for this test"}
"""
MATHS = Terms(
    contract_id=1,
    institution_id=7,
    student_id=12,
    subject="maths",
    category="subject",
    mode="offline",
    lessons=30,
    gifted=0,
    price_minor=200000,
    charged_by="period",
    signed_on=date(2026, 6, 20),
    first_lesson=date(2026, 7, 1),
    last_lesson=date(2026, 8, 31),
)


def rulebook(tmp_path: Path, calendar: str = CALENDAR) -> Rulebook:
    """The shipped rules, with a term calendar in Chengdu."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "cn"))
    file = folder / "chengdu" / "jurisdiction.yaml"
    file.write_text(file.read_text(encoding="utf-8").rstrip() + calendar, encoding="utf-8")
    return Rulebook.load(folder)


def broken(terms: Terms, book: Rulebook) -> list[tuple[str, str]]:
    found = examine(terms, [], rulebook=book, jurisdiction=CHENGDU)
    return [(each.rule.name, each.found) for each in found if each.rule.name == "prepayment.cross_term"]


def test_a_course_inside_a_term_and_its_holidays_is_in_order_and_one_day_more_crosses(tmp_path: Path) -> None:
    book = rulebook(tmp_path)
    assert broken(MATHS, book) == []
    assert broken(replace(MATHS, last_lesson=date(2026, 9, 1)), book) == [
        ("prepayment.cross_term", "2025–2026学年第二学期、2026–2027学年第一学期")
    ]


@pytest.mark.parametrize(
    "outside",
    [
        {"signed_on": date(2027, 1, 10), "first_lesson": date(2027, 1, 20), "last_lesson": date(2027, 1, 23)},
        {"signed_on": date(2026, 2, 20), "first_lesson": date(2026, 3, 1), "last_lesson": date(2026, 3, 20)},
    ],
)
def test_where_the_calendar_does_not_reach_nothing_is_guessed(tmp_path: Path, outside: dict[str, date]) -> None:
    assert broken(replace(MATHS, **outside), rulebook(tmp_path)) == []  # type: ignore[arg-type]  # days by name


def test_without_a_calendar_and_for_others_than_those_it_speaks_of_the_rule_says_nothing(tmp_path: Path) -> None:
    crossing = replace(MATHS, last_lesson=date(2026, 9, 1))
    assert broken(crossing, Rulebook.load()) == []
    assert broken(replace(crossing, category="non_subject"), rulebook(tmp_path)) == []


def test_terms_out_of_order_are_refused_with_their_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(
        BadRuleFile, match=r"chengdu/jurisdiction\.yaml:\d+: .*2026-09-01 to 2027-01-22 is out of order"
    ):
        rulebook(tmp_path, CALENDAR.replace('last_day: "2026-07-10"', 'last_day: "2026-09-01"'))
