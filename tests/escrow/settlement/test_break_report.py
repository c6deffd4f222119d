"""The lists people work off: owner, age and due day of breaks and of money in suspense, as a table and as a picture."""

import csv
import io
from datetime import date

import pytest
from lxml import etree
from sqlalchemy import select

from escrow.refusals import AlreadyDecided, Forbidden, Unknown
from escrow.settlement import ageing_picture, break_report, breaks, suspense_list
from escrow.settlement.break_kinds import IN_CHINESE, is_graver, severity
from escrow.settlement.break_report import COLUMNS, OLDEST, Entry, aged
from escrow.settlement.tables import break_
from escrow.spreadsheets import csv_of
from reconciliation.matching import BREAKS
from tests.escrow.county import BANK, BUREAU, SECOND, at, credit, receive
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.conftest import Day

ON = date(2026, 10, 20)


def entry(age: int, amount: int = 100, *, kind: str = "not_in_books", detail: str = "=1+1") -> Entry:
    return Entry(
        id=age + 1,
        account="6200000001",
        institution="明日美术1",
        kind=kind,
        amount=amount,
        detail=detail,
        owner="",
        opened_on=ON,
        age=age,
        due_on=ON,
        overdue=age > 1,
    )


def test_money_notified_and_missing_by_the_next_working_day_is_a_break_of_its_own_and_a_signal(day: Day) -> None:
    receive(day.db, credit("", 70000, serial="S2", paid_at=at(10, 8)), now=at(10, 8))
    day.take_file(written(day.of.account, [BankLine(amount=1, at=at(10, 8), serial="A")]), now=at(10, 9))
    (listed,) = day.reconcile(at(10, 9)).open
    assert (listed.kind, listed.severity, listed.due_on) == ("not_on_statement", "low", date(2026, 10, 10))
    day.take_file(written(day.of.account, [BankLine(amount=2, at=at(10, 9), serial="B")], opening=1), now=at(10, 10))
    (again,) = day.reconcile(at(10, 10)).open
    assert (again.id, again.kind, again.severity) == (listed.id, "notified_and_missing", "high")
    assert again.due_on == listed.due_on, "it keeps its first due day"


def test_a_break_is_taken_or_assigned_and_only_as_long_as_it_is_open(day: Day) -> None:
    day.take_file(written(day.of.account, [BankLine(amount=-30, at=at(10, 8), serial="X")]), now=at(10, 9))
    (listed,) = day.reconcile(at(10, 9)).open
    assert (listed.owner, listed.assigned_at) == ("bureau", None)
    taken = breaks.assign(day.db, listed.id, owner=BANK.name, by=BANK, now=at(10, 9))
    assert (taken.owner, taken.assigned_by) == (BANK.name, BANK.name)
    with pytest.raises(Forbidden):
        breaks.assign(day.db, listed.id, owner="王会计", by=BANK, now=at(10, 9))
    given = breaks.assign(day.db, listed.id, owner="王会计", by=SECOND, now=at(10, 10))
    assert (given.owner, given.assigned_by, given.age(ON), given.overdue(ON)) == ("王会计", SECOND.name, 11, True)
    assert not given.overdue(given.due_on)
    breaks.close_of(day.db, lines=[given.line_id or 0], now=at(10, 10))
    with pytest.raises(AlreadyDecided):
        breaks.assign(day.db, listed.id, owner="x", by=BUREAU, now=at(10, 11))
    with pytest.raises(Unknown):
        breaks.assign(day.db, 404, owner="x", by=BUREAU, now=at(10, 11))
    assert day.db.execute(select(break_.c.closed_at)).scalar_one() == at(10, 10)


