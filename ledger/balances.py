"""Balances at any time, of one account, of all, and of the tree of accounts. Nothing here writes.

Summed from the transfers, of which `ledger.movements` keeps sums by months and days: whole months where all of a month
counts; where not, its days; where not all of a day counts, its transfers; and those transfers that no cell has yet. All
in one statement, so that nothing is counted twice or missed while others roll.
"""

# ruff: noqa: S608  the SQL is put together of pieces that stand here

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Row, TextClause, bindparam, text

from ledger.columns import Day, Instant
from ledger.entries import AccountKind
from ledger.movements import MOVED, PLACE, RUNNING

_CLOCK: Final = timezone(timedelta(hours=8))
"""The zone of the cells' days (ledger.movements)."""
_LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""No cell is of a day after this."""
_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A line of the trial balance: total debits and credits of an account, in minor units."""

    path: str
    kind: AccountKind
    currency: str
    debits: int
    credits: int

    @property
    def amount(self) -> int:
        """On the account's own side; positive is the normal case."""
        net = self.debits - self.credits
        return net if self.kind in ("asset", "expense") else -net


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of the tree of accounts in one currency: what it and all accounts below it add up to, in minor units."""

    path: str
    currency: str
    accounts: int
    debits: int
    credits: int

    @property
    def net(self) -> int:
        """Debits less credits: accounts of several kinds have no side of their own together."""
        return self.debits - self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A node and those one level below it, each with all that is below itself; one for every currency, by path."""

    nodes: list[Node]
    children: list[Node]


def balance(
    db: Connection, path: str, *, as_of: datetime | None = None, known_at: datetime | None = None
) -> Balance | None:
    """One account's debits and credits; None where there is no such account. The instants as in `trial_balance`."""
    row = db.execute(_lines(db.dialect.name, "path = :path"), {"path": path, **_asked(as_of, known_at)}).one_or_none()
    return None if row is None else _line(row)


def trial_balance(
    db: Connection, *, as_of: datetime | None = None, known_at: datetime | None = None, prefix: str = ""
) -> list[Balance]:
    """Every account's debits and credits, by path.

    `as_of`: only what happened before that instant. `known_at`: only what had been recorded by then, so that a report
    of that time can be made again. `prefix`: only accounts whose path begins so.
    """
    # Not LIKE: SQLite's takes "Bank" for "bank".
    which = "path >= :prefix AND substr(path, 1, :size) = :prefix" if prefix else "true"
    asked = {"prefix": prefix, "size": len(prefix)} if prefix else {}
    return [_line(row) for row in db.execute(_lines(db.dialect.name, which), asked | _asked(as_of, known_at))]


def balances_of(
    db: Connection, paths: Collection[str], *, as_of: datetime | None = None, known_at: datetime | None = None
) -> list[Balance]:
    """Debits and credits of these accounts, by path; unknown ones are missing. The instants as in `trial_balance`."""
    which = {"postgresql": "path = ANY (:paths)", "sqlite": "path IN (SELECT value FROM json_each(:paths))"}
    chosen = sorted(set(paths))
    asked = {"paths": chosen if db.dialect.name == "postgresql" else json.dumps(chosen)}
    lines = _lines(db.dialect.name, which[db.dialect.name])
    return [_line(row) for row in db.execute(lines, asked | _asked(as_of, known_at))]


def rolled_up(
    db: Connection, path: str = "", *, as_of: datetime | None = None, known_at: datetime | None = None
) -> Tree:
    """A node of the tree that the paths are by "/", with its children; "" is the root. No accounts: no nodes.

    The instants as in `trial_balance`.
    """
    below = {"path": path, "from": f"{path}/", "to": f"{path}0"} if path else {}  # "0" comes next after "/"
    asked = {**below, "start": len(path) + 2 if path else 1, **_asked(as_of, known_at)}
    rows = db.execute(_children(db.dialect.name, root=not path), asked).all()
    children = [_node(f"{path}/{row.child}" if path else row.child, [row]) for row in rows if row.child is not None]
    by_currency: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        by_currency[row.currency].append(row)
    return Tree(nodes=[_node(path, of_one) for _, of_one in sorted(by_currency.items())], children=children)


