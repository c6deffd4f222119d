"""The life of an alert: who may take it where, with whose eyes, and that every step stays on record."""

from collections.abc import Callable
from datetime import date
from typing import Final

import pytest
from sqlalchemy import Connection, Table, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from escrow.access.caller import Caller
from escrow.access.tables import audit_entry
from escrow.monitoring import alerts, handling, steps
from escrow.monitoring.alerts import Alert
from escrow.monitoring.moves import NotAhead
from escrow.monitoring.states import ImpossibleMove
from escrow.monitoring.tables import alert as table
from escrow.monitoring.tables import alert_sighting, alert_step
from escrow.refusals import Forbidden, FourEyes, ReasonMissing, Unknown
from tests.escrow.county import BUREAU, RULEBOOK, SECOND, at
from tests.escrow.monitoring.facts import sighting

NOW: Final = at(7, 22)

Do = Callable[[Connection, int, Caller], Alert]

VERBS: Final[dict[str, Do]] = {
    "acknowledge": lambda db, key, by: handling.acknowledge(db, key, by=by, now=NOW),
    "investigate": lambda db, key, by: handling.investigate(db, key, by=by, now=NOW),
    "hand_over": lambda db, key, by: handling.hand_over(db, key, owner="王科员", by=by, now=NOW),
    "escalate": lambda db, key, by: handling.escalate(db, key, to="市教育局", reason="涉及多区", by=by, now=NOW),
    "resolve": lambda db, key, by: handling.resolve(db, key, reason="已退还", by=by, now=NOW),
    "propose_dismissal": lambda db, key, by: handling.propose_dismissal(db, key, reason="误报", by=by, now=NOW),
    "approve_dismissal": lambda db, key, by: handling.approve_dismissal(db, key, by=by, now=NOW),
    "reject_dismissal": lambda db, key, by: handling.reject_dismissal(db, key, reason="证据不足", by=by, now=NOW),
}


def opened(db: Connection) -> int:
    """An alert that nobody has looked at; its id."""
    (found,) = alerts.raise_(db, [sighting()], rulebook=RULEBOOK, now=at(7, 20))
    return found.id


def after(db: Connection, *moves: str) -> int:
    """An alert with which these moves were made by the first officer; its id."""
    key = opened(db)
    for move in moves:
        VERBS[move](db, key, BUREAU)
    return key


def test_an_alert_is_taken_investigated_and_resolved_and_each_step_is_history_and_trail(db: Connection) -> None:
    key = after(db, "acknowledge", "investigate", "hand_over")
    closed = handling.resolve(db, key, reason="已退还超收部分", by=SECOND, now=at(7, 23))

    assert (closed.state, closed.owner, closed.closed_by, closed.closing_reason) == (
        "resolved",
        "王科员",
        SECOND.name,
        "已退还超收部分",
    )
    history = steps.history(db, [key])
    assert [(each.move, each.by, each.alert["state"]) for each in history] == [
        ("open", steps.MONITORING, "open"),
        ("acknowledge", BUREAU.name, "acknowledged"),
        ("investigate", BUREAU.name, "investigating"),
        ("hand_over", BUREAU.name, "investigating"),
        ("resolve", SECOND.name, "resolved"),
    ]
    assert history[3].facts == {"before": BUREAU.name, "owner": "王科员"}
    assert history[4].alert == closed.told
    trail = select(audit_entry.c.what, audit_entry.c.actor).where(audit_entry.c.subject == f"alert:{key}")
    told = [(f"alert.{each.move}", each.by) for each in history]
    assert [tuple(row) for row in db.execute(trail.order_by(audit_entry.c.id))] == told


def test_a_dismissal_needs_a_second_pair_of_eyes_and_waits_for_them(db: Connection) -> None:
    key = after(db, "acknowledge", "propose_dismissal")
    waiting = alerts.get(db, key)
    assert (waiting.state, waiting.dismissal_by, waiting.dismissal_reason) == ("acknowledged", BUREAU.name, "误报")
    with pytest.raises(FourEyes):
        handling.approve_dismissal(db, key, by=BUREAU, now=NOW)
    with pytest.raises(ImpossibleMove) as refused:
        handling.resolve(db, key, reason="x", by=SECOND, now=NOW)
    assert "a proposal to dismiss it waits" in refused.value.english
    assert "可以办理：转交经办人、批准排除、退回排除意见" in refused.value.chinese
    dismissed = handling.approve_dismissal(db, key, by=SECOND, now=NOW)
    assert (dismissed.state, dismissed.closed_by, dismissed.closing_reason) == ("dismissed", SECOND.name, "误报")


