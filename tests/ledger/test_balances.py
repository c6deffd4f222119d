"""Balances at any time on both databases, and the tree of accounts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import Connection, event

from escrow.db import open_engine, transaction
from ledger.accounts import open_accounts
from ledger.balances import Balance, Node, balance, rolled_up, trial_balance
from ledger.entries import NewAccount
from ledger.posting import post_all
from tests.ledger.books import (
    BANK,
    DAY,
    EARNED,
    FEES,
    HOUR,
    LESSON,
    NOW,
    OTHER,
    PAYMENT,
    PREPAID,
    RELEASE,
    SETTLED,
    opened,
)

TICK: Final = timedelta(microseconds=1)


@pytest.fixture
def books(db: Connection) -> Connection:
    opened(db)
    post_all(db, [PAYMENT], now=NOW)
    return db


def _amounts(lines: Sequence[Balance]) -> dict[str, int]:
    return {each.path: each.amount for each in lines if each.amount}


def test_the_trial_balance_has_every_account_and_its_debits_are_its_credits(books: Connection) -> None:
    post_all(books, [LESSON, RELEASE], now=NOW)
    post_all(books, [replace(SETTLED, amount=4_000)], now=NOW)
    assert [(each.path, each.kind, each.debits, each.credits, each.amount) for each in trial_balance(books)] == [
        (BANK, "asset", 300_000, 4_000, 296_000),
        (FEES, "expense", 0, 0, 0),
        (PREPAID, "liability", 10_000, 300_000, 290_000),
        (OTHER, "liability", 0, 0, 0),
        (EARNED, "liability", 4_000, 10_000, 6_000),
    ]


def test_one_account_is_its_line_of_the_trial_balance_and_an_unknown_one_is_none(books: Connection) -> None:
    assert [balance(books, each.path) for each in trial_balance(books)] == trial_balance(books)
    assert balance(books, "contract/1") is None


def test_a_pending_transfer_is_in_no_balance(books: Connection) -> None:
    before = trial_balance(books)
    post_all(books, [replace(LESSON, hold=True)], now=NOW)
    assert trial_balance(books) == before


def test_as_of_an_instant_counts_what_had_happened_before_it_whenever_it_was_recorded(books: Connection) -> None:
    post_all(books, [replace(LESSON, effective=NOW + DAY)], now=NOW)
    post_all(books, [replace(PAYMENT, reference="late", amount=7, effective=NOW - DAY)], now=NOW + 30 * DAY)
    assert _amounts(trial_balance(books, as_of=NOW - DAY)) == {}
    assert _amounts(trial_balance(books, as_of=NOW)) == {BANK: 7, PREPAID: 7}, "before the instant, not at it"
    assert _amounts(trial_balance(books, as_of=NOW + TICK)) == {BANK: 300_007, PREPAID: 300_007}
    assert _amounts(trial_balance(books)) == {BANK: 300_007, PREPAID: 290_007, EARNED: 10_000}


def test_what_was_known_at_an_instant_stays_the_same_for_ever(books: Connection) -> None:
    then = trial_balance(books, known_at=NOW)
    of_that_day = trial_balance(books, as_of=NOW + HOUR, known_at=NOW)
    assert _amounts(then) == _amounts(of_that_day) == {BANK: 300_000, PREPAID: 300_000}
    back_dated = replace(PAYMENT, reference="late", amount=7, effective=NOW - DAY)
    correction = replace(PAYMENT, debit=PREPAID, credit=BANK, amount=5, reference="fix", corrects="pay-1")
    post_all(books, [back_dated, correction], now=NOW + TICK)
    assert trial_balance(books, known_at=NOW) == then
    assert trial_balance(books, as_of=NOW + HOUR, known_at=NOW) == of_that_day
    assert _amounts(trial_balance(books, as_of=NOW + HOUR)) == {BANK: 300_002, PREPAID: 300_002}


def test_a_prefix_is_taken_literally(books: Connection) -> None:
    odd = ("Contract/1/x", "contract%1", "contract_1", "contract/1/prepaid2", "课/一")
    open_accounts(books, [NewAccount(path=each, kind="liability") for each in odd])

    def paths(prefix: str) -> list[str]:
        return [each.path for each in trial_balance(books, prefix=prefix)]

    assert paths("contract/1/") == [PREPAID, "contract/1/prepaid2"]
    assert paths("contract%") == ["contract%1"]
    assert paths("contract_") == ["contract_1"]
    assert paths("Contract") == ["Contract/1/x"]
    assert paths("课") == ["课/一"]
    assert paths("nothing") == []


def test_the_ends_of_time_are_instants_like_others(books: Connection) -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert _amounts(trial_balance(books, as_of=last, known_at=last)) == {BANK: 300_000, PREPAID: 300_000}
    assert _amounts(trial_balance(books, as_of=datetime(1900, 1, 1, tzinfo=UTC))) == {}


def test_no_balance_reads_all_transfers_or_all_movements(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    asked: list[tuple[str, tuple[object, ...]]] = []
    with transaction(engine) as db:
        opened(db)

        @event.listens_for(db, "before_cursor_execute")
        def note(*told: object) -> None:
            _, _, sql, parameters, *_ = told
            if isinstance(sql, str) and isinstance(parameters, tuple) and sql.lstrip().startswith("WITH"):
                asked.append((sql, parameters))

        balance(db, PREPAID, as_of=NOW, known_at=NOW)
        trial_balance(db, as_of=NOW, known_at=NOW)
        rolled_up(db, "contract", as_of=NOW)
        for sql, parameters in asked:
            plan = [row[-1] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)]
            assert {"SEARCH m", "SEARCH d", "SEARCH t"} <= {each[:8] for each in plan}
            assert not {"SCAN m", "SCAN d", "SCAN t"} & set(plan)
    assert len(asked) == 3
    engine.dispose()


def _node(path: str, accounts: int, debits: int, credits: int, *, currency: str = "CNY") -> Node:
    return Node(path=path, currency=currency, accounts=accounts, debits=debits, credits=credits)


def test_a_node_of_the_tree_is_itself_and_all_below_and_so_is_each_of_its_children(books: Connection) -> None:
    fee = replace(PAYMENT, debit=FEES, credit=BANK, amount=500, kind="fee", reference="fee")
    post_all(books, [LESSON, fee, replace(PAYMENT, credit=OTHER, amount=7, reference="pay-2")], now=NOW)
    root = rolled_up(books)
    assert root.nodes == [_node("", 5, 310_507, 310_507)]
    assert root.children == [
        _node("bank", 2, 300_507, 500),
        _node("contract", 2, 10_000, 300_007),
        _node("institution", 1, 0, 10_000),
    ]
    assert [each.net for each in root.children] == [300_007, -290_007, -10_000]
    bank = rolled_up(books, BANK)
    assert (bank.nodes, bank.children) == ([_node(BANK, 2, 300_507, 500)], [_node(FEES, 1, 500, 0)])
    assert rolled_up(books, PREPAID).children == []
    assert rolled_up(books, "contract", as_of=NOW).nodes == [_node("contract", 2, 0, 0)]


def test_only_a_whole_name_is_a_node(books: Connection) -> None:
    near = ("contract0/x", "contract-1/x", "contractor", "合同/一/预付")
    open_accounts(books, [NewAccount(path=each, kind="liability") for each in near])
    assert rolled_up(books, "contract").nodes == [_node("contract", 2, 0, 300_000)]
    assert [each.path for each in rolled_up(books, "合同").children] == ["合同/一"]
    for nowhere in ("contr", "contract/", "contract/1/prepaid/x", "%"):
        assert rolled_up(books, nowhere).nodes == []


def test_currencies_are_never_added_up(books: Connection) -> None:
    open_accounts(books, [NewAccount(path=f"contract/{each}/usd", kind="liability", currency="USD") for each in (1, 3)])
    tree = rolled_up(books, "contract")
    assert tree.nodes == [_node("contract", 2, 0, 300_000), _node("contract", 2, 0, 0, currency="USD")]
    assert [(each.path, each.currency) for each in tree.children] == [
        ("contract/1", "CNY"),
        ("contract/1", "USD"),
        ("contract/2", "CNY"),
        ("contract/3", "USD"),
    ]
