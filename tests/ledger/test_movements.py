"""Movements: brought forward at any moment they change no balance, and many at once count nothing twice."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from escrow.db import open_engine, snapshot, transaction
from ledger.accounts import open_accounts
from ledger.balances import balance, rolled_up, trial_balance
from ledger.entries import Limits, NewAccount, Request, Resolution, Transfer
from ledger.movements import movements_are_the_sums_of_transfers, roll
from ledger.posting import post_all
from tests.ledger.books import DAY, HOUR, LESSON, NOW, PAYMENT, PREPAID, opened, payments

TICK: Final = timedelta(microseconds=1)
EDGES: Final = (
    datetime(2026, 7, 31, 16, tzinfo=UTC),  # the first of August in Shanghai
    datetime(2026, 8, 2, 16, tzinfo=UTC),  # a day's beginning
    datetime(2026, 8, 31, 16, tzinfo=UTC),
)
"""Close together on purpose: what goes wrong does so where several transfers share a day that is cut."""
NUMBERS: Final = itertools.count(1)
FREE: Final = Limits(floor=None, overdraft="a test of sums")


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of the test's own, to commit in: `roll` sees nothing else."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


@pytest.fixture
def books(engine: Engine) -> Engine:
    """The usual accounts, a payment and a lesson, not rolled."""
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT, LESSON], now=NOW)
    return engine


def _rolled(engine: Engine, *, at_once: int = 1_000) -> int:
    with transaction(engine) as db:
        return roll(db, at_once=at_once)


def _wrong(engine: Engine) -> list[str]:
    with snapshot(engine) as db:
        return [str(each) for each in movements_are_the_sums_of_transfers(db)]


def test_each_call_takes_so_many_and_the_last_one_nothing(books: Engine) -> None:
    with transaction(books) as db:
        post_all(db, list(payments(5)), now=NOW)
    assert [_rolled(books, at_once=3) for _ in range(4)] == [3, 3, 1, 0]
    assert _wrong(books) == []


def test_a_roll_that_is_undone_has_rolled_nothing(books: Engine) -> None:
    with books.connect() as db:
        assert roll(db) == 2
        db.rollback()
    assert _rolled(books) == 2
    assert _wrong(books) == []


Phase = Literal["posted", "pending", "settled"]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One transfer of a history. A settled one is a hold first, and then a part of it."""

    debit: int
    credit: int
    amount: int
    phase: Phase
    effective: datetime
    recorded: datetime

    def requests(self, paths: Sequence[str]) -> list[list[Request]]:
        """What to post, one batch after another."""
        first = Transfer(
            debit=paths[self.debit],
            credit=paths[self.credit],
            amount=self.amount,
            kind="lesson",
            reference=f"m{next(NUMBERS)}",
            effective=self.effective,
            hold=self.phase != "posted",
        )
        if self.phase != "settled":
            return [[first]]
        first = replace(first, amount=self.amount + 5, effective=EDGES[0])
        end = Resolution(
            hold=first.reference,
            phase="settled",
            amount=self.amount,
            kind="lesson",
            reference=f"m{next(NUMBERS)}",
            effective=self.effective,
        )
        return [[first], [end]]


def _instants() -> st.SearchStrategy[datetime]:
    shifts = (-TICK, 0 * TICK, TICK, -6 * HOUR, 6 * HOUR, 10 * HOUR)
    return st.builds(datetime.__add__, st.sampled_from(EDGES), st.sampled_from(shifts))


def _histories() -> st.SearchStrategy[list[Moved | int]]:
    """Transfers, and numbers: so many are rolled there."""
    phases: st.SearchStrategy[Phase] = st.sampled_from(("posted", "posted", "settled", "pending"))
    moved = st.builds(
        lambda sides, **facts: Moved(debit=sides[0], credit=sides[1], **facts),
        st.permutations((0, 1, 2)),
        amount=st.integers(1, 1_000),
        phase=phases,
        effective=_instants(),
        recorded=_instants(),
    )
    return st.lists(moved | moved | moved | st.sampled_from((1, 3, 1_000)), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=30)
