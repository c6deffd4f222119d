"""Who is told of alerts, and what could not be delivered to them."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field

from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import ALERTS, may_refuse
from escrow.api.shapes import After, Asked, Limit, Page, PathId, Shown, following, place
from escrow.monitoring import outbox, subscribers
from escrow.monitoring.outbox import State
from escrow.monitoring.subscribers import BadAddress, BadSecret, Channel, SubscribedAlready, SubscriptionEnded
from escrow.refusals import AlreadyDecided, Unknown
from escrow.rules.rulebook import Severity

routes = APIRouter(tags=[ALERTS])

_LONGEST: Final = 2_000


class SubscriberAsked(Asked):
    """Whom to tell: a program by webhook, or somebody by e-mail."""

    channel: Channel
    address: str = Field(max_length=_LONGEST, examples=["https://bureau.example/alerts", "zhang@bureau.example"])
    secret: str | None = Field(
        default=None,
        max_length=200,
        description="For a webhook: whsec_ and 24 to 64 random bytes in base64. Kept, and never shown again.",
    )
    least: Severity = Field(default="notice", description="Only alerts that are at least so severe.")


class SubscriberShown(Shown):
    """Somebody who is told of alerts (订阅人)."""

    id: int
    channel: Channel
    address: str
    least: Severity
    added_by: str
    added_at: datetime
    ended_at: datetime | None


class DeliveryShown(Shown):
    """One step of an alert on its way to one subscriber (推送)."""

    id: int
    subscriber_id: int
    alert_id: int
    step_id: int
    state: State
    attempts: int
    due_at: datetime
    delivered_at: datetime | None
    failure: str | None = Field(description="Why the last attempt failed.")


Bureau = Annotated[Act, Depends(acting("bureau"))]
Seer = Annotated[Look, Depends(looking("bureau", "auditor"))]


@routes.get("/alert-subscribers", responses=may_refuse(), summary="Who is told of alerts 预警订阅列表")
def everyone(look: Seer) -> list[SubscriberShown]:
    """All who are told now."""
    return [SubscriberShown.model_validate(each) for each in look(subscribers.everyone)]


@routes.post(
    "/alert-subscribers",
    status_code=201,
    response_model=SubscriberShown,
    responses=may_refuse(BadAddress, BadSecret, SubscribedAlready),
    summary="Tell somebody of alerts 新增预警订阅",
)
def subscribe(asked: SubscriberAsked, act: Bureau) -> Response:
    """From now on, of every step of every alert that is severe enough: a webhook signed by Standard Webhooks (v1), or
    e-mail; at least once, the steps of one alert in their order. Webhooks go to https only, or to this machine."""
    told = {name: getattr(asked, name) for name in type(asked).model_fields}
    return act(
        lambda db: SubscriberShown.model_validate(subscribers.subscribe(db, **told, by=act.by, now=act.now)),
        status=201,
    )


@routes.post(
    "/alert-subscribers/{subscriber_id}/end",
    response_model=SubscriberShown,
    responses=may_refuse(Unknown, SubscriptionEnded),
    summary="Tell them no more 终止预警订阅",
)
def end(subscriber_id: PathId, act: Bureau) -> Response:
    """Also nothing of what still waits for them."""
    return act(lambda db: SubscriberShown.model_validate(subscribers.end(db, subscriber_id, by=act.by, now=act.now)))


@routes.get("/alert-deliveries", responses=may_refuse(), summary="What was or could not be delivered 预警推送列表")
def deliveries(
    look: Seer,
    state: Annotated[State | None, Query(description="`dead`: given up after days of trying.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[DeliveryShown]:
    """In the order in which they were put into the outbox. Behind a dead one its alert's later steps wait."""
    found = look(lambda db: outbox.page(db, state=state, after=place(after), limit=limit))
    items = [DeliveryShown.model_validate(each) for each in found]
    return Page(items=items, next=following([each.id for each in items], limit))


@routes.post(
    "/alert-deliveries/{delivery_id}/redelivery",
    response_model=DeliveryShown,
    responses=may_refuse(Unknown, AlreadyDecided),
    summary="Try a dead delivery again 重新推送",
)
def redeliver(delivery_id: PathId, act: Bureau) -> Response:
    """What waits behind it follows once it has arrived."""
    return act(lambda db: DeliveryShown.model_validate(outbox.redeliver(db, delivery_id, by=act.by, now=act.now)))
