"""The decision about a batch: a pure function of what was loaded. Every limit of the ledger is enforced here first.

Requests are decided one by one, in their order. A batch of plain transfers that all fit, as nearly every batch does, is
seen to fit as a whole first (`ledger.fitting`), without an object for each; what that cannot show is decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ledger import fitting
from ledger.batch import Batch
from ledger.business_clock import first_of
from ledger.entries import (
    Account,
    Phase,
    Recorded,
    Request,
    Resolution,
    Result,
    Side,
    Status,
    Transfer,
)
from ledger.repeating import in_full, same
from ledger.rows import LAST_YEAR, Rows, writable
from ledger.standings import MAX_AMOUNT, Standing

_FEW: Final = 30
"""So many are decided one by one sooner than their arrays are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The accounts of a batch as they stand, locked, and what else limits it."""

    accounts: Mapping[str, Account]
    closed_until: datetime | None = None
    """What is effective before counts in the period that begins here."""

    moved: Mapping[tuple[str, Side, datetime], int] = field(default_factory=dict)
    """How much moved, or is held to move, on a side of an account in the period that begins there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the books already say about a batch: transfers by reference, and the references of resolved holds."""

    transfers: Mapping[str, Recorded] = field(default_factory=dict)
    resolved: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A status for each request, in order; why, of those refused; and what is to be written."""

    references: Sequence[str]
    statuses: Sequence[Status]
    why: Mapping[int, str]
    rows: Rows

    def results(self) -> list[Result]:
        return [
            Result(reference=reference, status=status, why=self.why.get(number, ""))
            for number, (reference, status) in enumerate(zip(self.references, self.statuses, strict=True))
        ]

    def refused(self) -> list[Result]:
        return [
            Result(reference=self.references[number], status="refused", why=why) for number, why in self.why.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request that fits: its accounts found, its amount decided, and when it counts."""

    debit: str
    credit: str
    amount: int
    phase: Phase
    request: Request
    frees: int = 0
    """How much of a hold it gives back: the whole of the hold that it resolves."""


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What has been decided so far."""

    books: Books
    known: Known
    now: datetime
    resolved: dict[str, str]
    moved: dict[tuple[str, Side, datetime], int]
    standings: dict[str, Standing] = field(default_factory=dict)
    seen: dict[str, Request] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def standing(self, path: str) -> Standing | None:
        found = self.standings.get(path)
        if found is None and path in self.books.accounts:
            found = self.standings[path] = Standing.of(self.books.accounts[path])
        return found


def decide(batch: Batch, books: Books, known: Known, *, now: datetime) -> Decision:
    """Decide a batch in its order; refused requests change nothing.

    A later request sees the balances that the earlier ones left, but what it resolves or corrects must have been
    posted before the batch. `now` is when it will be recorded.
    """
    columns = batch.columns
    if (
        columns is not None
        and len(columns) > _FEW
        and not known.transfers
        and fitting.fits(columns, books.accounts, books.closed_until)
    ):
        rows = Rows.of_columns(columns, books.accounts)
        return Decision(references=columns.reference, statuses=["created"] * len(columns), why={}, rows=rows)
    walk = _Walk(books=books, known=known, now=now, resolved=dict(known.resolved), moved=dict(books.moved))
    answers = [_one(in_full(request, known.transfers), walk) for request in batch.requests()]
    return Decision(
        references=batch.references(),
        statuses=[status for status, _ in answers],
        why={number: why for number, (status, why) in enumerate(answers) if status == "refused"},
        rows=_rows(walk),
    )


def _one(request: Request, walk: _Walk) -> tuple[Status, str]:
    if why := _unwritable(request):
        return "refused", why
    twin, recorded = walk.seen.get(request.reference), walk.known.transfers.get(request.reference)
    if twin is not None or recorded is not None:
        if twin == request or (recorded is not None and same(request, recorded)):
            return "existed", ""
        return "refused", f"the reference was used before with other content: {twin or recorded} against {request}"
    entry = _entry(request, walk)
    why = entry if isinstance(entry, str) else _applied(entry, walk)
    if why:
        return "refused", why
    walk.seen[request.reference] = request
    if isinstance(request, Resolution):
        walk.resolved[request.hold] = request.reference
    return "created", ""


def _unwritable(request: Request) -> str:
    if not request.reference:
        return "a transfer needs a reference: what it is known by for ever, and not posted twice by"
    if not writable(request.reference) or not writable(request.kind):
        return "a reference and a kind are text without NUL that UTF-8 can write"
    if request.effective.year > LAST_YEAR:
        return f"nothing happens after the year {LAST_YEAR}, not at {request.effective}"
    return ""


def _entry(request: Request, walk: _Walk) -> Entry | str:
    if isinstance(request, Resolution):
        return _end(request, walk)
    if type(request.amount) is not int or not 0 < request.amount <= MAX_AMOUNT:
        return f"an amount is between 1 and {MAX_AMOUNT} minor units, not {request.amount!r}"
    if request.corrects is not None and request.corrects not in walk.known.transfers:
        return f"there is no transfer {request.corrects} to correct among those posted before"
    if request.expires is not None and not (request.hold and request.expires > walk.now):
        return f"only a hold expires, and later than it is recorded ({walk.now}), not at {request.expires}"
    phase: Phase = "pending" if request.hold else "posted"
    return Entry(debit=request.debit, credit=request.credit, amount=request.amount, phase=phase, request=request)


def _end(request: Resolution, walk: _Walk) -> Entry | str:
    hold = walk.known.transfers.get(request.hold)
    if hold is None or hold.phase != "pending":
        return f"there is no hold {request.hold} among those posted before"
    if request.hold in walk.resolved:
        return f"the hold {request.hold} was resolved by {walk.resolved[request.hold]}"
    amount = hold.amount if request.amount is None else request.amount
    if type(amount) is not int or not 0 < amount <= hold.amount:
        return f"the hold {request.hold} is of {hold.amount}: settle from 1 to that, not {amount!r}"
    if request.phase != "settled" and amount != hold.amount:
        return f"the hold {request.hold} is {request.phase} whole, {hold.amount}, not {amount} of it"
    if why := _out_of_time(request, hold, amount, walk.now):
        return why
    return Entry(
        debit=hold.debit,
        credit=hold.credit,
        amount=amount,
        phase=request.phase,
        request=request,
        frees=hold.amount,
    )


def _out_of_time(request: Resolution, hold: Recorded, amount: int, now: datetime) -> str:
    """A hold that says when it expires ends before that as it is asked to, and from then on only as it says."""
    if hold.expires is None:
        return ""
    if now < hold.expires:
        return f"the hold {request.hold} does not expire before {hold.expires}" if request.phase == "expired" else ""
    due = ("settled", hold.amount) if hold.on_expiry == "settle" else ("expired", hold.amount)
    if (request.phase, amount) != due:
        return f"the hold {request.hold} expired at {hold.expires}: by then it is {due[0]} whole, nothing else"
    return ""


def _applied(entry: Entry, walk: _Walk) -> str:
    """Book the entry onto the accounts as they stand by now, or say why not."""
    debit, credit = walk.standing(entry.debit), walk.standing(entry.credit)
    if debit is None or credit is None:
        return f"there is no account {entry.debit if debit is None else entry.credit}"
    why = _unfit(entry, debit.account, credit.account)
    if why:
        return why
    posted = entry.amount if entry.phase in ("posted", "settled") else 0
    pending = (entry.amount if entry.phase == "pending" else 0) - entry.frees
    debited, credited = debit.plus((posted, 0, pending, 0)), credit.plus((0, posted, 0, pending))
    why = debit.beyond_limit(debited) or credit.beyond_limit(credited) or _too_much_moved(entry, walk)
    if why:
        return why
    debit.totals, credit.totals = debited, credited
    walk.entries.append(entry)
    return ""


def _unfit(entry: Entry, debit: Account, credit: Account) -> str:
    if debit is credit:
        return f"a transfer needs two accounts, not {debit.path} twice"
    if debit.currency != credit.currency:
        return f"{debit.path} is in {debit.currency}, {credit.path} in {credit.currency}"
    # A frozen account takes no new business, but what was promised before may be kept or given back.
    barred = ("closed",) if entry.frees else ("closed", "frozen")
    for side in (debit, credit):
        if side.state in barred:
            return f"the account {side.path} is {side.state}"
    return ""


def _too_much_moved(entry: Entry, walk: _Walk) -> str:
    """What ends a hold was counted when the hold was made."""
    if entry.frees:
        return ""
    after: dict[tuple[str, Side, datetime], int] = {}
    sides: tuple[tuple[str, Side], ...] = ((entry.debit, "debit"), (entry.credit, "credit"))
    for path, side in sides:
        limits = walk.books.accounts[path].limits
        most = limits.most_debits if side == "debit" else limits.most_credits
        if most is None or limits.period is None:
            continue
        begin = first_of(limits.period, _counts(entry, walk))
        moved = walk.moved.get((path, side, begin), 0)
        if moved + entry.amount > most:
            since = f"{begin:%Y-%m-%d} ({begin.tzinfo})"
            return f"{path} may have {side}s of {most} in a {limits.period}; from {since} on it has {moved} already"
        after[path, side, begin] = moved + entry.amount
    walk.moved.update(after)
    return ""


def _counts(entry: Entry, walk: _Walk) -> datetime:
    """When it counts: when it happened, or at the beginning of the open period if that was before."""
    happened, closed = entry.request.effective, walk.books.closed_until
    return happened if closed is None or happened >= closed else closed


def _rows(walk: _Walk) -> Rows:
    entries, accounts, known = walk.entries, walk.books.accounts, walk.known.transfers
    requests = [each.request for each in entries]
    effective = [_counts(each, walk) for each in entries]
    transfers = [each if isinstance(each, Transfer) else None for each in requests]
    return Rows(
        debit_id=[accounts[each.debit].id for each in entries],
        credit_id=[accounts[each.credit].id for each in entries],
        amount=[each.amount for each in entries],
        phase=[each.phase for each in entries],
        kind=[each.kind for each in requests],
        reference=[each.reference for each in requests],
        effective=effective,
        occurred=[
            None if counts == each.effective else each.effective
            for each, counts in zip(requests, effective, strict=True)
        ],
        resolves=[known[each.hold].id if isinstance(each, Resolution) else None for each in requests],
        corrects=[known[each.corrects].id if each and each.corrects else None for each in transfers],
        expires=[each.expires if each else None for each in transfers],
        on_expiry=[each.on_expiry if each and each.expires else None for each in transfers],
    )
