"""Order ↔ channel bill ↔ net daily lump (渠道对账): what was paid, what the channel says, what reached the bank."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from reconciliation.amounts import major
from reconciliation.columns import nth
from reconciliation.sides import codes

ORDER_COLUMNS: Final = ("key", "order", "amount", "on")
"""What was ordered: a stable key, the number the channel was given (商户订单号), fen (+ paid, - refunded), ISO date."""

DIFFERENCES: Final = (
    "not_on_bill",  # ours, and the channel does not know of it
    "not_in_orders",  # the channel's, and we do not
    "amount",  # of one order, another amount
    "repeated",  # one order paid or refunded once more than we know
    "fee",  # not the agreed rate
    "lump_short",  # less reached the bank than the bill's net
    "lump_over",  # more of it
    "lump_missing",  # days of the bill whose net no lump brought
    "lump_unknown",  # a lump that no day of the bill explains
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Settled:
    """`matches`: transaction, refund, order_key: rows of the bill that are our orders, exactly.

    `lumps`: line_key, begins, ends, days (ISO, a comma between), amount, fee, net: the bank's lines with the days of
    the bill that they brought, in fen; net is the lump. `differences`: kind (one of DIFFERENCES), transaction, refund,
    order_key, line_key, amount (fen, what is there less what should be), detail (Chinese). Keys are "" where there is
    none.
    """

    matches: pd.DataFrame
    lumps: pd.DataFrame
    differences: pd.DataFrame


class _Difference(NamedTuple):
    kind: str
    transaction: str
    refund: str
    order_key: str
    line_key: str
    amount: int
    detail: str


class _Lump(NamedTuple):
    line_key: str
    begins: str
    ends: str
    days: str
    amount: int
    fee: int
    net: int


class _Day(NamedTuple):
    day: str
    amount: int
    fee: int

    @property
    def net(self) -> int:
        return self.amount - self.fee


def settle(
    bill: pd.DataFrame, orders: pd.DataFrame, lumps: pd.DataFrame, *, rate: Fraction | None = None, days: int = 9
) -> Settled:
    """Match a bill (`Bill.lines`, of one merchant) with our orders, and its net with the bank's lines.

    `lumps` are the lines of `Statement.lines` that come from the channel. A lump brings whole days of the bill, one or
    several that follow each other, the last at most `days` before it (a holiday's come together). `rate` is the agreed
    fee, 6/1000, rounded half up to the fen on each row; None does not look at it.
    """
    matches, differences = _orders(bill, orders)
    differences += _fees(bill, rate)
    brought, more = _lumps(_days(bill), lumps, days)
    found = pd.DataFrame(differences + more, columns=_Difference._fields)
    return Settled(matches=matches, lumps=pd.DataFrame(brought, columns=_Lump._fields), differences=found)


def brings(bill: pd.DataFrame, lumps: pd.DataFrame, *, days: int = 9) -> dict[str, list[str]]:
    """The days of this bill that lumps bring exactly, as in `settle`, by the lump's key; others are left out."""
    found: dict[str, list[str]] = {}
    left = list(_days(bill))
    for key, day, amount in _in_order(lumps):
        run = _exact(_ready(left, day, days), amount)
        if run:
            found[key] = [each.day for each in run]
            left = [each for each in left if each not in run]
    return found


def _orders(bill: pd.DataFrame, orders: pd.DataFrame) -> tuple[pd.DataFrame, list[_Difference]]:
    """Rows of one order and amount meet, the first with the first; what is left differs, or stands alone."""
    rows = bill.sort_values(["traded_on", "traded_at", "transaction", "refund"], ignore_index=True)
    ours = orders.sort_values(["on", "key"], ignore_index=True)
    names, _ = pd.factorize(np.concatenate([rows["order"].to_numpy(object), ours["order"].to_numpy(object)]))
    left = pd.DataFrame({"order": names[: len(rows)], "amount": rows["amount"], "into": rows["amount"] > 0})
    right = pd.DataFrame({"order": names[len(rows) :], "amount": ours["amount"], "into": ours["amount"] > 0})
    at, of = _pairs(left, right, ("order", "amount"))
    matches = rows.loc[at, ["transaction", "refund"]].assign(order_key=ours["key"].to_numpy()[of])
    rest, missing = left.drop(index=at), right.drop(index=of)
    near, close = _pairs(rest, missing, ("order", "into"))
    theirs, of_ours = rows.to_dict("records"), ours.to_dict("records")
    found = [_other_amount(theirs[one], of_ours[other]) for one, other in zip(near, close, strict=True)]
    known = set(ours["order"])
    found += [_unknown(theirs[one], known) for one in rest.drop(index=near).index]
    absent = ours.loc[missing.drop(index=close).index]
    found += [
        _Difference("not_on_bill", "", "", key, "", -amount, f"{day} 订单 {order} 不在渠道账单上")
        for key, order, amount, day in zip(*(absent[name].tolist() for name in ORDER_COLUMNS), strict=True)
    ]
    return matches.reset_index(drop=True), found


def _pairs(left: pd.DataFrame, right: pd.DataFrame, by: Sequence[str]) -> tuple[list[int], list[int]]:
    """Indices of left and right that are equal in `by`, the first with the first."""
    one, other = codes(left, right, by)
    first, second = nth(one), nth(other)
    span = 1 + max(int(first.max(initial=0)), int(second.max(initial=0)))
    _, at, of = np.intersect1d(one * span + first, other * span + second, assume_unique=True, return_indices=True)
    return left.index[np.sort(at)].tolist(), right.index[of[np.argsort(at)]].tolist()


def _other_amount(row: Mapping[Hashable, Any], ours: Mapping[Hashable, Any]) -> _Difference:
    told = f"订单 {row['order']}：账上 {_yuan(ours['amount'])}，渠道账单 {_yuan(row['amount'])}"
    apart = int(row["amount"] - ours["amount"])
    return _Difference("amount", row["transaction"], row["refund"], ours["key"], "", apart, told)


def _unknown(row: Mapping[Hashable, Any], known: set[str]) -> _Difference:
    kind, word = ("repeated", "重复") if row["order"] in known else ("not_in_orders", "账上没有")
    told = f"{row['traded_on']} 渠道单号 {row['transaction']}：订单 {row['order']} {_yuan(row['amount'])} {word}"
    return _Difference(kind, row["transaction"], row["refund"], "", "", int(row["amount"]), told)


def _fees(bill: pd.DataFrame, rate: Fraction | None) -> list[_Difference]:
    if rate is None:
        return []
    found = []
    columns = (bill[name].tolist() for name in ("transaction", "refund", "amount", "fee"))
    for transaction, refund, amount, fee in zip(*columns, strict=True):
        agreed = int(abs(amount) * rate + Fraction(1, 2)) * (1 if amount > 0 else -1)
        if fee != agreed:
            told = f"渠道单号 {transaction}：手续费 {_yuan(fee)}，按约定应为 {_yuan(agreed)}"
            found.append(_Difference("fee", transaction, refund, "", "", fee - agreed, told))
    return found


def _days(bill: pd.DataFrame) -> list[_Day]:
    sums = bill.groupby("traded_on", sort=True)[["amount", "fee"]].sum()
    columns = (sums.index.tolist(), sums["amount"].tolist(), sums["fee"].tolist())
    return [_Day(*each) for each in zip(*columns, strict=True)]


def _lumps(bill: Sequence[_Day], lumps: pd.DataFrame, days: int) -> tuple[list[_Lump], list[_Difference]]:
    """Each lump with the days whose net it is; days and lumps in their order, a day in one lump only."""
    brought: list[_Lump] = []
    found: list[_Difference] = []
    left = list(bill)
    for key, day, amount in _in_order(lumps):
        ready = _ready(left, day, days)
        exact = _exact(ready, amount)
        run = exact or [each for each in ready if each.day < day]
        if not run:
            found.append(_Difference("lump_unknown", "", "", "", key, amount, f"{day} 到账 {_yuan(amount)} 无对应账单"))
            continue
        net = sum(each.net for each in run)
        totals = sum(each.amount for each in run), sum(each.fee for each in run), net
        brought.append(_Lump(key, run[0].day, run[-1].day, ",".join(each.day for each in run), *totals))
        if exact is None:
            kind, word = ("lump_short", "少") if amount < net else ("lump_over", "多")
            told = (
                f"{day} 到账 {_yuan(amount)}，{run[0].day} 至 {run[-1].day} 账单净额 {_yuan(net)}，"
                f"{word} {_yuan(abs(amount - net))}"
            )
            found.append(_Difference(kind, "", "", "", key, amount - net, told))
        left = [each for each in left if each not in run]
    waiting = [each for each in left if each.net]
    found += [
        _Difference("lump_missing", "", "", "", "", -each.net, f"{each.day} 账单净额 {_yuan(each.net)} 未见到账")
        for each in waiting
    ]
    return brought, found


def _in_order(lumps: pd.DataFrame) -> Iterator[tuple[str, str, int]]:
    """Key, day and amount of each, as the bank booked them."""
    rows = lumps.sort_values(["booked_on", "number", "key"])
    yield from zip(*(rows[name].tolist() for name in ("key", "booked_on", "amount")), strict=True)


def _ready(left: Sequence[_Day], day: str, days: int) -> list[_Day]:
    """The days that a lump of this day can bring."""
    return [each for each in left if each.day <= day and _apart(each.day, day) <= days]


def _exact(ready: Sequence[_Day], amount: int) -> Sequence[_Day] | None:
    """The days whose net comes to the lump."""
    return next((run for run in _runs(ready) if sum(each.net for each in run) == amount), None)


def _runs(days: Sequence[_Day]) -> Iterator[Sequence[_Day]]:
    """Days that follow each other on the bill, the longest wait first."""
    for begins in range(len(days)):
        for ends in range(begins + 1, len(days) + 1):
            yield days[begins:ends]


def _apart(earlier: str, later: str) -> int:
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days


def _yuan(amount: int) -> str:
    return major(int(amount), "CNY")
