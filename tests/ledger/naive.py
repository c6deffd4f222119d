"""The ledger again, as plainly as it can be said: a list of rows, and every figure added up from it each time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

from ledger.entries import Limits, NewAccount, Phase, Request, Resolution, Transfer
from ledger.splitting import Split


@dataclass(frozen=True, kw_only=True)
class Row:
    """A transfer that was accepted, and when it counts. `ends` is the reference of the hold that it ended."""

    request: Request
    debit: str
    credit: str
    amount: int
    phase: Phase
    recorded: datetime
    counts: datetime
    ends: str | None = None

    @property
    def occurred(self) -> datetime | None:
        """When it happened, where it counts later."""
        return None if self.counts == self.request.effective else self.request.effective


@dataclass
class Naive:
    """Books in memory. What it answers, the real ones must answer too."""

    accounts: dict[str, NewAccount]
    states: dict[str, str]
    limits: dict[str, Limits]
    closed: datetime | None = None
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
        seen = [each for each in self.rows if each.counts < as_of and each.recorded <= known_at]
        book = replace(self, rows=seen)
        return {path: book.totals(path)[:2] for path in self.accounts}

    def ask(self, requests: Sequence[Request], *, now: datetime, whole: bool) -> list[str]:
        """What becomes of each request; with `whole`, nothing of any when one is refused."""
        before = list(self.rows)
        statuses = [self._one(each, before, now) for each in requests]
        if whole and "refused" in statuses:
            self.rows = before
        return statuses

    def split(self, asked: Split, *, now: datetime) -> list[str]:
        """What becomes of the parts; all refused when the reference stands for other parts."""
        given = _shares(asked.amount, asked.weights)
        parts: list[Request] = [
            Transfer(
                debit=asked.debit if isinstance(asked.debit, str) else asked.debit[number],
                credit=asked.credit if isinstance(asked.credit, str) else asked.credit[number],
                amount=share,
                kind=asked.kind,
                reference=f"{asked.reference}/{number + 1}",
                effective=asked.effective,
            )
            for number, share in enumerate(given)
            if share
        ]
        known = {
            each.request.reference for each in self.rows if each.request.reference.startswith(f"{asked.reference}/")
        }
        if known and known != {each.reference for each in parts}:
            return ["refused"]
        return self.ask(parts, now=now, whole=True)

    def due(self, now: datetime) -> list[Row]:
        """The holds that have expired and that nobody has ended, the oldest first."""
        ended = {each.ends for each in self.rows}
        expiring = [
            (each.request.expires, each)
            for each in self.holds()
            if isinstance(each.request, Transfer) and each.request.expires and each.request.reference not in ended
        ]
        return [each for at, each in sorted(expiring, key=lambda one: one[0]) if at <= now]

    def limit(self, path: str, limits: Limits) -> bool:
        """Give other limits; False when what stands would break them."""
        if not _within(limits, self.available(path), self.promised(path)):
            return False
        self.limits[path] = limits
        return True

    def close_until(self, until: datetime, *, now: datetime) -> bool:
        """Close a period; False when it is closed already or not over yet."""
        if until > now or (self.closed is not None and until <= self.closed):
            return False
        self.closed = until
        return True

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
        counts = max(request.effective, self.closed or request.effective)
        if isinstance(request, Transfer):
            if request.amount < 1 or (request.corrects and request.corrects not in old):
                return None
            if request.expires and not (request.hold and request.expires > now):
                return None
            phase: Phase = "pending" if request.hold else "posted"
            return Row(
                request=request,
                debit=request.debit,
                credit=request.credit,
                amount=request.amount,
                phase=phase,
                recorded=now,
                counts=counts,
            )
        hold = old.get(request.hold)
        amount = request.amount or 0
        if hold is None or hold.phase != "pending" or request.hold in {each.ends for each in self.rows}:
            return None
        if not 0 < amount <= hold.amount or (request.phase != "settled" and amount < hold.amount):
            return None
        if not _in_time(request, hold, now):
            return None
        return Row(
            request=request,
            debit=hold.debit,
            credit=hold.credit,
            amount=amount,
            phase=request.phase,
            recorded=now,
            counts=counts,
            ends=request.hold,
        )

    def _fits(self, row: Row) -> bool:
        """Whether both accounts are there and take it, and keep their limits afterwards."""
        sides = {row.debit, row.credit}
        if len(sides) < 2 or not sides <= self.accounts.keys():
            return False
        if len({self.accounts[each].currency for each in sides}) > 1:
            return False
        barred = {"closed"} if row.ends else {"closed", "frozen"}
        if any(self.states[each] in barred for each in sides):
            return False
        after = replace(self, rows=[*self.rows, row])
        if not all(_within(self.limits[each], after.available(each), after.promised(each)) for each in sides):
            return False
        return bool(row.ends) or not (
            after.passes(self.limits[row.debit].most_debits, "debit", row)
            or after.passes(self.limits[row.credit].most_credits, "credit", row)
        )

    def passes(self, most: int | None, side: str, row: Row) -> bool:
        """Whether more than the most moved on this side of the row's account in the period that it counts in."""
        if most is None:
            return False
        path: str = getattr(row, side)
        form = "%Y-%m-%d" if self.limits[path].period == "day" else "%Y-%m"
        ends = {each.ends: each for each in self.rows if each.ends}
        moved = 0
        for each in self.rows:
            if getattr(each, side) != path or each.ends or _local(each.counts, form) != _local(row.counts, form):
                continue
            end = ends.get(each.request.reference)
            moved += each.amount if end is None else end.amount if end.phase == "settled" else 0
        return moved > most

    def available(self, path: str) -> int:
        debits, credits, debits_pending, credits_pending = self.totals(path)
        if self.accounts[path].kind in ("asset", "expense"):
            return debits - credits - credits_pending
        return credits - debits - debits_pending

    def promised(self, path: str) -> int:
        debits, credits, debits_pending, credits_pending = self.totals(path)
        if self.accounts[path].kind in ("asset", "expense"):
            return debits - credits + debits_pending
        return credits - debits + credits_pending


def _within(limits: Limits, available: int, promised: int) -> bool:
    enough = limits.floor is None or available >= limits.floor
    return enough and (limits.ceiling is None or promised <= limits.ceiling)


def _local(at: datetime, form: str) -> str:
    return (at + timedelta(hours=8)).strftime(form)


def _in_time(request: Resolution, hold: Row, now: datetime) -> bool:
    if not isinstance(hold.request, Transfer) or hold.request.expires is None:
        return True
    if now < hold.request.expires:
        return request.phase != "expired"
    due = "settled" if hold.request.on_expiry == "settle" else "expired"
    return (request.phase, request.amount) == (due, hold.amount)


def _shares(amount: int, weights: Sequence[int]) -> list[int]:
    """Unit by unit, each to who is furthest below his exact part and has not got one more than it already."""
    exact = [Fraction(amount * each, sum(weights)) for each in weights]
    given = [int(each) for each in exact]
    while sum(given) < amount:
        behind = [part - share for part, share in zip(exact, given, strict=True)]
        given[behind.index(max(behind))] += 1
    return given
