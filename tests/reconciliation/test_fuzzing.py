"""Every reader under mutated files: a statement that adds up or a refusal with its sentences, and nothing is lost.

Quick here. `FUZZ_SECONDS=600 pytest -s tests/reconciliation/test_fuzzing.py` goes on for so long on seeds of its own,
and prints how often what came of which mutation.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from escrow.bank.sandbox import corporate_files
from escrow.bank.sandbox.corporate_layouts import LAYOUTS
from reconciliation import bills, checking, expected
from reconciliation.reading import read
from reconciliation.statement import StatementRefused
from tests.reconciliation.bank_files import SAMPLES
from tests.reconciliation.bill_files import Trade, alipay, unionpay, wechat
from tests.reconciliation.mutations import MUTATIONS
from tests.reconciliation.test_corporate_layouts import statement
from tests.reconciliation.test_hostile import FILES

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
SHARE = 0.25
"""Of the files, how many a mutation is tried on where no time is given."""

AMOUNTS = [128_000, -1_000, 256_000, 128_000, -50]
TRADES = [Trade(order=f"XF{at}", amount=100_000 * at, fee=600 * at) for at in (1, 2, 3)]
STATEMENTS = {
    **FILES,
    **{name: corporate_files.write(statement(AMOUNTS, opening=500), layout) for name, layout in LAYOUTS.items()},
    **{
        path.name: path.read_bytes()
        for path in sorted(SAMPLES.rglob("*"))
        if path.suffix in {".xml", ".sta", ".csv", ".xls"}
    },
}
BILLS = {
    "wechat": wechat(TRADES).encode(),
    "alipay": alipay(TRADES).encode("gb18030"),
    "unionpay": unionpay(TRADES),
}
ITEMS = (
    "key,amount,reference,serial,counterparty,counterparty_account,on\n"
    "I1,1280.00,XF1,,张三,6222,2026-10-08\nI2,-5.00,XF2,B2,李四,,2026-10-09\n"
).encode()
PROVEN = ["camt", "mt940", "old", "icbc-corporate-old", "ccb-corporate-2026", "abc-corporate-old", "cmb-corporate-new"]
"""Files whose balances prove each of their lines."""


def of_statements(data: bytes) -> str:
    """What came of it. An amount that neither balance nor total accounts for would be a loss."""
    found = read(data, filename="x")
    keys = [key for each in found for key in each.lines["key"]]
    assert len(set(keys)) == len(keys)
    for each in found:
        if each.opening is not None and each.closing is not None:
            assert each.opening + sum(each.lines["amount"].tolist()) == each.closing
        running = each.lines["balance"].dropna()
        assert running.empty or each.closing is not None
    return "read"


def of_bills(data: bytes) -> str:
    bill = bills.read(data)
    assert bill.net == sum(bill.lines["amount"].tolist()) - sum(bill.lines["fee"].tolist())
    return "read"


def of_items(data: bytes) -> str:
    assert expected.read(data)["key"].is_unique
    return "read"


def of_checking(data: bytes) -> str:
    checking.sheets(data)
    return "read"


READERS = [(of_statements, STATEMENTS), (of_checking, STATEMENTS), (of_bills, BILLS), (of_items, {"items": ITEMS})]


def answered(reader: Callable[[bytes], str], data: bytes) -> str:
    """The outcome's name: read, or the slug of the refusal. Any other exception is a crash."""
    try:
        return reader(data)
    except StatementRefused as refused:
        reason = refused
    assert str(reason)
    assert reason.chinese
    return reason.slug


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_reader_answers_every_mutation(mutation: str) -> None:
    seed = time.time_ns() if SECONDS else 20261008
    dice, ends = Random(seed), time.monotonic() + SECONDS / len(MUTATIONS)  # noqa: S311  no secret
    counts: Counter[str] = Counter()
    while not counts or time.monotonic() < ends:
        for reader, files in READERS:
            for name, data in files.items():
                if not SECONDS and len(files) > len(BILLS) and dice.random() > SHARE:
                    continue
                damaged = MUTATIONS[mutation](data, dice)
                try:
                    counts[answered(reader, damaged)] += 1
                except Exception as reason:
                    raise AssertionError(f"{reader.__name__}, {name}, seed {seed}: {damaged!r}"[:2_000]) from reason
    if SECONDS:
        print(f"\n{mutation}: {sum(counts.values())} files, {dict(counts.most_common())}")  # noqa: T201  for who asked
    assert len(counts) > 1, "nothing was refused or nothing was read: nothing was tried"


@pytest.mark.parametrize("name", PROVEN)
def test_a_line_twice_or_missing_is_never_read_where_balances_prove_the_file(name: str) -> None:
    whole = told(STATEMENTS[name])
    separator = b"</Ntry>" if name == "camt" else b"\n:61:" if name == "mt940" else b"\n"
    rows = STATEMENTS[name].split(separator)
    for at in range(len(rows)):
        for damaged in (rows[:at] + rows[at + 1 :], [*rows[: at + 1], *rows[at:]]):
            try:
                found = told(separator.join(damaged))
            except StatementRefused:
                continue
            assert not Counter(found) - Counter(whole), "a line is there twice"
            assert [each for each in whole[1:-1] if each not in found] == [], "a line of the middle is gone"


def told(data: bytes) -> list[tuple[str, str, int]]:
    """Day, time and amount of each line."""
    columns = ("booked_on", "booked_at", "amount")
    lines = [each.lines for each in read(data)]
    return [line for each in lines for line in zip(*(each[name].tolist() for name in columns), strict=True)]
