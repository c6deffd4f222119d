"""Random histories on both databases, compared with naive books in memory after every single step.

`HYPOTHESIS_PROFILE=long` makes thousands of them.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine

from ledger.accounts import close, find, freeze, limit, open_accounts, thaw
from ledger.audit import audit
from ledger.balances import trial_balance
from ledger.entries import (
    USUAL,
    LedgerRefusal,
    Limits,
    NewAccount,
    Request,
    Resolution,
    Result,
    Transfer,
    TransferRefused,
)
from ledger.expiring import expire
from ledger.periods import close_until, closed_until
from ledger.posting import post, post_all, post_columns
from ledger.reading import all_transfers
from ledger.splitting import Split, split
from tests.ledger.books import ACCOUNTS, BANK, DAY, EARNED, FEES, HOUR, LESSON, NOW, OTHER, PAYMENT, PREPAID, as_columns
from tests.ledger.naive import Naive

LONG: Final = settings.default is not None and settings.default.max_examples > 1_000
SETTINGS: Final = settings(stateful_step_count=50) if LONG else settings(max_examples=14, stateful_step_count=20)

DOLLARS: Final = "bank/usd"
OPENED: Final = (*ACCOUNTS, NewAccount(path=DOLLARS, kind="asset", currency="USD"))
MOVES: Final[dict[str, tuple[Callable[[Connection, str], None], str, str]]] = {
    "freeze": (freeze, "open", "frozen"),
    "thaw": (thaw, "frozen", "open"),
    "close": (close, "open", "closed"),
}

usual = st.sampled_from([BANK, PREPAID, OTHER, EARNED, FEES])
pairs = st.one_of(
    *[st.permutations([BANK, PREPAID, OTHER, EARNED, FEES])] * 3, st.permutations([BANK, PREPAID, DOLLARS, "nowhere"])
)
amounts = st.one_of(st.integers(1, 60), st.integers(1, 60), st.integers(-1, 900))
instants = st.sampled_from([NOW - DAY, NOW, NOW, NOW + DAY])
some = st.integers(0, 10_000)
"""Picks one out of what there is by then."""

transfers = st.builds(
    lambda pair, **facts: Transfer(debit=pair[0], credit=pair[1], **facts),
    pairs,
    amount=amounts,
    kind=st.sampled_from(["payment", "lesson"]),
    reference=st.sampled_from("aabcde"),  # made its own in each step, so twins meet only within a batch
    effective=instants,
    hold=st.booleans(),
)
expiring = st.builds(
    replace,
    transfers,
    hold=st.sampled_from([True, True, True, False]),
    expires=st.integers(1, 6).map(lambda hours: NOW + hours * HOUR),  # moved to where the step is
    on_expiry=st.sampled_from(["void", "settle"]),
)
small = st.builds(
    lambda pair, **facts: Transfer(debit=pair[0], credit=pair[1], kind="lesson", reference="s", **facts),
    st.permutations([BANK, PREPAID, OTHER, EARNED]),
    amount=st.integers(1, 2),
    effective=instants,
)
splits = st.builds(
    lambda paths, weights, amount, gives, effective: Split(
        debit=paths[0] if gives else paths[1 : len(weights) + 1],
        credit=paths[1 : len(weights) + 1] if gives else paths[0],
        weights=weights,
        amount=amount,
        reference="split",
        kind="bonus",
        effective=effective,
    ),
    st.permutations([BANK, PREPAID, OTHER, EARNED, FEES]),
    st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(any),
    st.integers(0, 90),
    st.booleans(),
    instants,
)
limits = st.sampled_from(
    [
        *[USUAL] * 4,
        Limits(floor=20),
        Limits(floor=-50, overdraft="known"),
        Limits(floor=None, overdraft="known"),
        Limits(ceiling=450),
        Limits(floor=5, ceiling=900),
        Limits(period="day", most_debits=60),
        Limits(period="month", most_credits=460, most_debits=90),
    ]
)


class Histories(RuleBasedStateMachine):
    """One history, in a transaction that is rolled back."""

    engine: ClassVar[Engine]
    outcomes: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.db = self.engine.connect()
        self.now = NOW
        self.reports: list[tuple[datetime, datetime, Any]] = []
        self.splits: list[Split] = []
        self.naive = Naive(
            {each.path: each for each in OPENED},
            {each.path: "open" for each in OPENED},
            {each.path: each.limits for each in OPENED},
        )
        open_accounts(self.db, OPENED, now=NOW)
        self.ask([replace(PAYMENT, amount=400, credit=each, reference=each) for each in (PREPAID, OTHER, EARNED)])
        self.ask([replace(LESSON, amount=50, hold=True)])

    def teardown(self) -> None:
        self.db.rollback()
        self.db.close()

    def ask(self, requests: list[Any], *, whole: bool = False, columns: bool = False) -> None:
        """Ask both books, and compare their answers."""
        self.now += HOUR
        expected = self.naive.ask(requests, now=self.now, whole=whole)
        self.outcomes.update(expected)

        def real() -> list[Result]:
            if columns:
                hold = requests[0].hold
                return post_columns(self.db, as_columns(requests, hold=hold), now=self.now, whole=whole).results()
            return (post_all if whole else post)(self.db, requests, now=self.now)

        if whole and "refused" in expected:
            self.outcomes["refused as a whole"] += 1
            with pytest.raises(TransferRefused) as refusal:
                real()
            assert len(refusal.value.refused) == expected.count("refused")
            return
        results = real()
        assert [each.status for each in results] == expected, [each.why for each in results]
        assert [each.reference for each in results] == [each.reference for each in requests]
        self.outcomes.update(
            each.phase
            for each, result in zip(requests, results, strict=True)
            if isinstance(each, Resolution) and result.status == "created"
        )

    def own(self, request: Transfer) -> Transfer:
        """The request with a reference that no other step uses, expiring so long from now."""
        expires = request.expires and request.expires + (self.now - NOW)
        return replace(request, reference=f"{self.now:%m%d-%H}-{request.reference}", expires=expires)

    def possible(self, name: str, done: bool, act: Callable[[], object]) -> None:
        """Act, when the naive books say that it can be done; else be refused."""
        self.outcomes[f"{name} {'done' if done else 'refused'}"] += 1
        if done:
            act()
        else:
            with pytest.raises(LedgerRefusal):
                act()

    @rule(request=transfers)
    def post_one(self, request: Transfer) -> None:
        self.ask([self.own(request)])

    @rule(requests=st.lists(transfers, min_size=2, max_size=5), whole=st.booleans())
    def post_a_batch(self, requests: list[Transfer], whole: bool) -> None:
        self.ask([self.own(each) for each in requests], whole=whole)

    @rule(requests=st.lists(transfers, min_size=1, max_size=5), whole=st.booleans(), hold=st.booleans())
    def post_a_batch_of_columns(self, requests: list[Transfer], whole: bool, hold: bool) -> None:
        self.ask([self.own(replace(each, hold=hold)) for each in requests], whole=whole, columns=True)

    @rule(requests=st.lists(small, min_size=31, max_size=34), whole=st.booleans(), hold=st.booleans())
    def post_many_small_ones(self, requests: list[Transfer], whole: bool, hold: bool) -> None:
        """So many that they are looked at as a whole first."""
        asked = [self.own(replace(each, reference=f"s{n}", hold=hold)) for n, each in enumerate(requests)]
        self.ask(asked, whole=whole, columns=True)

    @rule(requests=st.lists(expiring, min_size=1, max_size=3))
    def hold_for_a_while(self, requests: list[Transfer]) -> None:
        self.ask([self.own(each) for each in requests])

    @rule()
    def let_expire(self) -> None:
        self.now += HOUR
        ends: list[Request] = [
            Resolution(
                hold=each.request.reference,
                phase="settled" if each.request.on_expiry == "settle" else "expired",
                reference=f"expiry/{each.request.reference}",
                effective=each.request.expires,
                kind=each.request.kind,
            )
            for each in self.naive.due(self.now)
            if isinstance(each.request, Transfer) and each.request.expires
        ]
        expected = self.naive.ask(ends, now=self.now, whole=True)
        results = expire(self.db, now=self.now)
        assert [(each.reference, each.status) for each in results] == [
            (each.reference, status) for each, status in zip(ends, expected, strict=True)
        ]
        self.outcomes["expiries"] += len(results)

    @rule(asked=splits)
    def split_an_amount(self, asked: Split) -> None:
        self.ask_to_split(replace(asked, reference=f"{self.now:%m%d-%H}-split"))

    @precondition(lambda self: self.splits)
    @rule(which=some, more=st.sampled_from([0, 0, 1, 20]), turned=st.booleans())
    def split_again(self, which: int, more: int, turned: bool) -> None:
        asked = self.splits[which % len(self.splits)]
        weights = [*reversed(asked.weights)] if turned else asked.weights
        self.ask_to_split(replace(asked, amount=asked.amount + more, weights=weights))

    def ask_to_split(self, asked: Split) -> None:
        self.now += HOUR
        expected = self.naive.split(asked, now=self.now)
        self.outcomes.update(f"split {each}" for each in expected)
        if "refused" in expected:
            with pytest.raises(TransferRefused):
                split(self.db, asked, now=self.now)
            return
        assert [each.status for each in split(self.db, asked, now=self.now)] == expected
        self.splits.append(asked)

    @rule(path=usual, limits=limits)
    def change_limits(self, path: str, limits: Limits) -> None:
        possible = self.naive.limit(path, limits)
        self.possible("limit", possible, lambda: limit(self.db, path, limits, why="as asked", now=self.now))

    @rule(until=st.one_of(instants, st.integers(0, 30).map(lambda hours: NOW + hours * HOUR)))
    def close_a_period(self, until: datetime) -> None:
        possible = self.naive.close_until(until, now=self.now)
        self.possible("closing", possible, lambda: close_until(self.db, until, why="it is over", now=self.now))

    @precondition(lambda self: self.naive.holds())
    @rule(
        which=some,
        phase=st.sampled_from(["settled", "settled", "voided", "expired"]),
        amount=st.one_of(st.none(), st.integers(1, 60), amounts),
        effective=instants,
    )
    def end_a_hold(self, which: int, phase: Any, amount: int | None, effective: datetime) -> None:
        holds = self.naive.holds()
        hold = holds[which % len(holds)].request.reference
        reference = f"{self.now:%m%d-%H}-end"
        self.ask(
            [Resolution(hold=hold, phase=phase, reference=reference, effective=effective, kind="end", amount=amount)]
        )

    @precondition(lambda self: self.naive.holds())
    @rule(phase=st.sampled_from(["settled", "voided"]))
    def end_all_holds_as_one(self, phase: Any) -> None:
        ended = {each.ends for each in self.naive.rows}
        ends: list[Request] = [
            Resolution(hold=hold, phase=phase, reference=f"{self.now:%m%d-%H}-{hold}", effective=NOW, kind="end")
            for hold in (each.request.reference for each in self.naive.holds())
            if hold not in ended
        ]
        self.ask(ends, whole=True)

    @rule(which=some)
    def repeat(self, which: int) -> None:
        self.ask([self.naive.rows[which % len(self.naive.rows)].request])

    @rule(which=some, change=st.sampled_from(["amount", "kind", "effective", "corrects"]))
    def ask_for_other_content_under_an_old_reference(self, which: int, change: str) -> None:
        row = self.naive.rows[which % len(self.naive.rows)]
        request = row.request
        if change == "amount":
            request = replace(request, amount=row.amount - 1)
        elif change == "corrects" and isinstance(request, Transfer):
            request = replace(request, corrects=None if request.corrects else self.naive.rows[0].request.reference)
        elif change == "effective":
            request = replace(request, effective=request.effective + DAY)
        else:
            request = replace(request, kind="gift")
        self.ask([request])

    @rule(which=some, hold=st.booleans())
    def correct(self, which: int, hold: bool) -> None:
        row = self.naive.rows[which % len(self.naive.rows)]
        self.ask(
            [
                self.own(
                    replace(
                        PAYMENT,
                        debit=row.credit,
                        credit=row.debit,
                        amount=row.amount,
                        reference="fix",
                        corrects=row.request.reference,
                        hold=hold,
                    )
                )
            ]
        )

    @rule(name=st.sampled_from(["freeze", "thaw", "thaw", "close"]), path=usual)
    def move_an_account(self, name: str, path: str) -> None:
        act, state, to = MOVES[name]
        self.possible(name, self.naive.move(path, state, to), lambda: act(self.db, path))

    @rule(as_of=instants)
    def report(self, as_of: datetime) -> None:
        """What the books say now of a time is what they will always have said of it today."""
        self.reports.append((as_of, self.now, trial_balance(self.db, as_of=as_of, known_at=self.now)))

    @invariant()
    def nothing_is_amiss(self) -> None:
        self.outcomes["steps"] += 1
        assert list(audit(self.db)) == []

    @invariant()
    def accounts_and_transfers_are_the_naive_ones(self) -> None:
        found = find(self.db, [each.path for each in OPENED])
        for path, each in found.items():
            totals = (each.debits_posted, each.credits_posted, each.debits_pending, each.credits_pending)
            assert (each.state, totals) == (self.naive.states[path], self.naive.totals(path)), path
            assert (each.available, each.promised) == (self.naive.available(path), self.naive.promised(path))
            assert each.limits == self.naive.limits[path]
        assert closed_until(self.db) == self.naive.closed
        assert [
            (each.reference, each.debit, each.credit, each.amount, each.phase, each.resolves)
            for each in all_transfers(self.db)
        ] == [(r.request.reference, r.debit, r.credit, r.amount, r.phase, r.ends) for r in self.naive.rows]
        assert [
            (each.effective, each.recorded, each.occurred, each.expires, each.on_expiry)
            for each in all_transfers(self.db)
        ] == [(r.counts, r.recorded, r.occurred, *_expiry(r.request)) for r in self.naive.rows]

    @invariant()
    def reports_are_the_naive_ones_and_stay_as_they_were(self) -> None:
        as_of, known_at = NOW + (self.now.hour % 2) * DAY, self.now - HOUR
        lines = trial_balance(self.db, as_of=as_of, known_at=known_at)
        balances = {each.path: (each.debits, each.credits) for each in lines}
        assert balances == self.naive.balances(as_of=as_of, known_at=known_at)
        assert sum(each.debits - each.credits for each in lines) == 0
        for as_of, then, said in self.reports[-1:]:
            assert trial_balance(self.db, as_of=as_of, known_at=then) == said


def _expiry(request: Request) -> tuple[datetime | None, str | None]:
    if isinstance(request, Resolution) or request.expires is None:
        return None, None
    return request.expires, request.on_expiry


# Making a failing history small takes Hypothesis up to five minutes.
@pytest.mark.long
@pytest.mark.timeout(0 if LONG else 900)
def test_every_history_leads_to_the_same_books_as_naive_ones(engine: Engine) -> None:
    outcomes: Counter[str] = Counter()
    here = type("Here", (Histories,), {"engine": engine, "outcomes": outcomes})
    run_state_machine_as_test(here, settings=SETTINGS)
    print(outcomes)  # noqa: T201  how far they went, for who asks with -s
    needed = ["created", "existed", "refused", "refused as a whole"]
    if LONG:  # a short run cannot be sure to meet everything
        needed += ["expiries", "split created", "split existed", "split refused"]
        needed += [f"{each} {end}" for each in (*MOVES, "limit", "closing") for end in ("done", "refused")]
        needed += ["settled", "voided", "expired"]
    assert all(outcomes[each] for each in needed), f"too tame to prove anything: {outcomes}"
    assert outcomes["settled"] + outcomes["voided"] + outcomes["expired"] > 0, f"no hold ended: {outcomes}"
