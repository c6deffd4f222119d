"""The law as sentences: reading the cases of `cases/*.yaml`, and holding what the files say against each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

from escrow.enrolment.caps import Terms, examine
from escrow.rules.habits import Habits
from escrow.rules.parameters import PARAMETERS
from escrow.rules.rule import Citation
from escrow.rules.rulebook import Rule, Rulebook
from escrow.rules.strict_yaml import Table, read
from escrow.rules.values import told

FOLDER: Final = Path(__file__).parent / "cases"
MODEL_COUNTY: Final = "900001"

_DAYS: Final = ("signed_on", "first_lesson", "last_lesson")
_ORDINARY: Final = read(FOLDER / "ordinary_contract.yaml").table("contract")


@dataclass(frozen=True, kw_only=True)
class Law:
    """All that stands in the files: the rulebook with its calendar, and the bureau's habits."""

    rulebook: Rulebook
    habits: Habits

    @classmethod
    def shipped(cls) -> "Law":
        return cls(rulebook=Rulebook.load(), habits=Habits.load())


Judge: TypeAlias = Callable[[Table, Law], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One sentence of the law. `judge` raises AssertionError when the files say otherwise."""

    file: str
    table: Table
    judge: Judge

    @property
    def sentence(self) -> str:
        return self.table.text("sentence")

    def is_about(self, parameter: str) -> bool:
        """Whether the case names the parameter: those that do are the likeliest to see a change of it."""
        named = (*self.table.entries.values(), *(self.table.entries.get("breaks") or ()))  # type: ignore[misc]  # a list
        return parameter in named

    def fails(self, law: Law) -> bool:
        try:
            self.judge(self.table, law)
        except (AssertionError, LookupError):
            return True
        return False


def read_cases() -> Iterator[Case]:
    """Every case of every file."""
    for file in sorted(FOLDER.glob("*.yaml")):
        table = read(file)
        table.only("contract", *_JUDGES)
        for key, judge in _JUDGES.items():
            if key in table.entries:
                yield from (Case(file=file.stem, table=case, judge=judge) for case in table.tables(key))


def judge_contract(case: Table, law: Law) -> None:
    """A contract, with the student's others, breaks exactly the caps that the sentence names."""
    case.only("sentence", "place", "contract", "others", "breaks", "found", "limit")
    others = [_terms(other) for other in case.tables("others")] if "others" in case.entries else []
    place = case.maybe_text("place") or MODEL_COUNTY
    findings = examine(_terms(case.table("contract")), others, rulebook=law.rulebook, jurisdiction=place)

    assert tuple(finding.rule.name for finding in findings) == case.entries["breaks"]
    for key in ("found", "limit"):
        if key in case.entries:
            assert [getattr(finding, key) for finding in findings] == [case.text(key)]


def judge_question(case: Table, law: Law) -> None:
    """The rulebook, asked for one rule in one place on one day, answers with this value, version and basis."""
    case.only("sentence", "ask", "category", "mode", "place", "day", "answer", "version", "decided_by", "basis")
    rule = law.rulebook.in_force(
        case.text("ask"),
        jurisdiction=case.text("place"),
        on=case.day("day"),
        category=case.maybe_text("category"),
        mode=case.maybe_text("mode"),
    )

    assert ("no rule" if rule is None else told(rule.value)) == case.text("answer")
    if rule is not None:
        _must_stand_as_told(rule, case)


def judge_shelved(case: Table, law: Law) -> None:
    """A version stands in the files and decides nothing."""
    case.only("sentence", "version", "value", "decided_by", "basis")
    rule = law.rulebook.version(case.text("version"))

    assert not rule.enabled
    assert told(rule.value) == case.text("value")
    _must_stand_as_told(rule, case)


def judge_place(case: Table, law: Law) -> None:
    """A place stands below those places and no others, up to the nation; its general word is refuse or flag."""
    case.only("sentence", "place", "above", "enforcement")
    place, *above = law.rulebook.upwards(case.text("place"))

    assert tuple(each.code for each in above) == case.entries["above"]
    assert place.enforcement == case.text("enforcement")


def judge_treatment(case: Table, law: Law) -> None:
    """In a place, exactly these rules are refused when they are broken, or are worth so much."""
    case.only("sentence", "place", "rules", "enforcement", "severity")
    place = case.text("place")
    if "severity" in case.entries:
        found = {
            name for name in PARAMETERS if law.rulebook.severity(name, jurisdiction=place) == case.text("severity")
        }
    else:
        word = case.text("enforcement")
        found = {name for name in PARAMETERS if law.rulebook.enforcement(name, jurisdiction=place) == word}

    assert found == set(case.entries["rules"])  # type: ignore[arg-type]  # a list of names


def judge_holiday(case: Table, law: Law) -> None:
    """A holiday is free from its first to its last day, with working days around it, and is worked for on others."""
    case.only("sentence", "first", "last", "worked")
    calendar = law.rulebook.calendar(MODEL_COUNTY)
    first, last = case.day("first"), case.day("last")
    free = [first + timedelta(days=step) for step in range((last - first).days + 1)]

    told_free = {day for day, works in law.rulebook.years[first.year].works.items() if not works}
    assert told_free.issuperset(free), "a weekend day at its edge is free by the notice too, not by chance"
    assert not any(calendar.is_working_day(day) for day in free)
    assert calendar.is_working_day(first - timedelta(days=1))
    assert calendar.is_working_day(last + timedelta(days=1))
    worked = [date.fromisoformat(str(day)) for day in case.entries.get("worked", ())]  # type: ignore[union-attr]
    assert all(calendar.is_working_day(day) for day in worked)


def judge_notice(case: Table, law: Law) -> None:
    """A year's holidays stand by a notice; how many of its days are free that are no weekend, or worked that are."""
    case.only("sentence", "year", "number", "basis", "weekdays_free", "weekend_days_worked")
    notice = law.rulebook.years[case.integer("year")]

    assert (notice.citation.number, _basis(notice.citation)) == (case.text("number"), case.text("basis"))
    assert sum(not works and day.weekday() < 5 for day, works in notice.works.items()) == case.integer("weekdays_free")
    assert sum(notice.works.values()) == case.integer("weekend_days_worked")


def judge_habit(case: Table, law: Law) -> None:
    """On a day the bureau watches for something by these numbers, or does not yet."""
    case.only("sentence", "watch", "day", "severity", "numbers", "basis")
    habit = law.habits.of(case.text("watch"), on=case.day("day"))

    assert (None if habit is None else habit.severity) == case.maybe_text("severity")
    if habit is not None:
        assert dict(habit.numbers) == (dict(case.table("numbers").entries) if "numbers" in case.entries else {})
        assert case.maybe_text("basis") in {None, _basis(habit.rule.citation)}


def _basis(citation: Citation) -> str:
    return f"{citation.tag}, {citation.read_on}{', draft' if citation.draft else ''}"


def _must_stand_as_told(rule: Rule, case: Table) -> None:
    told_of = {"version": rule.version, "decided_by": rule.decided_by, "basis": _basis(rule.citation)}
    for key, value in told_of.items():
        assert case.maybe_text(key) in {None, value}


def _terms(changes: Table) -> Terms:
    changes.only(*(field.name for field in fields(Terms)))
    told_of: dict[str, Any] = {**_ORDINARY.entries, **changes.entries}
    told_of["contract_id"] = None if told_of["contract_id"] == "draft" else told_of["contract_id"]
    return Terms(**(told_of | {day: date.fromisoformat(told_of[day]) for day in _DAYS}))


_JUDGES: Final[dict[str, Judge]] = {
    "cases": judge_contract,
    "questions": judge_question,
    "shelved": judge_shelved,
    "places": judge_place,
    "treatments": judge_treatment,
    "holidays": judge_holiday,
    "notices": judge_notice,
    "habits": judge_habit,
}
