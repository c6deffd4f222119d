"""What speaks for each match and what is wrong at each break, in the words that an accountant reads (Chinese)."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation import columns
from reconciliation.amounts import major, majors
from reconciliation.columns import Numbers, Texts
from reconciliation.sides import NONE, Sides
from reconciliation.transposed import swapped

_IDENTITY: Final = {
    "serial": ("银行流水号", "serial"),
    "reference": ("参考号", "reference"),
    "payer_account": ("对方账号", "counterparty_account"),
    "payer_name": ("对方户名", "counterparty"),
}
"""What each rule calls its evidence, and in which column it stands; a reference is taken from the item."""

_SENTENCES: Final = {
    "under": "{shared}：账上应为 {expected}，对账单为 {shown}，少 {apart}",
    "over": "{shared}：账上应为 {expected}，对账单为 {shown}，多 {apart}",
    "partial": "{shared}：账上应为 {expected}，对账单为 {shown}，少 {apart}，同一款项另有流水",
    "opposite_direction": "{shared}：账上应为 {expected}，对账单为 {shown}，收付方向相反",
    "duplicate": "{shared}：金额 {shown} 已由另一笔流水核对，此笔疑为重复收付",
    "bounced": "{shared}：账上已付出 {expected}，{line.on} 退回 {shown}",
    "late": "{shared}：{line.on} 才出现在对账单上，晚于应到日期",
    "reversed": "银行于 {line.on} 冲正 {shown}：{item.reference} {item.serial}",
    "undone": "到账后已被银行冲正：{item.on} {expected} {item.reference}",
    "ambiguous": "一笔流水含有多个参考号，金额 {shown}，需人工判断",
    "overdue": "到期仍未出现在对账单上：{item.on} {expected} {item.reference}",
    "not_in_books": "账上没有对应的款项：{line.on} {shown} {line.counterparty}",
    "not_on_statement": "对账单上没有对应的流水：{item.on} {expected} {item.reference}",
}
"""What each kind of break says; "undone" is the item of a booking that was taken back."""


class _Side(NamedTuple):
    """A line or an item as the sentences need it; amounts in minor units, `day` counted from 1970."""

    key: str = ""
    amount: int = 0
    day: int = 0
    on: str = ""
    serial: str = ""
    reference: str = ""
    counterparty: str = ""
    remark: str = ""


_ABSENT: Final = _Side()


def worded(found: pd.DataFrame, sides: Sides, *, currency: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Matches, explained lines and breaks with their keys and sentences, in the order of the lines, then the items."""
    after_the_lines = found["line"].where(found["line"] != NONE, len(sides.lines))
    ordered = found.assign(order=after_the_lines).sort_values(["order", "item"], kind="stable")
    by_rule = ordered["rule"] != ""
    return (
        _matches(ordered[by_rule & (ordered["item"] != NONE)], sides, currency),
        _explained(ordered[by_rule & (ordered["item"] == NONE)], sides, currency),
        _breaks(ordered[~by_rule], sides, currency),
    )


def _matches(found: pd.DataFrame, sides: Sides, currency: str) -> pd.DataFrame:
    at, of = found["line"].to_numpy(), found["item"].to_numpy()
    lines, items, rules = sides.line_texts, sides.item_texts, found["rule"].to_numpy(object)
    told = columns.same("", len(found))
    for rule, (word, column) in _IDENTITY.items():
        if (chosen := rules == rule).any():
            side, places = (items, of) if rule == "reference" else (lines, at)
            identity = columns.together(f"{word} ", columns.texts(side[column]).take(pa.array(places)))
            told = pc.if_else(pa.array(chosen), identity, told)
    amounts = majors(sides.lines["amount"].to_numpy()[at], currency)
    days = columns.written(np.abs(sides.lines["day"].to_numpy()[at] - sides.items["day"].to_numpy()[of]))
    evidence = columns.together(told, "，金额 ", amounts, "，日期相差 ", days, " 天", *_tails(rules, sides, at, of))
    keys = {"line_key": _keys(lines, at), "item_key": _keys(items, of)}
    return _frame({**keys, "rule": rules, "evidence": columns.column(evidence)})


def _tails(rules: np.ndarray, sides: Sides, at: Numbers, of: Numbers) -> tuple[Texts, Texts]:
    """What must be said besides: that nobody else came into question, that the bank's serials differ."""
    by_payer = pa.array(np.isin(rules, ("payer_account", "payer_name")))
    nothing = columns.same("", len(rules))
    alone = pc.if_else(by_payer, "，双方均无其他候选", nothing)
    first, second = sides.lines["serial"].to_numpy()[at], sides.items["serial"].to_numpy()[of]
    differ = (first != NONE) & (second != NONE) & (first != second)
    told, known = (
        columns.texts(side["serial"]).take(pa.array(places[differ]))
        for side, places in ((sides.line_texts, at), (sides.item_texts, of))
    )
    differing = columns.together("；流水号不同：对账单 ", told, "，账上 ", known)
    return alone, pc.replace_with_mask(nothing, pa.array(differ), differing)


