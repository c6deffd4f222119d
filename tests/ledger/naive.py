"""The ledger again, as plainly as it can be said: a list of rows, and every figure added up from it each time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ledger.entries import NewAccount, Phase, Request, Resolution, Transfer


@dataclass(frozen=True, kw_only=True)
class Row:
    """A transfer that was accepted. `ends` is the reference of the hold that it ended."""

    request: Request
    debit: str
    credit: str
    amount: int
    phase: Phase
    recorded: datetime
    ends: str | None = None


@dataclass
class Naive:
    """Books in memory. What it answers, the real ones must answer too."""

    accounts: dict[str, NewAccount]
    states: dict[str, str]
    rows: list[Row] = field(default_factory=list)

    def row(self, reference: str) -> Row | None:
        return next((each for each in self.rows if each.request.reference == reference), None)

    def holds(self) -> list[Row]:
        return [each for each in self.rows if each.phase == "pending"]

    def totals(self, path: str) -> tuple[int, int, int, int]:
        """Debits and credits posted, then debits and credits that open holds reserve."""
        moved = [each for each in self.rows if each.phase in ("posted", "settled")]
        ended = {each.ends for each in self.rows}
        open_holds = [each for each in self.holds() if each.request.reference not in ended]
        return (
            sum(each.amount for each in moved if each.debit == path),
            sum(each.amount for each in moved if each.credit == path),
            sum(each.amount for each in open_holds if each.debit == path),
            sum(each.amount for each in open_holds if each.credit == path),
        )

    def balances(self, *, as_of: datetime, known_at: datetime) -> dict[str, tuple[int, int]]:
        """Debits and credits of each account: of what happened before `as_of` and was written by `known_at`."""
        seen = [each for each in self.rows if each.request.effective < as_of and each.recorded <= known_at]
        book = Naive(self.accounts, self.states, seen)
        return {path: book.totals(path)[:2] for path in self.accounts}

    def ask(self, requests: Sequence[Request], *, now: datetime, whole: bool) -> list[str]:
        """What becomes of each request; with `whole`, nothing of any when one is refused."""
        before = list(self.rows)
        statuses = [self._one(each, before, now) for each in requests]
        if whole and "refused" in statuses:
            self.rows = before
        return statuses

    def move(self, path: str, state: str, to: str) -> bool:
        """Freeze, thaw or close; False when it is not possible."""
        debits, credits, *reserved = self.totals(path)
        if self.states[path] != state or (to == "closed" and (debits != credits or any(reserved))):
            return False
        self.states[path] = to
        return True

    def _one(self, request: Request, before: Sequence[Row], now: datetime) -> str:
        old = {each.request.reference: each for each in before}
        if isinstance(request, Resolution) and request.amount is None and request.hold in old:
            request = replace(request, amount=old[request.hold].amount)
        standing = self.row(request.reference)
        if standing is not None:
            return "existed" if standing.request == request else "refused"
        row = self._new(request, old, now)
        if row is None or not self._fits(row):
            return "refused"
        self.rows.append(row)
        return "created"

    def _new(self, request: Request, old: dict[str, Row], now: datetime) -> Row | None:
        if isinstance(request, Transfer):
            if request.amount < 1 or (request.corrects and request.corrects not in old):
                return None
            phase: Phase = "pending" if request.hold else "posted"
            return Row(
                request=request,
                debit=request.debit,
                credit=request.credit,
                amount=request.amount,
                phase=phase,
                recorded=now,
            )
        hold = old.get(request.hold)
        amount = request.amount or 0
        if hold is None or hold.phase != "pending" or request.hold in {each.ends for each in self.rows}:
            return None
        if not 0 < amount <= hold.amount or (request.phase != "settled" and amount < hold.amount):
            return None
        return Row(
            request=request,
            debit=hold.debit,
            credit=hold.credit,
            amount=amount,
            phase=request.phase,
            recorded=now,
            ends=request.hold,
        )

    def _fits(self, row: Row) -> bool:
        """Whether both accounts are there and take it, and have enough afterwards."""
        sides = {row.debit, row.credit}
        if len(sides) < 2 or not sides <= self.accounts.keys():
            return False
        if len({self.accounts[each].currency for each in sides}) > 1:
            return False
        barred = {"closed"} if row.ends else {"closed", "frozen"}
        if any(self.states[each] in barred for each in sides):
            return False
        after = Naive(self.accounts, self.states, [*self.rows, row])
        return all(self.accounts[each].overdraft or after.available(each) >= 0 for each in sides)

    def available(self, path: str) -> int:
        debits, credits, debits_pending, credits_pending = self.totals(path)
        if self.accounts[path].kind in ("asset", "expense"):
            return debits - credits - credits_pending
        return credits - debits - debits_pending
