"""Random days of an account: whatever the bank sends and people do, in whatever order, the cash is proved and tied out.

Short in the suite; `HYPOTHESIS_PROFILE=long` lives through many histories.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import date, datetime, timedelta
from typing import ClassVar, Final

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine, select

from escrow.db import transaction
from escrow.refusals import Refusal
from escrow.settlement import (
    breaks,
    cash,
    frozen,
    proposals,
    reconciling,
    reopening,
    signing,
    statements,
    undoing,
    unmatched,
    write_offs,
)
from escrow.settlement.proposal_sides import Chosen
from escrow.settlement.tables import late_line, match
from escrow.settlement.tie_out import tie_out
from reconciliation.statement import StatementRefused
from tests.escrow.county import BUREAU, SECOND, at, breaches, credit, receive, school
from tests.escrow.settlement.bank_days import BankLine, written

SUMMARIES: Final = ("转账", "结息", "手续费", "转账")
AMOUNTS: Final = st.sampled_from([1, 99, 100, 101, 5000])
LONG: Final = hypothesis.settings.default is not None and hypothesis.settings.default.max_examples > 1000


class _Over(Exception):
    """Makes the history's transaction roll back."""


class Days(RuleBasedStateMachine):
    """One account, its bank, a clerk and a second one; the clock only goes forward."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(suppress(_Over))
        self.db: Connection = self.stack.enter_context(transaction(self.engine))
        self.account = school(self.db).account
        self.lines: list[BankLine] = []
        self.told = 0
        self.now = at(10, 8, 9)
        write_offs.set_limit(self.db, 1, why="试", by=BUREAU, now=self.now)

    @rule(amount=AMOUNTS, booked=st.booleans(), short=st.booleans())
    def the_bank_notifies_money(self, amount: int, booked: bool, short: bool) -> None:
        self.told += 1
        receive(self.db, credit("", amount, serial=f"N{self.told}", paid_at=self.now, payer_account="1"), now=self.now)
        if booked:
            self._book(amount - short or 1, serial=f"N{self.told}" if not short else f"L{self.told}")

    @rule(amount=AMOUNTS, kind=st.integers(0, 3), back=st.integers(0, 2))
    def the_bank_books_a_line(self, amount: int, kind: int, back: int) -> None:
        """Interest, a fee, money out that nobody ordered or in that nobody told of; perhaps for a day gone by."""
        self.told += 1
        signed = -amount if kind in (2, 3) else amount
        self._book(signed, serial=f"L{self.told}", summary=SUMMARIES[kind], back=back)

    @rule(number=st.integers(0, 40))
    def the_bank_takes_a_line_back(self, number: int) -> None:
        ours = [each for each in self.lines if each.summary != "冲正"]
        if ours:
            original = ours[number % len(ours)]
            self._book(-original.amount, serial=original.serial, summary="冲正")

    @rule()
    def a_day_goes_by(self) -> None:
        self.now += timedelta(days=1)

    @rule()
    def the_statement_comes(self) -> None:
        data = written(self.account, sorted(self.lines, key=lambda each: each.at))
        with suppress(StatementRefused), self.db.begin_nested():
            statements.import_file(self.db, data, filename="x", account=self.account, by=BUREAU, now=self.now)

    @rule()
    def the_account_is_reconciled(self) -> None:
        reconciling.reconcile(self.db, self.account, by=BUREAU, now=self.now)

    @rule(choice=st.integers(0, 999), books=st.sampled_from([None, None, "interest", "fee", "credit"]))
    def somebody_proposes(self, choice: int, books: str | None) -> None:
        loose = unmatched.load(self.db, self.account)
        lines = [each.id for each in loose.lines][choice % 3 : choice % 3 + 1 + choice // 500]
        paid = [] if books else [each.id for each in loose.payments][choice % 5 : choice % 5 + 1 + choice % 2]
        chosen = Chosen(lines=lines, payments=paid, books=books)  # type: ignore[arg-type]  # one of its words
        self._try(lambda: proposals.propose(self.db, chosen, reason="试", by=BUREAU, now=self.now))

    @rule(choice=st.integers(0, 9), yes=st.booleans())
    def somebody_else_decides(self, choice: int, yes: bool) -> None:
        waiting = proposals.page(self.db, self.account)
        if waiting:
            chosen = waiting[choice % len(waiting)].id
            if yes:
                self._try(lambda: proposals.approve(self.db, chosen, by=SECOND, now=self.now))
            else:
                self._try(lambda: proposals.decline(self.db, chosen, reason="否", by=SECOND, now=self.now))

    @rule(choice=st.integers(0, 99))
    def a_match_is_undone(self, choice: int) -> None:
        standing = list(self.db.execute(select(match.c.id).where(match.c.undone_at.is_(None))).scalars())
        if standing:
            chosen = standing[choice % len(standing)]
            self._try(lambda: undoing.undo(self.db, chosen, reason="错", by=SECOND, now=self.now))

    @rule(back=st.integers(1, 3))
    def a_day_is_signed_off(self, back: int) -> None:
        for each in breaks.still_open(self.db, self.account):
            breaks.assign(self.db, each.id, owner="王会计", by=BUREAU, now=self.now)
        day = (self.now - timedelta(days=back)).date()
        self._try(lambda: signing.sign_off(self.db, self.account, day, by=BUREAU, now=self.now))

    @rule(back=st.integers(0, 3))
    def signed_days_are_reopened(self, back: int) -> None:
        signed = frozen.signed_until(self.db, self.account)
        if signed is not None:
            day = signed - timedelta(days=back)
            asked = reopening.ask(self.db, self.account, day, reason="更正", by=BUREAU, now=self.now)
            reopening.approve(self.db, asked.id, by=SECOND, now=self.now)

    @invariant()
    def every_day_is_proved_and_tied_out(self) -> None:
        apart = self.db.execute(select(late_line.c.id).where(late_line.c.taken_at.is_(None))).first()
        signed = frozen.signed_until(self.db, self.account)
        for day in self._days():
            assert tie_out(self.db, self.account, on=day).holds, day
            if cash.stated_at(self.db, self.account, day) is None or (apart and day != signed):
                continue
            assert cash.prove(self.db, self.account, on=day).unexplained.minor == 0, day

    def teardown(self) -> None:
        try:
            assert breaches(self.db) == []
        finally:
            with self.stack:
                raise _Over

    def _book(self, amount: int, *, serial: str, summary: str = "转账", back: int = 0) -> None:
        when = self.now - timedelta(days=back) + timedelta(seconds=len(self.lines))
        account = "1" if summary == "转账" else ""
        self.lines.append(
            BankLine(amount=amount, at=when, serial=serial, summary=summary, use="", party="", party_account=account)
        )

    def _days(self) -> list[date]:
        first: datetime = at(10, 6)
        return [first.date() + timedelta(days=each) for each in range((self.now - first).days + 1)]

    def _try(self, act: Callable[[], object]) -> None:
        """A refusal is an answer too, and has changed nothing."""
        with suppress(Refusal), self.db.begin_nested():
            act()


@pytest.mark.timeout(0 if LONG else 300)
def test_in_every_order_the_cash_is_proved_and_what_is_owed_is_held(engine: Engine) -> None:
    examples, steps = (60, 40) if LONG else (6, 25)
    machine = type("OnThisDatabase", (Days,), {"engine": engine})
    settings = hypothesis.settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(machine, settings=settings)
