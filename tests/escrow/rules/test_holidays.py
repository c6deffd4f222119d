"""Our own table of holidays: it overrides the library's, says when it ends, and a doubtful file stops the start."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import chinese_calendar  # type: ignore[import-untyped]  # it ships no types
import pytest

from escrow.rules import holidays
from escrow.rules.holidays import closures_of, years_of
from escrow.rules.rulebook import SHIPPED, BadRuleFile, Rulebook
from escrow.rules.working_days import CalendarUnknown, WorkingCalendar, national

CITATION = 'citation: {title: "通知", number: "1号", source: "as reported by x", read_on: "2026-11-25", tag: "R"}\n'
YEAR = (
    "year: 2027\nfree:\n"
    '  - {name: "元旦", first: "2027-01-01", last: "2027-01-03"}\n'
    'worked:\n  - {name: "元旦", day: "2027-01-09"}\n' + CITATION
)
CLOSURES = (
    "notices:\n"
    '  - free:\n    - {name: "台风停工", first: "2026-09-10", last: "2026-09-11"}\n'
    '    worked:\n    - {name: "台风停工", day: "2026-09-12"}\n    ' + CITATION
)


def _table(folder: Path, text: str = YEAR, name: str = "2027.yaml") -> WorkingCalendar:
    (folder / name).write_text(text, encoding="utf-8")
    return WorkingCalendar(years=years_of(folder))


def test_our_table_and_the_library_agree_on_every_day_of_the_years_that_both_hold() -> None:
    days = [date(year, 1, 1) + timedelta(days=step) for year in national().years for step in range(365)]
    ours = {day for day in days if national().is_working_day(day)}
    assert ours == {day for day in days if chinese_calendar.is_workday(day)}


def test_a_year_of_our_own_is_known_though_the_library_has_not_heard_of_it(tmp_path: Path) -> None:
    calendar = _table(tmp_path)

    days = ("2027-01-01", "2027-01-04", "2027-01-08", "2027-01-09", "2027-01-10", "2027-06-30")
    assert [calendar.is_working_day(date.fromisoformat(day)) for day in days] == [False, True, True, True, False, True]
    assert calendar.after(date(2026, 12, 31), 5) == date(2027, 1, 8), "from Thursday over New Year's Day to Friday"
    assert calendar.after(date(2026, 12, 31), 6) == date(2027, 1, 9), "the Saturday that is worked for it"


def test_our_table_is_believed_before_the_library(tmp_path: Path) -> None:
    text = YEAR.replace("2027", "2026").replace(
        'first: "2026-01-01", last: "2026-01-03"', 'first: "2026-10-08", last: "2026-10-08"'
    )
    calendar = _table(tmp_path, text.replace('day: "2026-01-09"', 'day: "2026-01-11"'), "2026.yaml")

    assert chinese_calendar.is_workday(date(2026, 10, 8))
    assert not calendar.is_working_day(date(2026, 10, 8))


def test_the_calendar_says_when_it_ends_and_stops_there(tmp_path: Path) -> None:
    assert national().known_through() == date(2026, 12, 31)
    calendar = _table(tmp_path)
    assert calendar.known_through() == date(2027, 12, 31)
    with pytest.raises(CalendarUnknown, match=r"calendar of 2028 is not known; .* or write .*calendar/2028\.yaml"):
        calendar.after(date(2027, 12, 30), 3)


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        (("year: 2027", "year: 2028"), 1, "the file is named 2027 and speaks of 2028"),
        (('first: "2027-01-01"', 'first: "2026-12-31"'), 1, "2026-12-31 is not in 2027"),
        (('last: "2027-01-03"', 'last: "2026-12-31"'), 3, "last 2026-12-31 is before first 2027-01-01"),
        (('day: "2027-01-09"', 'day: "2027-01-08"'), 5, "2027-01-08 is no weekend day, so it is worked anyway"),
        (('day: "2027-01-09"', 'day: "2027-01-02"'), 5, "2027-01-02 is told twice"),
        (('name: "元旦", first', "first"), 3, "name is missing"),
        (("free:", "off:"), 2, "'off' without quotes would be read as true or false"),
        ((CITATION, ""), 1, "citation is missing"),
        (('tag: "R"', 'tag: "H"'), 6, "tag is 'H'; allowed: P, R, M"),
    ],
)
def test_a_doubtful_year_is_refused_with_its_line(
    change: tuple[str, str], line: int, reason: str, tmp_path: Path
) -> None:
    assert YEAR.count(change[0]) == 1
    with pytest.raises(BadRuleFile) as refused:
        _table(tmp_path, YEAR.replace(*change))
    assert reason in refused.value.reason
    assert (refused.value.file.name, refused.value.line) == ("2027.yaml", line)


def test_another_file_in_the_calendar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRuleFile, match="only files named <year>"):
        _table(tmp_path, "x", "notes.txt")


def test_a_place_has_closures_of_its_own_and_those_of_the_places_above_it(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "cn"))
    (folder / "fujian" / "closures.yaml").write_text(CLOSURES, encoding="utf-8")
    open_again = CLOSURES.replace("2026-09-10", "2026-09-19").replace("2026-09-11", "2026-09-19")
    (folder / "xiamen" / "closures.yaml").write_text(
        open_again.replace('day: "2026-09-12"', 'day: "2026-10-03"'), encoding="utf-8"
    )
    rulebook = Rulebook.load(folder)

    def works(place: str, *days: str) -> list[bool]:
        return [rulebook.calendar(place).is_working_day(date.fromisoformat(day)) for day in days]

    assert works("cn", "2026-09-11", "2026-09-12", "2026-10-03") == [True, False, False]
    assert works("350000", "2026-09-11", "2026-09-12", "2026-10-03") == [False, True, False]
    assert works("350200", "2026-09-11", "2026-09-12", "2026-10-03") == [False, True, True], "over a national holiday"
    assert rulebook.calendar("350200").after(date(2026, 9, 9), 1) == date(2026, 9, 12)
    assert rulebook.calendar("cn").after(date(2026, 9, 9), 1) == date(2026, 9, 10)


def test_a_place_without_a_file_has_no_closures(tmp_path: Path) -> None:
    assert closures_of(tmp_path / "closures.yaml") == ()


def test_a_day_that_two_notices_of_a_place_tell_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "closures.yaml"
    file.write_text(CLOSURES + CLOSURES.removeprefix("notices:\n"), encoding="utf-8")
    with pytest.raises(BadRuleFile, match="2026-09-10 is told twice"):
        closures_of(file)


def test_every_shipped_year_names_its_notice() -> None:
    assert {file.stem for file in holidays.SHIPPED.glob("*")} == {str(year) for year in national().years}
    for year, notice in national().years.items():
        assert notice.citation.title == f"国务院办公厅关于{year}年部分节假日安排的通知"
        assert notice.citation.source.startswith("as reported by 新华社, https://")
