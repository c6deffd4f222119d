"""A month of a bank account with breaks of every kind planted in it, and what a perfect clerk would say of each row.

Amounts are three, everywhere: whoever matches by amount alone matches wrongly. Rows go through the bank's own file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import pandas as pd

from qrpay import reference
from reconciliation import reading
from reconciliation.matching import Outcome, match

ACCOUNT: Final = "1202021019900123456"
AMOUNTS: Final = (128_000, 256_000, 384_000)
SWAPPED: Final = {128_000: 182_000, 256_000: 265_000, 384_000: 348_000}
BEGINS: Final = datetime(2026, 10, 1, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
THROUGH: Final = date(2026, 11, 15)
HEADER: Final = (
    "凭证号,本方账号,对方账号,交易时间,借/贷,借方发生额,贷方发生额,对方行号,摘要,用途,对方单位名称,余额,个性化信息"
)
FORMAT: Final = "%Y-%m-%d %H:%M:%S"

Word: TypeAlias = tuple[str, frozenset[str], frozenset[str]]
"""One thing said of some lines (by serial) and items: ("under", {"B7"}, {"I7"})."""


@dataclass(kw_only=True)
class Month:
    """Lines and items in the making, and what is true of them, by what was planted."""

    dice: Random
    rows: list[tuple[datetime, str, str, int, str, str, str]] = field(default_factory=list)
    items: list[dict[str, str | int]] = field(default_factory=list)
    truth: dict[str, set[Word]] = field(default_factory=dict)

    def line(self, amount: int, *, at: datetime, remark: str = "", payer: str = "", summary: str = "转账") -> str:
        serial = f"B{len(self.rows):07}"
        self.rows.append(
            (at, serial, payer and f"62220202{payer:0>11}", amount, summary, remark, payer and f"张{payer}")
        )
        return serial

    def item(self, amount: int, *, at: datetime, named: str = "", payer: str = "") -> str:
        key = f"I{len(self.items):07}"
        account = payer and f"62220202{payer:0>11}"
        told = {
            "counterparty": payer and f"张{payer}",
            "counterparty_account": account,
            "reference": named,
            "serial": "",
        }
        days = {"on": at.date().isoformat(), "due": (at.date() + timedelta(days=2)).isoformat()}
        self.items.append({"key": key, "amount": amount, **told, **days})
        return key

    def true(self, planted: str, word: str, lines: tuple[str, ...] = (), items: tuple[str, ...] = ()) -> None:
        self.truth.setdefault(planted, set()).add((word, frozenset(lines), frozenset(items)))

    def moment(self) -> datetime:
        return BEGINS + timedelta(seconds=self.dice.randrange(30 * 86_400))


def month(lines: int, *, breaks: int, seed: int = 20261001) -> Month:
    """A month of so many ordinary lines and so many breaks of each kind, all of it by the seed."""
    made = Month(dice=Random(seed))  # noqa: S311  a fixed sequence, not a secret
    for number in range(lines):
        _ordinary(made, number)
    for number in range(breaks):
        for plant in PLANTS:
            plant(made, 10_000_000 + number * 100)
    made.true("ordinary", "interest", (made.line(321, at=BEGINS + timedelta(days=20), summary="结息"),))
    return made


def reconciled(made: Month, *, shuffled: bool = False) -> tuple[pd.DataFrame, Outcome]:
    """The bank's file written, read and matched with the items."""
    (statement,) = reading.read(bank_file(made).encode("gb18030"), max_bytes=1 << 30)
    lines, items = statement.lines, pd.DataFrame(made.items).astype({"amount": "int64"})
    if shuffled:
        lines, items = (side.sample(frac=1, random_state=7) for side in (lines, items))
    return lines, match(lines, items, references=reference.find_each, through=THROUGH)


def bank_file(made: Month) -> str:
    """The rows as the bank exports them, oldest first, with the running balance."""
    return "\n".join(["[HISTORYDETAIL]", "户名,某某校外培训机构资金监管专户", HEADER, *_rows(made)]) + "\n"


def said(lines: pd.DataFrame, outcome: Outcome) -> set[Word]:
    """All that was said of the lines and items."""
    serial = dict(zip(lines["key"], lines["serial"], strict=True))
    words: set[Word] = set()
    for line, item in outcome.matches[["line_key", "item_key"]].itertuples(index=False, name=None):
        words.add(("match", frozenset({serial[line]}), frozenset({item})))
    for line, item, kind, hint in outcome.breaks[["line_key", "item_key", "kind", "hint"]].itertuples(index=False):
        word = f"{kind} {hint}".strip()
        words.add((word, frozenset({serial[line]} if line else ()), frozenset({item} if item else ())))
    for line, rule, other in outcome.explained[["line_key", "rule", "other_key"]].itertuples(index=False, name=None):
        words.add((rule, frozenset({serial[line]} | ({serial[other]} if other else set())), frozenset()))
    for _, rows in outcome.proposals.groupby("proposal"):
        words.add(
            (rows["rule"].iloc[0], frozenset(map(serial.__getitem__, rows["line_key"])), frozenset(rows["item_key"]))
        )
    return words


