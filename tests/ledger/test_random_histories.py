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

from ledger.accounts import close, find, freeze, open_accounts, thaw
from ledger.audit import audit
from ledger.entries import LedgerRefusal, NewAccount, Request, Resolution, Transfer, TransferRefused
from ledger.posting import post, post_all
from ledger.reading import all_transfers, trial_balance
from tests.ledger.books import ACCOUNTS, BANK, DAY, EARNED, FEES, HOUR, LESSON, NOW, OTHER, PAYMENT, PREPAID
from tests.ledger.naive import Naive

LONG: Final = settings.default is not None and settings.default.max_examples > 1_000
SETTINGS: Final = settings(stateful_step_count=50) if LONG else settings(max_examples=7, stateful_step_count=20)

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


class Histories(RuleBasedStateMachine):
    """One history, in a transaction that is rolled back."""

    engine: ClassVar[Engine]
    outcomes: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.db = self.engine.connect()
        self.now = NOW
        self.reports: list[tuple[datetime, datetime, Any]] = []
        self.naive = Naive({each.path: each for each in OPENED}, {each.path: "open" for each in OPENED})
        open_accounts(self.db, OPENED)
        self.ask([replace(PAYMENT, amount=400, credit=each, reference=each) for each in (PREPAID, OTHER, EARNED)])
        self.ask([replace(LESSON, amount=50, hold=True)])

    def teardown(self) -> None:
        self.db.rollback()
        self.db.close()

    def ask(self, requests: list[Request], *, whole: bool = False) -> None:
        """Ask both books, and compare their answers."""
        self.now += HOUR
        expected = self.naive.ask(requests, now=self.now, whole=whole)
        self.outcomes.update(expected)
        if whole and "refused" in expected:
            self.outcomes["refused as a whole"] += 1
            with pytest.raises(TransferRefused) as refusal:
                post_all(self.db, requests, now=self.now)
            assert len(refusal.value.refused) == expected.count("refused")
        else:
            results = (post_all if whole else post)(self.db, requests, now=self.now)
            assert [each.status for each in results] == expected, [each.why for each in results]
            assert [each.reference for each in results] == [each.reference for each in requests]
            self.outcomes.update(
                each.phase
                for each, result in zip(requests, results, strict=True)
                if isinstance(each, Resolution) and result.status == "created"
            )

    def own(self, request: Transfer) -> Transfer:
        """The request with a reference that no other step uses."""
        return replace(request, reference=f"{self.now:%m%d-%H}-{request.reference}")

    @rule(request=transfers)
    def post_one(self, request: Transfer) -> None:
        self.ask([self.own(request)])

    @rule(requests=st.lists(transfers, min_size=2, max_size=5), whole=st.booleans())
    def post_a_batch(self, requests: list[Transfer], whole: bool) -> None:
        self.ask([self.own(each) for each in requests], whole=whole)

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
        possible = self.naive.move(path, state, to)
        self.outcomes[f"{name} {'done' if possible else 'refused'}"] += 1
        if possible:
            act(self.db, path)
        else:
            with pytest.raises(LedgerRefusal):
                act(self.db, path)

    @rule(as_of=instants)
    def report(self, as_of: datetime) -> None:
        """What the books say now of a time is what they will always have said of it today."""
        self.reports.append((as_of, self.now, trial_balance(self.db, as_of=as_of, known_at=self.now)))

    @invariant()
    def nothing_is_amiss(self) -> None:
        assert list(audit(self.db)) == []

    @invariant()
    def accounts_and_transfers_are_the_naive_ones(self) -> None:
        found = find(self.db, [each.path for each in OPENED])
        for path, each in found.items():
            totals = (each.debits_posted, each.credits_posted, each.debits_pending, each.credits_pending)
            assert (each.state, totals) == (self.naive.states[path], self.naive.totals(path)), path
            assert each.available == self.naive.available(path)
        assert [
            (
                each.reference,
                each.debit,
                each.credit,
                each.amount,
                each.phase,
                each.resolves,
                each.effective,
                each.recorded,
            )
            for each in all_transfers(self.db)
        ] == [
            (r.request.reference, r.debit, r.credit, r.amount, r.phase, r.ends, r.request.effective, r.recorded)
            for r in self.naive.rows
        ]

    @invariant()
    def reports_are_the_naive_ones_and_stay_as_they_were(self) -> None:
        as_of, known_at = NOW + (self.now.hour % 2) * DAY, self.now - HOUR
        lines = trial_balance(self.db, as_of=as_of, known_at=known_at)
        balances = {each.path: (each.debits, each.credits) for each in lines}
        assert balances == self.naive.balances(as_of=as_of, known_at=known_at)
        assert sum(each.debits - each.credits for each in lines) == 0
        for as_of, then, said in self.reports[-1:]:
            assert trial_balance(self.db, as_of=as_of, known_at=then) == said


# Making a failing history small takes Hypothesis up to five minutes.
@pytest.mark.timeout(0 if LONG else 900)
def test_every_history_leads_to_the_same_books_as_naive_ones(engine: Engine) -> None:
    outcomes: Counter[str] = Counter()
    here = type("Here", (Histories,), {"engine": engine, "outcomes": outcomes})
    run_state_machine_as_test(here, settings=SETTINGS)
    needed = ["created", "existed", "refused", "refused as a whole"]
    needed += [f"{move} {end}" for move in MOVES for end in ("done", "refused")] if LONG else []
    assert all(outcomes[each] for each in needed), f"too tame to prove anything: {outcomes}"
    assert outcomes["settled"] + outcomes["voided"] + outcomes["expired"] > 0, f"no hold ended: {outcomes}"
