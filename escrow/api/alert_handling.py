"""What the bureau does with an alert, over the routes; what is impossible is refused with the state named."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.access.four_eyes import SamePerson
from escrow.api.alerts import AlertShown
from escrow.api.asking import Act, acting
from escrow.api.description import ALERTS, may_refuse
from escrow.api.shapes import Asked, Day, Name, NeededReason, PathId, Reason
from escrow.monitoring import handling, notices
from escrow.monitoring.moves import NotAhead
from escrow.monitoring.notices import MeasuresMissing, NobodyToOrder
from escrow.monitoring.states import ImpossibleMove
from escrow.refusals import FourEyes, ReasonMissing, Unknown

routes = APIRouter(tags=[ALERTS])

_MOST_MEASURES: Final = 20


class ClosingAsked(Asked):
    """What was found out, or why it is nothing."""

    reason: Reason


class DismissalAsked(ClosingAsked):
    """Why the alert tells of nothing wrong."""

    quiet_until: Day | None = Field(
        default=None,
        description="The last day on which the same figures, found again, open no new alert; null: they always do.",
    )


class RectificationAsked(Asked):
    """What the institution must do, and by when."""

    measures: list[NeededReason] = Field(max_length=_MOST_MEASURES, examples=[["退还超出上限的预收费"]])
    deadline: Day


class EscalationAsked(ClosingAsked):
    """To whom, and why."""

    to: Name = Field(examples=["市教育局", "综合行政执法局"])


class HandoverAsked(Asked):
    """Whose it becomes."""

    owner: Name


Bureau = Annotated[Act, Depends(acting("bureau"))]


@routes.post(
    "/alerts/{alert_id}/acknowledgement",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove),
    summary="Take an alert 受理预警",
)
def acknowledge(alert_id: PathId, act: Bureau) -> Response:
    """From now on it is the caller's."""
    return act(lambda db: AlertShown.of(handling.acknowledge(db, alert_id, by=act.by, now=act.now)))


@routes.post(
    "/alerts/{alert_id}/investigation",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove),
    summary="Look into an alert 立案调查",
)
def investigate(alert_id: PathId, act: Bureau) -> Response:
    """Whether it is true, and whose doing: before the institution is ordered to rectify."""
    return act(lambda db: AlertShown.of(handling.investigate(db, alert_id, by=act.by, now=act.now)))


@routes.post(
    "/alerts/{alert_id}/rectification",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove, NobodyToOrder, MeasuresMissing, NotAhead),
    summary="Order rectification 责令限期整改",
)
def order(alert_id: PathId, asked: RectificationAsked, act: Bureau) -> Response:
    """A notice with its number is printed and kept, to be fetched as PDF; its deadline is the day the alert is due."""

    def do(db: Connection) -> AlertShown:
        ordered = notices.order(
            db,
            alert_id,
            measures=asked.measures,
            deadline=asked.deadline,
            rulebook=act.rulebook,
            bureau=act.desk.settings.bureau_name,
            by=act.by,
            now=act.now,
        )
        return AlertShown.of(ordered)

    return act(do)


@routes.post(
    "/alerts/{alert_id}/escalation",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove, ReasonMissing),
    summary="Escalate an alert 上报移交",
)
def escalate(alert_id: PathId, asked: EscalationAsked, act: Bureau) -> Response:
    """Another authority is to act. It stays open until what came of that is known."""
    to, reason = asked.to, asked.reason
    return act(lambda db: AlertShown.of(handling.escalate(db, alert_id, to=to, reason=reason, by=act.by, now=act.now)))


@routes.post(
    "/alerts/{alert_id}/owner",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove),
    summary="Hand an alert over 转交经办人",
)
def hand_over(alert_id: PathId, asked: HandoverAsked, act: Bureau) -> Response:
    """To somebody else at the bureau."""
    owner = asked.owner
    return act(lambda db: AlertShown.of(handling.hand_over(db, alert_id, owner=owner, by=act.by, now=act.now)))


@routes.post(
    "/alerts/{alert_id}/resolution",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove, ReasonMissing),
    summary="Resolve an alert 办结预警",
)
def resolve(alert_id: PathId, asked: ClosingAsked, act: Bureau) -> Response:
    """What it told of has been put right; the reason says how."""
    reason = asked.reason
    return act(lambda db: AlertShown.of(handling.resolve(db, alert_id, reason=reason, by=act.by, now=act.now)))


@routes.post(
    "/alerts/{alert_id}/dismissal",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove, ReasonMissing, NotAhead),
    summary="Propose to dismiss an alert 提请排除预警",
)
def propose_dismissal(alert_id: PathId, asked: DismissalAsked, act: Bureau) -> Response:
    """It told of nothing wrong; the reason says why. It is dismissed once somebody else agrees."""
    reason, quiet = asked.reason, asked.quiet_until

    def do(db: Connection) -> AlertShown:
        proposed = handling.propose_dismissal(db, alert_id, reason=reason, quiet_until=quiet, by=act.by, now=act.now)
        return AlertShown.of(proposed)

    return act(do)


@routes.post(
    "/alerts/{alert_id}/dismissal/approval",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove, FourEyes, SamePerson),
    summary="Agree to dismiss an alert 批准排除",
)
def approve_dismissal(alert_id: PathId, act: Bureau) -> Response:
    """By somebody who did not propose it."""
    return act(lambda db: AlertShown.of(handling.approve_dismissal(db, alert_id, by=act.by, now=act.now)))


@routes.post(
    "/alerts/{alert_id}/dismissal/rejection",
    response_model=AlertShown,
    responses=may_refuse(Unknown, ImpossibleMove, ReasonMissing),
    summary="Do not dismiss an alert 退回排除意见",
)
def reject_dismissal(alert_id: PathId, asked: ClosingAsked, act: Bureau) -> Response:
    """Not agreed, or taken back by who proposed it; the work goes on where it stood."""
    reason = asked.reason
    return act(lambda db: AlertShown.of(handling.reject_dismissal(db, alert_id, reason=reason, by=act.by, now=act.now)))
