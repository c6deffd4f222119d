"""What the bureau does with an alert: takes it, looks into it, hands it on, resolves it, or two people dismiss it."""

from datetime import date, datetime

from sqlalchemy import Connection

from escrow.access import four_eyes
from escrow.access.caller import Caller
from escrow.monitoring.alerts import Alert
from escrow.monitoring.moves import moved, must_lie_ahead, the_alert


def acknowledge(db: Connection, alert_id: int, *, by: Caller, now: datetime) -> Alert:
    """Somebody at the bureau takes the alert; from now on it is theirs. Raises Unknown, ImpossibleMove."""
    the_alert(db, alert_id, "acknowledge", by=by)
    return moved(db, alert_id, "acknowledge", {"state": "acknowledged", "owner": by.name}, by=by, now=now)


def investigate(db: Connection, alert_id: int, *, by: Caller, now: datetime) -> Alert:
    """The alert is looked into. Raises Unknown, ImpossibleMove."""
    the_alert(db, alert_id, "investigate", by=by)
    return moved(db, alert_id, "investigate", {"state": "investigating"}, by=by, now=now)


def hand_over(db: Connection, alert_id: int, *, owner: str, by: Caller, now: datetime) -> Alert:
    """The alert becomes somebody else's at the bureau. Raises Unknown, ImpossibleMove."""
    alert = the_alert(db, alert_id, "hand_over", by=by)
    facts = {"before": alert.owner, "owner": owner}
    return moved(db, alert_id, "hand_over", {"owner": owner}, by=by, now=now, facts=facts)


def escalate(db: Connection, alert_id: int, *, to: str, reason: str, by: Caller, now: datetime) -> Alert:
    """Another authority is to act; the alert stays open until it has. Raises Unknown, ImpossibleMove, ReasonMissing."""
    the_alert(db, alert_id, "escalate", by=by, reason=reason)
    return moved(db, alert_id, "escalate", {"state": "escalated"}, by=by, now=now, reason=reason, facts={"to": to})


def resolve(db: Connection, alert_id: int, *, reason: str, by: Caller, now: datetime) -> Alert:
    """What it told of has been put right; the reason says how. Raises Unknown, ImpossibleMove, ReasonMissing."""
    the_alert(db, alert_id, "resolve", by=by, reason=reason)
    closed = {"state": "resolved", "closed_at": now, "closed_by": by.name, "closing_reason": reason}
    return moved(db, alert_id, "resolve", closed, by=by, now=now, reason=reason)


def propose_dismissal(
    db: Connection, alert_id: int, *, reason: str, quiet_until: date | None = None, by: Caller, now: datetime
) -> Alert:
    """Propose that the alert tells of nothing wrong. Somebody else must agree before it is dismissed.

    Up to and with `quiet_until` the same figures, found again, shall open no new alert. Raises Unknown,
    ImpossibleMove, ReasonMissing, NotAhead.
    """
    the_alert(db, alert_id, "propose_dismissal", by=by, reason=reason)
    must_lie_ahead(quiet_until, "last quiet day", "免于再次预警的截止日", now)
    facts = {} if quiet_until is None else {"quiet_until": quiet_until.isoformat()}
    proposal = {"dismissal_by": by.name, "dismissal_reason": reason, "quiet_until": quiet_until}
    return moved(db, alert_id, "propose_dismissal", proposal, by=by, now=now, reason=reason, facts=facts)


def approve_dismissal(db: Connection, alert_id: int, *, by: Caller, now: datetime) -> Alert:
    """Somebody who did not propose it agrees: the alert is dismissed.

    Raises Unknown, ImpossibleMove, FourEyes, SamePerson.
    """
    alert = the_alert(db, alert_id, "approve_dismissal", by=by)
    four_eyes.must_be_another(db, by, alert.dismissal_by, what="proposal", what_zh="排除意见")
    closed = {"state": "dismissed", "closed_at": now, "closed_by": by.name, "closing_reason": alert.dismissal_reason}
    facts = {"proposed_by": alert.dismissal_by}
    why = alert.dismissal_reason
    return moved(db, alert_id, "approve_dismissal", closed, by=by, now=now, reason=why, facts=facts)


def reject_dismissal(db: Connection, alert_id: int, *, reason: str, by: Caller, now: datetime) -> Alert:
    """The proposal is not agreed to, or taken back by who made it: the work goes on where it stood.

    Raises Unknown, ImpossibleMove, ReasonMissing.
    """
    alert = the_alert(db, alert_id, "reject_dismissal", by=by, reason=reason)
    facts = {"proposed_by": alert.dismissal_by}
    gone = {"dismissal_by": None, "dismissal_reason": None, "quiet_until": None}
    return moved(db, alert_id, "reject_dismissal", gone, by=by, now=now, reason=reason, facts=facts)
