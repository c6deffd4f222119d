"""Public pages: who may teach here and at what price, what a scanned code asks to be paid, how programs may ask."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from babel.dates import format_datetime
from babel.numbers import format_currency
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import Connection, Engine, select

from escrow.db import snapshot
from escrow.enrolment import checking, contracts, orders
from escrow.enrolment.contracts import Contract
from escrow.enrolment.orders import Order
from escrow.registry import courses, institutions
from escrow.registry.tables import course
from escrow.rules.months import SHANGHAI
from ledger.money import Money
from qrpay.link import ExpiredToken, LinkRefused, Links

_LOCALE: Final = "zh_CN"

_CATEGORIES: Final = {"subject": "学科类", "non_subject": "非学科类"}
_STATES: Final = {"open": "正常", "closing": "正在终止办学", "closed": "已终止办学"}
_ORDER_STATES: Final = {
    "open": "待付款",
    "paid": "已付款",
    "cancelled": "已取消",
    "expired": "已过期",
    "stopped": "不能付款",
}


def yuan(fen: int) -> str:
    """Fen as people write them: 128000 is ¥1,280.00."""
    return format_currency(Money(fen).decimal, "CNY", locale=_LOCALE)


def moment(at: datetime) -> str:
    """An instant on the wall clock of Asia/Shanghai."""
    return format_datetime(at, "yyyy年M月d日 HH:mm", tzinfo=SHANGHAI, locale=_LOCALE)


_templates: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)
_markdown: Final = MarkdownIt("js-default")  # raw HTML stays text
_templates.filters |= {
    "yuan": yuan,
    "moment": moment,
    "prose": lambda text: Markup(_markdown.render(text)),  # noqa: S704  # the renderer escapes
}
_templates.globals |= {"categories": _CATEGORIES, "states": _STATES, "order_states": _ORDER_STATES}


def router(
    engine: Engine, *, links: Links, clock: Callable[[], datetime], description: Callable[[], dict[str, Any]]
) -> APIRouter:
    """The pages, reading from `engine`; `links` opens the tokens of scanned codes, `description` is the OpenAPI one."""
    pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @pages.get("/")
    def who_may_teach() -> HTMLResponse:
        with snapshot(engine) as db:
            return page("institutions.html", institutions=_public_list(db), today=clock().astimezone(SHANGHAI).date())

    @pages.get("/pay/{token}")
    def what_a_code_asks(token: str) -> HTMLResponse:
        now = clock()
        try:
            said = links.read(token, now=now)
        except ExpiredToken as late:
            said = late.token  # a family that paid in time looks again, and must not be sent to pay twice
        except LinkRefused:
            return page("refused.html", status=404, why="此付款码不是本系统签发的。请勿付款，并向教育局反映。")
        with snapshot(engine) as db:
            return _order_page(db, said.reference, now)

    @pages.get("/docs")
    def how_programs_ask() -> HTMLResponse:
        api = description()
        return page("description.html", api=api, groups=_by_tag(api))

    return pages


def _order_page(db: Connection, reference: str, now: datetime) -> HTMLResponse:
    order = orders.get(db, reference)
    contract = contracts.get(db, order.contract_id)
    institution = institutions.get(db, contract.institution_id)
    state = _state(order, contract, institution, now)
    return page(
        "order.html",
        status=410 if state in {"expired", "stopped"} else 200,
        order=order,
        state=state,
        contract=contract,
        course=courses.get(db, contract.course_id),
        institution=institution,
    )


def _state(order: Order, contract: Contract, institution: institutions.Institution, now: datetime) -> str:
    """What a family that scans the code must know: `stopped` is an open order that may take no money all the same."""
    if order.state != "open":
        return order.state
    if order.expires_at <= now:
        return "expired"
    today = now.astimezone(SHANGHAI).date()
    return "stopped" if contract.state != "open" or checking.trouble(institution, today) else "open"


def _by_tag(api: dict[str, Any]) -> list[tuple[dict[str, Any], list[tuple[str, str, dict[str, Any]]]]]:
    """The operations of an OpenAPI description, under the tags that it lists, in its own order."""
    operations = [(method, path, each) for path, item in api["paths"].items() for method, each in item.items()]
    return [(tag, [each for each in operations if tag["name"] in each[2].get("tags", ())]) for tag in api["tags"]]


def _public_list(db: Connection) -> list[tuple[institutions.Institution, list[courses.Course]]]:
    filed: dict[int, list[courses.Course]] = {}
    for row in db.execute(select(course).order_by(course.c.id)):
        filed.setdefault(row.institution_id, []).append(courses.Course(**row._asdict()))
    return [(each, filed.get(each.id, [])) for each in institutions.everyone(db)]


def page(
    template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **facts: object
) -> HTMLResponse:
    """A page made of its template and facts; what a fact contains is shown as text."""
    return HTMLResponse(_templates.get_template(template).render(**facts), status_code=status, headers=headers)
