"""Kinds of breaks (差异类型): how each is called, and how grave it is."""

from collections.abc import Mapping
from typing import Final, Literal

Severity = Literal["high", "medium", "low"]

IN_CHINESE: Final[Mapping[str, str]] = {
    "not_in_books": "对账单有、账上无",
    "not_on_statement": "账上有、对账单无",
    "notified_and_missing": "已通知到账、次一工作日对账单仍无",
    "under": "到账少于应付",
    "partial": "分次到账、尚未足额",
    "over": "到账多于应付",
    "opposite_direction": "收付方向相反",
    "duplicate": "重复入账",
    "conflict": "与银行先前通知不符",
    "ambiguous": "附言含多个编号",
    "reversal": "冲正待核实",
    "reversed": "已被银行冲正",
    "bounced": "退汇待核实",
    "returned_early": "退汇先于付出",
    "contested": "拒付后又见付出",
    "contradiction": "与付款指令状态矛盾",
    "late": "逾期到账",
    "overdue": "逾期未到账",
    "late_line": "已签核日的迟到流水",
    "undone": "勾对已撤销",
    "suspense": "款项待查",
    "channel_lump": "渠道汇总到账与账单或订单不符",
    "channel_bill_missing": "渠道汇总到账、账单未到",
    "channel_lump_missing": "渠道账单净额逾期未到账",
}

FRAUD_SIGNALS: Final = frozenset(
    {"notified_and_missing", "duplicate", "conflict", "opposite_direction", "late_line", "contested", "contradiction"}
)
"""Signs of fraud or of a bank that errs: looked at the same day, and watched by monitoring."""
_LOW: Final = frozenset({"not_on_statement", "suspense", "channel_bill_missing"})
"""Mostly a matter of hours: the other side will show it."""
_RANK: Final[Mapping[Severity, int]] = {"low": 0, "medium": 1, "high": 2}

SEVERITY_IN_CHINESE: Final[Mapping[Severity, str]] = {"high": "高", "medium": "中", "low": "低"}


def severity(kind: str) -> Severity:
    """How grave a break of this kind is."""
    if kind in FRAUD_SIGNALS:
        return "high"
    return "low" if kind in _LOW else "medium"


def is_graver(kind: str, than: str) -> bool:
    """Whether a break of one kind is graver than one of another."""
    return _RANK[severity(kind)] > _RANK[severity(than)]
