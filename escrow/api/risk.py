"""How near an institution is to running away: its months' scores, each with the parts that make it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import Connection

from escrow.api.asking import Look, looking
from escrow.api.description import ALERTS, may_refuse
from escrow.api.shapes import PathId, Shown
from escrow.monitoring import scoring
from escrow.refusals import Unknown
from escrow.registry import institutions

routes = APIRouter(tags=[ALERTS])


class PartShown(Shown):
    """One part of a score (分项): no points up to `begins`, its whole weight from `full` on."""

    name: str
    title_zh: str
    title_en: str
    version: str = Field(description="The bureau's habit that set its numbers, in the version used.")
    figure: int | None = Field(description="Null: there is nothing to compare with yet.")
    begins: int
    full: int
    weight: int
    points: int
    facts: Mapping[str, int] = Field(description="What the figure was computed from; money in fen.")


class ScoreShown(Shown):
    """The score of a month (跑路风险评分): the sum of its parts' points, of a hundred."""

    month: str
    score: int = Field(ge=0, le=100)
    scored_at: datetime
    parts: list[PartShown]


class RiskShown(Shown):
    """The scores of an institution, the newest month first."""

    institution_id: int
    scores: list[ScoreShown]


@routes.get(
    "/institutions/{institution_id}/risk", responses=may_refuse(Unknown), summary="Signs of a runaway 跑路风险评分"
)
def risk(institution_id: PathId, look: Annotated[Look, Depends(looking("bureau", "auditor"))]) -> RiskShown:
    """As the last watch found them (`escrow monitor`). A sign to look at an institution, by the bureau's own habits."""

    def read(db: Connection) -> RiskShown:
        institutions.get(db, institution_id)
        found = scoring.of_institution(db, institution_id)
        return RiskShown(institution_id=institution_id, scores=[ScoreShown.model_validate(each) for each in found])

    return look(read)
