"""The outbox of alerts: what is to be told to whom, taken out under a lease, in order for each alert.

A delivery that is taken out is not due again before its lease ends. If its sender dies, or is not heard of again, it
then goes out a second time: at least once, never lost. Of one alert a subscriber gets the steps one after another;
while one is not delivered, or lies dead, those behind it wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, Select, exists, func, select, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.monitoring.steps import Step, as_step
from escrow.monitoring.subscribers import Channel
from escrow.monitoring.tables import alert_delivery as table
from escrow.monitoring.tables import alert_step, alert_subscriber
from escrow.refusals import AlreadyDecided, Unknown

LEASE: Final = timedelta(minutes=5)
"""Longer than any sender may take: until then nobody else sends the same."""

PAUSES: Final = tuple(
    timedelta(seconds=each) for each in (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""Before each next attempt, the first after 5 seconds, the last after a day; after some three days it is dead."""

REST: Final = timedelta(minutes=1)
"""How long everything else for a subscriber waits after a failure: an ill one must not keep the others waiting."""

State = Literal["waiting", "delivered", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One step on its way to one subscriber. `attempts`: how often it was taken out, this time included."""

    id: int
    subscriber_id: int
    alert_id: int
    step_id: int
    state: State
    attempts: int
    due_at: datetime
    delivered_at: datetime | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A delivery that was taken out to be sent now, and what it tells."""

    delivery: Delivery
    step: Step


def is_due(db: Connection, *, channels: Sequence[Channel], now: datetime) -> bool:
    """Whether anything could be taken out now."""
    return db.execute(_due(channels, now).limit(1)).first() is not None


def take_out(db: Connection, *, channels: Sequence[Channel], limit: int, now: datetime) -> list[Parcel]:
    """Take out what is due, at most `limit`, the longest due first; it is nobody else's before its lease ends."""
    due = _due(channels, now).order_by(table.c.due_at, table.c.id).limit(limit)
    ids = db.scalars(due.with_for_update(of=table, skip_locked=True)).all()
    leased = update(table).where(table.c.id.in_(ids)).values(due_at=now + LEASE, attempts=table.c.attempts + 1)
    taken = [_as_delivery(row) for row in db.execute(leased.returning(table))]
    query = select(alert_step).where(alert_step.c.id.in_([each.step_id for each in taken]))
    steps = {row.id: as_step(row) for row in db.execute(query)}
    return [Parcel(delivery=each, step=steps[each.step_id]) for each in sorted(taken, key=lambda each: each.id)]


def delivered(db: Connection, deliveries: Sequence[Delivery], *, now: datetime) -> None:
    """The subscriber has these."""
    ids = [each.id for each in deliveries]
    done = update(table).where(table.c.id.in_(ids), table.c.state == "waiting")
    db.execute(done.values(state="delivered", delivered_at=now, failure=None))


def failed(db: Connection, deliveries: Sequence[Delivery], why: str, *, now: datetime) -> None:
    """These could not be delivered to their one subscriber: they are due again after a pause, or dead after the last.

    What somebody else has taken out since, because the lease was over, is left to them.
    """
    for each in deliveries:
        dead = each.attempts > len(PAUSES)
        due_at = each.due_at if dead else now + PAUSES[each.attempts - 1]
        mine = update(table).where(table.c.id == each.id, table.c.attempts == each.attempts, table.c.state == "waiting")
        db.execute(mine.values(state="dead" if dead else "waiting", due_at=due_at, failure=why))
    ours = [each.id for each in deliveries]
    rest = update(table).where(table.c.subscriber_id == deliveries[0].subscriber_id, table.c.state == "waiting")
    db.execute(rest.where(table.c.due_at <= now, table.c.id.not_in(ours)).values(due_at=now + REST))


def redeliver(db: Connection, delivery_id: int, *, by: Caller, now: datetime) -> Delivery:
    """Try a dead letter again; what waits behind it follows. Raises Unknown, AlreadyDecided."""
    by.must_be("bureau")
    row = db.execute(select(table).where(table.c.id == delivery_id).with_for_update()).one_or_none()
    if row is None:
        raise Unknown(what="delivery", key=delivery_id)
    if row.state != "dead":
        raise AlreadyDecided(what="delivery", what_zh="推送", key=delivery_id, state=row.state)
    again = update(table).where(table.c.id == delivery_id).values(state="waiting", attempts=0, due_at=now)
    trail.record(db, by, "alert.redelivered", f"delivery:{delivery_id}", now=now)
    return _as_delivery(db.execute(again.returning(table)).one())


def page(db: Connection, *, state: State | None = None, after: int = 0, limit: int = 100) -> list[Delivery]:
    """Deliveries to those who are still told, in the order in which they were put into the outbox."""
    query = _to_the_living(select(table)).where(table.c.id > after).order_by(table.c.id).limit(limit)
    if state is not None:
        query = query.where(table.c.state == state)
    return [_as_delivery(row) for row in db.execute(query)]


def counts(db: Connection) -> dict[tuple[Channel, State], int]:
    """How many deliveries wait or lie dead, by channel."""
    query = _to_the_living(select(alert_subscriber.c.channel, table.c.state, func.count().label("many")))
    query = query.where(table.c.state != "delivered").group_by(alert_subscriber.c.channel, table.c.state)
    return {(row.channel, row.state): row.many for row in db.execute(query)}


def _due(channels: Sequence[Channel], now: datetime) -> Select[tuple[int]]:
    """What may be sent now: nothing of the same alert to the same subscriber is undelivered before it."""
    before = table.alias("before")
    earlier = exists().where(
        before.c.subscriber_id == table.c.subscriber_id,
        before.c.alert_id == table.c.alert_id,
        before.c.id < table.c.id,
        before.c.state != "delivered",
    )
    return (
        select(table.c.id)
        .join(alert_subscriber, alert_subscriber.c.id == table.c.subscriber_id)
        .where(table.c.state == "waiting", table.c.due_at <= now, ~earlier)
        .where(alert_subscriber.c.ended_at.is_(None), alert_subscriber.c.channel.in_(channels))
    )


def _to_the_living(query: Select[Any]) -> Select[Any]:
    known = query.select_from(table).join(alert_subscriber, alert_subscriber.c.id == table.c.subscriber_id)
    return known.where(alert_subscriber.c.ended_at.is_(None))


def _as_delivery(row: Row[Any]) -> Delivery:
    return Delivery(**row._asdict())
