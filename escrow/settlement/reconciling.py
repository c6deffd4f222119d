"""Reconciling an account: every line of the bank is matched, booked, or on the list with an owner and a due day."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd
from sqlalchemy import Connection

import qrpay.reference
from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment.payments import Payment
from escrow.payouts.instructions import Instruction
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from escrow.settlement import booking, breaks, unmatched
from escrow.settlement.breaks import Break
from escrow.settlement.statements import NotSupervised
from escrow.settlement.unmatched import Line, Loose
from reconciliation.matching import match

_PAYOUT: Final = re.compile(r"(?<![0-9A-Za-z])PO[0-9]{16}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What one run did on an account: matches by rule, lines booked without one by kind, and what stays open."""

    account: str
    matched: Mapping[str, int]
    booked: Mapping[str, int]
    open: Sequence[Break]


def reconcile(db: Connection, account: str, *, by: Caller, now: datetime) -> Reconciliation:
    """Match what is unmatched on an account, book what the statement alone proves, list the rest.

    Credits that nobody had told us of are booked like notified ones: on their order, or in suspense. Interest and
    fees are booked by their nature; payouts seen leaving are settled. Safe to run again at any time.
    Raises NotSupervised.
    """
    by.must_be("bureau", "bank")
    # Locked, since two runs at once would match the same lines.
    if institutions.by_account(db, account, lock=True) is None:
        raise NotSupervised(account=account)
    loose = unmatched.load(db, account)

    outcome = match(line_frame(loose.lines), item_frame(loose), references=references)

    # Alone first: it may lock contracts, which everybody does before the ledger's accounts.
    rest = booking.book_alone(db, loose, outcome.matches, outcome.breaks, by=by, now=now)
    matched = booking.book_matches(db, loose, outcome.matches, by=by, now=now)
    still = breaks.refresh(db, account, rest.breaks, now=now)
    rules, kinds = Counter(matched), Counter(rest.booked)
    trail.record(
        db, by, "account.reconciled", f"account:{account}", now=now, matched=rules, booked=kinds, open=len(still)
    )
    return Reconciliation(account=account, matched=rules, booked=kinds, open=still)


def references(remark: str) -> list[str]:
    """Every order's reference and payout's end-to-end id that stands in a remark."""
    return [*qrpay.reference.find(remark), *_PAYOUT.findall(remark)]


def line_frame(lines: Sequence[Line]) -> pd.DataFrame:
    """The bank's lines as the matching wants them."""
    return pd.DataFrame(
        {
            "key": pd.Series([each.key for each in lines], dtype="str"),
            "amount": pd.Series([each.amount for each in lines], dtype="int64"),
            "booked_on": pd.Series([each.booked_on.isoformat() for each in lines], dtype="str"),
            "booked_at": pd.Series(
                [each.booked_at.astimezone(SHANGHAI).time().isoformat() for each in lines], dtype="str"
            ),
            "number": pd.Series([each.number for each in lines], dtype="int64"),
            "serial": pd.Series([each.serial for each in lines], dtype="str"),
            "end_to_end": pd.Series([each.end_to_end for each in lines], dtype="str"),
            "remark": pd.Series([each.remark for each in lines], dtype="str"),
            "counterparty": pd.Series([each.counterparty for each in lines], dtype="str"),
            "counterparty_account": pd.Series([each.counterparty_account for each in lines], dtype="str"),
            "reversal": pd.Series([bool(each.reversal) for each in lines], dtype="bool"),
            "nature": pd.Series([each.nature for each in lines], dtype="str"),
        }
    )


def item_frame(loose: Loose) -> pd.DataFrame:
    """What the books expect on the account, as the matching wants it: money in positive, money out negative."""
    rows = [_payment_row(each) for each in loose.payments] + [_payout_row(each) for each in loose.payouts]
    names = ("key", "amount", "reference", "serial", "counterparty", "counterparty_account", "on")
    return pd.DataFrame(
        {
            name: pd.Series([row[i] for row in rows], dtype="int64" if name == "amount" else "str")
            for i, name in enumerate(names)
        }
    )


def _payment_row(each: Payment) -> tuple[str, int, str, str, str, str, str]:
    day = each.paid_at.astimezone(SHANGHAI).date().isoformat()
    key = unmatched.payment_key(each.id)
    return key, each.amount, each.reference, each.serial, each.payer, each.payer_account, day


def _payout_row(each: Instruction) -> tuple[str, int, str, str, str, str, str]:
    day = each.made_at.astimezone(SHANGHAI).date().isoformat()
    key = unmatched.payout_key(each.id)
    return key, -each.amount, each.end_to_end, "", each.creditor, each.creditor_account, day
