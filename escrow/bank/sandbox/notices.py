"""The queue of notifications: what the bank still has to say, signed afresh each time until it is acknowledged."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from escrow.bank.sandbox import books, store
from escrow.bank.sandbox.books import Line
from escrow.bank.sandbox.dials import Dials, Fault, wait_after
from escrow.bank.sandbox.payments import Received
from qrpay.webhooks import SigningKey, sign

_READY: Final = """
SELECT e.ready_at, e.repeats, a.currency, l.*
FROM events e JOIN lines l ON l.seq = e.seq JOIN accounts a ON a.account = l.account
WHERE e.number IS NULL AND e.dropped = 0 AND e.ready_at <= ? ORDER BY e.ready_at, e.seq
"""


class UnknownNotification(LookupError):
    """No notification with this webhook id was ever sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedNotification:
    """One HTTP body to send, and the Standard Webhooks headers that belong to exactly these bytes."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        """What to acknowledge; the same at every repetition."""
        return self.headers["webhook-id"]


def queue(connection: sqlite3.Connection, lines: Sequence[Line], fates: Sequence[Fault], dials: Dials) -> None:
    """Note that these payments are to be notified, each as its fate says. Call inside `writing`."""
    connection.executemany(
        "INSERT INTO events (seq, ready_at, repeats, dropped) VALUES (?, ?, ?, ?)",
        [
            (line.seq, books.seconds(line.booked_at + _held(fault, dials)), fault.repeat, fault.drop)
            for line, fault in zip(lines, fates, strict=True)
        ],
    )


def due(
    connection: sqlite3.Connection, now: datetime, *, dials: Dials, key: SigningKey, seed: int
) -> list[SignedNotification]:
    """What is to be sent at `now`, oldest first; each is due again after its interval. Call inside `writing`."""
    moment = books.seconds(now)
    _gather(connection, moment, batch=dials.batch, seed=seed)
    rows = connection.execute(
        "SELECT * FROM notifications WHERE due_at <= ? ORDER BY due_at, number", [moment]
    ).fetchall()
    connection.executemany(
        "UPDATE notifications SET attempts = ?, due_at = ? WHERE number = ?",
        [(row["attempts"] + 1, _next(row, moment, dials), row["number"]) for row in rows],
    )
    return _signed(rows, now, key)


def acknowledge(connection: sqlite3.Connection, webhook_id: str) -> None:
    """The receiver took it: no more sendings but those that a fault ordered. Raises UnknownNotification."""
    changed = connection.execute(
        "UPDATE notifications SET acknowledged = 1, due_at = iif(attempts > repeats, NULL, due_at)"
        " WHERE webhook_id = ?",
        [webhook_id],
    )
    if changed.rowcount == 0:
        raise UnknownNotification(f"no notification {webhook_id!r} was sent by this bank")


def again(connection: sqlite3.Connection, now: datetime, *, key: SigningKey) -> list[SignedNotification]:
    """Everything that was ever sent, once more, in the order of its making; the queue's schedule stays as it is."""
    rows = connection.execute("SELECT * FROM notifications WHERE attempts > 0 ORDER BY number").fetchall()
    return _signed(rows, now, key)


def _held(fault: Fault, dials: Dials) -> timedelta:
    return fault.delay + (dials.reorder_by if fault.reorder else timedelta(0))


def _next(row: sqlite3.Row, moment: int, dials: Dials) -> int | None:
    """When a notification is due after the sending at `moment`; None when this was the last."""
    attempts = row["attempts"] + 1
    if row["acknowledged"] and attempts > row["repeats"]:
        return None
    return moment + wait_after(dials, attempts) // timedelta(seconds=1)


def _signed(rows: Iterable[sqlite3.Row], now: datetime, key: SigningKey) -> list[SignedNotification]:
    return [
        SignedNotification(headers=sign(row["body"], id=row["webhook_id"], at=now, key=key), body=row["body"])
        for row in rows
    ]


def _gather(connection: sqlite3.Connection, moment: int, *, batch: int, seed: int) -> None:
    """Put the events that are ready into notifications of at most `batch`; from then on body and id are fixed."""
    ready = connection.execute(_READY, [moment]).fetchall()
    (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM notifications").fetchone()
    for number, start in enumerate(range(0, len(ready), batch), start=last + 1):
        rows = ready[start : start + batch]
        connection.execute(
            "INSERT INTO notifications (number, webhook_id, body, due_at, repeats) VALUES (?, ?, ?, ?, ?)",
            [
                number,
                "msg_" + hashlib.sha256(f"{seed}|{rows[0]['serial']}".encode()).hexdigest()[:24],
                _body(rows),
                max(row["ready_at"] for row in rows),
                max(row["repeats"] for row in rows),
            ],
        )
        connection.executemany("UPDATE events SET number = ? WHERE seq = ?", [(number, row["seq"]) for row in rows])


def _body(rows: Iterable[sqlite3.Row]) -> bytes:
    events = [Received.of(store.line_of(row), row["currency"]).event for row in rows]
    return json.dumps({"events": events}, ensure_ascii=False, separators=(",", ":")).encode()
