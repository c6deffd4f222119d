"""A machine lives through months in any order that the verbs allow; after every step the audit finds nothing.

Short by default; `HYPOTHESIS_PROFILE=long` lets it live longer.
"""

import itertools
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, func, select

from escrow.access.tables import audit_entry
from escrow.bank.sandbox import SandboxBank
from escrow.bank.sandbox.bank import StatementFormat
from escrow.db import open_engine, transaction
from escrow.enrolment import contracts, orders, payments
from escrow.enrolment.placing import Credit
from escrow.payouts import batches, closures, refunds, releases, suspense
from escrow.refusals import Refusal
from escrow.rules.months import SHANGHAI, Month
from escrow.settlement import cash, reconciling, statements
from escrow.teaching import confirmations
from ledger.money import Money
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    Family,
    School,
    at,
    breaches,
    credit,
    family,
    requested,
    school,
    signed,
    teach,
)

LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "long"
LAST: Final = at(12, 10)
"""Nothing is recorded later: the guardians' working days would run into a year without a calendar."""


ANY: Final = st.integers(0, 10**4)
"""Which one of those there are."""

WORDS: Final = st.sampled_from(["confirm", "confirm", "dispute", "taught", "struck"])

T = TypeVar("T")

MUST_HAPPEN: Final = (
    *("order.placed", "lesson.recorded", "lesson.confirmed", "lesson.disputed", "dispute.decided", "silence.swept"),
    *("release.requested", "release.approved", "release.rejected", "refund.decided", "batch.made"),
    *("suspense.proposed", "suspense.approved", "suspense.rejected", "statement.imported", "account.reconciled"),
    *("closure.requested", "closure.approved", "refused: nothing-to-pay", "refused: not-paid-for"),
    *("refused: already-decided", "refused: nothing-to-refund", "refused: nothing-to-release", "refused: does-not-fit"),
)


