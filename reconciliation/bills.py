"""A payment channel's bill (交易账单): what was paid and refunded order by order, and the fee that the channel kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from reconciliation import bill_profiles, stated
from reconciliation.amounts import NotExact, major, minor
from reconciliation.bill_profiles import BillProfile
from reconciliation.bill_rows import FEN, HEAD, Row, bad_row, parted, recognised, summary, yuan
from reconciliation.cells import moments
from reconciliation.stated import Said
from reconciliation.statement import ControlTotalsBroken, NotAStatement, TooLarge, UnknownLayout

COLUMNS: Final[Mapping[str, str]] = {
    "number": "int64",  # 1-based line of the file
    "merchant": "str",  # 商户号
    "traded_on": "str",  # ISO date
    "traded_at": "str",  # ISO time
    "kind": "str",  # "payment" or "refund"
    "order": "str",  # 商户订单号: our own reference
    "transaction": "str",  # the channel's id of the payment
    "refund": "str",  # the channel's id of the refund, "" for a payment
    "refund_number": "str",  # 商户退款单号: the number under which we asked for the refund, "" for a payment
    "amount": "int64",  # fen; + paid, - refunded
    "fee": "int64",  # fen; + kept by the channel, - given back with a refund
}
"""The columns of `Bill.lines` and their dtypes."""

MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest bill read at once, bytes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bill:
    """One file of a channel, all in CNY: the day's payments and refunds. What reaches the bank is `net` (fen).

    `notes` are sentences (Chinese) on what in the file could not be checked.
    """

    channel: str
    format: str
    lines: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def net(self) -> int:
        """Payments less refunds less fees, in fen."""
        return int(self.lines["amount"].sum() - self.lines["fee"].sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Money:
    refund: bool
    amount: int
    fee: int


def channel(data: bytes) -> str:
    """The channel whose bill the bytes are, "" when they are none."""
    head = data if len(data) <= HEAD else data[: data.rfind(b"\n", 0, HEAD) + 1]
    found = recognised(head)
    return found[0].channel if found else ""


def read(data: bytes) -> Bill:
    """The bill, held to its own totals, whole or not at all.

    Raises UnknownLayout, BadRow naming the line, ControlTotalsBroken, NotAStatement for a bill that has neither rows
    nor totals, TooLarge.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(
            f"the bill has {len(data)} bytes, more than the {MAX_BYTES} read at once; download a shorter period",
            f"账单大小 {len(data)} 字节，超过上限 {MAX_BYTES}；请缩短下载期间",
            limit=MAX_BYTES,
            found=len(data),
        )
    found = recognised(data)
    if found is None:
        names = "、".join(each.name for each in bill_profiles.known())
        raise UnknownLayout(
            f"no bill profile knows this file ({names}); download the bill of all trades as the channel writes it",
            f"无法识别该账单（已知：{names}）；请下载渠道原始的“所有交易”账单",
            header="",
            nearest="",
        )
    profile, text = found
    rows, around = parted(text, profile)
    lines_around = [(number, [line]) for number, line in around]
    told = stated.said(lines_around, profile.totals) | summary(around, profile)
    if (profile.totals or profile.summary) and not {"payment", "lines"} & told.keys():
        raise ControlTotalsBroken(
            "the bill's totals are missing, the file is cut short; download it again",
            "缺少账单合计，文件不完整；请重新下载",
        )
    if not rows and not told:
        raise NotAStatement("the bill has neither rows nor totals", "账单既没有明细也没有合计")
    notes = () if told else ("账单没有合计，笔数无法由文件自身核对",)
    lines = _lines(rows, profile)
    if profile.merchant_stated and (of := stated.said(lines_around, [profile.merchant_stated])):
        lines["merchant"] = of["merchant"].text
    bill = Bill(channel=profile.channel, format=profile.name, lines=lines, notes=notes)
    _agree(bill, told)
    return bill


