"""Licences (办学许可证): no new money is ordered for an institution whose own has run out, and the bureau renews it."""

from datetime import date, datetime

from sqlalchemy import Connection, update

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Conflict, Invalid
from escrow.registry import institutions
from escrow.registry.institutions import Institution
from escrow.registry.tables import institution as table
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Rulebook


class LicenceExpired(Conflict):
    """The licence {licence_no} of {name} was valid until {expired}, and on {on} no new money may be ordered for it.
    Rule: {rule} ({citation}). The bureau registers the renewed licence, then order again; what has been paid stays and
    is asked back by a refund of its contract."""

    zh = (
        "机构「{name}」的办学许可证 {licence_no} 有效期至 {expired}，{on} 不得再下单收费。依据：{rule}（{citation}）。"
        "请教育局登记换发的许可证后再下单；已缴费用不受影响，可按合同申请退费。"
    )


class LicenceNotRenewed(Invalid):
    """The licence {licence_no} ends on {expires}, before today, {today}: a renewed licence is valid today."""

    zh = "许可证 {licence_no} 的有效期至 {expires}，早于今日 {today}；换发的许可证须在有效期内。"


def must_be_valid(institution: Institution, *, rulebook: Rulebook, on: date) -> None:
    """Where the place refuses what breaks `licence.valid`, no money is ordered after the licence's last day.

    Raises LicenceExpired. Where the place only flags it the money may come, and the watch tells of it.
    """
    place = institution.jurisdiction
    rule = rulebook.in_force(
        "licence.valid", jurisdiction=place, on=on, category=institution.category, mode=institution.mode
    )
    if rule is None or not rule.flag or on <= institution.licence_expires:
        return
    if rulebook.enforcement(rule.name, jurisdiction=place) == "refuse":
        raise LicenceExpired(
            name=institution.name,
            licence_no=institution.licence_no,
            expired=institution.licence_expires.isoformat(),
            on=on.isoformat(),
            rule=rule.version,
            citation=f"{rule.citation.title} {rule.citation.number}".strip(),
        )


def renew(
    db: Connection, institution_id: int, *, licence_no: str, expires: date, by: Caller, now: datetime
) -> Institution:
    """Enter the licence that stands in the earlier one's place; `expires` is its last day. The bureau's act.

    Raises Unknown, Forbidden, InstitutionClosed, LicenceNotRenewed.
    """
    by.must_be("bureau")
    before = institutions.get(db, institution_id, lock=True)
    before.must_be_open()
    today = now.astimezone(SHANGHAI).date()
    if expires < today:
        raise LicenceNotRenewed(licence_no=licence_no, expires=expires.isoformat(), today=today.isoformat())
    renewed = update(table).where(table.c.id == institution_id).values(licence_no=licence_no, licence_expires=expires)
    after = Institution(**db.execute(renewed.returning(table)).one()._asdict())
    facts = {"licence_no": licence_no, "expires": expires.isoformat()}
    was = {"licence_no": before.licence_no, "expires": before.licence_expires.isoformat()}
    trail.record(db, by, "licence.renewed", f"institution:{institution_id}", now=now, **facts, before=was)
    return after
