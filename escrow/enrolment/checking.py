"""Against swapped codes: who would get the money of a code, and whether it may take any. Shows no family's data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal

from sqlalchemy import Connection

from escrow.enrolment import contracts, orders, reading_codes
from escrow.enrolment.orders import Order
from escrow.refusals import Unknown
from escrow.registry import institutions
from escrow.registry.institutions import Institution
from escrow.rules.months import SHANGHAI
from qrpay.codes import Codes, Said

Kind = Literal[
    "order_open",
    "order_paid",
    "order_cancelled",
    "order_expired",
    "order_stopped",
    "institution",
    "institution_stopped",
    "contradicted",
    "unknown",
    "altered",
    "foreign",
    "mistyped",
    "several",
    "nothing",
]

_KINDS: Final[Mapping[str, Kind]] = {
    "open": "order_open",
    "paid": "order_paid",
    "cancelled": "order_cancelled",
    "expired": "order_expired",
}

Trouble = Literal["closing", "closed", "licence_expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a code is. Money may be paid only for `order_open`, and only what that order asks.

    claims: whom a code that is not ours names; nobody has checked it. trouble: why its institution takes no money.
    """

    kind: Kind
    institution: Institution | None = None
    order: Order | None = None
    trouble: Trouble | None = None
    claims: str = ""
    said: Said | None = None

    @property
    def may_be_paid(self) -> bool:
        return self.kind == "order_open"


def check(db: Connection, text: str, *, codes: Codes, now: datetime) -> Verdict:
    """Look a text up: a code's content, a link, or a reference that somebody typed."""
    found = reading_codes.read(text, codes)
    if found.said is None:
        return Verdict(kind="nothing" if found.kind == "ours" else found.kind, claims=found.claims)
    if found.said.reference is None:
        return _of_institution(db, found.said, now)
    return _of_order(db, found.said, now)


def trouble(institution: Institution, today: date) -> Trouble | None:
    """Why this institution takes no money, if so."""
    if institution.state != "open":
        return institution.state
    return "licence_expired" if institution.licence_expires < today else None


def _of_order(db: Connection, said: Said, now: datetime) -> Verdict:
    try:
        order = orders.get(db, said.reference or "")
    except Unknown:
        return Verdict(kind="unknown", said=said)
    contract = contracts.get(db, order.contract_id)
    institution = institutions.get(db, contract.institution_id)
    verdict = Verdict(
        kind=_KINDS[order.state_at(now)],
        institution=institution,
        order=order,
        trouble=trouble(institution, _today(now)),
        said=said,
    )
    if _contradicts(said, order, institution):
        return replace(verdict, kind="contradicted")
    if verdict.may_be_paid and (verdict.trouble or contract.state != "open"):
        return replace(verdict, kind="order_stopped")
    return verdict


def _of_institution(db: Connection, said: Said, now: datetime) -> Verdict:
    try:
        found = (
            institutions.by_account(db, said.account or "")
            if said.number is None
            else institutions.get(db, said.number)
        )
    except Unknown:
        found = None
    if found is None:
        return Verdict(kind="unknown", said=said)
    stopped = trouble(found, _today(now))
    kind: Kind = "institution_stopped" if stopped else "institution"
    return Verdict(kind=kind, institution=found, trouble=stopped, said=said)


def _contradicts(said: Said, order: Order, institution: Institution) -> bool:
    """Whether a code that bears an order's name asks for something else than the order."""
    return (said.amount is not None and said.amount.minor != order.amount) or (
        said.account is not None and said.account != institution.supervised_account
    )


def _today(now: datetime) -> date:
    return now.astimezone(SHANGHAI).date()
