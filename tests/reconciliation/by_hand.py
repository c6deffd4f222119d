"""Lines and expected items written by hand, matched, and what came of them as plain tuples."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from reconciliation.matching import ITEM_COLUMNS, Outcome, match
from reconciliation.statement import COLUMNS, frame

Row = dict[str, Any]


def references(remarks: Sequence[str]) -> list[list[str]]:
    return [re.findall(r"\bR[0-9]\b", each) for each in remarks]


def line(key: str, amount: int, **given: object) -> Row:
    plain = {"number": 1, "booked_on": "2026-10-08", "booked_at": "", "balance": None, "reversal": False}
    texts = dict.fromkeys(("serial", "end_to_end", "remark", "counterparty", "counterparty_account"), "")
    return {**plain, **texts, "nature": "transfer", "key": key, "amount": amount, **given}


def item(key: str, amount: int, **given: object) -> Row:
    return {**dict.fromkeys(ITEM_COLUMNS, ""), "on": "2026-10-08", "key": key, "amount": amount, **given}


def met(lines: list[Row], items: list[Row], days: int = 3, through: date | None = None) -> Outcome:
    """Matched. Of `account`, `due` and `met` those columns are there that the rows have."""
    left = frame({name: [row[name] for row in lines] for name in COLUMNS})
    names = [*ITEM_COLUMNS, *(name for name in ("account", "due", "met") if items and name in items[0])]
    kinds = {"amount": "int64", "met": "bool"}
    right = pd.DataFrame(
        {name: pd.Series([row[name] for row in items], dtype=kinds.get(name, "str")) for name in names}
    )
    if "account" in names:
        left["account"] = pd.Series([row["account"] for row in lines], dtype="str")
    return match(left, right, references=references, days=days, through=through)


def matched(outcome: Outcome) -> list[tuple[str, str, str]]:
    return list(outcome.matches[["line_key", "item_key", "rule"]].itertuples(index=False, name=None))


def broken(outcome: Outcome) -> list[tuple[str, str, str]]:
    return list(outcome.breaks[["line_key", "item_key", "kind"]].itertuples(index=False, name=None))


def explained(outcome: Outcome) -> list[tuple[str, str, str]]:
    return list(outcome.explained[["line_key", "rule", "other_key"]].itertuples(index=False, name=None))


def proposed(outcome: Outcome) -> list[tuple[str, list[str], list[str]]]:
    """Of each proposal its rule, lines and items."""
    found = outcome.proposals.groupby("proposal", sort=False)
    return [(rows["rule"].iloc[0], sorted(set(rows["line_key"])), sorted(set(rows["item_key"]))) for _, rows in found]
