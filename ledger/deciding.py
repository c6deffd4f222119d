"""The decision about a batch: a pure function of what was loaded. Every limit of the ledger is enforced here first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ledger.entries import Account, Phase, Recorded, Request, Resolution, Result, Transfer

MAX_AMOUNT = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row to be written: a request with its accounts found and its amount decided."""

    debit: str
    credit: str
    amount: int
    phase: Phase
    request: Request
    frees: int = 0
    """How much of a hold it gives back: the whole of the hold that it resolves."""


@dataclass(slots=True)
class Decision:
    """What is to be written, the accounts as they will then stand, and a result for each request, in order."""

    accounts: dict[str, Account]
    entries: list[Entry] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the books already say about a batch: transfers by reference, and the references of resolved holds."""

    transfers: Mapping[str, Recorded]
    resolved: Mapping[str, str]


def decide(requests: Sequence[Request], accounts: Mapping[str, Account], known: Known) -> Decision:
    """Decide a batch in its order; refused requests change nothing.

    A later request sees the balances that the earlier ones left, but what it resolves or corrects must have been
    posted before the batch.
    """
    decision = Decision(accounts=dict(accounts))
    seen: dict[str, Request] = {}
    resolved = dict(known.resolved)
    for asked in requests:
        request = _with_amount(asked, known)
        result = _repeated(request, seen, known)
        if result is None:
            entry = _entry(request, known, resolved)
            result = entry if isinstance(entry, Result) else _apply(entry, decision)
            if result.status == "created":
                seen[request.reference] = request
                if isinstance(request, Resolution):
                    resolved[request.hold] = request.reference
        decision.results.append(result)
    return decision


def _with_amount(request: Request, known: Known) -> Request:
    """A resolution of the whole hold says so by its amount, so that the two ways to write it are the same content."""
    if isinstance(request, Resolution) and request.amount is None and request.hold in known.transfers:
        return replace(request, amount=known.transfers[request.hold].amount)
    return request


def _repeated(request: Request, seen: Mapping[str, Request], known: Known) -> Result | None:
    """The same reference again: with the same content it existed, with another it is a conflict showing both."""
    twin = seen.get(request.reference)
    recorded = known.transfers.get(request.reference)
    if twin is None and recorded is None:
        return None
    if twin == request or (recorded is not None and _same(request, recorded)):
        return Result(reference=request.reference, status="existed")
    return _no(request, f"the reference was used before with other content: {twin or recorded} against {request}")


def _same(request: Request, recorded: Recorded) -> bool:
    if isinstance(request, Resolution):
        return (
            recorded.resolves == request.hold
            and recorded.phase == request.phase
            and recorded.kind == request.kind
            and recorded.effective == request.effective
            and recorded.amount == request.amount
        )
    return (
        (request.debit, request.credit, request.amount) == (recorded.debit, recorded.credit, recorded.amount)
        and (request.kind, request.effective) == (recorded.kind, recorded.effective)
        and request.corrects == recorded.corrects
        and recorded.phase == ("pending" if request.hold else "posted")
    )


def _entry(request: Request, known: Known, resolved: Mapping[str, str]) -> Entry | Result:
    if not request.reference:
        return _no(request, "a transfer needs a reference: what it is known by for ever, and not posted twice by")
    if isinstance(request, Transfer):
        if type(request.amount) is not int or not 0 < request.amount <= MAX_AMOUNT:
            return _no(request, f"an amount is between 1 and {MAX_AMOUNT} minor units, not {request.amount!r}")
        if request.corrects is not None and request.corrects not in known.transfers:
            return _no(request, f"there is no transfer {request.corrects} to correct among those posted before")
        phase: Phase = "pending" if request.hold else "posted"
        return Entry(debit=request.debit, credit=request.credit, amount=request.amount, phase=phase, request=request)
    return _end(request, known.transfers.get(request.hold), resolved)


def _end(request: Resolution, hold: Recorded | None, resolved: Mapping[str, str]) -> Entry | Result:
    if hold is None or hold.phase != "pending":
        return _no(request, f"there is no hold {request.hold} among those posted before")
    if request.hold in resolved:
        return _no(request, f"the hold {request.hold} was resolved by {resolved[request.hold]}")
    amount = hold.amount if request.amount is None else request.amount
    if type(amount) is not int or not 0 < amount <= hold.amount:
        return _no(request, f"the hold {request.hold} is of {hold.amount}: settle from 1 to that, not {amount!r}")
    if request.phase != "settled" and amount != hold.amount:
        return _no(request, f"the hold {request.hold} is {request.phase} whole, {hold.amount}, not {amount} of it")
    return Entry(
        debit=hold.debit,
        credit=hold.credit,
        amount=amount,
        phase=request.phase,
        request=request,
        frees=hold.amount,
    )


def _apply(entry: Entry, decision: Decision) -> Result:
    """Book the entry onto the accounts as they stand in the decision, or say why not."""
    debit, credit = decision.accounts.get(entry.debit), decision.accounts.get(entry.credit)
    if debit is None or credit is None:
        return _no(entry.request, f"there is no account {entry.debit if debit is None else entry.credit}")
    why = _unfit(entry, debit, credit)
    if why is None:
        after = _moved(debit, entry, is_debit=True), _moved(credit, entry, is_debit=False)
        why = _beyond_limit(debit, after[0]) or _beyond_limit(credit, after[1])
    if why is not None:
        return _no(entry.request, why)
    decision.accounts.update({each.path: each for each in after})
    decision.entries.append(entry)
    return Result(reference=entry.request.reference, status="created")


def _unfit(entry: Entry, debit: Account, credit: Account) -> str | None:
    if debit.path == credit.path:
        return f"a transfer needs two accounts, not {debit.path} twice"
    if debit.currency != credit.currency:
        return f"{debit.path} is in {debit.currency}, {credit.path} in {credit.currency}"
    # A frozen account takes no new business, but what was promised before may be kept or given back.
    barred = ("closed",) if entry.frees else ("closed", "frozen")
    for side in (debit, credit):
        if side.state in barred:
            return f"the account {side.path} is {side.state}"
    return None


def _moved(account: Account, entry: Entry, *, is_debit: bool) -> Account:
    """The account after the entry: money moves, a hold reserves, a resolution frees what its hold had reserved."""
    posted = entry.amount if entry.phase in ("posted", "settled") else 0
    pending = (entry.amount if entry.phase == "pending" else 0) - entry.frees
    if is_debit:
        return replace(
            account,
            debits_posted=account.debits_posted + posted,
            debits_pending=account.debits_pending + pending,
        )
    return replace(
        account,
        credits_posted=account.credits_posted + posted,
        credits_pending=account.credits_pending + pending,
    )


def _beyond_limit(before: Account, after: Account) -> str | None:
    if after.overdraft is None and after.available < 0:
        asked = before.available - after.available
        return f"{after.path} has {before.available} minor units available, {asked} were asked of it"
    if max(after.debits_posted, after.credits_posted, after.debits_pending, after.credits_pending) > MAX_AMOUNT:
        return f"the totals of {after.path} would pass {MAX_AMOUNT}"
    return None


def _no(request: Request, why: str) -> Result:
    return Result(reference=request.reference, status="refused", why=why)
