"""Whether a whole batch of plain transfers fits: seen from its columns at once, without looking at any one of them.

Exact: an account is followed through the batch in its order, so that what comes in earlier may go out later. It says
yes only where every single transfer would be created; what it cannot tell it leaves to the walk (`ledger.deciding`).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ledger.batch import Columns
from ledger.entries import Account
from ledger.rows import LAST_YEAR, writable

_NO_LIMIT: Final = 2**62
"""Sums below it cannot leave 64 bits; a batch that might is left to the walk, whose integers have no end."""

Whole = NDArray[np.int64]


def fits(columns: Columns, accounts: Mapping[str, Account], closed_until: datetime | None) -> bool:
    """Whether every transfer is well made, of a new reference within the batch, and keeps its accounts' limits."""
    if not _well_made(columns) or not _are_usual(accounts.values()):
        return False
    at = [columns.effective] if isinstance(columns.effective, datetime) else columns.effective
    if max(at).year > LAST_YEAR or (closed_until is not None and min(at) < closed_until):
        return False
    position = {path: number for number, path in enumerate(accounts)}
    if not (position.keys() >= set(columns.debit) and position.keys() >= set(columns.credit)):
        return False
    debit = np.array([position[each] for each in columns.debit])
    credit = np.array([position[each] for each in columns.credit])
    if bool((debit == credit).any()):
        return False
    return _within_limits(debit, credit, columns, list(accounts.values()))


def _well_made(columns: Columns) -> bool:
    kinds = columns.kind if isinstance(columns.kind, str) else "".join(columns.kind)
    return (
        set(map(type, columns.amount)) == {int}
        and min(columns.amount) > 0
        and len(set(columns.reference)) == len(columns)
        and "" not in columns.reference
        and writable("".join(columns.reference))
        and writable(kinds)
    )


def _are_usual(accounts: Collection[Account]) -> bool:
    """All of them open, of one currency, and without a limit on what may move in a period."""
    return (
        all(each.state == "open" and each.limits.period is None for each in accounts)
        and len({each.currency for each in accounts}) == 1
    )


def _within_limits(debit: Whole, credit: Whole, columns: Columns, accounts: Sequence[Account]) -> bool:
    most = max(max(a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending) for a in accounts)
    if most + max(columns.amount) * len(columns) >= _NO_LIMIT:
        return False
    amount = np.array(columns.amount, np.int64)
    # Two legs for each transfer, the debit's and the credit's, in the batch's order.
    account = np.column_stack((debit, credit)).ravel()
    # Each account's figures on its own side: what stands, what holds may take and what they may bring.
    grows_by_debit = np.array([each.kind in ("asset", "expense") for each in accounts])
    net = np.array([each.debits_posted - each.credits_posted for each in accounts])
    pending = np.array([(each.debits_pending, each.credits_pending) for each in accounts])
    balance = np.where(grows_by_debit, net, -net)
    comes, goes = np.where(grows_by_debit[:, None], pending, pending[:, ::-1]).T
    comes_in = grows_by_debit[account] == np.tile([True, False], len(columns))
    moved = np.repeat(amount, 2)
    # A hold takes from what is available at once, and brings nothing yet but a promise.
    nothing = np.zeros_like(moved)
    arrives, leaves = (nothing, nothing) if columns.hold else (moved, -moved)
    available = _lowest(account, np.where(comes_in, arrives, -moved), balance - goes)
    promised = _lowest(account, np.where(comes_in, -moved, -leaves), -balance - comes)
    floors = np.array([-_NO_LIMIT if a.limits.floor is None else a.limits.floor for a in accounts])
    ceilings = np.array([_NO_LIMIT if a.limits.ceiling is None else a.limits.ceiling for a in accounts])
    return bool((available >= floors).all() and (-promised <= ceilings).all())


def _lowest(account: Whole, change: Whole, standing: Whole) -> Whole:
    """The least that each account's figure ever is while the changes are applied to it in their order."""
    order = np.argsort(account, kind="stable")
    begins = np.flatnonzero(np.diff(account[order], prepend=-1))
    running = np.cumsum(change[order])
    before = running[begins] - change[order][begins]
    lowest = standing.copy()
    touched = account[order][begins]
    lowest[touched] += np.minimum.reduceat(running, begins) - before
    return lowest