def _line(row: Row[Any]) -> Balance:
    return Balance(
        path=row.path, kind=row.kind, currency=row.currency, debits=int(row.debits), credits=int(row.credits)
    )


def _node(path: str, rows: Sequence[Row[Any]]) -> Node:
    return Node(
        path=path,
        currency=rows[0].currency,
        accounts=sum(row.accounts for row in rows),
        debits=sum(int(row.debits) for row in rows),
        credits=sum(int(row.credits) for row in rows),
    )


def _asked(as_of: datetime | None, known_at: datetime | None) -> dict[str, datetime | date]:
    last = None if as_of is None else as_of - datetime.resolution
    return {**_until("effective", last), **_until("recorded", known_at)}


def _until(axis: str, last: datetime | None) -> dict[str, datetime | date]:
    """Up to the instant `last`: the day that it falls in, and the first day and month that do not count as a whole."""
    days = (date.max, date.max, date.max)
    if last is not None and last < _LATEST:
        after = (last + datetime.resolution).astimezone(_CLOCK).date()
        days = (last.astimezone(_CLOCK).date(), after, after.replace(day=1))
    return {axis: last or _FOR_EVER, **dict(zip((f"{axis}_on", f"{axis}_day", f"{axis}_month"), days, strict=True))}


_AXES: Final = ("effective", "recorded")
_NEXT_MONTH: Final = {
    "postgresql": "(month.{axis}_from + INTERVAL '1 month')::date",
    "sqlite": "date(month.{axis}_from, '+1 month')",
}
_IN_DAY: Final = {
    "postgresql": "t.{axis} >= day.{axis}_from::timestamp AT TIME ZONE INTERVAL '8 hours'"
    " AND t.{axis} < (day.{axis}_from + 1)::timestamp AT TIME ZONE INTERVAL '8 hours'",
    "sqlite": "t.{axis} >= date(day.{axis}_from, '-1 day') || 'T16:00:00.000000Z'"
    " AND t.{axis} < day.{axis}_from || 'T16:00:00.000000Z'",
}
_CHILD: Final = {
    "postgresql": "split_part(substr(path, :start), '/', 1)",
    "sqlite": "substr(path, :start, instr(substr(path, :start) || '/', '/') - 1)",
}
# For each row of {outer} those of {table}, through an index: each database in its own way is kept from reading all of
# the table instead.
_FOR_EACH: Final = {
    "postgresql": "{outer} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {where} OFFSET 0) AS {name}",
    "sqlite": "{outer} CROSS JOIN {table} WHERE {where}",
}
# PostgreSQL takes a range with two ends for a small one, and so looks for it in the index.
_FEW: Final = {"postgresql": f" AND t.xact >= {{xact}} AND t.xact <= {2**63 - 1}", "sqlite": ""}


def _axes(condition: str, also: str = " AND ") -> str:
    return also.join(condition.format(axis=axis) for axis in _AXES)


_COUNTED: Final = f"t.{MOVED} AND {_axes('t.{axis} <= :{axis}')}"


def _days(dialect: str) -> str:
    """Each day of the months that do not count as a whole."""
    in_month = _axes(f"d.{{axis}}_from >= month.{{axis}}_from AND d.{{axis}}_from < {_NEXT_MONTH[dialect]}")
    where = (
        f"d.grain = 'day' AND d.account_id = month.account_id AND {in_month} AND {_axes('d.{axis}_from <= :{axis}_on')}"
    )
    return _FOR_EACH[dialect].format(outer="month", table="ledger_movement AS d", name="d", where=where)


