"""Bank lines against what the books expect: met by identity, or by a payer unique on both sides; else a break.

Set-based and deterministic: the order in which rows are handed in changes nothing. A line and an item are each matched
at most once, and every line and every item ends in a match, in a rule that explains it, or in a break.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from reconciliation.evidence import worded
from reconciliation.passes import NOTHING, Open, passes, settled
from reconciliation.proposing import proposed
from reconciliation.sides import NONE, References, Sides, prepared

ITEM_COLUMNS: Final = ("key", "amount", "reference", "serial", "counterparty", "counterparty_account", "on")
"""What an expected item is: a stable key, minor units signed like the lines (+ in), our reference, the bank's serial as
it was notified, who is on the other side, and the ISO date it is expected on. Texts are "" where unknown.

Three columns more may be there: `account`, whose books it stands in (then the lines have one too), `due`, the ISO date
by which the statement must show it ("" for none), and `met`, true of an item that a line met in an earlier run: it is
not matched again, but names what repeats it, reverses it or sends it back."""

BREAKS: Final = (
    "under",  # less money than the item of that reference or serial, or of that payer with two digits swapped
    "over",  # more of it
    "partial",  # less money, in several lines of one identity
    "opposite_direction",  # the money went the other way
    "duplicate",  # same identity and amount as a line that already met the item
    "ambiguous",  # the line names several of our references
    "bounced",  # a payout that had left came back
    "reversed",  # the bank took a booking back, or an item's only booking was taken back
    "late",  # the item is met, after the day by which it was due
    "overdue",  # an item that no line shows, though statements reach past the day by which it was due
    "not_in_books",  # a line that no item expects
    "not_on_statement",  # an item that no line shows, and may still come
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What every line and item came to. Keys are "" where a side has none; the sentences are Chinese.

    `matches`: line_key, item_key, rule, evidence. rule is serial, reference, payer_account or payer_name.
    `explained`: line_key, rule, other_key, evidence: lines that need no item. rule is interest, fee or reversal, where
    other_key is the line that undoes it or is undone.
    `breaks`: line_key, item_key, kind (one of BREAKS), hint, detail. hint is "transposed" where the amounts differ by
    two digits that changed places, else "". A matched item may stand in a break too: the `duplicate` after it names it.
    `proposals`: proposal, line_key, item_key, rule, evidence: what might explain some of the breaks, for a person to
    decide; never a match. Rows of one proposal share its id, which is the same in every run that finds it. rule is
    split (one item came in several lines) or merged (one line pays several items).
    """

    matches: pd.DataFrame
    explained: pd.DataFrame
    breaks: pd.DataFrame
    proposals: pd.DataFrame


def match(
    lines: pd.DataFrame,
    items: pd.DataFrame,
    *,
    references: References,
    days: int = 3,
    currency: str = "CNY",
    through: date | None = None,
) -> Outcome:
    """Match lines (`Statement.lines`, with a column `account` where there are several) with expected items.

    `references` finds our references in each of many remarks, check digits verified. `days` is how far apart a line
    and an item may be when only amount and payer speak for them. `through` is the last day that the statements cover:
    an item due before it and not met is overdue. Raises ValueError when a key stands twice or a date is none.
    """
    sides = prepared(lines, items, references)
    met = sides.items["met"] == 1
    now = Open(lines=sides.lines, items=sides.items[~met], met=sides.items[met], sides=sides)
    found = [NOTHING]
    for each in passes(days):
        if now.lines.empty:
            break
        step = each(now)
        if len(step):  # most statements are done after a pass or two; what nobody changed is not computed again
            found.append(step)
            now = _after(now, step)
    done = pd.concat(found, ignore_index=True)
    done = pd.concat([done, _rest(now, done, through), _late(done, sides)], ignore_index=True)
    matches, explained, breaks = worded(done, sides, currency=currency)
    proposals = proposed(done, sides, currency=currency)
    return Outcome(matches=matches, explained=explained, breaks=breaks, proposals=proposals)


def _after(now: Open, step: pd.DataFrame) -> Open:
    """What is open once the pass has settled this. A reversal leaves its item open: the bank may book it again."""
    items = step["item"].to_numpy()
    gone = items[(items != NONE) & (step["kind"] != "reversed").to_numpy()]
    taken = items[(step["rule"] != "").to_numpy() & (items != NONE)]
    met = np.concatenate([now.met["item"].to_numpy(), taken])
    return Open(
        lines=now.lines[~_among(now.sides.lines, step["line"].to_numpy())[now.lines["line"].to_numpy()]],
        items=now.items[~_among(now.sides.items, gone)[now.items["item"].to_numpy()]],
        met=now.sides.items[_among(now.sides.items, met)],
        sides=now.sides,
    )


def _among(side: pd.DataFrame, places: np.ndarray) -> np.ndarray:
    found = np.zeros(len(side), bool)
    found[places] = True
    return found


def _rest(now: Open, found: pd.DataFrame, through: date | None) -> pd.DataFrame:
    """What no pass has settled: a break each."""
    items = now.items
    if items.empty:
        return settled(now.lines["line"].to_numpy(), NONE, kind="not_in_books")
    back = np.zeros(len(items), bool)
    undone = found.loc[found["rule"].to_numpy() == "reversal", "line"].to_numpy()
    if len(undone):
        booked = now.sides.lines.take(undone)
        booked = booked[booked["reversal"].to_numpy() == 0]
        for by in ("serial", "reference"):
            back |= ((items[by] != NONE) & items[by].isin(booked[by])).to_numpy()
    limit = NONE if through is None else (through - date(1970, 1, 1)).days
    due = items["due"].to_numpy()
    kind = np.where(back, "reversed", np.where((due != NONE) & (due < limit), "overdue", "not_on_statement"))
    lines = settled(now.lines["line"].to_numpy(), NONE, kind="not_in_books")
    return pd.concat([lines, settled(NONE, items["item"].to_numpy(), kind=kind)], ignore_index=True)


def _late(found: pd.DataFrame, sides: Sides) -> pd.DataFrame:
    """Matches whose line came after the item's due day."""
    pairs = found[(found["rule"].to_numpy() != "") & (found["item"].to_numpy() != NONE)]
    due = sides.items["due"].to_numpy()[pairs["item"].to_numpy()]
    late = pairs[(due != NONE) & (sides.lines["day"].to_numpy()[pairs["line"].to_numpy()] > due)]
    return settled(late["line"].to_numpy(), late["item"].to_numpy(), kind="late")
