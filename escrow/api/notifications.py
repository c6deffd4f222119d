"""The door for signed words: the supervising bank's own, and those of the wallets that families pay by."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.access import keys, refused_words
from escrow.access.keys import Channel
from escrow.access.sources import source_of
from escrow.api.description import BANK, may_refuse
from escrow.api.desk import AtDesk, Desk
from escrow.api.problems import NotReady, SignatureNotBelieved
from escrow.api.shapes import Asked, AskedAmount, Instant, Shown
from escrow.enrolment import notifications
from escrow.enrolment.notifications import SPEAKERS, NotificationChanged
from escrow.enrolment.words import UnreadableNotification
from escrow.monitoring import watched
from escrow.rules.rulebook import Rulebook
from ledger.entries import LedgerRefusal
from qrpay import alipay, webhooks, wechat
from qrpay.events import SignatureRefused, VerifiedEvent, Verify
from qrpay.schemes import SchemeNotInstalled

routes = APIRouter(tags=[BANK])

VERIFY: Final[dict[Channel, Verify]] = {"bank": webhooks.verify, "wechat": wechat.verify, "alipay": alipay.verify}

_LONGEST_ID: Final = 128


def _headers(*named: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {"in": "header", "name": name, "required": True, "schema": {"type": "string"}, "description": told}
        for name, told in named
    ]


class PayerTold(Asked):
    """Who paid, as far as the bank says."""

    name: str = ""
    account: str = ""


class EventTold(Asked):
    """One payment that the bank booked."""

    type: Literal["payment.received"]
    serial: str = Field(description="The bank's own id of the credit: each is booked once.")
    account: str = Field(description="The supervised account that it came into.")
    amount: AskedAmount
    reference: str = Field(default="", description="The order's reference, where the payment carried one.")
    remark: str = ""
    payer: PayerTold = PayerTold()
    paid_at: Instant
    code: Literal["", "dynamic", "static"] = Field(
        default="", description="The kind of code that was scanned, where the bank knows: 动态码 / 静态码."
    )


class NotificationTold(Asked):
    """What the bank sends, signed."""

    events: list[EventTold]


class EventAnswer(Shown):
    """What became of one event."""

    serial: str
    status: Literal["booked", "parked", "repeated", "conflicting"]
    reason: str | None = Field(default=None, description="Why it stands in suspense.")
    reason_zh: str | None = None


class NotificationAnswer(Shown):
    """An answer for each event, in their order."""

    events: list[EventAnswer]


async def raw_body(request: Request) -> bytes:
    """The body as it came over the wire: what was signed are its bytes."""
    return await request.body()


RawBody = Annotated[bytes, Depends(raw_body)]


@routes.post(
    "/bank/notifications",
    response_model=NotificationAnswer,
    responses=may_refuse(SignatureNotBelieved, UnreadableNotification, NotificationChanged, public=True),
    openapi_extra={
        "parameters": _headers(
            ("webhook-id", "The same at every repetition."),
            ("webhook-timestamp", "Seconds since 1970; at most 300 seconds away from our clock."),
            (
                "webhook-signature",
                "`v1a,<base64>` over `id.timestamp.body`: Ed25519; or `v1` HMAC-SHA256, `rsa-sha256`, `sm2-sm3`.",
            ),
        ),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NotificationTold"}}},
        },
    },
    summary="The bank's signed word 到账通知",
)
def hear(request: Request, desk: AtDesk, body: RawBody) -> Response:
    """Standard Webhooks framing. Each payment is booked once, whatever is repeated, late or out of order, on its order
    or in suspense: 200 says that the money is in the books. 401: the signature does not hold. 422: signed, but not to
    be read. 5xx: we are ill; send it again until it is taken. No API key."""
    return JSONResponse(_heard("bank", request, desk, body))


@routes.post(
    "/bank/notifications/wechat",
    responses=may_refuse(SignatureNotBelieved, UnreadableNotification, public=True),
    openapi_extra={
        "parameters": _headers(
            ("Wechatpay-Timestamp", "Seconds since 1970; at most 300 seconds away from our clock."),
            ("Wechatpay-Nonce", "Part of what is signed."),
            ("Wechatpay-Serial", "Which of the platform's keys signed."),
            ("Wechatpay-Signature", "RSA with SHA-256 over `timestamp\\nnonce\\nbody\\n`, base64."),
        ),
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    },
    summary="WeChat Pay's signed word 微信支付通知",
)
def hear_wechat(request: Request, desk: AtDesk, body: RawBody) -> Response:
    """APIv3 payment notice, its resource encrypted. Booked like the bank's word; answered in WeChat Pay's own form."""
    _heard("wechat", request, desk, body)
    return JSONResponse({"code": "SUCCESS", "message": "成功"})


@routes.post(
    "/bank/notifications/alipay",
    response_class=PlainTextResponse,
    responses=may_refuse(SignatureNotBelieved, UnreadableNotification, public=True),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}},
        }
    },
    summary="Alipay's signed word 支付宝通知",
)
def hear_alipay(request: Request, desk: AtDesk, body: RawBody) -> Response:
    """Asynchronous notice, RSA2 over its sorted parameters. Booked like the bank's word; answered by `success`."""
    _heard("alipay", request, desk, body)
    return PlainTextResponse("success")


def _heard(channel: Channel, request: Request, desk: Desk, body: bytes) -> dict[str, Any]:
    """Verify, book, commit. Raises SignatureNotBelieved, UnreadableNotification, NotificationChanged, NotReady."""
    now = desk.clock()
    ring = desk.read(lambda db: keys.bank_keys(db, channel))
    try:
        event = VERIFY[channel](request.headers, body, keys=ring, now=now)
    except SignatureRefused as refused:
        _note(channel, request, desk, type(refused).__name__)
        # `code` and `message` are how WeChat Pay wants a failure told; the others do not mind them.
        raise SignatureNotBelieved(why=str(refused), code="FAIL", message="签名未通过验证") from refused
    except SchemeNotInstalled as missing:
        raise NotReady(why=str(missing)) from missing
    try:
        return desk.write(lambda db: _taken(db, event, channel, rulebook=desk.rulebook, now=now))
    except LedgerRefusal as refused:
        # The payment is real whatever our books think of it: the bank must keep on telling us.
        raise NotReady(why=f"the ledger cannot take this payment yet: {refused}") from refused


def _note(channel: Channel, request: Request, desk: Desk, kind: str) -> None:
    named = request.headers.get("webhook-id", "")[:_LONGEST_ID] if channel == "bank" else channel
    source = source_of(request.client.host if request.client else None)
    by, now = SPEAKERS[channel], desk.clock()
    desk.write(lambda db: refused_words.note(db, f"notification:{named}", source=source, kind=kind, by=by, now=now))


def _taken(
    db: Connection, event: VerifiedEvent, channel: Channel, *, rulebook: Rulebook, now: datetime
) -> dict[str, Any]:
    """Book what was said, and hold the fee rules against the contracts that it has paid."""
    heard = notifications.take(db, event, channel=channel, now=now)
    watched.paid(db, heard.booked, rulebook=rulebook, now=now)
    return heard.answer
