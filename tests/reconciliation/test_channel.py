"""Orders, the channel's bill and the bank's daily lump: every fen of difference has a name."""

from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation import channel
from reconciliation.bills import COLUMNS as BILL
from reconciliation.statement import COLUMNS as LINES
from reconciliation.statement import frame

RATE = Fraction(6, 1000)


def bill(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    """A bill by day, order, amount and fee."""
    told: list[dict[str, Any]] = [
        {
            "number": at,
            "merchant": "M",
            "traded_on": day,
            "traded_at": "09:00:00",
            "kind": "payment" if amount > 0 else "refund",
            "order": order,
            "transaction": f"T{at}",
            "refund": "" if amount > 0 else f"R{at}",
            "refund_number": "" if amount > 0 else f"M{at}",
            "amount": amount,
            "fee": fee,
        }
        for at, (day, order, amount, fee) in enumerate(rows)
    ]
    return pd.DataFrame({name: pd.Series([row[name] for row in told], dtype=kind) for name, kind in BILL.items()})


def orders(*rows: tuple[str, int]) -> pd.DataFrame:
    """Orders by number and amount; the key is "O:" and the number."""
    return pd.DataFrame(
        {
            "key": pd.Series([f"O:{order}:{at}" for at, (order, _) in enumerate(rows)], dtype="str"),
            "order": pd.Series([order for order, _ in rows], dtype="str"),
            "amount": pd.Series([amount for _, amount in rows], dtype="int64"),
            "on": pd.Series(["2026-10-08"] * len(rows), dtype="str"),
        }
    )


def lumps(*rows: tuple[str, int]) -> pd.DataFrame:
    """The bank's lines by day and amount."""
    none: dict[str, list[Any]] = {name: [""] * len(rows) for name in LINES}
    of: dict[str, list[Any]] = {
        "number": list(range(len(rows))),
        "key": [f"L{at}" for at in range(len(rows))],
        "booked_on": [day for day, _ in rows],
        "amount": [amount for _, amount in rows],
        "balance": [None] * len(rows),
        "reversal": [False] * len(rows),
    }
    return frame(none | of)


def kinds(found: channel.Settled) -> list[tuple[str, int]]:
    return sorted(found.differences[["kind", "amount"]].itertuples(index=False, name=None))


def test_orders_bill_and_lump_that_agree_leave_no_difference() -> None:
    found = channel.settle(
        bill(("2026-10-08", "A", 100_000, 600), ("2026-10-08", "B", 50_000, 300), ("2026-10-08", "A", -20_000, -120)),
        orders(("A", 100_000), ("B", 50_000), ("A", -20_000)),
        lumps(("2026-10-09", 129_220)),
        rate=RATE,
    )
    assert found.differences.empty
    assert sorted(found.matches["order_key"]) == ["O:A:0", "O:A:2", "O:B:1"]
    day = "2026-10-08"
    assert found.lumps.to_dict("records") == [
        {"line_key": "L0", "begins": day, "ends": day, "days": day, "amount": 130_000, "fee": 780, "net": 129_220}
    ]


def test_each_difference_between_orders_and_bill_has_its_name() -> None:
    found = channel.settle(
        bill(
            ("2026-10-08", "A", 100, 0),
            ("2026-10-08", "A", 100, 0),
            ("2026-10-08", "B", 90, 0),
            ("2026-10-08", "X", 5, 0),
        ),
        orders(("A", 100), ("B", 100), ("C", 70)),
        lumps(("2026-10-09", 295)),
    )
    assert kinds(found) == [("amount", -10), ("not_in_orders", 5), ("not_on_bill", -70), ("repeated", 100)]
    assert "账上 1.00，渠道账单 0.90" in " ".join(found.differences["detail"])


def test_a_fee_that_is_not_the_agreed_rate_is_named_to_the_fen() -> None:
    found = channel.settle(
        bill(("2026-10-08", "A", 12_345, 75)), orders(("A", 12_345)), lumps(("2026-10-09", 12_270)), rate=RATE
    )
    assert kinds(found) == [("fee", 1)]


def test_the_days_of_a_weekend_come_in_one_lump() -> None:
    days = [
        ("2026-10-09", "A", 100, 1),
        ("2026-10-10", "B", 200, 1),
        ("2026-10-11", "C", -50, 0),
        ("2026-10-12", "D", 7, 0),
    ]
    found = channel.settle(
        bill(*days), orders(("A", 100), ("B", 200), ("C", -50), ("D", 7)), lumps(("2026-10-12", 248), ("2026-10-13", 7))
    )
    assert found.differences.empty
    assert found.lumps["ends"].tolist() == ["2026-10-11", "2026-10-12"]


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        ([("2026-10-09", 99), ("2026-10-10", 200)], [("lump_short", -1)]),
        ([("2026-10-09", 101), ("2026-10-10", 200)], [("lump_over", 1)]),
        ([("2026-10-09", 100)], [("lump_missing", -200)]),
        ([("2026-10-10", 200)], [("lump_missing", -100)]),
        ([("2026-10-07", 100), ("2026-10-10", 300)], [("lump_unknown", 100)]),
    ],
)
def test_each_difference_between_bill_and_bank_has_its_name(
    came: list[tuple[str, int]], expected: list[tuple[str, int]]
) -> None:
    told = bill(("2026-10-08", "A", 100, 0), ("2026-10-09", "B", 200, 0))
    assert kinds(channel.settle(told, orders(("A", 100), ("B", 200)), lumps(*came))) == expected


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.sampled_from("ABC"), st.sampled_from([100, 200, -100]), st.integers(0, 2)),
        max_size=8,
    ),
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from([100, 200, -100])), max_size=8),
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from([98, 100, 199, 300])), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_the_differences_account_for_every_fen(
    rows: list[tuple[int, str, int, int]], ours: list[tuple[str, int]], came: list[tuple[int, int]]
) -> None:
    told = bill(*((f"2026-10-{day:02}", order, amount, fee) for day, order, amount, fee in rows))
    found = channel.settle(told, orders(*ours), lumps(*((f"2026-10-{day:02}", amount) for day, amount in came)))
    named = found.differences.groupby("kind")["amount"].sum().to_dict()
    of_orders = sum(named.get(kind, 0) for kind in ("amount", "repeated", "not_in_orders", "not_on_bill"))
    of_bank = sum(named.get(kind, 0) for kind in channel.DIFFERENCES if kind.startswith("lump"))
    assert sum(amount for _, amount in ours) + of_orders == sum(amount for _, _, amount, _ in rows)
    assert int((told["amount"] - told["fee"]).sum()) + of_bank == sum(amount for _, amount in came)


def test_which_days_each_lump_brings_exactly_and_no_day_twice() -> None:
    both = bill(("2026-10-08", "A", 100, 0), ("2026-10-09", "B", 50, 0), ("2026-10-10", "C", 100, 0))
    lines = lumps(("2026-10-09", 100), ("2026-10-10", 7), ("2026-10-11", 150), ("2026-10-12", 100))
    assert channel.brings(both, lines) == {"L0": ["2026-10-08"], "L2": ["2026-10-09", "2026-10-10"]}
    assert channel.brings(both, lumps(("2026-10-19", 150))) == {}, "the eighth lies too far back"
