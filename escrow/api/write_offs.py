"""How much of a difference may be written off with a match."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy import Connection

from escrow.api.asking import Act, Look, acting, looking
from escrow.api.description import BANK, may_refuse
from escrow.api.shapes import Asked, AskedAmount, Fen, NeededReason, Shown
from escrow.refusals import ReasonMissing, Unknown
from escrow.settlement import write_offs

routes = APIRouter(tags=[BANK])


class LimitAsked(Asked):
    """How much may be written off in one match from now on."""

    amount: AskedAmount
    reason: NeededReason


class LimitShown(Shown):
    """The write-off limit in force (核销限额)."""

    id: int
    amount: Fen
    why: str
    set_by: str
    set_at: datetime


@routes.get("/write-off-limit", responses=may_refuse(Unknown), summary="How much may be written off 核销限额")
def limit_now(look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))]) -> LimitShown:
    """As long as nobody has set one, nothing may be written off."""

    def read(db: Connection) -> LimitShown:
        found = write_offs.limit_in_force(db)
        if found is None:
            raise Unknown(what="write-off limit", key="")
        return LimitShown.model_validate(found)

    return look(read)


@routes.post(
    "/write-off-limit",
    status_code=201,
    response_model=LimitShown,
    responses=may_refuse(ReasonMissing),
    summary="Set how much may be written off 设定核销限额",
)
def limit_anew(asked: LimitAsked, act: Annotated[Act, Depends(acting("bureau"))]) -> Response:
    """With the decision it rests on; earlier limits stay on record."""

    def do(db: Connection) -> LimitShown:
        made = write_offs.set_limit(db, asked.amount.money.minor, why=asked.reason, by=act.by, now=act.now)
        return LimitShown.model_validate(made)

    return act(do, status=201)
