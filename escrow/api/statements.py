"""Statements: the bank's file comes in, is matched line by line, and the cash is proved."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Self

from fastapi import APIRouter, Depends, File, Form, UploadFile
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import Connection, and_, select

from escrow.api.asking import Act, Look, looking, moving_money_by_form
from escrow.api.description import BANK, may_refuse
from escrow.api.shapes import BankAccount, Fen, PathId, Shown
from escrow.api.three_ways import ThreeWaysShown
from escrow.refusals import Unknown
from escrow.settlement import breaks, cash, statements, three_places
from escrow.settlement.breaks import IN_CHINESE, Break
from escrow.settlement.reconciling import Reconciliation, reconcile
from escrow.settlement.statements import GapBeforeStatement, Imported, NoPeriod, NotSupervised
from escrow.settlement.tables import STANDS, match, statement_line
from reconciliation.proof import Proof
from reconciliation.statement import (
    BadRow,
    ControlTotalsBroken,
    DoctypeRefused,
    NotAStatement,
    OtherAccount,
    TooLarge,
    UnknownLayout,
)

routes = APIRouter(tags=[BANK])

AROUND_THE_FILE: Final = 64 * 1024
"""Bytes of a form besides its file."""


class StatementShown(Shown):
    """A statement in the books (对账单)."""

    id: int
    account: str
    identifier: str
    format: str
    begins: date
    ends: date
    opening: Fen | None
    closing: Fen | None
    lines: int
    sha256: str = Field(description="Of the file it stood in.")
    imported_at: datetime
    imported_by: str


class ImportedShown(StatementShown):
    """A statement as it was taken in now."""

    fresh: int = Field(description="Lines that no earlier file had brought.")
    late: int = Field(description="Lines of signed days, kept apart until a day is reopened.")


class BreakShown(Shown):
    """What statement and books do not agree on (差异), with its owner and the day by which it must be explained."""

    id: int
    kind: str
    kind_zh: str
    amount: Fen
    detail: str
    owner: str
    opened_at: datetime
    due_on: date

    @classmethod
    def of(cls, found: Break) -> Self:
        told = {name: getattr(found, name) for name in cls.model_fields if name != "kind_zh"}
        return cls(**told, kind_zh=IN_CHINESE.get(found.kind, found.kind))


class DifferenceShown(Shown):
    """One named reason why books and bank differ."""

    name: str
    amount: Fen
    reference: str


class ProofShown(Shown):
    """The proof of cash (银行存款余额调节表): ledger balance + differences = statement balance."""

    account: str
    on: date
    ledger_balance: Fen
    differences: list[DifferenceShown]
    explained: Fen
    statement_balance: Fen
    unexplained: Fen = Field(description="Anything but 0.00 is money that nobody can name yet.")


class RunShown(Shown):
    """What one run of the reconciliation did on an account."""

    account: str
    matched: Mapping[str, int] = Field(description="Matches by rule.")
    booked: Mapping[str, int] = Field(description="Lines booked from the statement alone, by kind.")
    open: list[BreakShown]

    @classmethod
    def of(cls, run: Reconciliation) -> Self:
        return cls(
            account=run.account,
            matched=dict(run.matched),
            booked=dict(run.booked),
            open=[BreakShown.of(each) for each in run.open],
        )


class TakenIn(Shown):
    """What a file held, and what became of it."""

    statements: list[ImportedShown]
    reconciliations: list[RunShown]


class ReconciliationShown(Shown):
    """How a statement stands: its lines by the rule that explained them, the account's breaks, the proof of cash, and
    the payments of its days three ways."""

    statement: StatementShown
    matches: Mapping[str, int] = Field(description="Lines by rule.")
    unmatched: int
    breaks: list[BreakShown]
    proof: ProofShown | None = Field(description="null where no statement of the account states a balance.")
    three_ways: ThreeWaysShown = Field(description="The payments of the statement's days, by notice, line and books.")


@routes.post(
    "/statements",
    status_code=201,
    response_model=TakenIn,
    responses=may_refuse(
        *(NotAStatement, UnknownLayout, BadRow, ControlTotalsBroken, OtherAccount, DoctypeRefused, TooLarge),
        *(NotSupervised, NoPeriod, GapBeforeStatement),
        keyed=True,
    ),
    summary="Import a statement 导入对账单",
)
def take_in(
    act: Annotated[Act, Depends(moving_money_by_form("bureau", "bank"))],
    file: Annotated[UploadFile, File(description="camt.053, or a bank's CSV or Excel file.")],
    account: Annotated[
        BankAccount | None, Form(description="Whose statement it is, where the file does not say it.")
    ] = None,
) -> Response:
    """Read, checked against its own totals and its predecessor, kept line by line, and reconciled, whole or not at all.
    The same file, or a part of one, books nothing twice. Under an Idempotency-Key the file's content, its name and the
    account make the request."""
    data, filename = file.file.read(), file.filename or ""
    telling = (hashlib.sha256(data).digest(), filename.encode("utf-8", "backslashreplace"), (account or "").encode())

    def do(db: Connection) -> TakenIn:
        imported = statements.import_file(db, data, filename=filename, account=account, by=act.by, now=act.now)
        accounts = sorted({each.account for each in imported})
        runs = [reconcile(db, each, by=act.by, now=act.now) for each in accounts]
        return TakenIn(
            statements=[ImportedShown.model_validate(each) for each in imported],
            reconciliations=[RunShown.of(each) for each in runs],
        )

    return act.on(*telling)(do, status=201)


@routes.get(
    "/statements/{statement_id}/reconciliation",
    responses=may_refuse(Unknown),
    summary="Matches, breaks and the proof of cash 对账结果",
)
def show(
    statement_id: PathId, look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))]
) -> ReconciliationShown:
    """The proof of cash is made at the end of the statement's last day, every difference named."""

    def read(db: Connection) -> ReconciliationShown:
        statement = statements.get(db, statement_id)
        matches = _matches(db, statement_id)
        return ReconciliationShown(
            statement=StatementShown.model_validate(statement),
            matches={rule: lines for rule, lines in matches.items() if rule is not None},
            unmatched=matches[None],
            breaks=[BreakShown.of(each) for each in breaks.still_open(db, statement.account)],
            proof=_proof(db, statement),
            three_ways=ThreeWaysShown.of(
                three_places.of_period(db, statement.account, statement.begins, statement.ends)
            ),
        )

    return look(read)


def _matches(db: Connection, statement_id: int) -> Counter[str | None]:
    """The statement's lines by the rule of their match; None: not matched."""
    query = (
        select(match.c.rule)
        .select_from(statement_line)
        .outerjoin(match, and_(match.c.line_id == statement_line.c.id, STANDS))
        .where(statement_line.c.statement_id == statement_id)
    )
    return Counter(row.rule for row in db.execute(query))


def _proof(db: Connection, statement: Imported) -> ProofShown | None:
    try:
        proof: Proof = cash.prove(db, statement.account, on=statement.ends)
    except Unknown:
        return None
    return ProofShown.model_validate(proof)
