"""Statement files: kept line by line, whole or not at all, each following the one before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError

from escrow.access.caller import Caller
from escrow.refusals import Forbidden, Refusal, Unknown
from escrow.registry import institutions
from escrow.settlement import breaks, cash, reconciling, statements
from escrow.settlement.statements import GapBeforeStatement, NoPeriod, NotSupervised, OtherCurrency
from escrow.settlement.tables import match, statement, statement_line
from reconciliation.statement import ControlTotalsBroken, NotAStatement, OtherAccount, StatementRefused
from tests.escrow.county import BUREAU, at, balances, breaches, registration, school
from tests.escrow.settlement.conftest import Day
from tests.reconciliation.bank_files import SAMPLES

JULY, AUGUST = (date(2026, 7, 1), date(2026, 7, 31)), (date(2026, 8, 1), date(2026, 8, 31))


def pay(day: Day, amount: int, month: int, number: int) -> None:
    day.bank.pay(
        account=day.of.account,
        amount_minor=amount,
        payer="x",
        payer_account="1",
        remark="",
        at=at(month, number),
    )


def test_a_gap_between_two_statements_is_refused_with_both_balances_and_can_be_filled(day: Day) -> None:
    for month in (7, 8, 9):
        pay(day, 10000 * month, month, 5)
    september = date(2026, 9, 1), date(2026, 9, 30)
    day.take(*JULY)
    with pytest.raises(GapBeforeStatement) as refused:
        day.take(*september)
    assert (refused.value.facts["expected"], refused.value.facts["found"]) == ("700.00", "1500.00")
    day.take(*AUGUST)
    day.take(*september)
    assert _count(day.db, statement_line) == 3


def test_a_file_that_does_not_add_up_keeps_nothing(day: Day) -> None:
    pay(day, 12345, 7, 5)
    data = day.bank.statement(day.of.account, begins=JULY[0], ends=JULY[1], format="camt.053")
    with pytest.raises(ControlTotalsBroken):
        day.take_file(data.replace(b">123.45<", b">123.46<", 1))
    with pytest.raises(StatementRefused):
        day.take_file(data[:-200])
    assert (_count(day.db, statement), _count(day.db, statement_line)) == (0, 0)


@pytest.mark.parametrize("name", ["Rpt", "Ntfctn"])
def test_what_the_bank_tells_during_the_day_is_not_taken_for_its_statement(day: Day, name: str) -> None:
    pay(day, 12345, 7, 5)
    data = day.bank.statement(day.of.account, begins=JULY[0], ends=JULY[1], format="camt.053")
    with pytest.raises(NotAStatement, match="only the statement of the whole day confirms"):
        day.take_file(data.replace(b"Stmt>", f"{name}>".encode()))
    assert (_count(day.db, statement), _count(day.db, statement_line)) == (0, 0)


def test_a_statement_is_of_its_own_account(day: Day) -> None:
    pay(day, 1, 7, 5)
    data = day.bank.statement(day.of.account, begins=JULY[0], ends=JULY[1], format="camt.053")
    school(day.db, 2)
    with pytest.raises(OtherAccount):
        statements.import_file(day.db, data, filename="x", account="6200000002", by=BUREAU, now=at(8, 1))
    foreign = data.replace(b"6200000001", b"6299999999")
    with pytest.raises(NotSupervised, match="6299999999"):
        statements.import_file(day.db, foreign, filename="x", account=None, by=BUREAU, now=at(8, 1))


def test_money_of_another_currency_is_never_taken_for_yuan(day: Day) -> None:
    pay(day, 100, 7, 5)
    data = day.bank.statement(day.of.account, begins=JULY[0], ends=JULY[1], format="camt.053")
    with pytest.raises(OtherCurrency, match="USD"):
        day.take_file(data.replace(b"CNY", b"USD"))
    assert _count(day.db, statement_line) == 0


def test_an_empty_csv_says_nothing_and_an_empty_camt_proves_a_quiet_month(day: Day) -> None:
    with pytest.raises((NoPeriod, StatementRefused)):
        day.take(*JULY, form="icbc-csv")
    (quiet,) = day.take(*JULY)
    assert (quiet.lines, quiet.opening, quiet.closing) == (0, 0, 0)
    assert cash.prove(day.db, day.of.account).unexplained.minor == 0


def test_a_statement_line_stays_as_the_bank_wrote_it(day: Day) -> None:
    pay(day, 100, 7, 5)
    day.take(*JULY)
    for change in (
        "UPDATE statement_line SET amount = 1",
        "DELETE FROM statement_line",
        "UPDATE statement SET closing = 1",
    ):
        with pytest.raises(IntegrityError, match="append-only"), day.db.begin_nested():
            day.db.execute(text(change))


def test_only_the_bureau_and_the_bank_bring_statements(day: Day) -> None:
    for role in ("family", "institution", "auditor"):
        by = Caller(name="x", role=role)
        with pytest.raises(Forbidden):
            statements.import_file(day.db, b"x", filename="x", account=None, by=by, now=at(8, 1))
        with pytest.raises(Forbidden):
            reconciling.reconcile(day.db, day.of.account, by=by, now=at(8, 1))
    with pytest.raises(Unknown):
        cash.prove(day.db, day.of.account)
    with pytest.raises(Unknown):
        statements.get(day.db, 1)


def test_an_earlier_day_is_proved_by_the_statement_that_ended_on_it_or_covers_it(day: Day) -> None:
    for month in (7, 8):
        pay(day, 100 * month, month, 5)
    day.take(*JULY)
    day.take(*AUGUST)
    day.reconcile()
    proofs = {on: cash.prove(day.db, day.of.account, on=on) for on in (date(2026, 7, 31), date(2026, 8, 30), None)}
    told = [(each.on, each.statement_balance.minor, each.unexplained.minor) for each in proofs.values()]
    assert told == [(date(2026, 7, 31), 700, 0), (date(2026, 8, 30), 1500, 0), (date(2026, 8, 31), 1500, 0)]


FILES = ("cn/icbc/*.csv", "cn/ccb/*.xls", "cn/boc/*.csv", "cn/abc/*.csv")


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample files are not here")
def test_real_exports_are_in_suspense_or_on_the_list_line_by_line_or_refused_with_a_sentence(
    db: Connection, record_property: Callable[[str, object], None]
) -> None:
    """Personal accounts of four banks, handed in for a registered school: nothing crashes, nothing is lost."""
    table = []
    paths = sorted(path for pattern in FILES for path in SAMPLES.glob(pattern))
    assert len(paths) == 7
    for number, path in enumerate(paths, start=1):
        # One of them names its account, all but the last four digits masked: the school's ends in those.
        filed = replace(registration(number), supervised_account=f"62{number}003167")
        institutions.register(db, filed, by=BUREAU, now=at(7, 1))
        outcome = _handed_in(db, path, filed.supervised_account)
        table.append(f"{path.parent.name:5} {path.stat().st_size:6} bytes  {outcome}")
        record_property(path.name, outcome)
    print("\n" + "\n".join(table))  # noqa: T201  the table is the point; pytest shows it with -s
    assert [line for line in table if "lines:" in line] == ["boc     3197 bytes  17 lines: {} booked, 17 on the list"]
    assert breaches(db) == []


def _handed_in(db: Connection, path: Path, account: str) -> str:
    refused: StatementRefused | Refusal | None = None
    try:
        with db.begin_nested():
            imported = statements.import_file(
                db, path.read_bytes(), filename=path.name, account=account, by=BUREAU, now=at(11, 20)
            )
            found = reconciling.reconcile(db, account, by=BUREAU, now=at(11, 20))
    except (StatementRefused, Refusal) as error:
        refused = error
    if refused is not None:
        assert refused.chinese
        assert _lines_of(db, account) == 0
        return f"refused: {refused}"
    lines = sum(each.lines for each in imported)
    open_ = [each for each in breaks.still_open(db, account) if each.line_id is not None]
    assert lines == sum(each.fresh for each in imported) == _lines_of(db, account)
    assert lines == sum(found.matched.values()) + sum(found.booked.values()) + len(open_)
    booked = balances(db).get(f"bank/{account}", 0)
    assert booked + sum(each.amount for each in open_) == _sum_of(db, account)
    return f"{lines} lines: {dict(found.booked)} booked, {len(open_)} on the list"


def _lines_of(db: Connection, account: str) -> int:
    query = select(func.count()).select_from(statement_line).where(statement_line.c.account == account)
    return int(db.execute(query).scalar_one())


def _sum_of(db: Connection, account: str) -> int:
    query = select(func.coalesce(func.sum(statement_line.c.amount), 0)).where(statement_line.c.account == account)
    return int(db.execute(query).scalar_one())


def _count(db: Connection, table: Any) -> int:
    return int(db.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_line_is_never_matched_twice(day: Day) -> None:
    pay(day, 100, 7, 5)
    day.take(*JULY)
    day.reconcile()
    day.reconcile()
    assert _count(day.db, match) == 1
