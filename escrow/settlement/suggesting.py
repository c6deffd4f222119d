"""What a rule that may err suggests: kept as a proposal for two people, once, and not again after it was declined."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, insert, select

from escrow.access.caller import Caller
from escrow.settlement import proposal_sides
from escrow.settlement.proposal_sides import Chosen
from escrow.settlement.tables import match_proposal as table
from escrow.settlement.unmatched import Loose, payment_key, payout_key


def suggest(db: Connection, loose: Loose, proposed: pd.DataFrame, *, by: Caller, now: datetime) -> set[str]:
    """Keep what the matching proposes. The keys of the lines that wait for a decision: no rule books those meanwhile.

    Who runs the rule stands for it, and somebody else decides.
    """
    if proposed.empty:
        return set()
    lines = {each.key: each.id for each in loose.lines}
    payments = {payment_key(each.id): each.id for each in loose.payments}
    payouts = {payout_key(each.id): each.id for each in loose.payouts}
    waiting: set[str] = set()
    for _, rows in proposed.groupby("proposal", sort=True):
        line_keys, item_keys = sorted(set(rows["line_key"])), sorted(set(rows["item_key"]))
        chosen = Chosen(
            lines=[lines[key] for key in line_keys],
            payments=[payments[key] for key in item_keys if key in payments],
            payouts=[payouts[key] for key in item_keys if key in payouts],
        )
        if _keep(db, loose.account, chosen, rows.iloc[0].to_dict(), by=by, now=now) != "declined":
            waiting |= set(line_keys)
    return waiting


def _keep(
    db: Connection, account: str, chosen: Chosen, told: Mapping[object, object], *, by: Caller, now: datetime
) -> str:
    """Keep a proposal unless it stands or was declined. Its state."""
    before = select(table.c.state).where(table.c.fingerprint == chosen.fingerprint)
    known = db.execute(before.where(table.c.state.in_(("proposed", "declined"))).order_by(table.c.id.desc())).scalar()
    if known is not None:
        return str(known)
    made = insert(table).values(
        account=account,
        rule=str(told["rule"]),
        evidence=str(told["evidence"]),
        difference=0,
        allowed=0,
        fingerprint=chosen.fingerprint,
        state="proposed",
        proposed_by=by.name,
        proposed_at=now,
    )
    proposal_sides.keep(db, db.execute(made.returning(table.c.id)).scalar_one(), chosen)
    return "proposed"