class EscrowLives(RuleBasedStateMachine):
    """One school, up to four families, a bank with books of its own, and a clock that runs forward."""

    template: ClassVar[Path]
    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="escrow-lives-"))
        file = shutil.copyfile(self.template, self.folder / "escrow.db")
        self.engine = open_engine(f"sqlite:///{file}")
        self.bank = SandboxBank.open(self.folder / "bank.db", key=SandboxBank.new_key("bank-1"))
        self.now = at(7, 20)
        self.numbers = itertools.count(1)
        self.held: list[contracts.Contract] = []
        self.told: list[Credit] = []
        self.taught: list[tuple[int, contracts.Contract]] = []

    def teardown(self) -> None:
        with transaction(self.engine) as db:
            for row in db.execute(select(audit_entry.c.what, func.count().label("times")).group_by(audit_entry.c.what)):
                self.happened[row.what] += row.times
        self.bank.close()
        self.engine.dispose()
        shutil.rmtree(self.folder)

    def do(self, act: Callable[[Connection], Any]) -> Any:
        """One request: done and committed, or refused without an effect."""
        self.now += timedelta(minutes=7)
        try:
            with transaction(self.engine) as db:
                return act(db)
        except Refusal as refused:
            self.happened[f"refused: {refused.slug}"] += 1
            return None

    @initialize()
    def begin(self) -> None:
        """A school with three paid contracts, on the eve of a window: one lesson of each confirmed, one not yet."""
        self.of: School = self.do(school)
        self.families: list[Family] = [self.do(partial(family, number=number)) for number in (1, 2, 3)]
        self.bank.open_account(self.of.account, self.of.institution.name)
        for whose in range(3):
            self.sign(whose=whose, lessons=3 + whose, gifted=1, price="1000.00")
            self.pay(which=whose, part=None, more=0, named=True, heard=True)
        self.now = at(8, 3)
        for which in range(3):
            self.teach(which=which, times=2)
            self.speak(which=2 * which, words=["confirm"])
        self.now = at(9, 9)

    @rule(hours=st.sampled_from([1, 20, 24 * 3, 24 * 9]))
    def time_passes(self, hours: int) -> None:
        self.now = min(self.now + timedelta(hours=hours), LAST)

    @rule(
        whose=st.integers(0, 2),
        lessons=st.integers(1, 7),
        gifted=st.integers(0, 2),
        price=st.sampled_from(["1000.00", "0.07", "333.33"]),
    )
    def sign(self, whose: int, lessons: int, gifted: int, price: str) -> None:
        child = self.families[whose]
        contract = self.do(lambda db: signed(db, self.of, child, lessons=lessons, gifted=gifted, price=price))
        self.held += [contract] if contract else []

    @rule(
        which=ANY,
        part=st.sampled_from([None, None, 1, 5, 10000]),
        more=st.sampled_from([0, 0, 0, -1, 1]),
        named=st.sampled_from([True, True, False]),
        heard=st.booleans(),
    )
    def pay(self, *, which: int, part: int | None, more: int, named: bool, heard: bool) -> None:
        """A family orders and pays, right or wrong, named or not; the bank has it, and says so now, later or never."""
        contract = _any_of(self.held, which)
        amount = None if part is None else Money(part)
        order = self.do(
            lambda db: orders.place(db, contract.id, amount=amount, rulebook=RULEBOOK, by=BUREAU, now=self.now)
        )
        if order is None or order.amount + more < 1:
            return
        number = next(self.numbers) % 3
        paid = credit(
            order.reference if named else "",
            order.amount + more,
            account=self.of.account,
            payer=f"王芳{number}",
            payer_account=f"6222{number}",
            paid_at=self.now.replace(microsecond=0),
        )
        serial = self.bank.pay(
            account=paid.supervised_account,
            amount_minor=paid.amount,
            remark=f"{paid.reference} 学费",
            reference=paid.reference,
            at=paid.paid_at,
            payer=paid.payer,
            payer_account=paid.payer_account,
        )
        self.told.append(replace(paid, serial=serial))
        if heard:
            self.notify(which=[-1])

    @rule(which=st.lists(ANY, min_size=1, max_size=4))
    def notify(self, which: list[int]) -> None:
        """In any order, as often as the bank likes."""
        credits = [_any_of(self.told, each) for each in which]
        self.do(lambda db: payments.receive(db, credits, source="notification", now=self.now))

    @rule(which=ANY, times=st.integers(1, 3))
    def teach(self, which: int, times: int) -> None:
        contract = _any_of(self.held, which)
        yesterday = self.now.astimezone(SHANGHAI) - timedelta(days=1)
        on = yesterday.month, yesterday.day
        for _ in range(times if self.now < LAST else 0):
            session: dict[str, Any] = {"on": on, "class_no": f"班{next(self.numbers)}", "now": self.now}
            lesson = self.do(partial(teach, of=self.of, attended=[contract], **session))
            self.taught += [(lesson, contract)] if lesson else []

    @rule(
        which=ANY, words=st.lists(st.sampled_from(["confirm", "dispute", "taught", "struck"]), min_size=1, max_size=3)
    )
    def speak(self, which: int, words: list[str]) -> None:
        """The guardian confirms or disputes, the bureau decides: in whatever order, most of it is refused."""
        lesson, contract = _any_of(self.taught, which)
        for word in words:
            facts: dict[str, Any] = {"lesson_id": lesson, "contract_id": contract.id, "by": BUREAU, "now": self.now}
            if word != "confirm":
                facts["reason"] = "x"
            if word in ("taught", "struck"):
                facts["taught"] = word == "taught"
            verb: Callable[..., Any] = getattr(confirmations, "decide" if "taught" in facts else word)
            self.do(partial(verb, **facts))

    @rule()
    def silence(self) -> None:
        self.do(lambda db: confirmations.confirm_by_silence(db, by=BUREAU, now=self.now))

    @rule(approved=st.sampled_from([True, True, False]))
    def release(self, approved: bool) -> None:
        """In this month's window or the next, for the month before it; somebody else decides."""
        month = Month.containing(self.now)
        opens = month.start + timedelta(days=9)
        if self.now >= opens + timedelta(days=6):
            month = month.plus(1)
            opens = month.start + timedelta(days=9)
        if opens > LAST:
            return
        self.now = max(self.now, opens)
        request = self.do(lambda db: requested(db, self.of, str(month.plus(-1)), now=self.now))
        if request is None:
            return
        if approved:
            self.do(lambda db: releases.approve(db, request.id, by=BUREAU, now=self.now))
        else:
            self.do(lambda db: releases.reject(db, request.id, reason="x", by=BUREAU, now=self.now))

    @rule(which=ANY)
    def refund(self, which: int) -> None:
        contract = _any_of(self.held, which)
        self.do(lambda db: refunds.ask(db, contract.id, rulebook=RULEBOOK, by=BUREAU, now=self.now))

    @rule(which=ANY, back=st.booleans(), approved=st.booleans())
    def suspense(self, which: int, back: bool, approved: bool) -> None:
        """The oldest money in suspense finds a contract, or goes back, or neither."""
        target = None if back else _any_of(self.held, which).id

        def propose(db: Connection) -> suspense.Proposal | None:
            for payment in payments.in_suspense(db)[:1]:
                return suspense.propose(db, payment.id, contract_id=target, reason="x", by=BUREAU, now=self.now)
            return None

        proposal = self.do(propose)
        if proposal is None:
            return
        if not approved or self.do(lambda db: suspense.approve(db, proposal.id, by=SECOND, now=self.now)) is None:
            self.do(lambda db: suspense.reject(db, proposal.id, reason="x", by=SECOND, now=self.now))

    @rule(sent=st.booleans(), form=st.sampled_from([None, "camt.053", "icbc-csv"]))
    def bank_day(self, sent: bool, form: StatementFormat | None) -> None:
        """What was decided goes to the bank, which can always execute it; its statement comes, and explains all."""
        batch = self.do(lambda db: batches.make(db, by=BUREAU, now=self.now)) if sent else None
        if batch is not None:
            receipt = self.bank.deliver(self.do(lambda db: batches.file_of(db, batch.id)), at=self.now)
            assert receipt.status == "accepted", receipt
        if form is not None:
            day = self.now.astimezone(SHANGHAI).date()
            data = self.bank.statement(self.of.account, begins=at(7, 1).date(), ends=day, format=form)
            self.do(partial(self._take, data=data))

    def _take(self, db: Connection, data: bytes) -> None:
        """Every line is known afterwards, whatever was notified; the proof leaves nothing unexplained."""
        statements.import_file(db, data, filename="s", account=self.of.account, by=BUREAU, now=self.now)
        found = reconciling.reconcile(db, self.of.account, by=BUREAU, now=self.now)
        proof = cash.prove(db, self.of.account)
        assert found.open == []
        assert (proof.unexplained.minor, proof.differences) == (0, ()), str(proof)
        assert proof.ledger_balance.minor == self.bank.balance(self.of.account), "all that moved is in the books"

    @rule(chance=st.integers(1, 8))
    def close(self, chance: int) -> None:
        """Once in a while the school closes, and everything that is asked afterwards meets that."""
        if chance != 1 or self.now < at(9, 1):
            return
        institution = self.of.institution.id
        closure = self.do(lambda db: closures.freeze(db, institution, reason="x", by=BUREAU, now=self.now))
        if closure is not None:
            self.do(lambda db: closures.approve(db, closure.id, rulebook=RULEBOOK, by=SECOND, now=self.now))

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        with transaction(self.engine) as db:
            assert breaches(db) == []


def _any_of(there: list[T], which: int) -> T:
    return there[which if which < 0 else which % len(there)]


@pytest.mark.long
@pytest.mark.timeout(3600 if LONG else 300)
def test_whatever_is_asked_in_whatever_order_the_audit_finds_nothing(sqlite_template: Path) -> None:
    EscrowLives.template = sqlite_template
    EscrowLives.happened.clear()
    run_state_machine_as_test(
        EscrowLives,
        settings=settings(
            max_examples=60 if LONG else 8,
            stateful_step_count=80 if LONG else 40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print("\n".join(f"{times:6} {what}" for what, times in sorted(EscrowLives.happened.items())))  # noqa: T201  a machine that did nothing proved nothing; pytest shows it with -s
    assert EscrowLives.happened["contract.signed"]
    if LONG:
        assert not [what for what in MUST_HAPPEN if not EscrowLives.happened[what]]
