"""What speaks for each match and what is wrong at each break, in the words that an accountant reads (Chinese)."""

from typing import Final, NamedTuple

import pandas as pd

from reconciliation.amounts import major

_ABSENT: Final = -1


class _Side(NamedTuple):
    """A line or an item as the sentences need it; amounts in minor units, `day` counted from 1970."""

    key: str = ""
    amount: int = 0
    day: int = 0
    on: str = ""
    serial: str = ""
    reference: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    several: str = ""


def worded(
    settled: pd.DataFrame, left: pd.DataFrame, right: pd.DataFrame, *, currency: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Matches and breaks with their keys and sentences, in the order of the lines, then of the items."""
    after_the_lines = settled["line"].where(settled["line"] != _ABSENT, len(left))
    ordered = settled.assign(order=after_the_lines).sort_values(["order", "item"])
    lines, items = _sides(left.rename(columns={"booked_on": "on"})), _sides(right.assign(several=""))
    matches, breaks = [], []
    for at, of, rule, kind in zip(*(ordered[name].tolist() for name in ("line", "item", "rule", "kind")), strict=True):
        line = lines[at] if at != _ABSENT else _Side()
        item = items[of] if of != _ABSENT else _Side()
        if rule:
            matches.append((line.key, item.key, rule, _evidence(rule, line, item, currency)))
        else:
            breaks.append((line.key, item.key, kind, _detail(kind, line, item, currency)))
    return (
        pd.DataFrame(matches, columns=["line_key", "item_key", "rule", "evidence"], dtype="str"),
        pd.DataFrame(breaks, columns=["line_key", "item_key", "kind", "detail"], dtype="str"),
    )


def _sides(side: pd.DataFrame) -> list[_Side]:
    return [_Side(*row) for row in zip(*(side[name].tolist() for name in _Side._fields), strict=True)]


def _evidence(rule: str, line: _Side, item: _Side, currency: str) -> str:
    identity = {
        "serial": f"银行流水号 {line.serial}",
        "reference": f"参考号 {line.reference}",
        "payer_account": f"对方账号 {line.counterparty_account}",
        "payer_name": f"对方户名 {line.counterparty}",
    }[rule]
    text = f"{identity}，金额 {major(line.amount, currency)}，日期相差 {abs(line.day - item.day)} 天"
    if rule.startswith("payer"):
        text += "，双方均无其他候选"
    if line.serial and item.serial and line.serial != item.serial:
        text += f"；流水号不同：对账单 {line.serial}，账上 {item.serial}"
    return text


def _detail(kind: str, line: _Side, item: _Side, currency: str) -> str:
    shown, expected = major(line.amount, currency), major(item.amount, currency)
    match kind:
        case "under" | "over":
            apart = major(abs(abs(item.amount) - abs(line.amount)), currency)
            word = "少" if kind == "under" else "多"
            return f"{_shared(line, item)}：账上应为 {expected}，对账单为 {shown}，{word} {apart}"
        case "opposite_direction":
            return f"{_shared(line, item)}：账上应为 {expected}，对账单为 {shown}，收付方向相反"
        case "duplicate":
            return f"{_shared(line, item)}：金额 {shown} 已由另一笔流水核对，此笔疑为重复收付"
        case "ambiguous":
            return f"一笔流水含有多个参考号：{line.several}，金额 {shown}，需人工判断"
        case "not_in_books":
            return f"账上没有对应的款项：{line.on} {shown} {line.counterparty}".rstrip()
        case _:
            return f"对账单上没有对应的流水：{item.on} {expected} {item.reference}".rstrip()


def _shared(line: _Side, item: _Side) -> str:
    """The identity that the two have in common."""
    if line.reference and line.reference == item.reference:
        return f"参考号 {item.reference}"
    return f"银行流水号 {item.serial}"
