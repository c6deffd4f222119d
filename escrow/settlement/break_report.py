"""The report of breaks (差异报告): what is open on a day, how old it is, how grave, whose, and by when it is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from escrow.settlement import breaks, suspense_list
from escrow.settlement.break_kinds import IN_CHINESE, SEVERITY_IN_CHINESE, Severity, severity
from escrow.spreadsheets import Cell
from ledger.money import Money

BUCKETS: Final[Sequence[tuple[int, str]]] = ((1, "0–1 天"), (3, "2–3 天"), (7, "4–7 天"), (30, "8–30 天"))
"""The last day of each age, and what it is called; what is older is `OLDEST`."""
OLDEST: Final = "30 天以上"

COLUMNS: Final = (
    *("编号", "账户", "机构", "类别", "等级", "金额（元）", "说明", "责任人", "发现日", "账龄（天）", "账龄段", "限期"),
    "是否逾期",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An open break, or money in suspense, on the day of the report. `amount` in fen; `owner` "" while nobody's."""

    id: int
    account: str
    institution: str
    kind: str
    amount: int
    detail: str
    owner: str
    opened_on: date
    age: int
    due_on: date
    overdue: bool

    @property
    def severity(self) -> Severity:
        return severity(self.kind)

    @property
    def bucket(self) -> str:
        """The age that it is counted in."""
        return next((name for last, name in BUCKETS if self.age <= last), OLDEST)

    @property
    def cells(self) -> Sequence[Cell]:
        """Its row under COLUMNS."""
        return (
            *(str(self.id), self.account, self.institution, IN_CHINESE.get(self.kind, self.kind)),
            *(SEVERITY_IN_CHINESE[self.severity], Money(self.amount), self.detail, self.owner, self.opened_on),
            *(self.age, self.bucket, self.due_on, "是" if self.overdue else "否"),
        )


def report(db: Connection, account: str | None = None, *, on: date) -> list[Entry]:
    """Everything that is open now, as old as it is at the end of the local day `on`: the gravest and oldest first."""
    names = {each.supervised_account: each.name for each in institutions.everyone(db)}
    found = [
        Entry(
            id=each.id,
            account=each.account,
            institution=names.get(each.account, ""),
            kind=each.kind,
            amount=each.amount,
            detail=each.detail,
            owner=each.owner,
            opened_on=each.opened_at.astimezone(SHANGHAI).date(),
            age=each.age(on),
            due_on=each.due_on,
            overdue=each.overdue(on),
        )
        for each in breaks.still_open(db, account)
    ]
    found += [
        Entry(
            id=each.payment.id,
            account=each.payment.supervised_account,
            institution=names.get(each.payment.supervised_account, ""),
            kind="suspense",
            amount=each.payment.amount,
            detail=f"{each.payment.payer} {each.payment.remark}".strip(),
            owner=each.owner,
            opened_on=each.since,
            age=each.age(on),
            due_on=each.due_on,
            overdue=each.overdue(on),
        )
        for each in suspense_list.waiting(db, account)
    ]
    grave = {"high": 0, "medium": 1, "low": 2}
    return sorted(found, key=lambda each: (grave[each.severity], -each.age, each.account, each.id))


def aged(entries: Sequence[Entry]) -> dict[str, dict[Severity, tuple[int, int]]]:
    """How many, and how many fen whichever way, by age and severity; every age is there. Pure."""
    empty: dict[Severity, tuple[int, int]] = {"high": (0, 0), "medium": (0, 0), "low": (0, 0)}
    found = {name: dict(empty) for name in [*(name for _, name in BUCKETS), OLDEST]}
    for each in entries:
        count, amount = found[each.bucket][each.severity]
        found[each.bucket][each.severity] = (count + 1, amount + abs(each.amount))
    return found
