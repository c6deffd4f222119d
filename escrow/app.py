"""The service as a web application: every route, every refusal a problem, one clock."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic.json_schema import models_json_schema
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from escrow import bank_questions
from escrow.access import keys
from escrow.api import (
    alert_handling,
    alert_stream,
    alert_subscribers,
    alerts,
    bank,
    books,
    breaks,
    channel_refunds,
    codes,
    confirmations,
    contracts,
    explanations,
    institutions,
    lessons,
    matches,
    merchant_bills,
    notifications,
    operations,
    orders,
    payouts,
    posters,
    releases,
    repayments,
    risk,
    rosters,
    rules,
    seals,
    signing,
    standing,
    statements,
    suspense,
    three_ways,
    told,
    write_offs,
)
from escrow.api.description import INTRODUCTION, TAGS, TITLE, described
from escrow.api.desk import Desk
from escrow.api.limits import BodyLimit
from escrow.api.notifications import NotificationTold
from escrow.api.problems import problem_of
from escrow.bank.remote import RemoteBank
from escrow.bank_questions import Begin
from escrow.db import transaction
from escrow.delivery.post_office import PostOffice
from escrow.refusals import Refusal
from escrow.rules.rulebook import NoRuleInForce, Rulebook, UnknownJurisdiction
from escrow.rules.working_days import CalendarUnknown
from escrow.settings import Settings
from escrow.web import checking, pages
from ledger import movements, sealing
from ledger.background import in_background
from ledger.blocks import Block
from ledger.entries import LedgerRefusal
from ledger.sealing import Signer
from qrpay.link import Links
from qrpay.webhooks import MAX_BODY_BYTES
from reconciliation import bills, pain002
from reconciliation.reading import MAX_BYTES
from reconciliation.statement import StatementRefused

PREFIX: Final = "/api/v1"

_ROOMS: Final = (
    institutions,
    posters,
    rosters,
    contracts,
    explanations,
    orders,
    codes,
    notifications,
    standing,
    payouts,
    channel_refunds,
    bank,
    lessons,
    releases,
    repayments,
    suspense,
    statements,
    merchant_bills,
    matches,
    write_offs,
    breaks,
    three_ways,
    signing,
    confirmations,
    alert_stream,
    alerts,
    alert_handling,
    alert_subscribers,
    books,
    seals,
    told,
    rules,
    risk,
)
_REFUSED: Final = (
    *(Refusal, StatementRefused, LedgerRefusal, NoRuleInForce, CalendarUnknown, UnknownJurisdiction),
    *(OperationalError, InterfaceError, PoolTimeout, RequestValidationError, HTTPException, Exception),
)


def create_app(engine: Engine, *, rulebook: Rulebook, settings: Settings, clock: Callable[[], datetime]) -> FastAPI:
    """The application on this database, which must be upgraded. `clock` gives the time of each request, aware.

    Raises ValueError when payment links may not begin with the setting base_url.
    """
    with transaction(engine) as db:
        links = Links(settings.base_url, keys.own_secret(db, "payment-link"))
        sealer = keys.sealer(db)
    app = FastAPI(
        title=TITLE,
        version=_version(),
        description=INTRODUCTION,
        openapi_tags=TAGS,
        # The pages that FastAPI brings for the description load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_behind(engine, sealer, settings=settings, clock=clock),
    )
    largest = {
        f"{PREFIX}/statements": MAX_BYTES + statements.AROUND_THE_FILE,
        f"{PREFIX}/merchant-bills": bills.MAX_BYTES + statements.AROUND_THE_FILE,
        f"{PREFIX}/payout-batches/answers": pain002.MAX_BYTES,
    }
    app.add_middleware(BodyLimit, usual=MAX_BODY_BYTES, larger=largest)
    app.state.desk = Desk(engine=engine, rulebook=rulebook, settings=settings, clock=clock, links=links)
    api = APIRouter(prefix=PREFIX)
    for room in _ROOMS:
        api.include_router(room.routes)
    app.include_router(api)
    app.include_router(operations.routes)
    for kind in _REFUSED:
        app.add_exception_handler(kind, _refuse)
    describe = partial(_description, app)
    app.include_router(checking.router(engine, links=links, clock=clock))
    app.include_router(pages.router(engine, links=links, clock=clock, description=describe))
    app.openapi = describe  # type: ignore[method-assign]  # FastAPI's own way to extend it
    return app


def _behind(
    engine: Engine, sealer: Signer, *, settings: Settings, clock: Callable[[], datetime]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What works behind the requests while the application runs: seals and sums are brought forward, alerts told."""
    office = PostOffice.of(engine, settings, clock=clock)

    def seal(db: Connection) -> Block | None:
        return sealing.seal(db, signer=sealer, now=clock())

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        every, looking = timedelta(seconds=settings.seal_seconds), timedelta(seconds=settings.deliver_seconds)
        begin = partial(transaction, engine)
        with (
            in_background(begin, [seal, movements.roll], every=every),
            in_background(lambda: nullcontext(office), [PostOffice.deliver], every=looking, name="post office"),
            _asking(begin, settings, clock),
        ):
            yield

    return running


def _asking(begin: Begin, settings: Settings, clock: Callable[[], datetime]) -> AbstractContextManager[None]:
    """Questions to the bank about orders that should have been paid, where it can be asked."""
    if not settings.bank_url:
        return nullcontext()
    bank, every = RemoteBank(url=settings.bank_url), timedelta(seconds=settings.ask_seconds)
    return bank_questions.asking(begin, bank.payment_status, clock=clock, every=every)


async def _refuse(_request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return problem.response(headers)


def _description(app: FastAPI) -> dict[str, Any]:
    # The bank's body is read raw, since its very bytes are signed; so its shape must be told here.
    _, told = models_json_schema([(NotificationTold, "validation")], ref_template="#/components/schemas/{model}")
    return described(app, told["$defs"])


def _version() -> str:
    try:
        return version("tuition-escrow")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0+checkout"
