"""Refunds that a payment channel pays back: registered with it, and what it will not pay."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy import Connection

from escrow.api.asking import Act, moving_money
from escrow.api.description import PAYOUTS, may_refuse
from escrow.api.payouts import PayoutShown
from escrow.api.shapes import Asked, NeededReason, PathId
from escrow.payouts import channel_refunds
from escrow.payouts.channel_refunds import NoSuchMerchant, NotForAChannel, NotWithAChannel
from escrow.refusals import ReasonMissing, Unknown
from escrow.registry.merchants import PaymentChannel

routes = APIRouter(tags=[PAYOUTS])


class ChannelAsked(Asked):
    """The payment channel by which the money had come."""

    channel: PaymentChannel


class FailureAsked(Asked):
    """Why the channel will not pay it back."""

    reason: NeededReason


@routes.post(
    "/payouts/{payout_id}/channel",
    response_model=PayoutShown,
    responses=may_refuse(Unknown, NotForAChannel, NoSuchMerchant, keyed=True),
    summary="Let a channel pay a refund back 经支付渠道原路退回",
)
def by_channel(
    payout_id: PathId, asked: ChannelAsked, act: Annotated[Act, Depends(moving_money("bureau", "bank"))]
) -> Response:
    """Ask the channel for it under its `end_to_end` as our refund number. No file for the bank has it from now on; it
    has left when the channel's bill shows it and the lump that was less by it is matched."""

    def do(db: Connection) -> PayoutShown:
        sent = channel_refunds.send(db, payout_id, channel=asked.channel, by=act.by, now=act.now)
        return PayoutShown.model_validate(sent)

    return act(do)


@routes.post(
    "/payouts/{payout_id}/channel/failure",
    response_model=PayoutShown,
    responses=may_refuse(Unknown, NotWithAChannel, ReasonMissing, keyed=True),
    summary="The channel will not pay it back 登记渠道退款失败",
)
def channel_failed(
    payout_id: PathId, asked: FailureAsked, act: Annotated[Act, Depends(moving_money("bureau", "bank"))]
) -> Response:
    """It is owed as before, and stands on the list of payouts that wait for an account."""

    def do(db: Connection) -> PayoutShown:
        ended = channel_refunds.failed(db, payout_id, reason=asked.reason, by=act.by, now=act.now)
        return PayoutShown.model_validate(ended)

    return act(do)
