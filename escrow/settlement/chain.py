"""The chain of an account's statements: each opens with what the one before closed with, no working day left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from escrow.rules.working_days import due_day
from escrow.settlement.statements import Imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Where a statement is missing: after the local day `ended`, before `begins`. Balances in fen."""

    ended: date
    begins: date
    closing: int
    opening: int


def first_gap(statements: Sequence[Imported], *, until: date) -> Gap | None:
    """The first gap up to a day, of statements that state their balances. Pure.

    Days without a statement are no gap where no bank works and the balances follow.
    """
    stated = sorted(
        (each for each in statements if each.opening is not None and each.closing is not None),
        key=lambda each: (each.begins, each.ends, each.id),
    )
    covered: date | None = None
    closing = 0
    for each in stated:
        if covered is not None and covered >= until:
            return None
        opening = each.opening or 0
        if covered is not None and each.begins > covered:
            left_out = due_day(covered, 1) < each.begins
            if left_out or opening != closing:
                return Gap(ended=covered, begins=each.begins, closing=closing, opening=opening)
        if covered is None or each.ends >= covered:
            covered, closing = each.ends, each.closing or 0
    return None