def _in_days(dialect: str, side: str) -> str:
    """Each rolled transfer of the days that do not count as a whole."""
    place, written = PLACE[dialect]
    rolled = f"{place} <= {written.format(xact='cursor.xact', id='cursor.id')}"
    return _FOR_EACH[dialect].format(
        outer=f"cursor CROSS JOIN (SELECT * FROM day WHERE NOT whole AND {side}s > 0) AS day",
        table="ledger_transfer AS t",
        name="t",
        where=f"t.{side}_id = day.account_id AND {_axes(_IN_DAY[dialect])} AND {rolled} AND {_COUNTED}",
    )


def _totals(dialect: str, which: str) -> str:
    """The accounts `chosen`, and the `total` of each that has any."""
    place, written = PLACE[dialect]
    begin = {of: f"coalesce((SELECT {of} FROM cursor), -1)" for of in ("xact", "id")}
    return f"""
    WITH chosen AS (SELECT * FROM ledger_account WHERE {which}),
    cursor AS (SELECT xact, transfer_id AS id FROM ledger_rolled WHERE xact < {RUNNING[dialect]}),
    month AS (
      SELECT m.* FROM cursor CROSS JOIN chosen CROSS JOIN ledger_movement AS m
      WHERE m.grain = 'month' AND m.account_id = chosen.id AND {_axes("m.{axis}_from <= :{axis}_on")}
        AND ({_axes("m.{axis}_from >= :{axis}_month", " OR ")})
    ), day AS (
      SELECT d.account_id, d.effective_from, d.recorded_from, d.debits, d.credits,
        {_axes("d.{axis}_from < :{axis}_day")} AS whole
      FROM {_days(dialect)}
    ), tail AS MATERIALIZED (
      SELECT t.debit_id, t.credit_id, t.amount FROM ledger_transfer AS t
      WHERE {place} > {written.format(**begin)}{_FEW[dialect].format(**begin)} AND {_COUNTED}
    ), leg AS (
      SELECT m.account_id, m.debits, m.credits FROM cursor CROSS JOIN chosen CROSS JOIN ledger_movement AS m
        WHERE m.grain = 'month' AND m.account_id = chosen.id AND {_axes("m.{axis}_from < :{axis}_month")}
      UNION ALL SELECT account_id, debits, credits FROM day WHERE whole
      UNION ALL SELECT day.account_id, t.amount, 0 FROM {_in_days(dialect, "debit")}
      UNION ALL SELECT day.account_id, 0, t.amount FROM {_in_days(dialect, "credit")}
      UNION ALL SELECT debit_id, amount, 0 FROM tail
      UNION ALL SELECT credit_id, 0, amount FROM tail
    ), total AS (
      SELECT account_id, sum(debits) AS debits, sum(credits) AS credits FROM leg GROUP BY account_id
    )"""


def _typed(sql: str) -> TextClause:
    days = [bindparam(f"{axis}_{of}", type_=Day()) for axis in _AXES for of in ("on", "day", "month")]
    return text(sql).bindparams(*days, *(bindparam(axis, type_=Instant()) for axis in _AXES))


@cache
def _lines(dialect: str, which: str) -> TextClause:
    return _typed(f"""{_totals(dialect, which)}
    SELECT path, kind, currency, coalesce(total.debits, 0) AS debits, coalesce(total.credits, 0) AS credits
    FROM chosen LEFT JOIN total ON total.account_id = chosen.id ORDER BY path""")


@cache
def _children(dialect: str, *, root: bool) -> TextClause:
    which = "true" if root else "path = :path OR (path >= :from AND path < :to)"
    child = _CHILD[dialect] if root else f"CASE WHEN path <> :path THEN {_CHILD[dialect]} END"
    return _typed(f"""{_totals(dialect, which)}
    SELECT {child} AS child, currency, count(*) AS accounts,
      coalesce(sum(total.debits), 0) AS debits, coalesce(sum(total.credits), 0) AS credits
    FROM chosen LEFT JOIN total ON total.account_id = chosen.id GROUP BY 1, 2 ORDER BY 1, 2""")
