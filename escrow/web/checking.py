"""Pages against swapped codes: check any code, link or reference; and where a code on a wall leads."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection, Engine, select

from escrow.access.sources import source_of
from escrow.db import snapshot
from escrow.enrolment import checking, codes
from escrow.enrolment.checking import Verdict
from escrow.enrolment.reading_codes import LONGEST
from escrow.refusals import Unknown
from escrow.registry import courses, institutions
from escrow.registry.tables import course
from escrow.rules.months import SHANGHAI
from escrow.web.pages import page
from escrow.web.rates import Rate
from qrpay.link import LinkRefused, Links

TIMES: Final = 30
WITHIN: Final = timedelta(minutes=1)

_NO_STORE: Final = {"Cache-Control": "no-store"}


def router(engine: Engine, *, links: Links, clock: Callable[[], datetime]) -> APIRouter:
    """The pages, reading from `engine`. They work without scripts, and show nothing about any family."""
    pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    ways, rate = codes.encoders(links), Rate(TIMES, WITHIN)

    @pages.get("/check")
    def ask() -> HTMLResponse:
        return page("check.html", verdict=None, text="", longest=LONGEST)

    @pages.post("/check")
    def check(request: Request, code: Annotated[str, Form()] = "") -> HTMLResponse:
        now = clock()
        wait = rate.wait(source_of(request.client.host if request.client else None), now=now)
        if wait:
            seconds = -(-wait // timedelta(seconds=1))
            return page("too_often.html", status=429, headers={"Retry-After": str(seconds)}, seconds=seconds)
        with snapshot(engine) as db:
            verdict: Verdict = checking.check(db, code, codes=ways, now=now)
        # What was asked is not shown again when it is long: a page of rubbish helps nobody.
        shown = code.strip() if len(code) <= LONGEST else ""
        return page("check.html", headers=_NO_STORE, verdict=verdict, text=shown, longest=LONGEST)

    @pages.get("/i/{token}")
    def whose_wall(token: str) -> HTMLResponse:
        try:
            said = links.read_standing(token)
            with snapshot(engine) as db:
                found = institutions.get(db, said.number)
                return page(
                    "institution.html",
                    institution=found,
                    trouble=checking.trouble(found, clock().astimezone(SHANGHAI).date()),
                    courses=_filed(db, found.id),
                    issued=said.issued,
                    serial=said.serial,
                )
        except (LinkRefused, Unknown):
            return page("refused.html", status=404, why="此码不是本系统签发的。请勿付款，并向教育局反映。")

    return pages


def _filed(db: Connection, institution_id: int) -> list[courses.Course]:
    rows = db.execute(select(course).where(course.c.institution_id == institution_id).order_by(course.c.id))
    return [courses.Course(**row._asdict()) for row in rows]
