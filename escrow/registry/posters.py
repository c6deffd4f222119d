"""The poster (公示海报) that an institution hangs up: who it is, where fees go, what a family checks before paying."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from escrow.access.caller import Caller
from escrow.printing import printed
from escrow.refusals import Conflict
from escrow.registry import institutions
from escrow.registry.institutions import Institution
from escrow.rules.months import SHANGHAI
from qrpay import symbol
from qrpay.link import Links
from qrpay.symbol import Mark

OUR_BUREAU: Final = "教育局"
"""Who gives posters out where no setting says it."""

_TEMPLATE: Final = Path(__file__).with_name("poster.typ")
_CATEGORIES: Final = {"subject": "学科类", "non_subject": "非学科类"}
_SHOWN: Final = 4
"""Characters of an account at its beginning and at its end; those between are starred."""


class LicenceExpired(Conflict):
    """The licence {licence_no} of {name} expired on {expired}, so there is no poster that says it may teach. Register
    the renewed licence first."""

    zh = "机构「{name}」的办学许可证 {licence_no} 已于 {expired} 到期，不能出具公示海报；请先登记换发的许可证。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who gives posters out, and what stands on all of them: the bank, where to complain, where codes are checked."""

    issuer: str
    bank: str
    complaints: str
    links: Links


def poster(
    db: Connection, institution_id: int, *, publisher: Publisher, mark: Mark | None = None, by: Caller, now: datetime
) -> bytes:
    """The poster as a PDF of one A4 page; of one day the same bytes.

    Its code only opens the institution's page and asks for no amount. Raises Unknown, Forbidden, InstitutionClosed,
    LicenceExpired.
    """
    institution = institutions.get(db, institution_id)
    by.must_act_for("institution", institution_id, "institution", institution_id)
    today = now.astimezone(SHANGHAI).date()
    institution.must_be_open()
    if institution.licence_expires < today:
        facts = {"name": institution.name, "licence_no": institution.licence_no}
        raise LicenceExpired(**facts, expired=institution.licence_expires.isoformat())
    link = publisher.links.standing(institution_id, issued=today)
    pictures = {"code.svg": symbol.svg(link, mark=mark)}
    at = datetime.combine(today, datetime.min.time(), SHANGHAI)
    return printed(_TEMPLATE, _facts(institution, publisher, link, today), at=at, pictures=pictures)


def masked(account: str) -> str:
    """An account with its middle starred: 6222 **** **** 5678. Of a short one a quarter is shown at each end."""
    shown = min(_SHOWN, len(account) // 4)
    return f"{account[:shown]} **** **** {account[-shown:]}"


def _facts(institution: Institution, publisher: Publisher, link: str, today: date) -> dict[str, str]:
    serial = publisher.links.read_standing(link.rpartition("/")[2]).serial
    return {
        "title": f"校外培训预收费监管公示 {institution.name}",
        "name": institution.name,
        "category": _CATEGORIES[institution.category],
        "licence_no": institution.licence_no,
        "licence_expires": _day(institution.licence_expires),
        "credit_code": institution.credit_code,
        "state": "正常办学",
        "bank": publisher.bank,
        "account": masked(institution.supervised_account),
        "check": f"{publisher.links.base_url.partition('://')[2].rstrip('/')}/check",
        "issued": _day(today),
        "serial": f"{serial[:4]}-{serial[4:]}",
        "complaints": publisher.complaints,
        "issuer": publisher.issuer,
    }


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