def _explained(found: pd.DataFrame, sides: Sides, currency: str) -> pd.DataFrame:
    lines, others, rules = found["line"].to_numpy(), found["other"].to_numpy(), found["rule"].tolist()
    evidence = []
    for rule, line, other in zip(rules, _sides(sides, lines, "line"), _sides(sides, others, "line"), strict=True):
        amount = major(line.amount, currency)
        if rule == "reversal":
            evidence.append(f"银行冲正：{line.on} {amount} 与 {other.on} {major(other.amount, currency)} 相抵")
        else:
            word = "利息" if rule == "interest" else "费用"
            evidence.append(f"银行摘要为{word}：{line.on} {amount} {line.remark}".rstrip())
    keys = [each.key for each in _sides(sides, others, "line")]
    return _frame({"line_key": _keys(sides.line_texts, lines), "rule": rules, "other_key": keys, "evidence": evidence})


def _breaks(found: pd.DataFrame, sides: Sides, currency: str) -> pd.DataFrame:
    lines = _sides(sides, found["line"].to_numpy(), "line")
    items = _sides(sides, found["item"].to_numpy(), "item")
    kinds, details, hints = found["kind"].tolist(), [], []
    for kind, line, item, at in zip(kinds, lines, items, found["line"].tolist(), strict=True):
        told = _detail(kind, line, item, currency)
        if kind == "ambiguous":
            told += "：" + "、".join(sides.known[int(sides.lines["remark"].iloc[at])])
        hint = kind in {"under", "over"} and swapped(line.amount, item.amount)
        details.append(f"{told}；两个数字对调即相等，疑为录入颠倒" if hint else told)
        hints.append("transposed" if hint else "")
    keys = {"line_key": [each.key for each in lines], "item_key": [each.key for each in items]}
    return _frame({**keys, "kind": kinds, "hint": hints, "detail": details})


def _detail(kind: str, line: _Side, item: _Side, currency: str) -> str:
    which = "undone" if kind == "reversed" and not line.key else kind
    return (
        _SENTENCES[which]
        .format(
            shared=_shared(line, item),
            shown=major(line.amount, currency),
            expected=major(item.amount, currency),
            apart=major(abs(abs(item.amount) - abs(line.amount)), currency),
            line=line,
            item=item,
        )
        .strip()
    )


def _shared(line: _Side, item: _Side) -> str:
    """The identity that the two have in common."""
    if line.reference and line.reference == item.reference:
        return f"参考号 {item.reference}"
    if line.serial and line.serial == item.serial:
        return f"银行流水号 {item.serial}"
    return f"对方 {item.counterparty}"


def _sides(sides: Sides, places: Numbers, which: str) -> Sequence[_Side]:
    """The lines or items at these places, an empty one for NONE. For breaks: few, or a person could not read them."""
    texts, numbers = (sides.line_texts, sides.lines) if which == "line" else (sides.item_texts, sides.items)
    there = np.unique(places[places != NONE])
    if not len(there):
        return [_ABSENT] * len(places)
    rows, figures = texts.take(there), numbers.take(there)
    reference = rows["reference"] if which == "item" else _references(sides, figures)
    on, remark = ("on", reference) if which == "item" else ("booked_on", rows["remark"])
    columns = (rows["key"], figures["amount"], figures["day"], rows[on], rows["serial"], reference)
    named = zip(*(each.tolist() for each in (*columns, rows["counterparty"], remark)), strict=True)
    of = dict(zip(there.tolist(), (_Side(*each) for each in named), strict=True))
    return [of.get(place, _ABSENT) for place in places.tolist()]


def _references(sides: Sides, lines: pd.DataFrame) -> pd.Series:
    """The reference of ours that each line names, as text."""
    items = sides.items[sides.items["reference"] != NONE].drop_duplicates("reference")
    texts = sides.item_texts["reference"].take(items["item"].tolist()).tolist()
    of = dict(zip(items["reference"].tolist(), texts, strict=True))
    return pd.Series([of.get(each, "") for each in lines["reference"].tolist()], dtype="str")


def _keys(texts: pd.DataFrame, places: Numbers) -> pd.Series:
    return texts["key"].take(places).reset_index(drop=True)


def _frame(columns: Mapping[str, object]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(each, dtype="str") for name, each in columns.items()})