def test_a_dismissal_that_is_not_agreed_to_leaves_the_work_where_it_stood(db: Connection) -> None:
    key = after(db, "acknowledge", "investigate", "propose_dismissal")
    back = handling.reject_dismissal(db, key, reason="证据不足", by=SECOND, now=NOW)
    assert (back.state, back.dismissal_by, back.dismissal_reason, back.quiet_until) == ("investigating", *[None] * 3)
    taken_back = VERBS["reject_dismissal"](db, after_proposal(db, key), BUREAU)
    assert taken_back.state == "investigating", "who proposed it may take it back"


def after_proposal(db: Connection, key: int) -> int:
    """The same alert, proposed to be dismissed once more; its id."""
    return VERBS["propose_dismissal"](db, key, BUREAU).id


def test_what_is_escalated_stays_open_until_it_is_known_what_came_of_it(db: Connection) -> None:
    key = after(db, "acknowledge", "escalate")
    assert steps.history(db, [key])[-1].facts == {"to": "市教育局"}
    (again,) = alerts.raise_(db, [sighting()], rulebook=RULEBOOK, now=NOW)
    assert (again.id, again.state, again.seen) == (key, "escalated", 2)
    assert VERBS["resolve"](db, key, SECOND).state == "resolved"


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        (["resolve"], ("待受理", "acknowledge")),
        (["acknowledge"] * 2, ("已受理", "investigate, escalate, resolve, hand_over, propose_dismissal")),
        (["acknowledge", "approve_dismissal"], ("已受理", "investigate, escalate, resolve")),
        (["acknowledge", "resolve", "investigate"], ("已办结", "nothing, it is closed")),
        (["acknowledge", "escalate", "investigate"], ("已上报移交", "resolve, hand_over, propose_dismissal")),
    ],
)
def test_an_impossible_move_is_refused_with_the_state_and_what_is_possible(
    db: Connection, moves: list[str], told: tuple[str, str]
) -> None:
    key = after(db, *moves[:-1])
    with pytest.raises(ImpossibleMove) as refused:
        VERBS[moves[-1]](db, key, SECOND)
    state_zh, possible = told
    assert state_zh in refused.value.chinese
    assert possible in refused.value.english
    assert str(key) in refused.value.english
    assert len(steps.history(db, [key])) == len(moves), "nothing happened"


@pytest.mark.parametrize("move", VERBS)
def test_only_the_bureau_works_on_alerts(db: Connection, move: str) -> None:
    key = opened(db)
    for role in ("institution", "family", "bank", "auditor"):
        with pytest.raises(Forbidden):
            VERBS[move](db, key, Caller(name="x", role=role))
    with pytest.raises(Unknown):
        VERBS[move](db, key + 1, BUREAU)


def test_reasons_are_given_and_days_lie_ahead(db: Connection) -> None:
    key = after(db, "acknowledge")
    with pytest.raises(ReasonMissing):
        handling.resolve(db, key, reason=" ", by=BUREAU, now=NOW)
    with pytest.raises(ReasonMissing):
        handling.escalate(db, key, to="市教育局", reason="", by=BUREAU, now=NOW)
    with pytest.raises(NotAhead) as refused:
        handling.propose_dismissal(db, key, reason="误报", quiet_until=NOW.date(), by=BUREAU, now=NOW)
    assert "2026-07-22" in refused.value.chinese
    tomorrow = date(2026, 7, 23)
    proposed = handling.propose_dismissal(db, key, reason="误报", quiet_until=tomorrow, by=BUREAU, now=NOW)
    assert proposed.quiet_until == tomorrow


@pytest.mark.parametrize(
    "stolen",
    [
        {"closed_by": BUREAU.name},
        {"dismissal_by": None, "dismissal_reason": None},
        {"closing_reason": None},
        {"closed_at": None},
        {"owner": None},
        {"state": "forgotten"},
    ],
)
def test_the_database_itself_keeps_two_pairs_of_eyes_on_a_dismissal(
    db: Connection, stolen: dict[str, str | None]
) -> None:
    key = after(db, "acknowledge", "propose_dismissal")
    handling.approve_dismissal(db, key, by=SECOND, now=NOW)
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(update(table).where(table.c.id == key).values(**stolen))


@pytest.mark.parametrize("kept", [alert_step, alert_sighting])
def test_history_and_evidence_cannot_be_changed(db: Connection, kept: Table) -> None:
    opened(db)
    for attempt in (f"UPDATE {kept} SET at = at", f"DELETE FROM {kept}"):  # noqa: S608  our own table names
        with pytest.raises(DBAPIError, match="append-only"), db.begin_nested():
            db.execute(text(attempt))


def test_an_open_alert_cannot_be_slipped_in_closed(db: Connection) -> None:
    key = opened(db)
    columns = [each for each in table.c if each.name not in {"id", "state"}]
    twin = insert(table).from_select(
        [*(each.name for each in columns), "state"], select(*columns, text("'resolved'")).where(table.c.id == key)
    )
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(twin)