def _lines(rows: Sequence[Row], profile: BillProfile) -> pd.DataFrame:
    numbers = [row.number for row in rows]
    cells = pd.DataFrame([row.cells for row in rows], index=numbers, columns=profile.columns, dtype="str")
    _only_cny(cells, profile)
    if profile.year_from:
        cells[profile.traded.date] = cells[profile.year_from].str[:4] + cells[profile.traded.date]
    traded_on, traded_at = moments(cells, profile.traded)
    money = [_money(row, profile) for row in rows]
    columns: dict[str, list[object]] = {
        "number": list(numbers),
        "merchant": cells[profile.merchant].tolist() if profile.merchant else [""] * len(rows),
        "traded_on": traded_on.to_pylist(),
        "traded_at": traded_at.to_pylist(),
        "kind": ["refund" if each.refund else "payment" for each in money],
        "order": cells[profile.order].tolist(),
        "transaction": cells[profile.transaction].tolist(),
        "refund": [
            refund if each.refund else "" for each, refund in zip(money, cells[profile.refund].tolist(), strict=True)
        ],
        "refund_number": [
            number if each.refund else ""
            for each, number in zip(money, cells[profile.refund_number].tolist(), strict=True)
        ],
        "amount": [each.amount for each in money],
        "fee": [each.fee for each in money],
    }
    lines = pd.DataFrame({name: pd.Series(columns[name], dtype=kind) for name, kind in COLUMNS.items()})
    if (twice := lines.duplicated(["kind", "transaction", "refund"])).any():
        number = int(lines["number"][twice].iloc[0])
        raise bad_row(number, "the same payment or refund stands there twice", "同一笔交易或退款重复出现")
    return lines


def _only_cny(cells: pd.DataFrame, profile: BillProfile) -> None:
    if profile.currency and not (strange := cells[cells[profile.currency] != "CNY"]).empty:
        number, word = int(str(strange.index[0])), strange[profile.currency].iloc[0]
        raise bad_row(number, f"{profile.currency} is {word!r}, only CNY is taken", f"币种为“{word}”，只接受 CNY")


def _money(row: Row, profile: BillProfile) -> _Money:
    """The row's amount and fee with their signs. Raises BadRow, also where they do not come to what is settled."""
    rule, kind = profile.amounts, row.cells[profile.kind.column]
    if kind not in {*profile.kind.payment, *profile.kind.refund}:
        allowed = "、".join((*profile.kind.payment, *profile.kind.refund))
        told = f"{profile.kind.column} is {kind!r}, expected one of {allowed}"
        raise bad_row(row.number, told, f"“{profile.kind.column}”为“{kind}”，应为 {allowed}")
    refund = kind in profile.kind.refund
    amount = _fen(row, rule.refund if refund else rule.payment, profile)
    if not refund and amount < 0:
        raise bad_row(row.number, "a payment of less than nothing", "付款金额为负")
    fee = _fen(row, rule.fee, profile) * (-1 if rule.fee_minus_is_kept else 1)
    found = _Money(refund=refund, amount=-abs(amount) if refund else amount, fee=fee)
    if rule.settled and found.amount - found.fee != (settled := _fen(row, rule.settled, profile)):
        said, came = major(settled, "CNY"), major(found.amount - found.fee, "CNY")
        raise ControlTotalsBroken(
            f"row {row.number}: {rule.settled} is {said}, amount less fee is {came}; download the bill again",
            f"第 {row.number} 行：“{rule.settled}”为 {said}，金额减手续费为 {came}；请重新下载账单",
            number=row.number,
        )
    return found


def _fen(row: Row, column: str, profile: BillProfile) -> int:
    """A cell in fen: "-0.02000" yuan, or "D000000000002" fen with D for a debit to the merchant. Raises BadRow."""
    text = row.cells[column]
    if profile.amounts.unit == "fen":
        if found := FEN.fullmatch(text):
            return -int(found[2]) if found[1] == "D" else int(found[2])
        raise bad_row(row.number, f"{column} {text!r} is no amount in fen", f"“{column}”（{text}）不是以分计的金额")
    try:
        return minor(yuan(text), "CNY")
    except NotExact as reason:
        raise bad_row(row.number, f"{column} {reason}", f"“{column}”：{reason.chinese}") from None


def _agree(bill: Bill, told: Mapping[str, Said]) -> None:
    """Hold the bill's own totals against its rows. Raises ControlTotalsBroken."""
    lines = bill.lines
    paid, refunded = lines[lines["kind"] == "payment"], lines[lines["kind"] == "refund"]
    counts = {"lines": len(lines), "payments": len(paid), "refunds": len(refunded)}
    sums = {
        "payment": sum(paid["amount"].tolist()),
        "refund": -sum(refunded["amount"].tolist()),
        "fee": sum(lines["fee"].tolist()),
    }
    for name, each in told.items():
        if name in counts and each.count() != counts[name]:
            raise _differs(each, str(counts[name]))
        said = abs(each.amount("CNY")) if name == "refund" else each.amount("CNY") if name in sums else 0
        if name in sums and said != sums[name]:
            raise _differs(each, major(sums[name], "CNY"))


def _differs(it: Said, found: str) -> ControlTotalsBroken:
    return ControlTotalsBroken(
        f"row {it.row}, {it.cell}: the bill states {it.text}, its rows come to {found}; download it again",
        f"第 {it.row} 行“{it.cell}”：账单写明 {it.text}，逐笔合计为 {found}；请重新下载账单",
        expected=it.text,
        found=found,
    )