@given(_histories(), st.lists(st.tuples(st.none() | _instants(), st.none() | _instants()), min_size=1, max_size=6))
def test_any_balance_is_the_sum_of_its_transfers_however_they_were_rolled(
    engine: Engine, history: list[Moved | int], asked: list[tuple[datetime | None, datetime | None]]
) -> None:
    root = f"x/{next(NUMBERS)}"
    paths = [f"{root}/{each}" for each in ("a", "b", "b/c")]
    with transaction(engine) as db:
        open_accounts(db, [NewAccount(path=each, kind="asset", limits=FREE) for each in paths], now=NOW)
    for step in history:
        if isinstance(step, int):
            _rolled(engine, at_once=step)
        else:
            for batch in step.requests(paths):
                with transaction(engine) as db:
                    post_all(db, batch, now=step.recorded)
    moved = [each for each in history if isinstance(each, Moved) and each.phase != "pending"]
    with snapshot(engine) as db:
        for as_of, known_at in asked:
            seen = [
                each
                for each in moved
                if (as_of is None or each.effective < as_of) and (known_at is None or each.recorded <= known_at)
            ]
            debits = [sum(each.amount for each in seen if each.debit == number) for number in range(3)]
            credits = [sum(each.amount for each in seen if each.credit == number) for number in range(3)]
            lines = trial_balance(db, prefix=f"{root}/", as_of=as_of, known_at=known_at)
            assert [(each.path, each.debits, each.credits) for each in lines] == list(
                zip(paths, debits, credits, strict=True)
            )
            assert balance(db, paths[0], as_of=as_of, known_at=known_at) == lines[0]
            tree = rolled_up(db, root, as_of=as_of, known_at=known_at)
            assert [(each.debits, each.credits) for each in tree.nodes] == [(sum(debits), sum(credits))]
            assert [(each.debits, each.credits) for each in tree.children] == [
                (debits[0], credits[0]),
                (sum(debits[1:]), sum(credits[1:])),
            ]
        assert list(movements_are_the_sums_of_transfers(db)) == []


def test_every_transfer_counts_from_its_own_instants_on_rolled_or_not(engine: Engine) -> None:
    begins = EDGES[0]
    instants = [begins + shift for shift in (-TICK, 0 * TICK, TICK, 6 * HOUR, DAY - TICK, DAY)]
    pairs = list(itertools.product(instants, instants))
    amounts = {pair: 2**number for number, pair in enumerate(pairs)}  # so that a sum tells of which it is
    for done in (pairs[::2], pairs[1::2]):
        with transaction(engine) as db:
            opened(db)
            for effective, recorded in done:
                amount = amounts[effective, recorded]
                each = replace(PAYMENT, amount=amount, reference=f"m{amount}", effective=effective)
                post_all(db, [each], now=recorded)
        if done == pairs[::2]:
            _rolled(engine)
    with snapshot(engine) as db:
        for as_of, known_at in pairs:
            found = balance(db, PREPAID, as_of=as_of, known_at=known_at)
            assert found is not None
            counted = [pair for pair in pairs if pair[0] < as_of and pair[1] <= known_at]
            assert found.credits == sum(amounts[each] for each in counted)


def test_a_movement_that_is_not_the_sum_of_its_transfers_is_named(books: Engine) -> None:
    _rolled(books)
    with transaction(books) as db:
        for grain, change in itertools.product(
            ("day", "month"),
            (
                "UPDATE ledger_movement SET debits = debits + 1",
                "UPDATE ledger_movement SET credits = credits - 1",
                "UPDATE ledger_movement SET effective_from = '2026-07-01'",
                "UPDATE ledger_movement SET recorded_from = '2026-07-01'",
                "DELETE FROM ledger_movement",
            ),
        ):
            undone = db.begin_nested()
            of = f"grain = '{grain}' AND account_id = (SELECT id FROM ledger_account WHERE path = '{PREPAID}')"  # noqa: S608  own names
            db.execute(text(f"{change} WHERE {of}"))
            found = [str(each) for each in movements_are_the_sums_of_transfers(db)]
            assert found, change
            assert all(PREPAID in each and f"{grain} 2026-" in each for each in found), found
            undone.rollback()
        assert list(movements_are_the_sums_of_transfers(db)) == []


def test_movements_that_were_thrown_away_are_made_anew_and_are_never_missed(books: Engine) -> None:
    _rolled(books)
    with transaction(books) as db:
        before = trial_balance(db, as_of=NOW + DAY)
        db.execute(text("DELETE FROM ledger_movement"))
        db.execute(text("DELETE FROM ledger_rolled"))
        assert trial_balance(db, as_of=NOW + DAY) == before
    assert _rolled(books) == 2
    assert _wrong(books) == []


def test_a_transfer_that_came_in_behind_what_was_rolled_is_found(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT], now=NOW)
        roll(db)
        db.execute(text("DROP TRIGGER ledger_transfer_no_update"))
        db.execute(text("UPDATE ledger_transfer SET amount = amount + 1"))
        found = [str(each) for each in movements_are_the_sums_of_transfers(db)]
    assert len(found) == 4
    assert "kept debits 300000 and credits 0, summed 300001 and 0" in found[0]
    engine.dispose()
