"""Notification ↔ statement ↔ ledger (三方核对): what the bank told us, what it shows, what the books hold."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

import pandas as pd

from reconciliation.matching import Outcome, match
from reconciliation.sides import References

State = Literal[
    "whole",  # notified, on the statement, in the books
    "not_notified",  # on the statement and in the books; nobody told us
    "not_in_books",  # notified and on the statement; never booked
    "overdue",  # notified, and not on the statement by its due day: a sign of fraud
    "awaited",  # notified, and may still come
    "only_on_statement",
    "only_in_books",
]
STATES: Final[tuple[State, ...]] = get_args(State)


@dataclass(frozen=True, kw_only=True, eq=False)
class ThreeWays:
    """`rows`: notified_key, line_key, item_key ("" for none) and state, one of STATES; each key stands in one row.

    `of_notices` and `of_books` are the two matchings, with their evidence and breaks.
    """

    rows: pd.DataFrame
    of_notices: Outcome
    of_books: Outcome


def three_ways(
    notified: pd.DataFrame,
    lines: pd.DataFrame,
    items: pd.DataFrame,
    *,
    references: References,
    days: int = 3,
    currency: str = "CNY",
    through: date | None = None,
) -> ThreeWays:
    """Hold the bank's notices, its lines and the books together; arguments as `match`.

    `notified` has ITEM_COLUMNS, and `due`, the next working day after each notice by the caller's calendar. A notice
    without a line still finds its booking, by serial and reference: it was booked on the bank's word alone.
    """
    of_notices = match(lines, notified, references=references, days=days, currency=currency, through=through)
    of_books = match(lines, items, references=references, days=days, currency=currency, through=through)
    told = of_notices.matches.set_index("line_key")["item_key"].to_dict()
    booked = of_books.matches.set_index("line_key")["item_key"].to_dict()
    rows = [(told.get(line, ""), line, booked.get(line, "")) for line in lines["key"].tolist()]
    loose = notified[~notified["key"].isin(list(told.values()))]
    alone = items[~items["key"].isin(list(booked.values()))]
    on_word = _on_the_banks_word(loose, alone)
    rows += [(notice, "", on_word.get(notice, "")) for notice in loose["key"].tolist()]
    rows += [("", "", item) for item in alone.loc[~alone["key"].isin(list(on_word.values())), "key"].tolist()]
    overdue = set(of_notices.breaks.loc[of_notices.breaks["kind"] == "overdue", "item_key"])
    states = [
        state_of(notified=bool(told_of), on_statement=bool(line), in_books=bool(item), overdue=told_of in overdue)
        for told_of, line, item in rows
    ]
    found = pd.DataFrame(rows, columns=["notified_key", "line_key", "item_key"], dtype="str").assign(state=states)
    return ThreeWays(
        rows=found.sort_values(["line_key", "notified_key", "item_key"], ignore_index=True),
        of_notices=of_notices,
        of_books=of_books,
    )


def state_of(*, notified: bool, on_statement: bool, in_books: bool, overdue: bool) -> State:
    """What it means in which of the three places something stands; it stands in one at least."""
    if on_statement:
        together: dict[tuple[bool, bool], State] = {
            (True, True): "whole",
            (False, True): "not_notified",
            (True, False): "not_in_books",
            (False, False): "only_on_statement",
        }
        return together[notified, in_books]
    if notified:
        return "overdue" if overdue else "awaited"
    return "only_in_books"


def _on_the_banks_word(notices: pd.DataFrame, items: pd.DataFrame) -> dict[str, str]:
    """Notices without a line and the items booked on them: equal serial or reference and equal amount, one to one."""
    found: dict[str, str] = {}
    for by in ("serial", "reference"):
        left = notices[(notices[by] != "") & ~notices["key"].isin(list(found))].sort_values(["on", "key"])
        right = items[(items[by] != "") & ~items["key"].isin(list(found.values()))].sort_values(["on", "key"])
        same = [by, "amount"]
        left, right = (side.assign(nth=side.groupby(same).cumcount()) for side in (left, right))
        pairs = left.merge(right, on=[*same, "nth"], suffixes=("", "_item"))
        found |= dict(zip(pairs["key"], pairs["key_item"], strict=True))
    return found
