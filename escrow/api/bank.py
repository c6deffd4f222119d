"""The bank's door: its signed word comes in, files of payouts go out."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.access import keys, trail
from escrow.api.asking import Act, Look, looking, moving_money
from escrow.api.description import BANK, file, may_refuse
from escrow.api.desk import AtDesk
from escrow.api.problems import NotReady, SignatureNotBelieved
from escrow.api.shapes import Asked, AskedAmount, Fen, Instant, PathId, Shown
from escrow.enrolment import notifications
from escrow.enrolment.notifications import BANK as THE_BANK
from escrow.enrolment.notifications import NotificationChanged, UnreadableNotification
from escrow.payouts import batches
from escrow.payouts.batches import NothingToSend
from escrow.refusals import Unknown
from ledger.entries import LedgerRefusal
from qrpay.webhooks import SignatureRefused, verify

routes = APIRouter(tags=[BANK])

_LONGEST_ID: Final = 128
_HEADERS: Final = [
    {
        "in": "header",
        "name": name,
        "required": True,
        "schema": {"type": "string"},
        "description": told,
    }
    for name, told in (
        ("webhook-id", "The same at every repetition."),
        ("webhook-timestamp", "Seconds since 1970; at most 300 seconds away from our clock."),
        ("webhook-signature", "`v1a,<base64>`: Ed25519 over `id.timestamp.body`."),
    )
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


class BatchShown(Shown):
    """Payout instructions that go to the bank together (付款批次)."""

    id: int
    message_id: str
    lines: int
    total: Fen
    made_by: str
    made_at: datetime
    sha256: str


async def raw_body(request: Request) -> bytes:
    """The body as it came over the wire: what was signed are its bytes."""
    return await request.body()


@routes.post(
    "/bank/notifications",
    response_model=NotificationAnswer,
    responses=may_refuse(SignatureNotBelieved, UnreadableNotification, NotificationChanged, public=True),
    openapi_extra={
        "parameters": _HEADERS,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NotificationTold"}}},
        },
    },
    summary="The bank's signed word 到账通知",
)
def hear(request: Request, desk: AtDesk, body: Annotated[bytes, Depends(raw_body)]) -> Response:
    """Standard Webhooks framing, Ed25519. Each payment is booked once, whatever is repeated, late or out of order, on
    its order or in suspense: 200 says that the money is in the books. 401: the signature does not hold. 422: signed,
    but not to be read. 5xx: we are ill; send it again until it is taken. No API key."""
    now = desk.clock()
    try:
        event = verify(request.headers, body, keys=desk.read(keys.bank_keys), now=now)
    except SignatureRefused as refused:
        why, named = str(refused), request.headers.get("webhook-id", "")[:_LONGEST_ID]
        kind = type(refused).__name__
        desk.write(
            lambda db: trail.record(db, THE_BANK, "notification.refused", f"notification:{named}", now=now, kind=kind)
        )
        raise SignatureNotBelieved(why=why) from refused
    try:
        answer = desk.write(lambda db: notifications.hear(db, event, now=now))
    except LedgerRefusal as refused:
        # The payment is real whatever our books think of it: the bank must keep on telling us.
        raise NotReady(why=f"the ledger cannot take this payment yet: {refused}") from refused
    return JSONResponse(answer)


@routes.post(
    "/payout-batches",
    status_code=201,
    response_model=BatchShown,
    responses=may_refuse(NothingToSend, keyed=True),
    summary="Make a payout file 生成付款文件",
)
def make_batch(act: Annotated[Act, Depends(moving_money("bureau", "bank"))]) -> Response:
    """Every decided payout that waits goes into one file for the bank, which is kept byte for byte."""
    return act(lambda db: BatchShown.model_validate(batches.make(db, by=act.by, now=act.now)), status=201)


Banking = Annotated[Look, Depends(looking("bureau", "bank", "auditor"))]


@routes.get("/payout-batches/{batch_id}", responses=may_refuse(Unknown), summary="A payout batch 付款批次")
def show_batch(batch_id: PathId, look: Banking) -> BatchShown:
    """How many payouts, their total, and the SHA-256 of the file."""
    return look(lambda db: BatchShown.model_validate(batches.get(db, batch_id)))


@routes.get(
    "/payout-batches/{batch_id}/file",
    response_class=Response,
    responses=file("application/xml", "pain.001.001.09, the same bytes for ever.") | may_refuse(Unknown),
    summary="The payout file 付款文件",
)
def batch_file(
    batch_id: PathId,
    look: Banking,
    format: Annotated[Literal["pain.001"], Query()] = "pain.001",  # noqa: A002, ARG001  the query's own word; one value yet
) -> Response:
    """For the bank: ISO 20022 pain.001.001.09, validated against its schema when it was written."""

    def read(db: Connection) -> tuple[str, bytes]:
        return batches.get(db, batch_id).message_id, batches.file_of(db, batch_id)

    name, content = look(read)
    headers = {"Content-Disposition": f'attachment; filename="{name}.xml"'}
    return Response(content, media_type="application/xml", headers=headers)
