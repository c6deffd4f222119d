"""Reconciling an account: every line of the bank is matched, booked, or on the list with an owner and a due day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection

import qrpay.reference
from escrow.access import trail
from escrow.access.caller import Caller
from escrow.enrolment.payments import Payment
from escrow.payouts.instructions import Instruction
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from escrow.settlement import (
    booking,
    breaks,
    coming_back,
    frozen,
    lump_finding,
    lumps,
    proposal_sides,
    reversals,
    unmatched,
)
from escrow.settlement.breaks import Break, Open
from escrow.settlement.lump_finding import Lump
from escrow.settlement.lumps import Booked
from escrow.settlement.making import LUMP
from escrow.settlement.statements import NotSupervised
from escrow.settlement.suggesting import suggest
from escrow.settlement.unmatched import Line, Loose
from reconciliation.matching import match


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
    fees are booked by their nature; payouts seen leaving are settled, those that came back are owed again, and what
    the bank takes back is corrected. A channel's net is matched when its bill and the orders agree. Sums of parts are
    suggested to two people. Lines of signed days stay as they are. Safe to run again at any time. Raises NotSupervised.
    """
    by.must_be("bureau", "bank")
    # Locked, since two runs at once would match the same lines.
    if institutions.by_account(db, account, lock=True) is None:
        raise NotSupervised(account=account)
    loose, kept = _of_open_days(unmatched.load(db, account), db)
    naming = coming_back.named_in(db, loose.lines)
    aside = [each for each in loose.lines if each.id in naming]
    taking_back = [each for each in loose.lines if each.reversal and each.id not in naming]
    plain = [each for each in loose.lines if not each.reversal and each.id not in naming]
    brought = lump_finding.find(db, replace(loose, lines=plain))
    reversals.lock_contracts(db, taking_back, plain, billed=lumps.references(brought.lumps))
    net = lumps.book(db, brought, by=by, now=now)
    loose = _without(replace(loose, lines=plain), brought.lumps, net)

    outcome = match(line_frame(loose.lines), item_frame(loose), references=references)
    found = _allowed(outcome.matches, loose)
    waiting = suggest(db, loose, outcome.proposals, by=by, now=now)
    # Alone first: it may lock contracts, which everybody does before the ledger's accounts.
    rest = booking.book_alone(db, loose, found, outcome.breaks, waiting=waiting, by=by, now=now)
    matched, short = booking.book_matches(db, loose, found, by=by, now=now)
    back = reversals.book(db, taking_back, by=by, now=now)
    heard = coming_back.hear(db, aside, naming, by=by, now=now)
    explained = back.explained | heard.explained
    listed = [each for each in (*rest.breaks, *short, *back.breaks, *heard.breaks) if each.line_id not in explained]
    still = breaks.refresh(db, account, [*listed, *net.breaks, *kept], now=now)
    proposal_sides.lapse(db, account)
    rules = Counter([*matched, *[LUMP] * net.booked])
    kinds = Counter([*rest.booked, *["reversal"] * back.booked, *["payout"] * heard.booked])
    trail.record(
        db, by, "account.reconciled", f"account:{account}", now=now, matched=rules, booked=kinds, open=len(still)
    )
    return Reconciliation(account=account, matched=rules, booked=kinds, open=still)


def _without(loose: Loose, brought: Sequence[Lump], net: Booked) -> Loose:
    """What the other rules may look at: neither a channel's lumps nor the payments and refunds that those explain."""
    taken = {each.line.id for each in brought}
    return replace(
        loose,
        lines=[each for each in loose.lines if each.id not in taken],
        payments=[each for each in loose.payments if each.id not in net.payments],
        payouts=[each for each in loose.payouts if each.id not in net.refunds],
    )


def _of_open_days(loose: Loose, db: Connection) -> tuple[Loose, list[Open]]:
    """What may still be matched, and the breaks that stay as they are: of lines of signed days, and of late ones."""
    signed = frozen.signed_until(db, loose.account)
    if signed is None:
        return loose, []
    fixed = {each.id for each in loose.lines if each.booked_on <= signed}
    kept = [each for each in breaks.still_open(db, loose.account) if each.line_id in fixed or each.late_line_id]
    return replace(loose, lines=[each for each in loose.lines if each.id not in fixed]), list(kept)


def _allowed(found: pd.DataFrame, loose: Loose) -> pd.DataFrame:
    """The matches without those that somebody has undone: a rule does not do again what a person took back."""
    if not loose.undone:
        return found
    undone = {(each.key, key) for each in loose.lines for key in loose.undone.get(each.id, ())}
    pairs = zip(found["line_key"], found["item_key"], strict=True)
    kept = pd.Series([pair not in undone for pair in pairs], index=found.index, dtype=bool)
    return found[kept].reset_index(drop=True)


def references(remarks: Sequence[str]) -> list[list[str]]:
    """Every order's reference and payout's end-to-end id that stands in each remark."""
    orders = qrpay.reference.find_each(remarks)
    return [found + coming_back.PAYOUT.findall(each) for found, each in zip(orders, remarks, strict=True)]


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
    rows = [_payment_row(each) for each in loose.payments]
    # What a channel pays back never leaves by a line of its own.
    rows += [_payout_row(each) for each in loose.payouts if each.channel is None]
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
