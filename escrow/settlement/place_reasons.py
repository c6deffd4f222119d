"""Why a payment does not stand in all three places, in English and in Chinese. No database."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from escrow.settlement.break_kinds import IN_CHINESE as KINDS
from escrow.settlement.making import LUMP
from reconciliation.three_ways import State

IN_CHINESE: Final[Mapping[State, str]] = {
    "whole": "三方齐全",
    "not_notified": "未获通知",
    "not_in_books": "账簿缺失",
    "overdue": "逾期未见于对账单",
    "awaited": "待见于对账单",
    "only_on_statement": "仅见于对账单",
    "only_in_books": "仅见于账簿",
}


def of_payment(state: State, *, rule: str | None, due: date, told: str | None) -> tuple[str, str]:
    """For a payment in this state. `rule`: of its match, None without one; `told`: what its break or match says."""
    english, chinese = _OF_STATE[state]
    if state == "not_notified" and rule == LUMP:
        english = "no notice told of it: the channel's bill did, and its lump brought it"
        chinese = "银行及渠道均未通知，由渠道账单告知并随汇总到账"
    elif state in ("overdue", "awaited", "only_in_books") and rule is not None:
        english, chinese = "matched by two people without a line", "经两人核准勾对，无对应流水"
    beside = f"：{told}" if told and state != "whole" else ""
    return english.format(due=due), f"{chinese.format(due=due)}{beside}"


def of_line(kind: str | None, told: str) -> tuple[str, str]:
    """For a line in no match: the kind of its break, and what that says."""
    english = "no notice and no booking: " + ("not reconciled yet" if kind is None else f"a break ({kind})")
    return english, f"无通知、未入账：{'尚未对账' if kind is None else KINDS.get(kind, kind)}" + (
        f"，{told}" if told else ""
    )


def of_transfer(reference: str) -> tuple[str, str]:
    """For a transfer that no payment explains."""
    return (
        f"transfer {reference} booked money of which there is neither a notice nor a line; run the audit",
        f"账簿有分录 {reference}，既无通知也无流水；请运行审计",
    )


_OF_STATE: Final[Mapping[State, tuple[str, str]]] = {
    "whole": ("", ""),
    "not_notified": ("no notice told of it; it was booked by its line alone", "银行未曾通知，仅凭对账单入账"),
    "not_in_books": (
        "notified and on the statement, and no transfer of this amount booked it; run the audit",
        "已通知且见于对账单，账簿没有相同金额的分录；请运行审计",
    ),
    "overdue": (
        "the bank told of it, and its statements, which reach past {due}, do not show it",
        "银行已通知，应于 {due} 前见于对账单，至今没有",
    ),
    "awaited": ("the bank told of it; by {due} its statement shows it", "银行已通知，{due} 前应见于对账单"),
    "only_on_statement": ("on the statement alone, without a notice or a booking", "仅见于对账单"),
    "only_in_books": ("in the books, without a notice or a line", "账簿有，既无通知也无流水"),
}