def test_money_in_suspense_has_an_owner_an_age_and_a_due_day(day: Day) -> None:
    first, second = receive(day.db, credit("", 500, serial="S1"), credit("", 700, serial="S2"), now=at(10, 9))
    suspense_list.assign(day.db, first.payment.id, owner="王会计", by=BUREAU, now=at(10, 9))
    given = suspense_list.assign(day.db, first.payment.id, owner="赵会计", by=SECOND, now=at(10, 10))
    assert (given.owner, given.assigned_by) == ("赵会计", SECOND.name)
    waiting = suspense_list.waiting(day.db, day.of.account)
    assert [(each.payment.serial, each.owner, each.due_on) for each in waiting] == [
        ("S1", "赵会计", date(2026, 10, 15)),  # the tenth was a Saturday, worked for the National Day
        ("S2", "", date(2026, 10, 15)),
    ]
    assert [each.age(ON) for each in waiting] == [11, 11]
    assert suspense_list.overdue(waiting, date(2026, 10, 15)) == []
    assert len(suspense_list.overdue(waiting, date(2026, 10, 16))) == 2
    with pytest.raises(Forbidden):
        suspense_list.assign(day.db, second.payment.id, owner="王会计", by=BANK, now=at(10, 9))
    assert suspense_list.assign(day.db, second.payment.id, owner=BANK.name, by=BANK, now=at(10, 9)).owner == BANK.name
    with pytest.raises(Unknown):
        suspense_list.assign(day.db, 404, owner="x", by=BUREAU, now=at(10, 9))


def test_the_report_lists_breaks_and_suspense_gravest_first(day: Day) -> None:
    receive(day.db, credit("", 500, serial="S1", paid_at=at(10, 8)), now=at(10, 8))
    lines = [BankLine(amount=500, at=at(10, 8), serial="S1"), BankLine(amount=-30, at=at(10, 8, 13), serial="X")]
    day.take_file(written(day.of.account, lines), now=at(10, 9))
    day.reconcile(at(10, 9))
    found = break_report.report(day.db, on=ON)
    assert [(each.kind, each.amount, each.severity, each.bucket, each.overdue) for each in found] == [
        ("not_in_books", -30, "medium", "8–30 天", True),
        ("suspense", 500, "low", "8–30 天", True),
    ]
    assert {each.institution for each in found} == {"明日美术1"}
    assert break_report.report(day.db, "404", on=ON) == []


def test_the_table_shows_exact_figures_and_runs_nothing_in_a_spreadsheet() -> None:
    found = csv_of(COLUMNS, [each.cells for each in [entry(0, -123456), entry(40, detail="正常")]])
    rows = list(csv.reader(io.StringIO(found.decode("utf-8-sig"))))
    assert rows[0] == list(COLUMNS)
    assert rows[1][3:7] == ["对账单有、账上无", "中", "-1234.56", "'=1+1"]
    assert rows[2][9:] == ["40", OLDEST, "2026-10-20", "是"]


@pytest.mark.parametrize(
    ("age", "bucket"), [(0, "0–1 天"), (1, "0–1 天"), (2, "2–3 天"), (7, "4–7 天"), (30, "8–30 天"), (31, OLDEST)]
)
def test_each_age_has_its_place(age: int, bucket: str) -> None:
    assert entry(age).bucket == bucket
    assert aged([entry(age)])[bucket]["medium"] == (1, 100)


def test_the_picture_tells_what_the_list_tells() -> None:
    entries = [entry(0), entry(0, -300, kind="duplicate"), entry(9, 123_456_789_01), entry(40, 1, kind="suspense")]
    drawn = ageing_picture.picture(entries, on=ON)
    tree = etree.fromstring(drawn.encode())
    texts = [each.text for each in tree.iter("{*}text")]
    assert "未决差异账龄（2026-10-20）" in texts
    assert "共 4 项，金额合计 123,456,793.02 元" in texts
    assert "2 项　4.00 元" in texts
    assert texts.count("无") == 2
    bars = [int(each.get("width", "0")) for each in tree.iter("{*}rect")]
    assert max(bars[5:]) <= 400
    assert "0–1 天 2 项 4.00 元" in (tree.findtext("{*}desc") or "")


def test_a_picture_of_nothing_says_so() -> None:
    assert "共 0 项，金额合计 0.00 元" in ageing_picture.picture([], on=ON)


def test_every_kind_of_break_has_a_name_and_a_weight() -> None:
    assert set(BREAKS) - IN_CHINESE.keys() == set()
    assert is_graver("notified_and_missing", "not_on_statement")
    assert not is_graver("not_in_books", "duplicate")
    assert severity("late_line") == "high"
