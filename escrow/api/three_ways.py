"""Three ways: each payment of a period by its notice, its line on the statement and its transfer in the books."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field

from escrow.api.asking import Look, looking
from escrow.api.breaks import EXCEL, MEDIA
from escrow.api.description import BANK, file, may_refuse
from escrow.api.shapes import After, BankAccount, Day, Fen, Limit, Page, Shown, place
from escrow.settlement import place_reasons, three_places
from escrow.settlement.three_places import Stand
from reconciliation.three_ways import State

routes = APIRouter(tags=[BANK])

Account = Annotated[BankAccount, Query(description="The supervised account.")]
First = Annotated[Day, Query(description="The first local day.")]
Last = Annotated[Day, Query(description="The last local day.")]


class StandShown(Shown):
    """A payment of a period (三方核对), and in which of the three places it stands."""

    payment_id: int | None
    line_id: int | None = Field(description="The line that shows it; of a lump or of several, the first.")
    serial: str = Field(description="The bank's; of a transfer that no payment explains, its reference.")
    amount: Fen
    on: date
    payer: str
    notified: bool
    on_statement: bool
    in_books: bool
    places: int = Field(description="In how many of the three.")
    state: State
    state_zh: str
    reason: str = Field(description="Why not in all three; empty where it is.")
    reason_zh: str
    break_id: int | None = Field(description="The open break that is about it.")

    @classmethod
    def of(cls, found: Stand) -> Self:
        own = {name: getattr(found, name) for name in cls.model_fields if name != "state_zh"}
        return cls.model_validate(own | {"state_zh": place_reasons.IN_CHINESE[found.state]})


class ThreeWaysShown(Shown):
    """How the payments of a period stand in all, and every one that does not stand in all three places."""

    payments: int
    by_places: Mapping[int, int] = Field(description="How many stand in three, two and one of the places.")
    by_state: Mapping[str, int]
    apart: list[StandShown]

    @classmethod
    def of(cls, found: list[Stand]) -> Self:
        counts, apart = three_places.counted(found), three_places.apart(found)
        return cls(
            payments=counts.payments,
            by_places=dict(counts.by_places),
            by_state=dict(counts.by_state),
            apart=[StandShown.of(each) for each in apart],
        )


@routes.get("/three-ways", responses=may_refuse(), summary="Notice, statement and books 三方核对")
def everything(
    *,
    account: Account,
    begins: First,
    ends: Last,
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
    after: After = None,
    limit: Limit = 50,
) -> Page[StandShown]:
    """Each payment that was made, or whose line was booked, in these days. The cursor is a place in their order."""
    found = look(lambda db: three_places.of_period(db, account, begins, ends))
    first = place(after)
    shown = [StandShown.of(each) for each in found[first : first + limit]]
    return Page(items=shown, next=str(first + limit) if first + limit < len(found) else None)


@routes.get(
    "/three-ways/report",
    response_class=Response,
    responses=file(EXCEL, "Each payment of the period in a row, as CSV or Excel.") | may_refuse(),
    summary="The same as a file 三方核对表",
)
def as_file(
    *,
    account: Account,
    begins: First,
    ends: Last,
    look: Annotated[Look, Depends(looking("bureau", "bank", "auditor"))],
    form: Annotated[Literal["csv", "xlsx"], Query(alias="format")] = "xlsx",
) -> Response:
    """Those that stand in all three places too."""
    found, now = look(lambda db: three_places.of_period(db, account, begins, ends)), look.desk.clock()
    named = {"Content-Disposition": f'attachment; filename="three-ways-{begins}-{ends}.{form}"'}
    return Response(three_places.written(found, form, at=now), media_type=MEDIA[form], headers=named)
