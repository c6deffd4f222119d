"""The bank's door: files of payouts go out."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Act, Look, looking, moving_money
from escrow.api.description import BANK, file, may_refuse
from escrow.api.shapes import Fen, PathId, Shown
from escrow.payouts import batches
from escrow.payouts.batch_files import Encoding, encoded
from escrow.payouts.batches import NothingToSend
from escrow.refusals import Unknown

routes = APIRouter(tags=[BANK])


class BatchShown(Shown):
    """Payout instructions that go to the bank together (付款批次)."""

    id: int
    message_id: str
    lines: int
    total: Fen
    made_by: str
    made_at: datetime
    sha256: str = Field(description="Of the pain.001.")
    csv_sha256: str | None = Field(description="Of the CSV in UTF-8.")


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
    responses=file("application/xml", "pain.001.001.09 or CSV, the same bytes for ever.") | may_refuse(Unknown),
    summary="The payout file 付款文件",
)
def batch_file(
    batch_id: PathId,
    look: Banking,
    format: Annotated[Literal["pain.001", "csv"], Query()] = "pain.001",  # noqa: A002  the query's own word
    encoding: Annotated[
        Encoding, Query(description="Of the CSV: with Excel's mark, or as banks here read it.")
    ] = "utf-8",
) -> Response:
    """For the bank: ISO 20022 pain.001.001.09, validated against its schema when it was written, or the same
    instructions as a table with the control totals of each account and of the whole in its last rows. However often it
    is fetched it is the same file: a bank executes it once by its MsgId and its end-to-end ids."""

    def read(db: Connection) -> tuple[str, bytes]:
        content = batches.file_of(db, batch_id) if format == "pain.001" else batches.table_of(db, batch_id)
        return batches.get(db, batch_id).message_id, content

    name, content = look(read)
    if format == "csv":
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(encoded(content, encoding), media_type=f"text/csv; charset={encoding}", headers=headers)
    headers = {"Content-Disposition": f'attachment; filename="{name}.xml"'}
    return Response(content, media_type="application/xml", headers=headers)
