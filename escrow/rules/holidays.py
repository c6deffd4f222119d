"""Holidays as data: which days a notice gives free and which weekend days it has worked for them, with its citation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from escrow.rules.citations import citation_of
from escrow.rules.rule import Citation
from escrow.rules.strict_yaml import BadRuleFile, Table, read

SHIPPED: Final = Path(__file__).parent / "calendar"
CLOSURES_FILE: Final = "closures.yaml"

_SATURDAY: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """What one notice says of single days (放假调休通知): day by day, whether it is worked. Other days are as usual."""

    works: Mapping[date, bool]
    citation: Citation


def years_of(folder: Path | None = None) -> dict[int, Notice]:
    """The national notices of `folder/<year>.yaml`, by year. Raises BadRuleFile for the first fault."""
    folder = SHIPPED if folder is None else folder
    return dict(_year(file) for file in sorted(folder.iterdir()) if not file.name.startswith("."))


def closures_of(file: Path) -> tuple[Notice, ...]:
    """The local notices of one jurisdiction's `closures.yaml`; none where it has no such file. Raises BadRuleFile."""
    if not file.exists():
        return ()
    table = read(file)
    table.only("note", "notices")
    table.maybe_text("note")
    seen: set[date] = set()
    return tuple(_notice(each, seen) for each in table.tables("notices"))


def _year(file: Path) -> tuple[int, Notice]:
    if file.suffix != ".yaml":
        raise BadRuleFile(file, 1, "only files named <year>.yaml belong here; move this one away")
    table = read(file)
    year = table.integer("year")
    if file.stem != str(year):
        raise table.refusal(f"the file is named {file.stem} and speaks of {year}; make them the same", "year")
    notice = _notice(table, set())
    for day in notice.works:
        if day.year != year:
            raise table.refusal(f"{day} is not in {year}; it belongs into {day.year}.yaml")
    return year, notice


def _notice(table: Table, seen: set[date]) -> Notice:
    """`seen` remembers, over all notices of a file, which days have been spoken of: no day is told twice."""
    table.only("year", "free", "worked", "citation")
    works: dict[date, bool] = {}
    for entry in table.tables("free"):
        works |= dict.fromkeys(_new(_range(entry), seen, entry), False)
    for entry in table.tables("worked") if "worked" in table.entries else ():
        works |= dict.fromkeys(_new([_weekend_day(entry)], seen, entry), True)
    return Notice(works=works, citation=citation_of(table.table("citation")))


def _range(entry: Table) -> list[date]:
    entry.only("name", "first", "last")
    entry.text("name")
    first, last = entry.day("first"), entry.day("last")
    if last < first:
        raise entry.refusal(f"last {last} is before first {first}", "last")
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]


def _weekend_day(entry: Table) -> date:
    entry.only("name", "day")
    entry.text("name")
    day = entry.day("day")
    if day.weekday() < _SATURDAY:
        raise entry.refusal(f"{day} is no weekend day, so it is worked anyway; look it up in the notice again", "day")
    return day


def _new(days: Sequence[date], seen: set[date], entry: Table) -> Sequence[date]:
    for day in days:
        if day in seen:
            raise entry.refusal(f"{day} is told twice; keep one")
        seen.add(day)
    return days
