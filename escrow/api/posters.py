"""The poster that an institution hangs up, as a file."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from escrow.api.asking import Look, looking
from escrow.api.description import INSTITUTIONS, file, may_refuse
from escrow.api.desk import AtDesk
from escrow.api.shapes import PathId
from escrow.refusals import Unknown
from escrow.registry import posters
from escrow.registry.institutions import InstitutionClosed
from escrow.registry.posters import OUR_BUREAU, LicenceExpired, Publisher

routes = APIRouter(tags=[INSTITUTIONS])


@routes.get(
    "/institutions/{institution_id}/poster.pdf",
    response_class=Response,
    responses=file("application/pdf", "One A4 page.") | may_refuse(Unknown, InstitutionClosed, LicenceExpired),
    summary="The poster to hang up 公示海报",
)
def poster(
    institution_id: PathId, desk: AtDesk, look: Annotated[Look, Depends(looking("institution", "bureau"))]
) -> Response:
    """Licence, supervised bank and masked account, what to check before paying, and a code that only opens the
    institution's page. For the institution itself and the bureau; none for one that may not take money."""
    of = desk.settings
    publisher = Publisher(
        issuer=of.bureau_name or OUR_BUREAU, bank=of.supervising_bank, complaints=of.complaints, links=desk.links
    )
    drawn = look(lambda db: posters.poster(db, institution_id, publisher=publisher, by=look.by, now=desk.clock()))
    return Response(drawn, media_type="application/pdf")