def _rows(made: Month) -> Iterator[str]:
    balance = 0
    for at, serial, account, amount, summary, remark, name in sorted(made.rows):
        balance += amount
        flag = "贷" if amount > 0 else "借"
        sides = f",{_major(amount)}" if amount > 0 else f"{_major(-amount)},"
        texts = f"{summary},{remark},{name},{_major(balance)},"
        yield f"{serial},{ACCOUNT},{account},{at:{FORMAT}},{flag},{sides},,{texts}"


def _major(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02}"


def _ordinary(made: Month, number: int) -> None:
    """Nine of ten name their order, one is known by its payer alone."""
    amount, at, payer = made.dice.choice(AMOUNTS), made.moment(), f"{number}"
    named = reference.make(number) if number % 10 else ""
    line = made.line(amount, at=at + timedelta(hours=9), remark=f"学费 {named}".strip(), payer=payer)
    made.true("ordinary", "match", (line,), (made.item(amount, at=at, named=named, payer=payer),))


def _late(made: Month, number: int) -> None:
    amount, at, named = made.dice.choice(AMOUNTS), made.moment(), reference.make(number)
    line, item = made.line(amount, at=at + timedelta(days=4), remark=named), made.item(amount, at=at, named=named)
    for word in ("match", "late"):
        made.true("late", word, (line,), (item,))


def _missing(made: Month, number: int) -> None:
    amount, at = made.dice.choice(AMOUNTS), made.moment()
    made.true("never came", "overdue", (), (made.item(amount, at=at, named=reference.make(number + 1)),))


def _differing(made: Month, number: int) -> None:
    """Short, over, two digits swapped."""
    for planted, word, place in (("short", "under", 2), ("over", "over", 3), ("swapped", "", 4)):
        amount, at, named = made.dice.choice(AMOUNTS), made.moment(), reference.make(number + place)
        paid = {"under": amount - 1, "over": amount + 1}.get(word, SWAPPED[amount])
        told = word or f"{'over' if paid > amount else 'under'} transposed"
        made.true(planted, told, (made.line(paid, at=at, remark=named),), (made.item(amount, at=at, named=named),))


def _double(made: Month, number: int) -> None:
    amount, at, named = made.dice.choice(AMOUNTS), made.moment(), reference.make(number + 5)
    first, second = (made.line(amount, at=at + timedelta(hours=hours), remark=named) for hours in (0, 1))
    item = made.item(amount, at=at, named=named)
    made.true("double", "match", (first,), (item,))
    made.true("double", "duplicate", (second,), (item,))


def _merged(made: Month, number: int) -> None:
    """One payment for two orders: once naming both, once naming none."""
    at, payer = made.moment(), f"{number}"
    for several, places in ((True, (6, 7)), (False, (8, 9))):
        names = [reference.make(number + place) for place in places]
        items = tuple(
            made.item(amount, at=at, named=name, payer=payer) for amount, name in zip(AMOUNTS, names, strict=False)
        )
        line = made.line(sum(AMOUNTS[:2]), at=at, remark=" ".join(names) if several else "学费", payer=payer)
        made.true("merged", "ambiguous" if several else "not_in_books", (line,))
        for item in items:
            made.true("merged", "overdue", (), (item,))
        made.true("merged", "merged", (line,), items)
        at, payer = made.moment(), f"{number + 1}"


def _split(made: Month, number: int) -> None:
    at, named = made.moment(), reference.make(number + 10)
    item = made.item(384_000, at=at, named=named)
    lines = tuple(made.line(part, at=at + timedelta(days=2), remark=named) for part in (128_000, 256_000))
    for line in lines:
        made.true("split", "partial", (line,), (item,))
    made.true("split", "split", lines, (item,))


def _bounced(made: Month, number: int) -> None:
    amount, at, named = made.dice.choice(AMOUNTS), made.moment(), reference.make(number + 11)
    item, payee = made.item(-amount, at=at, named=named, payer=f"{number + 2}"), f"{number + 2}"
    made.true("bounced", "match", (made.line(-amount, at=at, remark=named, payer=payee),), (item,))
    back = made.line(amount, at=at + timedelta(days=1), remark=f"退汇 {named}", payer=payee)
    made.true("bounced", "bounced", (back,), (item,))


def _reversed(made: Month, number: int) -> None:
    amount, at, named = made.dice.choice(AMOUNTS), made.moment(), reference.make(number + 12)
    first = made.line(amount, at=at, remark=named)
    second = made.line(-amount, at=at + timedelta(hours=3), remark=named, summary="冲正")
    made.true("reversed", "reversal", (first, second))
    made.true("reversed", "reversed", (), (made.item(amount, at=at, named=named),))


def _foreign(made: Month, number: int) -> None:
    """Nobody's money, and that of an order which is none of ours."""
    for place, remark in ((3, "货款"), (4, reference.make(number + 13))):
        line = made.line(made.dice.choice(AMOUNTS), at=made.moment(), remark=remark, payer=f"{number + place}")
        made.true("foreign", "not_in_books", (line,))


PLANTS: Final = (_late, _missing, _differing, _double, _merged, _split, _bounced, _reversed, _foreign)
