"""What a payment status report (pain.002) means for the payouts of its batch. Pure: nothing is looked up or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ledger.money import Money
from reconciliation import pain002
from reconciliation.pain002 import PARTLY, REJECTED, Report, Said

Effect: TypeAlias = Literal["pending", "confirmed", "rejected", "known", "contradiction"]

FINAL: Final = frozenset({"ACSC", "ACCC"})
"""Settled, by the bank's own word. The books wait for its statement all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """What a report says of a payment that its batch does not hold (不属于该批次的付款). Nothing is taken of it.

    `payment_information`: the part of the file that the bank names; `end_to_end`: the payment, empty where the bank
    speaks of a whole part. `amount` in fen, None where the report does not repeat it.
    """

    payment_information: str
    end_to_end: str
    amount: int | None
    status: str
    code: str
    reason: str

    @property
    def english(self) -> str:
        return (
            f"{self._named} is no payment of this batch, and the bank says {self.status or 'nothing'} of it. Nothing "
            "was taken of it: ask the bank what it answered here."
        )

    @property
    def chinese(self) -> str:
        return f"{self._named} 不是该批次的付款，银行答复的状态为 {self.status or '空'}；未作任何处理，请向银行核实。"

    @property
    def _named(self) -> str:
        return f"{self.payment_information}/{self.end_to_end}".rstrip("/")


def effect_of(status: str, state: str, fate: str) -> Effect:
    """What a status means for a payout in this state; `fate`: what a rejection came to."""
    if status == REJECTED:
        return {"rejected": "rejected", "known": "known"}.get(fate, "contradiction")  # type: ignore[return-value]
    if status in FINAL:
        return "contradiction" if state == "rejected" else "confirmed" if state == "sent" else "known"
    return "pending" if state == "sent" else "known"


def said_of(report: Report, asked: Mapping[str, Mapping[str, int]]) -> dict[str, Said]:
    """What a report says of each transfer, by end-to-end id: the nearest level that says something.

    `asked`: by payment information, the fen of each transfer. Of a report that also names what was never asked only
    the transfers count that it names one by one: who mixes files up has not spoken of the whole of ours. Raises
    ValueError with two sentences where it repeats another count, sum or amount.
    """
    every = {name: amount for part in asked.values() for name, amount in part.items()}
    _must_repeat(report, every, "the file", "整份文件")
    mixed_up = bool(strangers_of(report, asked))
    said = {name: report for name in every if report.status not in ("", PARTLY) and not mixed_up}
    found: dict[str, Said] = dict(said)
    for part in report.parts:
        inside = asked.get(part.payment_information)
        if inside is None:
            continue
        _must_repeat(part, inside, part.payment_information, part.payment_information)
        if part.status not in ("", PARTLY) and not mixed_up:
            found.update(dict.fromkeys(inside, part))
        for line in (each for each in part.lines if each.end_to_end in inside):
            if line.amount not in (None, inside[line.end_to_end]):
                was = Money(inside[line.end_to_end]).major
                raise ValueError(
                    f"{line.end_to_end} was of {was}, not {Money(line.amount or 0).major}",
                    f"{line.end_to_end} 应为 {was} 元，而非 {Money(line.amount or 0).major} 元",
                )
            if line.status:
                found[line.end_to_end] = line
    return found


def strangers_of(report: Report, asked: Mapping[str, Mapping[str, int]]) -> list[Stranger]:
    """What a report names that nobody asked for in that place: single payments, and parts without any."""
    found: list[Stranger] = []
    for part in report.parts:
        inside = asked.get(part.payment_information)
        unasked = [line for line in part.lines if inside is None or line.end_to_end not in inside]
        named: list[tuple[str, int | None, Said]] = [(line.end_to_end, line.amount, line) for line in unasked]
        if inside is None and not part.lines:
            named = [("", part.total, part)]
        for end_to_end, amount, said in named:
            found.append(
                Stranger(
                    payment_information=part.payment_information,
                    end_to_end=end_to_end,
                    amount=amount,
                    status=said.status,
                    code=said.code,
                    reason=said.reason,
                )
            )
    return found


def _must_repeat(told: Report | pain002.Part, asked: Mapping[str, int], what: str, what_zh: str) -> None:
    count, total = len(asked), sum(asked.values())
    if told.count not in (None, count):
        raise ValueError(f"{what} had {count} transfers, not {told.count}", f"{what_zh}应有 {count} 笔")
    if told.total not in (None, total):
        raise ValueError(
            f"{what} was of {Money(total).major}, not {Money(told.total or 0).major}",
            f"{what_zh}金额应为 {Money(total).major} 元，而非 {Money(told.total or 0).major} 元",
        )
