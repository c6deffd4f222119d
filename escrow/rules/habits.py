"""The bureau's own habits of watching: numbers that no law sets, each with who set it, from when, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Self, cast, get_args

from escrow.rules.rule import Citation, Jurisdiction, Rule, Severity, Tag
from escrow.rules.strict_yaml import BadRuleFile, Table, read

SHIPPED: Final = Path(__file__).parent / "watch"

NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "instalments": ("days",),
    "gifts": ("token_percent", "trial_lessons", "days"),
    "pack": ("lessons",),
    "chained_renewals": ("links", "lessons_left"),
    "strange_payment": ("days",),
    "printed_code": ("payers",),
    "expired_licence": (),
    "shut_and_paid": (),
    "no_course_filed": (),
    "other_account": (),
    "unfunded_lessons": ("days",),
    "notified_never_credited": (),
    "grave_break": (),
    "outside_complaints": (),
    "repeated_complaints": ("families",),
    "unswept_takings": ("working_days",),
    "crowded_classes": ("guests",),
    "risk_collections": ("weight", "begins", "full", "least_minor"),
    "risk_refunds": ("weight", "begins", "full", "days"),
    "risk_balance": ("weight", "begins", "full", "share_percent", "months"),
    "risk_payouts": ("weight", "begins", "full"),
    "risk_rosters": ("weight", "begins", "full"),
    "risk_complaints": ("weight", "begins", "full"),
    "runaway": ("score",),
}
"""Every habit there is, with the names of its numbers: a file must give exactly these."""

_PLACE: Final = Jurisdiction(
    code="watch", folder="watch", name_zh="监测口径", name_en="the bureau's habits", parent=None, enforcement="flag"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Habit:
    """One version of what the bureau watches for (监测口径). `rule` is what a finding quotes.

    The rule's citation is that of the law behind it where there is one, and says that there is none elsewhere.
    """

    name: str
    title_zh: str
    title_en: str
    severity: Severity
    numbers: Mapping[str, int]
    rule: Rule

    def __getitem__(self, number: str) -> int:
        return self.numbers[number]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """All habits, each with its versions in the order of their first days."""

    versions: Mapping[str, Sequence[Habit]]

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Read the shipped habits, or those of `folder`. Raises BadRuleFile for the first fault, a missing one too."""
        folder = SHIPPED if folder is None else folder
        files = sorted(each for each in folder.glob("*") if not each.name.startswith("."))
        found = {each.stem: _habits_of(each) for each in files}
        if missing := sorted(NUMBERS.keys() - found.keys()):
            raise BadRuleFile(folder, 1, f"no file for {', '.join(missing)}; without it nothing would be watched there")
        return cls(versions=found)

    def of(self, name: str, *, on: date) -> Habit | None:
        """The version that holds on this day, or None before the first."""
        begun = [each for each in self.versions[name] if each.rule.first_day <= on]
        return begun[-1] if begun else None


def _habits_of(file: Path) -> list[Habit]:
    if file.suffix != ".yaml":
        raise BadRuleFile(file, 1, "only files named <habit>.yaml belong here; move this one away")
    table = read(file)
    table.only("watch", "title", "severity", "law", "versions")
    name = table.text("watch")
    if name not in NUMBERS or name != file.stem:
        raise table.refusal(f"{name!r} in {file.name}: known are {', '.join(NUMBERS)}, each in its own file", "watch")
    law = _law(table.table("law")) if "law" in table.entries else None
    found = [_version(each, table, law) for each in table.tables("versions")]
    days = [each.rule.first_day for each in found]
    if days != sorted(set(days)):
        raise table.refusal("versions stand in the order of their first days, no day twice", "versions")
    return found


def _version(version: Table, table: Table, law: Citation | None) -> Habit:
    version.only("first_day", "set_by", "why", "numbers")
    name, title = table.text("watch"), table.table("title")
    title.only("zh", "en")
    first_day, set_by, why = version.day("first_day"), version.text("set_by"), version.text("why")
    numbers = _numbers(version, name)
    severity = cast("Severity", table.choice("severity", get_args(Severity)))
    own = Citation(
        title=f"{set_by}监测口径「{title.text('zh')}」（非法律条文）",
        number="无文号",
        source=f"set by the bureau itself, by no article of law: {why}",
        read_on=first_day,
        tag="H",
    )
    rule = Rule(
        name=name,
        jurisdiction=replace(_PLACE, severity={name: severity}),
        category=None,
        mode=None,
        first_day=first_day,
        last_day=None,
        decided_by="looked",
        value=", ".join(f"{key} {value}" for key, value in numbers.items()),
        unit="habit",
        citation=law or own,
        note=why,
    )
    return Habit(
        name=name,
        title_zh=title.text("zh"),
        title_en=title.text("en"),
        severity=severity,
        numbers=numbers,
        rule=rule,
    )


def _numbers(version: Table, name: str) -> dict[str, int]:
    if not NUMBERS[name]:
        if "numbers" in version.entries:
            raise version.refusal(f"{name} has no numbers", "numbers")
        return {}
    table = version.table("numbers")
    table.only(*NUMBERS[name])
    return {each: table.integer(each) for each in NUMBERS[name]}


def _law(table: Table) -> Citation:
    table.only("title", "number", "source", "read_on", "tag")
    return Citation(
        title=table.text("title"),
        number=table.text("number"),
        source=table.text("source"),
        read_on=table.day("read_on"),
        tag=cast("Tag", table.choice("tag", get_args(Tag))),
    )
