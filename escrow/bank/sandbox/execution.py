"""Executing a payout file: each transfer once by its end-to-end id, and a receipt that never changes."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from escrow.bank.sandbox import books, instructions, store
from escrow.bank.sandbox.books import Account, Entry
from escrow.bank.sandbox.instructions import Order, PayoutFile, Unacceptable

LineStatus: TypeAlias = Literal["executed", "rejected"]
FileStatus: TypeAlias = Literal["accepted", "partly", "rejected"]

_EXECUTED: Final = (
    "SELECT end_to_end FROM lines WHERE kind = 'payout' AND end_to_end IN (SELECT value FROM json_each(?))"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LineReceipt:
    """What became of one transfer; `serial` of its booking when executed, else an ISO 20022 `code` and a `reason`."""

    end_to_end: str
    amount_minor: int
    status: LineStatus
    serial: str = ""
    code: str = ""
    reason: str = ""
    part: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The answer to a payout file (回执). A file refused as a whole has a `code`, a `reason` and no lines."""

    message_id: str
    received_at: datetime
    status: FileStatus
    code: str = ""
    reason: str = ""
    lines: tuple[LineReceipt, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A transfer and why it is not executed; an empty `code` executes it."""

    order: Order
    code: str = ""
    reason: str = ""


def deliver(connection: sqlite3.Connection, file: bytes, *, at: datetime, branch: int) -> Receipt:
    """Take a file, execute what can be executed, and answer. What cannot be read or does not add up has no effect."""
    try:
        payouts = instructions.read(file)
    except Unacceptable as refusal:
        return _refused(refusal.message_id, refusal.code, str(refusal), at)
    digest = hashlib.sha256(file).hexdigest()
    with store.writing(connection):
        earlier = _earlier(connection, payouts.message_id)
        if earlier is None:
            receipt = _execute(connection, payouts, at=at, branch=branch)
            row = [payouts.message_id, digest, json.dumps(asdict(receipt), default=datetime.isoformat)]
            connection.execute("INSERT INTO deliveries VALUES (?, ?, ?)", row)
            return receipt
    if earlier["file_sha256"] != digest:
        reason = f"another file came as {payouts.message_id} (SHA-256 {earlier['file_sha256']}); give a new MsgId"
        return _refused(payouts.message_id, "DU01", reason, at)
    return _restored(earlier["receipt"])


def decide(orders: Iterable[Order], accounts: Mapping[str, Account], executed: AbstractSet[str]) -> Iterator[Verdict]:
    """Judge the transfers in their order, each against what the ones before it leave in the account."""
    left = {name: account.balance_minor for name, account in accounts.items()}
    used = set(executed)
    for order in orders:
        code, reason = _objection(order, accounts.get(order.debtor_account), used, left)
        if not code:
            left[order.debtor_account] -= order.amount_minor
            used.add(order.end_to_end)
        yield Verdict(order=order, code=code, reason=reason)


def _objection(
    order: Order, account: Account | None, used: AbstractSet[str], left: Mapping[str, int]
) -> tuple[str, str]:
    if account is None:
        return "AC02", f"account {order.debtor_account!r} is not kept at this bank"
    if order.end_to_end in used:
        return "AM05", f"{order.end_to_end} was executed before; every end-to-end id is executed once"
    if order.amount_minor <= 0:
        return "AM12", "an amount of nothing is not transferred"
    if order.currency != account.currency:
        return "AM03", f"the account is in {account.currency}, the transfer in {order.currency!r}"
    if not order.creditor_account:
        return "AC03", "the receiving account is missing"
    if order.amount_minor > left[order.debtor_account]:
        return "AM04", f"the account holds {books.major(left[order.debtor_account])}, too little"
    return "", ""


def _execute(connection: sqlite3.Connection, payouts: PayoutFile, *, at: datetime, branch: int) -> Receipt:
    names = {order.debtor_account for order in payouts.orders}
    accounts = {name: found for name in names if (found := store.find_account(connection, name)) is not None}
    ids = json.dumps([order.end_to_end for order in payouts.orders])
    executed = {end_to_end for (end_to_end,) in connection.execute(_EXECUTED, [ids])}

    verdicts = list(decide(payouts.orders, accounts, executed))
    lines = store.book(connection, [_entry(v.order, at) for v in verdicts if not v.code], branch=branch)

    serials = iter(line.serial for line in lines)
    outcomes = tuple(_outcome(verdict, "" if verdict.code else next(serials)) for verdict in verdicts)
    status: FileStatus = "accepted" if len(lines) == len(outcomes) else "partly" if lines else "rejected"
    return Receipt(message_id=payouts.message_id, received_at=_on_the_clock(at), status=status, lines=outcomes)


def _entry(order: Order, at: datetime) -> Entry:
    """The debit. Its remark starts with the end-to-end id, once, whether or not the instruction's text did."""
    words = order.remark.split()
    rest = words[1:] if words[:1] == [order.end_to_end] else words
    return Entry(
        account=order.debtor_account,
        kind="payout",
        amount_minor=-order.amount_minor,
        at=at,
        party=order.creditor,
        party_account=order.creditor_account,
        remark=" ".join([order.end_to_end, *rest]),
        end_to_end=order.end_to_end,
    )


def _outcome(verdict: Verdict, serial: str) -> LineReceipt:
    return LineReceipt(
        end_to_end=verdict.order.end_to_end,
        amount_minor=verdict.order.amount_minor,
        status="executed" if serial else "rejected",
        serial=serial,
        code=verdict.code,
        reason=verdict.reason,
        part=verdict.order.part,
    )


def _refused(message_id: str, code: str, reason: str, at: datetime) -> Receipt:
    received_at = _on_the_clock(at)
    return Receipt(message_id=message_id, received_at=received_at, status="rejected", code=code, reason=reason)


def _on_the_clock(at: datetime) -> datetime:
    return books.clock(books.seconds(at))


def receipt_of(connection: sqlite3.Connection, message_id: str) -> Receipt | None:
    """The receipt that a file of this id got, or None when none came."""
    earlier = _earlier(connection, message_id)
    return None if earlier is None else _restored(earlier["receipt"])


def _earlier(connection: sqlite3.Connection, message_id: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "SELECT file_sha256, receipt FROM deliveries WHERE message_id = ?", [message_id]
    ).fetchone()
    return found


def _restored(text: str) -> Receipt:
    """The stored receipt as the object it was, so that a repeated file is answered with an equal one."""
    kept = json.loads(text)
    kept["received_at"] = datetime.fromisoformat(kept["received_at"]).astimezone(books.ZONE)
    kept["lines"] = tuple(LineReceipt(**line) for line in kept["lines"])
    return Receipt(**kept)
